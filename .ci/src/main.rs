//! `cargo ci <task>`: the one entry for every check, at a desk and in continuous integration.

// This crate is a program for the terminal.
#![allow(clippy::print_stdout)]

mod c;
mod checks;
mod node;
mod place;
mod python;
mod steps;
mod tasks;
mod tidy;
mod tools;

use std::process::ExitCode;

use place::Place;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = match arguments.as_slice() {
        [name] if name != "help" && !name.starts_with('-') => name,
        _ => {
            print!("{}", tasks::list());
            return if arguments.len() > 1 { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let Some(task) = tasks::find(name) else {
        eprintln!("There is no task `{name}`.\n\n{}", tasks::list());
        return ExitCode::from(2);
    };
    match Place::find().and_then(|place| (task.run)(&place)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("cargo ci {name}: {text}");
            ExitCode::FAILURE
        }
    }
}
