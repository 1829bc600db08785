//! Requests → operations → answers. No rule lives here: each processor reads a request, calls what knows the rule, and writes the answer.

pub mod admin;
pub mod client;
pub mod end_transaction;
pub mod lock;
pub mod offset;
pub mod pull;
pub mod query;
pub mod reply;
pub mod send;
pub mod send_back;
