//! Every test that needs servers or other people's clients. One binary, so that linking happens once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on panics")]

mod bad_input;
mod continuity;
mod crash;
mod embedded;
mod filters;
mod full_disk;
mod java_client;
mod light_queues;
mod mixed_servers;
mod mqadmin;
mod other_clients;
mod raw_frames;
mod readme;
mod replay;
mod retention;
mod scenarios;
mod store_exchange;
mod store_swaps;
mod tool;
mod transactions;
