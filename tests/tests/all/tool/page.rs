//! docs/COMMANDS.md, command by command, with what it says that they print.

use std::process::{Command, Stdio};

use tests::harness::dirs::tests_dir;
use tests::harness::process::{Process, Runtime};
use tests::harness::remoting::RawClient;
use tests::harness::servers::mqbroker;
use tests::harness::{Scratch, ports};

use super::TIMEOUT;

/// Where the page has its store.
const STORE: &str = "/var/lib/mqbroker";

#[test]
fn the_page_of_commands_says_what_they_print() {
    let scratch = Scratch::new("tool-page");
    let store = scratch.path().join("store").to_str().unwrap().to_owned();
    let file = scratch.path().join("broker.conf");
    let small = "mappedFileSizeCommitLog=1048576\nmappedFileSizeConsumeQueue=40000\nmaxHashSlotNum=1000\nmaxIndexNum=4000\n";
    std::fs::write(&file, format!("brokerName=broker-a\n{small}")).unwrap();
    let (port, namesrv_port) = (ports::free_broker_port(), ports::free_port());
    let mut broker = mqbroker();
    broker.arg("-c").arg(&file).args(["--store", &store, "--log", "warn"]);
    broker.args(["--port", &port.to_string(), "--namesrv-port", &namesrv_port.to_string()]);
    let mut broker = Process::spawn("broker", Runtime::Native, broker, scratch.path());
    broker.wait_for_line("boot success", TIMEOUT);
    let namesrv = format!("127.0.0.1:{namesrv_port}");

    let page = std::fs::read_to_string(tests_dir().join("../docs/COMMANDS.md")).unwrap();
    let commands = commands(&page);
    assert!(commands.len() > 10, "{commands:?}");
    for (command, expected) in commands {
        if command == "mqbroker groups" {
            a_group_that_has_read_some(port);
        }
        if command.starts_with("mqbroker inspect") && broker.is_running() {
            assert!(broker.terminate(TIMEOUT).success());
        }
        let printed = in_shell(&command.replace(STORE, &store), &namesrv);
        assert_eq!(shape(&printed), shape(&expected), "{command}\n{printed}");
    }
}

/// Every command of the page, and what stands below it.
fn commands(page: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let blocks = page.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    for line in blocks.flat_map(str::lines) {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), String::new())),
            (None, Some((_, printed))) => printed.extend([line, "\n"]),
            (None, None) => panic!("{line}: no command before it"),
        }
    }
    commands
}

fn in_shell(command: &str, namesrv: &str) -> String {
    let tool = mqbroker();
    let line = format!("mqbroker() {{ {} \"$@\"; }}; {command}", tool.get_program().to_str().unwrap());
    let mut shell = Command::new("bash");
    let output =
        shell.args(["-c", &line]).env("NAMESRV_ADDR", namesrv).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The lines word by word, without those words that differ from run to run: times, ids.
fn shape(text: &str) -> Vec<Vec<String>> {
    let is_fleeting = |word: &str| word.len() > 8 && word.chars().filter(char::is_ascii_digit).count() >= 6;
    let word = |word: &str| if is_fleeting(word) { "…".to_owned() } else { word.to_owned() };
    text.lines().map(|line| line.split_whitespace().map(word).collect()).collect()
}

fn a_group_that_has_read_some(port: u16) {
    let mut raw = RawClient::connect(&format!("127.0.0.1:{port}"), TIMEOUT).unwrap();
    raw.pull_as("billing", "Orders", 0, 0).unwrap();
    raw.commit("billing", "Orders", 0, 1).unwrap();
    raw.commit("billing", "Orders", 1, 3).unwrap();
}
