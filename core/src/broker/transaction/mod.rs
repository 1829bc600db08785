//! Transactional messages (store-behaviour §10, broker-behaviour §8).
//!
//! A message with TRAN_MSG=true is stored as a *half message*, in a topic of its own where no consumer looks ([`half`]). Its
//! producer ends it ([`end`]): a commit stores the message where it was meant to go, and after that, as after a rollback, an *op
//! record* says that the half message is finished ([`op`]). About those that stay open the broker asks a producer of the group
//! ([`check`]); [`copies`] remembers which of them are the same message.

pub mod check;
mod copies;
pub mod end;
pub mod half;
pub mod op;

#[cfg(test)]
pub(super) mod testing;
