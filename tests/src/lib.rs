//! What the integration tests share. The tests themselves are one binary, `tests/all`, so that linking happens once.
//!
//! `cargo test -p tests` runs them against `mqbroker` and `mqnamesrv` from this workspace (build those first:
//! `cargo build -p libbroker --bins`, or name them in `MQBROKER_BIN` and `MQNAMESRV_BIN`). With `TEST_SERVERS=java` the same
//! tests run against Apache RocketMQ 4.9.7, which shows that a failure is ours and not the test's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on panics")]

pub mod harness;
