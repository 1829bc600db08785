//! Starts that fail: with the documented exit code, with a text that names what is wrong and says what to do, at once, and
//! without a trace.

use std::fs;
use std::process::Command;

use tests::harness::Scratch;

use super::server::{Server, at, bare, failed, on_free_ports, properties_file, temporary};

/// Exit codes, as `mqbroker --help` lists them.
const WRONG_COMMAND_LINE: i32 = 1;
const UNUSABLE: i32 = 253;
const NOT_STARTED: i32 = 255;

/// Runs what is to be refused with this code and these words.
fn refused(command: Command, code: i32, words: &[&str], scratch: &Scratch) {
    let described = format!("{command:?}");
    let (ended_with, text) = failed(command, scratch);
    assert_eq!(ended_with, code, "{described}: {text}");
    for word in words {
        assert!(text.contains(word), "{described}: no {word:?} in: {text}");
    }
    let is_said = text.starts_with("mqbroker: ") || text.starts_with("error: ");
    assert!(is_said && !text.contains("panicked"), "{described}: {text}");
}

fn port_of(address: &str) -> &str {
    address.rsplit_once(':').unwrap().1
}

pub(super) fn port_in_use() {
    let scratch = Scratch::new("scenario-port");
    let first = Server::start(at(&scratch.path().join("first"), &[], &scratch), &scratch);
    let store = scratch.path().join("second");
    let (port, namesrv_port) = (port_of(&first.address), port_of(&first.namesrv));
    for ports in [[port, "0"], ["0", namesrv_port]] {
        let taken = ports.into_iter().find(|port| *port != "0").unwrap();
        let named = format!("127.0.0.1:{taken}");
        let words = [&named, "the port is taken", "choose another port", "or 0 for a free one"];
        let with_ports = |command: &mut Command| {
            command.args(["--port", ports[0], "--namesrv-port", ports[1]]);
        };
        let mut on_store = bare(&scratch);
        with_ports(&mut on_store);
        on_store.arg("--store").arg(&store);
        refused(on_store, NOT_STARTED, &words, &scratch);
        assert!(!store.join("abort").exists(), "the next start would have to recover");
        let mut for_trying = bare(&scratch);
        with_ports(&mut for_trying);
        for_trying.arg("--dev");
        refused(for_trying, NOT_STARTED, &words, &scratch);
        assert_eq!(fs::read_dir(temporary(&scratch)).unwrap().count(), 0);
    }
    // The store is not held, and the one who has the port was not disturbed.
    Server::start(at(&store, &[], &scratch), &scratch).stop();
    first.printed(&["send", "Orders", "goes on"]);
    first.stop();
}

pub(super) fn store_locked_by_another_process() {
    let scratch = Scratch::new("scenario-locked");
    let store = scratch.path().join("store");
    let first = Server::start(at(&store, &[], &scratch), &scratch);
    first.printed(&["send", "Orders", "before"]);
    let named = format!("{} is in use by another broker", store.display());
    let words = [named.as_str(), "stop it or choose another store directory"];
    refused(at(&store, &[], &scratch), NOT_STARTED, &words, &scratch);
    // By whatever name.
    let link = scratch.path().join("link");
    std::os::unix::fs::symlink(&store, &link).unwrap();
    let named = format!("{} is in use", link.display());
    refused(at(&link, &[], &scratch), NOT_STARTED, &[&named, words[1]], &scratch);

    first.printed(&["send", "Orders", "after"]);
    first.stop();
    let second = Server::start(at(&store, &[], &scratch), &scratch);
    let topics = second.objects(&["topics", "Orders"]);
    assert_eq!(topics[0]["messages"], 2);
    second.stop();
}

pub(super) fn bad_option() {
    let scratch = Scratch::new("scenario-option");
    let store = scratch.path().join("store");
    let properties: [(&str, &str, &[&str]); 5] = [
        ("noSuchKey", "1", &["noSuchKey=1", "unknown key", "`-p` prints every key"]),
        ("brokername", "a", &["brokername=a", "did you mean brokerName?"]),
        ("maxMessageSize", "-5", &["maxMessageSize=-5", "expected a whole number from 1 to 2147483647"]),
        ("listenPort", "70000", &["listenPort=70000", "expected a whole number from 0 to 65535"]),
        (
            "flushDiskType",
            "SOMETIMES",
            &["flushDiskType=SOMETIMES", "expected one of ASYNC_FLUSH, SYNC_FLUSH"],
        ),
    ];
    for (key, value, words) in properties {
        let file = properties_file(&[("brokerName", "fine"), (key, value)], &scratch);
        let place = format!("{}:2: ", file.display());
        let mut command = bare(&scratch);
        command.arg("--store").arg(&store).arg("-c").arg(file);
        refused(command, UNUSABLE, &[&[place.as_str()], words].concat(), &scratch);
    }

    let options: [(&[&str], i32, &[&str]); 6] = [
        (&["--port", "70000"], WRONG_COMMAND_LINE, &["70000", "--port", "0..=65535"]),
        (
            &["-n", "127.0.0.1:9876", "--namesrv-port", "1"],
            WRONG_COMMAND_LINE,
            &["--namesrvAddr", "cannot be used with", "--namesrv-port"],
        ),
        (&["--dev"], WRONG_COMMAND_LINE, &["--dev", "cannot be used with", "--store"]),
        (&["--no-such-option"], WRONG_COMMAND_LINE, &["--no-such-option", "Usage:", "--help"]),
        (&["-n", "nowhere:port"], UNUSABLE, &["namesrvAddr=nowhere:port", "host:port"]),
        (&["-n", ""], UNUSABLE, &["the list of NameServers is empty", "host:port"]),
    ];
    for (words, code, said) in options {
        let mut command = bare(&scratch);
        command.arg("--store").arg(&store).args(words);
        refused(command, code, said, &scratch);
    }
    assert!(!store.exists(), "what is wrong is said before anything is made");
}

pub(super) fn unwritable_directory() {
    let scratch = Scratch::new("scenario-unwritable");
    // Who runs the tests may be root, who may write to any directory, but not below a file.
    let file = scratch.path().join("file");
    fs::write(&file, "no directory").unwrap();
    let store = file.join("store");
    let named = format!("the store directory {} cannot be made", store.display());
    let mut command = on_free_ports(&scratch);
    command.arg("--store").arg(&store);
    let advice = "choose another store directory, or let this process write there";
    refused(command, NOT_STARTED, &[&named, advice, "Not a directory"], &scratch);
    assert_eq!(fs::read(&file).unwrap(), b"no directory");
}
