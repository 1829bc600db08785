//! The two programs through their command lines: what they print and with which code they exit.

// Helpers of this file fail by panicking, which is what a test wants.
#![allow(clippy::expect_used)]

use std::path::PathBuf;
use std::process::{Command, Output};

fn program(path: &str) -> Command {
    let mut command = Command::new(path);
    for variable in
        ["ROCKETMQ_HOME", "NAMESRV_ADDR", "ROCKETMQ_SERIALIZE_TYPE", "MQBROKER_LOG", "MQNAMESRV_LOG"]
    {
        command.env_remove(variable);
    }
    command.env("HOME", "home-of-a-test");
    command
}

fn mqbroker(args: &[&str]) -> Output {
    program(env!("CARGO_BIN_EXE_mqbroker")).args(args).output().expect("mqbroker runs")
}

fn mqnamesrv(args: &[&str]) -> Output {
    program(env!("CARGO_BIN_EXE_mqnamesrv")).args(args).output().expect("mqnamesrv runs")
}

/// Exit code, standard output, standard error.
fn parts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("exit code"), text(&output.stdout), text(&output.stderr))
}

/// A `-c` file that lives as long as the test.
struct File(tempfile::NamedTempFile);

impl File {
    fn with(text: &str) -> Self {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), text).expect("write");
        Self(file)
    }

    fn path(&self) -> &str {
        self.0.path().to_str().expect("path")
    }
}

#[test]
fn help_names_every_option_and_exits_0() {
    let java = ["-c, --configFile", "-n, --namesrvAddr", "-p, --printConfigItem", "-h, --help"];
    for (output, own) in [
        (
            mqbroker(&["-h"]),
            &["-m, --printImportantConfig", "--check", "--store", "--port", "--namesrv-port", "--log"][..],
        ),
        (mqbroker(&["--help"]), &["brokerIP1", "SIGTERM", "ROCKETMQ_HOME", "253"][..]),
        (mqnamesrv(&["-h"]), &["--check", "--store", "--port", "--log", "255"][..]),
    ] {
        let (code, stdout, _) = parts(&output);
        assert_eq!(code, 0);
        for word in java.iter().chain(own) {
            assert!(stdout.contains(word), "{word} is not in\n{stdout}");
        }
    }
}

#[test]
fn a_wrong_command_line_exits_1() {
    for args in [
        &["--nope"][..],
        &["-c"],
        &["--port", "70000"],
        &["startt"],
        &["--log", "loud"],
        &["-n", "a:1", "--namesrv-port", "1"],
    ] {
        let (code, _, stderr) = parts(&mqbroker(args));
        assert_eq!(code, 1, "{args:?}");
        assert!(stderr.contains("error: ") && stderr.contains("--help"), "{args:?}: {stderr}");
    }
    assert_eq!(parts(&mqnamesrv(&["-m"])).0, 1);
}

#[test]
fn check_says_what_would_be_started() {
    let (code, stdout, _) = parts(&mqbroker(&["--check"]));
    assert_eq!(code, 0);
    for line in
        ["configuration ok", "name server: 127.0.0.1:9876, in this process", "store: home-of-a-test/store"]
    {
        assert!(stdout.lines().any(|found| found == line), "{line} is not in\n{stdout}");
    }
    let file = File::with("brokerName=b\nlistenPort=21911\nbrokerIP1=10.0.0.7\nhighSpeedMode=true\n");
    let args = [
        "--check",
        "-c",
        file.path(),
        "-n",
        "10.0.0.8:9876;10.0.0.9:9876",
        "--store",
        "data",
        "--port",
        "31911",
    ];
    let (code, stdout, _) = parts(&mqbroker(&args));
    assert_eq!(code, 0);
    assert_eq!(
        stdout,
        "configuration ok\nbroker b of DefaultCluster listens on 10.0.0.7:31911\nname server: 10.0.0.8:9876;10.0.0.9:9876\n\
         store: data\nnote: highSpeedMode has no effect: nothing reads it in 4.9.8 either\n"
    );
    let (code, stdout, _) = parts(&mqnamesrv(&["--check", "--port", "0", "--store", "ns"]));
    assert_eq!(
        (code, stdout.as_str()),
        (
            0,
            "configuration ok\nname server listens on 127.0.0.1:0\nkey-value table: ns/namesrv/kvConfig.json\n"
        )
    );
}

