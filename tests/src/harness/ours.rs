//! Our programs as they are measured: the binary beside the tool, and what `mqbroker bench` prints.

use std::path::PathBuf;
use std::process::Command;

/// Exit code of `mqbroker bench` for a load that was run, but in which some messages failed. The report says how many, and so does
/// the comparison.
const UNSOUND: i32 = 2;

/// What a command prints. Panics with `account` when it fails.
pub fn run(command: &mut Command, account: impl Fn() -> String) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    let done = output.status.success() || output.status.code() == Some(UNSOUND);
    assert!(done, "{command:?}: {}\n{}", String::from_utf8_lossy(&output.stderr), account());
    output.stdout
}

/// What starts a broker with a NameServer of its own, whatever the environment says.
pub fn broker() -> Command {
    let mut command = Command::new(binary());
    command.args(["--namesrv-port", "0"]);
    for variable in ["ROCKETMQ_HOME", "NAMESRV_ADDR", "MQBROKER_LOG"] {
        command.env_remove(variable);
    }
    command
}

/// `MQBROKER_BIN`, else the one beside this program.
pub fn binary() -> PathBuf {
    let path = std::env::var_os("MQBROKER_BIN").map(PathBuf::from).unwrap_or_else(|| {
        let own = std::env::current_exe().unwrap_or_else(|e| panic!("where is this program: {e}"));
        own.with_file_name("mqbroker")
    });
    let build = "run `cargo build --release -p libbroker --bins`, or set MQBROKER_BIN";
    assert!(path.is_file(), "{} is missing: {build}", path.display());
    path
}
