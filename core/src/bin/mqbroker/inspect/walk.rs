//! The commit log from record to record, over damage and beyond.
//!
//! Where no record is, the next one is looked for: a whole record that says that it lies just there and was stored no earlier than the
//! one before. What a recovery of Java has left behind the end is older, and no part of the log.

use libbroker::Error;
use libbroker::internals::format::record::RecordView;
use libbroker::internals::format::record::decode::{Peek, claimed_size, find_head, peek};

use super::files::{OffsetFile, OffsetFiles};

/// Read at once.
const WINDOW_BYTES: usize = 1 << 20;

/// What lies at an offset.
#[derive(Debug)]
pub enum Step<'a> {
    /// A record whose lengths fit.
    Record { offset: u64, record: RecordView<'a> },
    /// The filler at the end of a file.
    Filler { offset: u64, size: usize, left: u64 },
    /// No record, though the log goes on behind it.
    Damage { offset: u64, bytes: u64, what: String },
    /// The end of the log, with what is written behind it if not zeros.
    End { offset: u64, unfinished: Option<String> },
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    On,
    Stop,
}

/// Walks from the begin of the file that holds `from`, else of the first one behind it.
pub fn walk(
    files: &OffsetFiles,
    from: u64,
    each: &mut dyn FnMut(Step<'_>) -> Result<Go, Error>,
) -> Result<(), Error> {
    let mut walk = Walk { files, window: Window::default(), newest_ms: i64::MIN, record: Vec::new() };
    let mut next = files.files().iter().find(|file| file.end() > from).copied();
    let Some(first) = next else { return Ok(()) };
    let mut end = first.start;
    while let Some(file) = next.take() {
        match walk.file(file, file.start, each)? {
            After::Stop | After::End => return Ok(()),
            After::NextFile => {
                end = file.end();
                next = files.files().iter().find(|next| next.start > file.start).copied();
            }
        }
    }
    each(Step::End { offset: end, unfinished: None }).map(drop)
}

enum After {
    NextFile,
    End,
    Stop,
}

struct Walk<'a> {
    files: &'a OffsetFiles,
    window: Window,
    newest_ms: i64,
    record: Vec<u8>,
}

impl Walk<'_> {
    fn file(
        &mut self,
        file: OffsetFile,
        mut offset: u64,
        each: &mut dyn FnMut(Step<'_>) -> Result<Go, Error>,
    ) -> Result<After, Error> {
        while offset < file.end() {
            let left = file.end() - offset;
            let head = self.window.at(self.files, offset)?;
            if let Peek::Blank { size } = peek(head) {
                return Ok(match each(Step::Filler { offset, size, left })? {
                    Go::On => After::NextFile,
                    Go::Stop => After::Stop,
                });
            }
            if let Some(size) = self.whole_record(offset, left)?
                && let Ok(record) = RecordView::parse(&self.record)
            {
                self.newest_ms = self.newest_ms.max(record.store_timestamp_ms());
                if each(Step::Record { offset, record })? == Go::Stop {
                    return Ok(After::Stop);
                }
                offset += size as u64;
                continue;
            }
            match self.behind_damage(file, offset)? {
                Behind::Goes { next, what } => {
                    if each(Step::Damage { offset, bytes: next - offset, what })? == Go::Stop {
                        return Ok(After::Stop);
                    }
                    offset = next;
                }
                Behind::Ends { unfinished } => {
                    return each(Step::End { offset, unfinished }).map(|_| After::End);
                }
            }
        }
        Ok(After::NextFile)
    }

    /// Reads the record at an offset, as far as it claims to be one; its size.
    fn whole_record(&mut self, offset: u64, left: u64) -> Result<Option<usize>, Error> {
        let head = self.window.at(self.files, offset)?;
        let Some(size) = claimed_size(head).filter(|size| *size as u64 <= left) else { return Ok(None) };
        match head.get(..size) {
            Some(bytes) => {
                self.record.clear();
                self.record.extend_from_slice(bytes);
            }
            None => self.files.read(offset, size, &mut self.record)?,
        }
        Ok(Some(size))
    }

    /// Looks behind an offset where no record is.
    fn behind_damage(&mut self, file: OffsetFile, offset: u64) -> Result<Behind, Error> {
        let what = self.what_is_at(offset)?;
        if let Some(next) = self.next_record(file, offset + 1)? {
            return Ok(Behind::Goes { next, what: what.unwrap_or_else(|| "zeros".to_owned()) });
        }
        let later = self.files.files().iter().find(|later| later.start > file.start);
        if let Some(later) = later
            && self.begins(*later)?
        {
            return Ok(Behind::Goes { next: file.end(), what: what.unwrap_or_else(|| "zeros".to_owned()) });
        }
        Ok(Behind::Ends { unfinished: what })
    }

    /// What is wrong with the bytes at an offset; `None` for zeros.
    fn what_is_at(&mut self, offset: u64) -> Result<Option<String>, Error> {
        let head = self.window.at(self.files, offset)?;
        let start = head.get(..8).unwrap_or(head);
        if start.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        Ok(Some(match RecordView::parse(head) {
            Err(error) => match claimed_size(head) {
                Some(size) if size > head.len() => {
                    format!("a record of {size} bytes does not end in its file")
                }
                _ => error.to_string(),
            },
            Ok(_) => "not readable".to_owned(),
        }))
    }

    /// The next whole record in a file from an offset on.
    fn next_record(&mut self, file: OffsetFile, from: u64) -> Result<Option<u64>, Error> {
        let mut from = from;
        while from < file.end() {
            let bytes = self.window.at(self.files, from)?;
            let Some(found) = find_head(bytes) else {
                // A head may begin in the last bytes that were looked at.
                from += (bytes.len() as u64).saturating_sub(7).max(1);
                continue;
            };
            let offset = from + found as u64;
            if self.whole_record(offset, file.end() - offset)?.is_some() && self.is_of_log(offset) {
                return Ok(Some(offset));
            }
            from = offset + 1;
        }
        Ok(None)
    }

    fn is_of_log(&self, offset: u64) -> bool {
        RecordView::parse(&self.record).is_ok_and(|record| {
            u64::try_from(record.physical_offset()) == Ok(offset)
                && record.store_timestamp_ms() >= self.newest_ms
                && record.crc_ok()
        })
    }

    /// Whether a file begins as one that is written to.
    fn begins(&mut self, file: OffsetFile) -> Result<bool, Error> {
        let head = self.window.at(self.files, file.start)?;
        if matches!(peek(head), Peek::Blank { .. }) {
            return Ok(true);
        }
        Ok(self.whole_record(file.start, file.size)?.is_some() && self.is_of_log(file.start))
    }
}

enum Behind {
    Goes { next: u64, what: String },
    Ends { unfinished: Option<String> },
}

/// Bytes of one file that were read together.
#[derive(Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The bytes from an offset on: to the end of its file, or at least half a window.
    fn at(&mut self, files: &OffsetFiles, offset: u64) -> Result<&[u8], Error> {
        let end = self.start + self.bytes.len() as u64;
        let has_enough = offset >= self.start && offset < end && end - offset >= (WINDOW_BYTES / 2) as u64;
        let ends_with_file = files.find(offset).is_none_or(|file| file.end() == end);
        if !(has_enough || (offset >= self.start && offset < end && ends_with_file)) {
            files.read(offset, WINDOW_BYTES, &mut self.bytes)?;
            self.start = offset;
        }
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        Ok(self.bytes.get(from..).unwrap_or_default())
    }
}
