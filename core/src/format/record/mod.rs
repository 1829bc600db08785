//! The stored message: the same bytes lie in the commit log and travel in pull, query and view answers.

pub mod batch;
pub mod compressed;
pub mod decode;
pub mod encode;
pub mod ids;
pub mod layout;
pub mod properties;
pub mod tags;

pub use decode::{Peek, RecordError, RecordView, peek};
pub use encode::{EncodeError, RecordFields, body_crc, encode};
pub use layout::{encode_blank, record_size};
