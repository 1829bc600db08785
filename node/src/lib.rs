//! The native half of the Node package `libbroker`: conversions between JavaScript values and [`libbroker::embed`].
//!
//! Users see node/index.js; this module is private to it. What can wait runs on libuv's pool and answers a promise;
//! nothing here keeps the event loop alive beyond that.

mod admin;
mod consumer;
mod errors;
mod faults;
mod handle;
mod held;
mod log;
mod messages;
mod numbers;
mod options;
mod slot;
mod traffic;
mod wake;
mod work;

use napi_derive::napi;

/// Version of the native half, to be that of package.json.
#[napi(catch_unwind)]
pub fn version() -> &'static str {
    libbroker::VERSION
}
