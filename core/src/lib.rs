//! The Apache RocketMQ 4.9.8 broker and NameServer as one embeddable library.
//!
//! Read the modules bottom up; dependencies point up this list only (`cargo ci tidy` checks it):
//!
//! * [`error`], [`clock`] — one error table, one source of time
//! * `format` — bytes ⇄ values: stored records, disk files, remoting frames. Pure functions
//! * `config` — one typed table of every Java property
//! * `runtime` — threads, lanes, timers, counters
//! * `mmap` — files and memory; the only `unsafe`
//! * `store` — the message store: commit log, consume queues, index, flush, recovery
//! * `net` — sockets ⇄ commands; the only tokio
//! * `namesrv` — the NameServer
//! * `broker` — the rules of RocketMQ
//! * [`embed`] — the one door: start, stop, drive, inspect

pub mod clock;
pub mod embed;
pub mod error;

#[doc(hidden)]
pub mod broker;
#[doc(hidden)]
pub mod config;
#[doc(hidden)]
pub mod format;
#[doc(hidden)]
pub mod mmap;
#[doc(hidden)]
pub mod namesrv;
#[doc(hidden)]
pub mod net;
#[doc(hidden)]
pub mod runtime;
#[doc(hidden)]
pub mod store;

pub use error::{Error, ErrorKind};

/// Everything below [`embed`], opened for this repository's binaries, tests, benches and fuzz targets.
/// No promise of stability.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals {
    pub use crate::{broker, config, format, mmap, namesrv, net, runtime, store};
}

/// Version of the crate, the wheel, the addon and the C header.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
