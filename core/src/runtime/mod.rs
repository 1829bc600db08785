//! Threads, signals, timers, lanes. No RocketMQ words.

pub mod lanes;
pub mod logsink;
pub mod signal;
pub mod stop;
pub mod threads;
pub mod timers;
