//! `mqbroker inspect`: the files of a store whose broker is stopped.
//!
//! Everything is read through descriptors that cannot write, and nothing that is read is believed: every length, offset and number is
//! held against what is there before it is used.

pub mod args;
mod files;
mod index;
mod index_file;
mod listing;
mod log;
mod queue;
mod queues;
mod store_dir;
mod summary;
mod tables;
mod verify;
mod walk;

use libbroker::Error;

use self::args::{Inspect, What};
use self::store_dir::StoreDir;
use crate::process;
use crate::terminal::Output;

/// Shows or verifies.
pub fn inspect(options: &Inspect) -> Result<(), Error> {
    process::raise_file_limit();
    inspect_into(options, &mut Output::new())
}

fn inspect_into(options: &Inspect, output: &mut Output) -> Result<(), Error> {
    let shown = &options.shown;
    let store = StoreDir::open(&options.dir, shown.config_file.as_deref())?;
    let done = match &options.what {
        None => summary::print(&store, shown, output),
        Some(What::Log) => log::dump(&store.log()?, shown, output),
        Some(What::Queues) => queues::dump(&store, shown, output),
        Some(What::Index) => index::dump(&store, shown, output),
        Some(What::Checkpoint) => tables::dump_checkpoint(&store, shown, output),
        Some(What::Tables { names }) => tables::dump(&store, names, shown, output),
        Some(What::Verify) => verify::verify(&store, shown, output),
    };
    // What was found out before a failure is worth reading, too.
    output.flush().and(done)
}

#[cfg(test)]
mod tests;
