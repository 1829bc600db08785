//! What defaults may depend on.

use std::path::PathBuf;

/// The facts of the machine and of the environment that enter defaults. `embed` finds them out; tests fix them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Processors available to this process.
    pub cpus: usize,
    /// Host name; `None` when it is unknown.
    pub host_name: Option<String>,
    /// Home directory of the user, Java's `user.home`.
    pub home: PathBuf,
    /// Environment variable `ROCKETMQ_HOME`.
    pub rocketmq_home: Option<String>,
    /// Environment variable `NAMESRV_ADDR`.
    pub namesrv_addr: Option<String>,
    /// Environment variable `ROCKETMQ_SERIALIZE_TYPE`.
    pub serialize_type: Option<String>,
}

impl Machine {
    /// A machine of which nothing is known: four processors, the current directory as home, no environment.
    pub fn unknown() -> Self {
        Self {
            cpus: 4,
            host_name: None,
            home: PathBuf::from("."),
            rocketmq_home: None,
            namesrv_addr: None,
            serialize_type: None,
        }
    }

    /// A path below the home directory, as text.
    pub fn under_home(&self, rest: &str) -> Option<String> {
        self.home.join(rest).to_str().map(str::to_owned)
    }
}
