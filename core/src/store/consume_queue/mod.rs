//! Consume queues: per topic and queue, where in the log the n-th message lies.

pub mod ext;
pub mod flush;
pub mod queue;
pub mod table;

pub use queue::ConsumeQueue;
