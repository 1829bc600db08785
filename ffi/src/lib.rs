//! The C door: conversions between C values and [`libbroker::embed`]. No rules, no threads, no state but the last error.
//!
//! Doc comments of exported items are the comments of include/broker.h: they are written for readers of C.

// The contract of every export stands in the header's opening comment and in docs/C_API.md.
#![allow(clippy::missing_safety_doc)]

mod abi;
mod broker;
mod consume;
mod inspect;
mod log;
mod messages;
mod offsets;
mod options;
mod panic;
mod send;
mod sized;
mod status;
mod testing;
mod text;
mod topics;
mod version;
mod wake;
