//! Records on their way into one file of the log: put together one behind the other, and written by one call.

use std::io::{self, IoSlice};

use crate::format::record::encode::{BodyPlace, EncodeError, RecordFields, encode_onto};
use crate::mmap::mapped_file::Appender;

/// Shorter bodies are copied among what stands around them: cheaper than one more slice.
const COPY_BYTES_MAX: usize = 512;
/// Scratch memory beyond this is given back.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// See the module. `'a` is the life of the bodies, which are not copied.
#[derive(Debug)]
pub struct Group<'a> {
    /// The records without their long bodies.
    around: Vec<u8>,
    /// The long bodies, and where in `around` they belong.
    bodies: Vec<(usize, &'a [u8])>,
    body_bytes: usize,
}

impl<'a> Group<'a> {
    /// An empty group; `scratch` gives it memory.
    pub fn new(mut scratch: Vec<u8>) -> Self {
        scratch.clear();
        Self { around: scratch, bodies: Vec::new(), body_bytes: 0 }
    }

    /// Gives the memory back for another group.
    pub fn into_scratch(self) -> Vec<u8> {
        let mut scratch = self.around;
        scratch.clear();
        scratch.shrink_to(KEPT_BYTES_MAX);
        scratch
    }

    /// Bytes of all records.
    pub fn len(&self) -> usize {
        self.around.len() + self.body_bytes
    }

    /// True without records.
    pub fn is_empty(&self) -> bool {
        self.around.is_empty()
    }

    /// Adds a record; see [`encode_onto`] for `tail`. Failing, it adds nothing.
    pub fn push(&mut self, record: &RecordFields<'a>, tail: &[u8]) -> Result<(), EncodeError> {
        if record.body.len() <= COPY_BYTES_MAX {
            encode_onto(&mut self.around, record, tail, BodyPlace::Here)?;
        } else {
            let body_at = encode_onto(&mut self.around, record, tail, BodyPlace::Elsewhere)?;
            self.bodies.push((body_at, record.body));
            self.body_bytes += record.body.len();
        }
        Ok(())
    }

    /// Writes the records and forgets them. Their first `mark_bytes` are written last.
    pub fn write(&mut self, to: &mut Appender, mark_bytes: usize) -> io::Result<()> {
        let mut slices = Vec::with_capacity(2 * self.bodies.len() + 1);
        let mut from = 0;
        for (body_at, body) in &self.bodies {
            slices.push(IoSlice::new(self.around.get(from..*body_at).unwrap_or_default()));
            slices.push(IoSlice::new(body));
            from = *body_at;
        }
        slices.push(IoSlice::new(self.around.get(from..).unwrap_or_default()));
        let written = to.append_slices(&mut slices, mark_bytes);
        self.clear();
        written
    }

    /// Forgets the records.
    pub fn clear(&mut self) {
        self.around.clear();
        self.bodies.clear();
        self.body_bytes = 0;
    }
}
