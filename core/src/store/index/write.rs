//! Adding the keys of a record.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::MessageIndex;
use super::file::{IndexFile, Key};
use crate::error::{Error, Result};
use crate::format::disk::index::IndexHeader;
use crate::format::disk::paths::{INDEX_NAME_LEN, index_name};
use crate::store::dispatch::FileWait;

impl MessageIndex {
    /// Adds the keys of records, in the order of the log; what is there already is not added again, so a call that failed can be
    /// repeated. Called by one thread at a time. False, and nothing added, when a file has to be made first and `wait` does not
    /// allow it.
    ///
    /// `newest` is the newest file, if the caller kept it from the call before; it spares looking for it.
    ///
    /// The reference adds all keys of the newest indexed record twice when it sees it again after a crash; here the entries
    /// it has are counted.
    #[doc(alias = "buildIndex")]
    pub fn put(&self, keys: &[Key], newest: &mut Option<Arc<IndexFile>>, wait: FileWait) -> Result<bool> {
        let mut keys = match keys.first() {
            Some(first) if self.is_wanted(first.physical_offset) => keys,
            _ => return Ok(true),
        };
        if newest.is_none() {
            *newest = self.newest();
        }
        let free_entries = newest.as_ref().map_or(0, |file| file.free_entries());
        if wait == FileWait::Refused && keys.len() > free_entries as usize {
            return Ok(false);
        }
        keys = self.unknown(keys, newest.as_ref().map_or(-1, |file| file.end_physical_offset()));
        while !keys.is_empty() {
            let put = newest.as_ref().map_or(0, |file| file.put(keys));
            keys = keys.get(put..).unwrap_or_default();
            if !keys.is_empty() {
                *newest = Some(self.begin_file(newest.as_deref())?);
            }
        }
        Ok(true)
    }

    /// The keys that the index does not have yet, when `end_offset` is its newest record.
    fn unknown<'a>(&self, keys: &'a [Key], end_offset: i64) -> &'a [Key] {
        let older = keys.iter().take_while(|key| key.physical_offset < end_offset).count();
        let rest = keys.get(older..).unwrap_or_default();
        let is_newest = rest.first().is_some_and(|key| key.physical_offset == end_offset);
        let known = if is_newest { self.entries_of_newest(end_offset) } else { 0 };
        rest.get(known..).unwrap_or_default()
    }

    /// Entries of the newest indexed record; they may lie in several files.
    fn entries_of_newest(&self, physical_offset: i64) -> usize {
        let mut total = 0;
        for file in self.all().iter().rev() {
            let (count, is_all) = file.newest_entries_of(physical_offset);
            total += count;
            if !is_all {
                break;
            }
        }
        total
    }

    fn begin_file(&self, previous: Option<&IndexFile>) -> Result<Arc<IndexFile>> {
        let header = self.header_behind(previous);
        let parts = &self.parts;
        let name = self.next_name(previous.map(IndexFile::name));
        let path = parts.dir.join(&name);
        let file = IndexFile::create(&parts.disk, &path, &name, parts.layout, &header)
            .map_err(|cause| Error::io(format_args!("create {}", path.display()), &cause))?;
        let file = Arc::new(file);
        self.files.write().push(file.clone());
        Ok(file)
    }

    /// The header of the file behind this one.
    pub(super) fn header_behind(&self, previous: Option<&IndexFile>) -> IndexHeader {
        previous.map_or(IndexHeader::following(0, 0), |file| {
            let full = file.header();
            IndexHeader::following(full.end_timestamp_ms, full.end_physical_offset)
        })
    }

    /// The local time, or one more than the last name: the order of the names is the order of the files, whatever the clock does.
    fn next_name(&self, last: Option<&str>) -> String {
        let now = Timestamp::from_millisecond(self.parts.clock.now_ms()).unwrap_or_default();
        let name = index_name(now.to_zoned(TimeZone::system()).datetime());
        match last {
            Some(last) if name.as_str() <= last => {
                let next = last.parse::<u64>().unwrap_or(0) + 1;
                format!("{next:0INDEX_NAME_LEN$}")
            }
            _ => name,
        }
    }
}
