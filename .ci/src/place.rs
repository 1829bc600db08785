//! Where the repository is and where its build results go.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::Result;

/// The build profile of everything that is tested from outside: optimised, with overflow checks and assertions.
pub const CHECKED: &str = "checked";

/// The build profile of what is handed out.
pub const RELEASE: &str = "release";

/// The repository and its target folder.
pub struct Place {
    root: PathBuf,
    target: PathBuf,
}

impl Place {
    /// The repository that this program was started for by cargo.
    pub fn find() -> Result<Self> {
        let crate_dir = env::var_os("CARGO_MANIFEST_DIR").ok_or("start it as `cargo ci`")?;
        let root = Path::new(&crate_dir).parent().ok_or("the ci crate has no parent folder")?.to_owned();
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, target })
    }

    /// The repository's top folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the target folder.
    pub fn target(&self, below: impl AsRef<Path>) -> PathBuf {
        self.target.join(below)
    }

    /// The folder where cargo leaves the results of `profile`.
    pub fn built(&self, profile: &str) -> PathBuf {
        self.target.join(profile)
    }

    /// `program` run at the top folder.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        // This program was itself started by cargo; what cargo told it must not reach the crates it builds.
        for (key, _) in env::vars_os() {
            if key
                .to_str()
                .is_some_and(|key| key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_"))
            {
                command.env_remove(&key);
            }
        }
        command
    }

    /// `cargo` with these arguments.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments);
        command
    }
}
