//! Completions for shells and the manual page, both made from the command line's own description.

use clap::{Command, ValueEnum};
use libbroker::{Error, ErrorKind};

use crate::process;
use crate::program::whole;

pub const COMPLETIONS_HELP: &str = "\
Examples:
  mqbroker completions bash > /etc/bash_completion.d/mqbroker
  mqbroker completions zsh > \"${fpath[1]}/_mqbroker\"
  mqbroker completions fish > ~/.config/fish/completions/mqbroker.fish";

pub const MAN_HELP: &str = "\
Examples:
  mqbroker man | man -l -
  mqbroker man send | man -l -
  mqbroker man > /usr/local/share/man/man1/mqbroker.1
  mqbroker man send > /usr/local/share/man/man1/mqbroker-send.1";

/// A shell whose words can be completed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Prints the script for a shell.
pub fn completions(shell: Shell) -> Result<(), Error> {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut whole(), "mqbroker", &mut script);
    process::say(&String::from_utf8_lossy(&script));
    Ok(())
}

/// Prints a manual page.
pub fn man(name: Option<&str>) -> Result<(), Error> {
    let mut whole = whole();
    whole.build();
    let (command, title) = match name {
        None => (whole, "MQBROKER".to_owned()),
        Some(name) => {
            let found = whole.get_subcommands().find(|command| command.get_name() == name).cloned();
            let found = found.ok_or_else(|| unknown(&whole, name))?;
            (found, format!("MQBROKER-{}", name.to_uppercase()))
        }
    };
    let mut page = Vec::new();
    let source = concat!("mqbroker ", env!("CARGO_PKG_VERSION"));
    let rendered = clap_mangen::Man::new(command).title(title).source(source).render(&mut page);
    rendered.map_err(|cause| Error::io("cannot write the manual page", &cause))?;
    process::say(&String::from_utf8_lossy(&page));
    Ok(())
}

fn unknown(whole: &Command, name: &str) -> Error {
    let names: Vec<&str> = whole.get_subcommands().map(Command::get_name).collect();
    let text = format!("{name} is no command of mqbroker; those are {}", names.join(", "));
    Error::new(ErrorKind::InvalidArgument, text)
}