#[test]
fn a_configuration_that_cannot_be_used_exits_253_and_says_why() {
    for (text, key, value) in [
        ("brokerIdd=1", "brokerIdd", "1"),
        ("fileReservedTime=long", "fileReservedTime", "long"),
        ("brokerIP1=1.2.3", "brokerIP1", "1.2.3"),
        ("namesrvAddr=nowhere", "namesrvAddr", "nowhere"),
        ("brokerRole=SLAVE\nbrokerId=0", "brokerId", "0"),
        ("enableDLegerCommitLog=true", "enableDLegerCommitLog", "true"),
    ] {
        let file = File::with(text);
        for args in [&["--check", "-c", file.path()][..], &["-c", file.path()], &["-p", "-c", file.path()]] {
            let (code, stdout, stderr) = parts(&mqbroker(args));
            assert_eq!(code, 253, "{text}");
            assert_eq!(stdout, "", "{text}");
            assert!(stderr.contains(&format!("{key}={value}: ")), "{text}: {stderr}");
        }
    }
    assert_eq!(parts(&mqbroker(&["-n", "nowhere", "--check"])).0, 253);
    let file = File::with("orderMessageEnabled=true");
    let (code, _, stderr) = parts(&mqnamesrv(&["-c", file.path()]));
    assert_eq!(code, 253);
    assert!(stderr.contains("did you mean orderMessageEnable?"), "{stderr}");
}

#[test]
fn a_missing_file_exits_255() {
    let missing: PathBuf = std::env::temp_dir().join("no such dir").join("broker.conf");
    for output in [
        mqbroker(&["-c", missing.to_str().expect("path")]),
        mqnamesrv(&["-c", missing.to_str().expect("path")]),
    ] {
        let (code, _, stderr) = parts(&output);
        assert_eq!(code, 255);
        assert!(stderr.contains("broker.conf"), "{stderr}");
    }
}

#[test]
fn properties_are_printed_one_per_line() {
    let file = File::with("brokerClusterName = c1 \ntls.server.keyPassword=geheim\n");
    let (code, all, _) = parts(&mqbroker(&["-p", "-c", file.path()]));
    assert_eq!(code, 0);
    for line in [
        "brokerClusterName=c1",
        "listenPort=10911",
        "haListenPort=10912",
        "namesrvAddr=",
        "maxMessageSize=4194304",
    ] {
        assert!(all.lines().any(|found| found == line), "{line}");
    }
    assert!(!all.contains("geheim"));
    let (code, important, _) = parts(&mqbroker(&["-m", "-c", file.path()]));
    assert_eq!(code, 0);
    assert!(important.lines().any(|line| line == "brokerClusterName=c1"));
    assert!(important.lines().all(|line| all.lines().any(|found| found == line)));
    assert!(!important.contains("maxMessageSize"));
    let file = File::with("orderMessageEnable=true");
    let (code, stdout, _) = parts(&mqnamesrv(&["-p", "-c", file.path()]));
    assert_eq!(code, 0);
    assert!(stdout.starts_with(&format!("load config properties file OK, {}\n", file.path())), "{stdout}");
    for line in
        ["orderMessageEnable=true", "listenPort=9876", "kvConfigPath=home-of-a-test/namesrv/kvConfig.json"]
    {
        assert!(stdout.lines().any(|found| found == line), "{line}");
    }
    assert!(!stdout.contains("brokerName"));
}

#[test]
fn the_environment_gives_defaults() {
    let mut command = program(env!("CARGO_BIN_EXE_mqbroker"));
    command.env("NAMESRV_ADDR", "10.9.8.7:9876").env("ROCKETMQ_HOME", "/opt/rocketmq").arg("-p");
    let (code, stdout, _) = parts(&command.output().expect("mqbroker runs"));
    assert_eq!(code, 0);
    assert!(
        stdout.contains("namesrvAddr=10.9.8.7:9876\n") && stdout.contains("rocketmqHome=/opt/rocketmq\n")
    );
    let (_, stdout, _) = parts(&command.arg("--namesrv-port").arg("9999").output().expect("mqbroker runs"));
    assert!(stdout.contains("namesrvAddr=\n") && stdout.contains("namesrvListenPort=9999\n"), "{stdout}");
}
