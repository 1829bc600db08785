//! The admin tool `mqadmin` 4.9.8, run as its own process per command, as an operator does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::process::{Process, Runtime};
use super::servers::java;
use super::toolchain;

/// `mqadmin` pointed at one NameServer.
#[derive(Debug)]
pub struct Mqadmin {
    namesrv: String,
    home: PathBuf,
}

impl Mqadmin {
    /// The tool; its logs go to `home`.
    pub fn new(namesrv: &str, home: &Path) -> Mqadmin {
        let conf = home.join("conf");
        std::fs::create_dir_all(&conf).unwrap_or_else(|e| panic!("cannot create {}: {e}", conf.display()));
        let log = conf.join("logback_tools.xml");
        std::fs::write(&log, "<configuration/>")
            .unwrap_or_else(|e| panic!("cannot write {}: {e}", log.display()));
        Mqadmin { namesrv: namesrv.to_owned(), home: home.to_owned() }
    }

    /// Runs one command and gives its standard output. The tool exits with 0 whatever happens and prints a stack trace when a
    /// command failed, so a trace is the failure.
    pub fn run(&self, command: &str, arguments: &[&str]) -> String {
        let mut java = java(&self.home);
        java.args(["-cp", toolchain::java_driver(), "org.apache.rocketmq.tools.command.MQAdminStartup"])
            .args([command, "-n", &self.namesrv])
            .args(arguments);
        let mut process = Process::spawn(&format!("mqadmin-{command}"), Runtime::Java, java, &self.home);
        let mut text = String::new();
        while let Some(line) = process.next_line(Duration::from_secs(60)) {
            text.push_str(&line);
            text.push('\n');
        }
        let status = process.wait(Duration::from_secs(10));
        let trace = process.account();
        let failed = !status.success() || text.contains("Exception") || trace.contains("SubCommandException");
        assert!(!failed, "mqadmin {command} {arguments:?} failed ({status})\n{trace}");
        text
    }

    /// Runs one command that prints a table, and gives the rows as columns, without the heading.
    pub fn table(&self, command: &str, arguments: &[&str]) -> Vec<Vec<String>> {
        let text = self.run(command, arguments);
        let rows = text.lines().skip_while(|line| !line.starts_with('#')).skip(1);
        let rows: Vec<Vec<String>> = rows
            .take_while(|line| !line.trim().is_empty())
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect();
        assert!(!rows.is_empty(), "mqadmin {command} {arguments:?} printed no rows:\n{text}");
        rows
    }
}
