//! The C door: conversions between C values and [`libbroker::embed`]. No rules, no threads, no state but the last error.
//!
//! Doc comments of exported items are the comments of include/broker.h: they are written for readers of C.

// The contract of every export stands in the header's opening comment and in docs/C_API.md.
#![allow(clippy::missing_safety_doc)]

mod abi;
mod broker;
mod options;
mod panic;
mod status;
mod text;
mod version;
