//! `--dev`, and what the tool gives to shells, manuals, pipes and terminals.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tests::harness::Scratch;
use tests::harness::process::{Process, Runtime};
use tests::harness::servers::mqbroker;

use super::{TIMEOUT, failed, printed};

/// A broker started with `--dev`, and the directory of its store.
fn dev(scratch: &Scratch) -> (Process, String, PathBuf) {
    let mut command = mqbroker();
    command
        .args(["--dev", "--port", "0", "--namesrv-port", "0", "--log", "warn"])
        .env("TMPDIR", scratch.dir("tmp"));
    let mut process = Process::spawn("dev", Runtime::Native, command, scratch.path());
    let line = process.wait_for_line("boot success", TIMEOUT);
    let address = line.split(", ").nth(1).and_then(|rest| rest.split(']').next()).unwrap().to_owned();
    let (store, said) = line.rsplit_once(" (temporary: removed at exit").unwrap();
    assert_eq!(said, "; topics come with their first message; the use of the disk is not limited)");
    let store = PathBuf::from(store.rsplit_once("store=").unwrap().1);
    (process, address, store)
}

#[test]
fn a_broker_to_try_things_out_leaves_nothing_behind() {
    let scratch = Scratch::new("tool-dev");
    let (mut process, address, store) = dev(&scratch);
    assert!(store.starts_with(scratch.dir("tmp")) && store.join("commitlog").is_dir());
    printed(&["send", "New-Topic", "hello", "-b", &address]);
    let shown = printed(&["tail", "New-Topic", "--from", "first", "--count", "1", "-b", &address]);
    assert!(shown.ends_with("  hello\n"), "{shown}");
    assert!(process.terminate(TIMEOUT).success());
    assert_eq!(std::fs::read_dir(scratch.dir("tmp")).unwrap().count(), 0);

    let (code, text) = failed(&["--dev", "--store", "somewhere"]);
    assert!(code == 1 && text.contains("cannot be used with"), "{text}");
    let file = scratch.path().join("broker.conf");
    std::fs::write(&file, "storePathRootDir=somewhere\n").unwrap();
    let (code, text) = failed(&["--dev", "-c", file.to_str().unwrap()]);
    assert!(code == 253 && text.contains("leave out one of them"), "{text}");
}

#[test]
fn shells_take_the_completions_and_man_the_page() {
    let script = printed(&["completions", "bash"]);
    let scratch = Scratch::new("tool-shell");
    let file = scratch.path().join("mqbroker.bash");
    std::fs::write(&file, &script).unwrap();
    let check = Command::new("bash").arg("-n").arg(&file).output().unwrap();
    assert!(check.status.success() && check.stderr.is_empty(), "{}", String::from_utf8_lossy(&check.stderr));
    // What bash would offer behind `mqbroker ta`.
    let ask = format!(
        "source {}; COMP_WORDS=(mqbroker ta); COMP_CWORD=1; _mqbroker mqbroker ta mqbroker; echo \"${{COMPREPLY[@]}}\"",
        file.display()
    );
    let offered = Command::new("bash").args(["-c", &ask]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&offered.stdout).trim(), "tail");
    for shell in ["zsh", "fish"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("inspect") && script.contains("namesrvAddr"), "{shell}");
    }

    for (words, title) in [(vec!["man"], "MQBROKER"), (vec!["man", "send"], "MQBROKER-SEND")] {
        let page = printed(&words);
        for part in [&format!(".TH {title} 1"), ".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS"] {
            assert!(page.contains(part), "{words:?}: no {part}");
        }
        let file = scratch.path().join(format!("{title}.1"));
        std::fs::write(&file, page).unwrap();
        // Where there is a formatter it has nothing to complain of.
        if let Ok(formatted) =
            Command::new("man").args(["--warnings", "-l"]).arg(&file).env("MANPAGER", "cat").output()
            && formatted.status.success()
        {
            assert!(String::from_utf8_lossy(&formatted.stdout).contains("NAME"));
            assert_eq!(String::from_utf8_lossy(&formatted.stderr), "");
        }
    }
}

#[test]
fn what_is_piped_has_no_escapes() {
    let scratch = Scratch::new("tool-plain");
    let (mut process, address, _) = dev(&scratch);
    let b = ["-b", address.as_str()];
    let plain = |words: &[&str]| {
        let words: Vec<&str> = words.iter().copied().chain(b).collect();
        let text = printed(&words);
        assert!(!text.is_empty() && !text.contains('\u{1b}'), "{words:?}: {text:?}");
    };
    plain(&["send", "Plain", "\u{1b}[31mred"]);
    plain(&["tail", "Plain", "--from", "first", "--count", "1"]);
    plain(&["tail", "Plain", "--from", "first", "--count", "1", "--json"]);
    plain(&["topics", "Plain"]);
    plain(&["groups"]);
    for words in
        [vec!["-h"], vec!["send", "-h"], vec!["inspect", "-h"], vec!["man"], vec!["completions", "bash"]]
    {
        assert!(!printed(&words).contains('\u{1b}'), "{words:?}");
    }
    assert!(process.terminate(TIMEOUT).success());
}

/// A terminal gets colours, unless it was told not to.
#[test]
fn only_a_terminal_gets_colours() {
    let scratch = Scratch::new("tool-colours");
    let (mut process, address, _) = dev(&scratch);
    let on_terminal = |variable: &str| {
        let mut command = Command::new("script");
        let line = format!("{} topics -b {address}", mqbroker().get_program().to_str().unwrap());
        command
            .args(["-qec", &line, "/dev/null"])
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null());
        if !variable.is_empty() {
            command.env(variable, "1");
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(on_terminal("").contains("\u{1b}[1m"), "{:?}", on_terminal(""));
    assert!(!on_terminal("NO_COLOR").contains('\u{1b}'));
    assert!(process.terminate(TIMEOUT).success());
}
