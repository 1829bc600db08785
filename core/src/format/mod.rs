//! Bytes ⇄ values. Pure: no I/O, clock, locks, threads, async, config.

pub mod disk;
pub mod flags;
pub mod names;
pub mod record;
pub mod wire;

#[cfg(test)]
pub(crate) mod golden;
