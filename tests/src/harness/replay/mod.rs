//! Says to servers what Java clients said to Java servers, and compares the answers.

pub mod compare;
pub mod frame;
pub mod listed;
pub mod masks;
pub mod play;
pub mod recording;

pub use listed::{Kind, Listed};
pub use play::{Exchange, play};
pub use recording::Recording;
