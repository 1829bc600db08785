//! The remoting protocol: frames, commands, headers, bodies (remoting.md).
//!
//! ```text
//!  4 bytes        4 bytes                          H bytes           length - 4 - H bytes
//! ┌────────────┬───────────────┬─────────────────┬────────────────┬──────────────────────┐
//! │ length     │ serializer 8b │ H 24b           │ header         │ body                 │
//! └────────────┴───────────────┴─────────────────┴────────────────┴──────────────────────┘
//! ```
//!
//! [`frame::next_frame`] takes a frame off a read buffer; [`command`] holds what it decodes to, its header fields being
//! [`ExtFields`], and encodes answers; the one answer that is sent as often as messages come has a file of its own, `send_answer`;
//! the two header serializations are `header_json` and `header_binary`. `header::*` gives the header fields of each
//! request and response their types, `body::*` the bodies, [`fastjson`] reads and writes the JSON dialect of bodies and
//! of the configuration files. [`codes`] is the table of all numbers.

pub mod body;
pub mod codes;
pub mod command;
mod ext_fields;
pub mod fastjson;
pub mod fields;
pub mod frame;
pub mod header;
mod header_binary;
mod header_json;
mod json_string;
mod send_answer;
#[cfg(test)]
pub(crate) mod tests;

pub use codes::{LanguageCode, RequestCode, ResponseCode};
pub use command::{
    Body, OutgoingRequest, RemotingCommand, Response, Serializer, encode_request, encode_response,
};
pub use ext_fields::ExtFields;
pub use fields::{FieldValue, HeaderFields, InlineText};
pub use frame::{FRAME_SIZE_MAX, FrameError, next_frame, read_frame};
pub use send_answer::{EncodeAnswer, SendAnswer, SendAnswerForm};
