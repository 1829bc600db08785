//! The toolchains that the tests need, and how each is obtained.

use std::process::Command;

use crate::steps::Result;

/// A program that must be on the machine.
struct Tool {
    name: &'static str,
    /// Arguments that make it print its version.
    probe: &'static [&'static str],
    /// Lowest version that works; empty when any does.
    least: &'static [u32],
    /// What it is needed for.
    purpose: &'static str,
    /// How to get it.
    obtain: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "cargo",
        probe: &["--version"],
        least: &[1, 95],
        purpose: "Rust",
        obtain: "https://rustup.rs, then `rustup update stable`",
    },
    Tool {
        name: "cargo-fmt",
        probe: &["--version"],
        least: &[],
        purpose: "the format check",
        obtain: "`rustup component add rustfmt`",
    },
    Tool {
        name: "cargo-clippy",
        probe: &["--version"],
        least: &[],
        purpose: "the lints",
        obtain: "`rustup component add clippy`",
    },
    Tool {
        name: "cc",
        probe: &["--version"],
        least: &[],
        purpose: "linking, and the tests of the C library",
        obtain: "`apt install build-essential`, or the Xcode command line tools",
    },
    Tool {
        name: "python3",
        probe: &["--version"],
        least: &[3, 9],
        purpose: "the Python package",
        obtain: "`apt install python3-venv`, or https://www.python.org/downloads",
    },
    Tool {
        name: "node",
        probe: &["--version"],
        least: &[18],
        purpose: "the Node addon",
        obtain: "https://nodejs.org/en/download",
    },
    Tool {
        name: "npm",
        probe: &["--version"],
        least: &[8],
        purpose: "the tests of the Node package",
        obtain: "it comes with Node; on Debian `apt install npm`",
    },
    Tool {
        name: "go",
        probe: &["version"],
        least: &[1, 21],
        purpose: "the tests with the official Go client",
        obtain: "https://go.dev/dl",
    },
    Tool {
        name: "java",
        probe: &["-version"],
        least: &[11],
        purpose: "the tests with the official Java client",
        obtain: "`apt install default-jdk-headless`, or https://adoptium.net",
    },
    Tool {
        name: "mvn",
        probe: &["-v"],
        least: &[],
        purpose: "the tests with the official Java client",
        obtain: "`apt install maven`, or https://maven.apache.org/download.cgi",
    },
];

/// Prints the version of every toolchain; names all that are missing or too old.
pub fn check() -> Result {
    let problems: Vec<String> = TOOLS.iter().filter_map(|tool| probe(tool).err()).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// True when `name` can be run.
pub fn present(name: &str) -> bool {
    Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn probe(tool: &Tool) -> Result {
    let missing =
        |what: String| format!("{what}; it is needed for {}. Get it: {}", tool.purpose, tool.obtain);
    let output = Command::new(tool.name)
        .args(tool.probe)
        .output()
        .map_err(|cause| missing(format!("`{}` cannot be run ({cause})", tool.name)))?;
    // Java prints its version on stderr.
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().next().unwrap_or("").trim();
    if !output.status.success() {
        return Err(missing(format!("`{} {}` fails: {line}", tool.name, tool.probe.join(" "))));
    }
    println!("{:<13} {line}", tool.name);
    let version = version(line);
    if version.as_slice() < tool.least {
        let least = tool.least.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        return Err(missing(format!("`{}` is older than {least} ({line})", tool.name)));
    }
    Ok(())
}

/// The first number of the form `1.95.0` in `line`.
fn version(line: &str) -> Vec<u32> {
    let start = line.find(|c: char| c.is_ascii_digit()).unwrap_or(line.len());
    let number = line[start..].split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap_or("");
    number.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_any_first_line() {
        assert_eq!(version("cargo 1.95.0 (f2d3ce0bd 2026-03-21)"), [1, 95, 0]);
        assert_eq!(version("go version go1.26.8 linux/amd64"), [1, 26, 8]);
        assert_eq!(version("v20.20.2"), [20, 20, 2]);
        assert_eq!(version("openjdk version \"17.0.15\" 2025-04-15"), [17, 0, 15]);
        assert_eq!(version("none"), [0_u32; 0]);
    }

    #[test]
    fn a_missing_tool_is_named_with_the_way_to_get_it() {
        let tool =
            Tool { name: "no-such-tool", probe: &[], least: &[], purpose: "this test", obtain: "nowhere" };
        let text = probe(&tool).unwrap_err();
        assert!(text.contains("no-such-tool") && text.contains("this test") && text.contains("nowhere"));
    }

    #[test]
    fn an_old_tool_is_refused() {
        let tool = Tool { name: "sh", probe: &["-c", "echo 1.2"], least: &[1, 3], purpose: "p", obtain: "o" };
        assert!(probe(&tool).unwrap_err().contains("older than 1.3"));
    }
}
