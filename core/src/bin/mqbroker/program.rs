//! The commands of `mqbroker`. Without one it is the broker itself.

use std::process::ExitCode;

use clap::{Command, CommandFactory, Parser};
use libbroker::{Error, ErrorKind};

use crate::args::Args;
use crate::bench::args::Bench;
use crate::groups::Groups;
use crate::inspect::args::Inspect;
use crate::send::Send;
use crate::shell::{self, Shell};
use crate::tail::args::Tail;
use crate::topics::Topics;
use crate::{bench, groups, inspect, process, send, tail, topics};

/// Parsed when the first word names one of these.
#[derive(Debug, Parser)]
#[command(name = "mqbroker", version, disable_help_subcommand = true)]
pub enum Program {
    /// Sends messages to a topic
    Send(Send),
    /// Shows messages of a topic as they come
    Tail(Tail),
    /// Lists topics with their queues, offsets and numbers of messages
    Topics(Topics),
    /// Lists consumer groups with their members and what they have still to consume
    Groups(Groups),
    /// Shows and verifies the files of a store whose broker is stopped
    Inspect(Inspect),
    /// Loads a running broker and says what it takes
    #[command(subcommand, after_help = bench::args::EXIT_CODES)]
    Bench(Bench),
    /// Prints what a shell needs to complete the words of this command line
    #[command(after_help = shell::COMPLETIONS_HELP)]
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Prints a manual page: of the broker, or of one of these commands
    #[command(after_help = shell::MAN_HELP)]
    Man {
        /// Which command
        command: Option<String>,
    },
}

/// Whether a first word asks for a command, so that the rest is not the broker's command line.
pub fn is_command(word: &str) -> bool {
    Program::command().get_subcommands().any(|command| command.get_name() == word)
}

/// The whole command line: the broker's own, and the commands.
pub fn whole() -> Command {
    let commands = Program::command();
    Args::command().subcommands(commands.get_subcommands().cloned()).disable_help_subcommand(true)
}

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let program = match process::command_line() {
        Ok(program) => program,
        Err(code) => return code,
    };
    match program {
        Program::Send(options) => ended("mqbroker send", send::send(&options)),
        Program::Tail(options) => ended("mqbroker tail", tail::tail(&options)),
        Program::Topics(options) => ended("mqbroker topics", topics::topics(&options)),
        Program::Groups(options) => ended("mqbroker groups", groups::groups(&options)),
        Program::Inspect(options) => ended("mqbroker inspect", inspect::inspect(&options)),
        Program::Bench(what) => bench::main(&what),
        Program::Completions { shell } => ended("mqbroker completions", shell::completions(shell)),
        Program::Man { command } => ended("mqbroker man", shell::man(command.as_deref())),
    }
}

fn ended(program: &str, done: Result<(), Error>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::InvalidArgument => {
            process::usage_error(&format!("{program}: {error}"))
        }
        Err(error) => process::failure(program, &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_lines_are_consistent() {
        Program::command().debug_assert();
        whole().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        for command in Program::command().get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            let has_example = help.contains("Example") || command.get_name() == "bench";
            assert!(has_example, "{}: {help}", command.get_name());
        }
    }

    #[test]
    fn a_first_word_that_names_a_command_is_one() {
        assert!(is_command("send") && is_command("bench") && is_command("man"));
        assert!(!is_command("-n") && !is_command("help") && !is_command("a=b"));
    }
}
