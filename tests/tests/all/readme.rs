//! The server that the README starts. Its other starts are run by the tests of their languages (`.ci/src/c.rs`, `tests/python/test_readme.py`,
//! `tests/node/lifecycle.test.js`).

use std::time::Duration;

use tests::harness::Scratch;
use tests::harness::dirs::tests_dir;
use tests::harness::process::{Process, Runtime};
use tests::harness::servers::mqbroker;

const TIMEOUT: Duration = Duration::from_secs(20);

/// The default ports are those of every other server started like this: none of the other tests takes them.
#[test]
fn the_server_of_the_readme_is_usable_at_once() {
    let root = tests_dir().join("..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, block) = readme.split_once("```sh\n").unwrap();
    let command = block.lines().next().unwrap();
    assert_eq!(
        command.trim_end(),
        "cargo run --release   # NameServer on 9876, broker on 10911, files in ~/store"
    );
    let manifest = std::fs::read_to_string(root.join("core/Cargo.toml")).unwrap();
    assert!(manifest.contains("default-run = \"mqbroker\""), "what cargo runs");

    let scratch = Scratch::new("readme");
    let mut server = mqbroker();
    server.env("HOME", scratch.path()).current_dir(scratch.path());
    let mut server = Process::spawn("server", Runtime::Native, server, scratch.path());
    let line = server.wait_for_line("boot success", TIMEOUT);
    assert!(line.contains("127.0.0.1:10911]") && line.contains("name server is 127.0.0.1:9876"), "{line}");
    // By way of its NameServer, whose address is the default as well.
    let sent = mqbroker().args(["send", "Readme", "hello"]).output().unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    let read = mqbroker().args(["tail", "Readme", "--from", "first", "--count", "1"]).output().unwrap();
    assert!(String::from_utf8_lossy(&read.stdout).ends_with("  hello\n"), "{read:?}");
    assert!(server.terminate(TIMEOUT).success());
    assert!(scratch.path().join("store/commitlog").is_dir());
}
