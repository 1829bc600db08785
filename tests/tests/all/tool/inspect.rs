//! Stores of brokers that were stopped, killed, or Java's.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::harness::dirs::tests_dir;
use tests::harness::remoting::RawClient;
use tests::harness::{Cluster, Flavor, Scratch};

use super::{TIMEOUT, objects, printed, run};

/// Every file below a folder, with what it holds.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut content = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            content.extend(self::content(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            content.push((path, bytes));
        }
    }
    content.sort();
    content
}

#[test]
fn a_store_is_verified_after_a_kill_and_after_damage() {
    let mut cluster = Cluster::start_mixed("tool-kill", Flavor::Ours, Flavor::Ours, &[]);
    let mut raw = RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap();
    raw.create_topic("Killed", 3).unwrap();
    for number in 0..300 {
        let body = format!("body {number}");
        raw.send("Killed", number % 3, "KEYS\u{1}key", body.as_bytes()).unwrap();
    }
    cluster.broker.kill9();
    let store = cluster.broker.options().store.clone();
    let path = store.to_str().unwrap();
    let before = content(&store);
    let verified = printed(&["inspect", path, "verify"]);
    assert!(verified.contains("ok  300 records"), "{verified}");
    assert!(verified.contains("did not stop cleanly"), "{verified}");
    let bodies: Vec<String> = objects(&["inspect", path, "log", "--topic", "Killed", "--body", "--json"])
        .iter()
        .map(|message| message["body"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(bodies, (0..300).map(|number| format!("body {number}")).collect::<Vec<_>>());
    assert_eq!(objects(&["inspect", path, "queues", "--queue", "1", "--json"]).len(), 100);
    assert!(content(&store) == before, "inspect changed the store");

    // Half of the marked body turns into something else.
    let log = std::fs::read_dir(store.join("commitlog")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&log).unwrap();
    let at = bytes.windows(8).position(|window| window == b"body 123").unwrap();
    bytes[at] ^= 0x20;
    std::fs::write(&log, bytes).unwrap();
    let output = run(&["inspect", path, "verify"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(253), "{text}");
    assert!(text.contains("(Killed): the body's CRC is not"), "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 faults in 300 records"));
    cluster.namesrv.stop();
}

/// The stores that Java wrote.
#[test]
fn stores_of_java_are_inspected() {
    for (name, records) in [("main", 779), ("trimmed", 737), ("ext", 49), ("crash", 533), ("torn", 532)] {
        let scratch = Scratch::new("tool-golden");
        let packed =
            std::fs::File::open(tests_dir().join("golden/store").join(name).join("store.tar.zst")).unwrap();
        let mut tar =
            Command::new("tar").arg("xC").arg(scratch.path()).stdin(Stdio::piped()).spawn().unwrap();
        zstd::stream::copy_decode(packed, tar.stdin.take().unwrap()).unwrap();
        assert!(tar.wait().unwrap().success());
        let store = scratch.path().join("store");
        let verified = printed(&["inspect", store.to_str().unwrap(), "verify"]);
        assert!(verified.contains(&format!("ok  {records} records")), "{name}: {verified}");
        assert!(!verified.contains("fault"), "{name}: {verified}");
    }
}
