//! Walks over records in order; used by recovery and by reput.

use crate::format::record::decode::{Peek, RecordError, RecordView, peek};

/// What a walk found at a position.
#[derive(Debug)]
pub enum Found<'a> {
    /// A record; the walk goes on behind it.
    Record(RecordView<'a>),
    /// The filler; the walk goes on in the next file.
    EndOfFile,
    /// Nothing was written here, or the rest is not readable yet.
    Nothing,
    /// Bytes that are no record.
    Broken(RecordError),
}

/// Looks at the start of `bytes`.
pub fn look(bytes: &[u8]) -> Found<'_> {
    match peek(bytes) {
        Peek::Blank { .. } => Found::EndOfFile,
        Peek::End => Found::Nothing,
        Peek::Bad(error) => Found::Broken(error),
        Peek::Record { .. } => match RecordView::parse(bytes) {
            Ok(record) => Found::Record(record),
            Err(error) => Found::Broken(error),
        },
    }
}
