//! Where things lie: the repository, the cache of built client programs, and one scratch directory per test.

use std::fs;
use std::path::{Path, PathBuf};

/// The `tests/` folder of the repository.
pub fn tests_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where client programs are built and libraries are kept between runs (git-ignored).
pub fn work_dir() -> PathBuf {
    tests_dir().join("work")
}

/// A directory of its own for one test, removed when the test passed and kept, with a word where, when it failed.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A new empty directory; `name` appears in its path.
    pub fn new(name: &str) -> Self {
        let path = tempfile::Builder::new()
            .prefix(&format!("libbroker-{name}-"))
            .tempdir()
            .unwrap_or_else(|e| panic!("cannot create a scratch directory: {e}"))
            .keep();
        Self { path }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A sub-directory, created on demand.
    pub fn dir(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(&path).unwrap_or_else(|e| panic!("cannot create {}: {e}", path.display()));
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() || std::env::var_os("TEST_KEEP").is_some() {
            eprintln!("kept for inspection: {}", self.path.display());
        } else {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
