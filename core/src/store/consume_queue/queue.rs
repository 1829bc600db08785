//! One queue: units of 20 bytes, appended in order, read by index.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::ext::{ExtAppend, QueueExt};
use crate::error::{Error, Result};
use crate::format::disk::cq_ext::{CqExtUnit, is_address};
use crate::format::disk::cq_unit::{CQ_UNIT_SIZE, CqUnit};
use crate::mmap::disk::Disk;
use crate::mmap::file_queue::MappedFileQueue;
use crate::mmap::mapped_file::{Allocation, Appender, MappedFile};
use crate::mmap::slice::MappedSlice;
use crate::store::dispatch::FileWait;

/// Blocks are taken in steps of this size: most queues stay far below the 6 MB of a file.
const ALLOCATION_STEP_BYTES: usize = 64 << 10;
/// As many files are checked at start.
const FILES_CHECKED: usize = 3;
const UNIT: i64 = CQ_UNIT_SIZE as i64;

/// What became of an appended unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitAppend {
    /// Written.
    Written,
    /// It was there already (a rebuild after recovery).
    Known,
    /// Nothing was written: a file, or blocks of one, have to be made first and the caller cannot wait.
    NeedsFile,
}

/// Follows units in their order: their records lie one behind the other.
#[derive(Debug, Default)]
struct Ascent {
    log_end: i64,
    is_broken: bool,
}

impl Ascent {
    /// False for the first unit that is none, or that does not follow.
    fn goes_on(&mut self, unit: &CqUnit) -> bool {
        if !unit.is_written() {
            return false;
        }
        if unit.is_blank() {
            return true;
        }
        self.is_broken = unit.physical_offset < self.log_end;
        self.log_end = unit.physical_offset.saturating_add(unit.size.into());
        !self.is_broken
    }
}

/// The consume queue of one topic and queue id. One thread appends (reput, or recovery before it).
#[derive(Debug)]
pub struct ConsumeQueue {
    topic: Arc<str>,
    queue_id: i32,
    files: MappedFileQueue,
    /// Its extension, where that is written.
    ext: Option<QueueExt>,
    /// Index of the first unit whose record is still in the log.
    min_index: AtomicI64,
    /// End offset in the log of the last unit.
    log_end: AtomicI64,
    /// In the list of queues to flush.
    dirty: AtomicBool,
    /// See [`ConsumeQueue::is_damaged`].
    is_damaged: AtomicBool,
}

impl ConsumeQueue {
    /// A queue without files, in `dir`.
    pub fn new(disk: &Disk, dir: &Path, topic: Arc<str>, queue_id: i32, file_bytes: usize) -> Self {
        let file_bytes = file_bytes.next_multiple_of(CQ_UNIT_SIZE).max(CQ_UNIT_SIZE);
        let allocation = Allocation::Stepwise(ALLOCATION_STEP_BYTES);
        Self {
            topic,
            queue_id,
            files: MappedFileQueue::new(disk, dir, file_bytes, allocation),
            ext: None,
            min_index: AtomicI64::new(0),
            log_end: AtomicI64::new(0),
            dirty: AtomicBool::new(false),
            is_damaged: AtomicBool::new(false),
        }
    }

    /// The same queue with an extension.
    pub fn with_ext(self, ext: Option<QueueExt>) -> Self {
        Self { ext, ..self }
    }

    /// The topic.
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// The queue id.
    pub fn queue_id(&self) -> i32 {
        self.queue_id
    }

    /// The files.
    pub fn files(&self) -> &MappedFileQueue {
        &self.files
    }

    /// The extension, where one is written.
    pub fn ext(&self) -> Option<&QueueExt> {
        self.ext.as_ref()
    }

    /// What a unit's tags code stands for: itself, or what the extension keeps at that address. `None` is not known.
    pub fn read_ext<T>(
        &self,
        tags_code: i64,
        read: impl FnOnce(Option<i64>, Option<&CqExtUnit<'_>>) -> T,
    ) -> T {
        if !is_address(tags_code) {
            return read(Some(tags_code), None);
        }
        let bytes = self.ext.as_ref().and_then(|ext| ext.at(tags_code));
        let unit = bytes.as_deref().and_then(CqExtUnit::first_of);
        read(unit.map(|unit| unit.tags_code), unit.as_ref())
    }

    /// Index of the first readable unit.
    pub fn min_index(&self) -> i64 {
        self.min_index.load(Ordering::Acquire)
    }

    /// Index behind the last unit.
    pub fn max_index(&self) -> i64 {
        self.files.max_offset() / UNIT
    }

    /// End offset in the log of the newest unit; 0 without units.
    pub fn log_end(&self) -> i64 {
        self.log_end.load(Ordering::Acquire)
    }

    /// Notes that there is something to flush; true when it was not noted yet.
    pub fn mark_dirty(&self) -> bool {
        !self.dirty.swap(true, Ordering::AcqRel)
    }

    /// Takes the note back, before flushing.
    pub fn clear_dirty(&self) {
        // A swap, not a store: whoever finds the note still there has written before this, and the flush sees it.
        self.dirty.swap(false, Ordering::AcqRel);
    }

    /// Appends the unit with this index.
    ///
    /// A unit whose record ends at or before the newest known one is known already. A queue whose first unit is not index 0 is
    /// filled with blanks up to it. An index above the expected one is written at the end all the same. Index 0 means
    /// that the topic was deleted in between and began anew (seen only when recovery dispatches the log again): so does the queue.
    /// Another index below the expected one is a damaged record's, and treated like one above.
    ///
    /// `last` is the right to append to the queue's last file, if the caller kept it from the call before. `extend` is asked for the
    /// unit's extension, when the queue has one and the unit will be written.
    pub fn append(
        &self,
        index: i64,
        unit: &CqUnit,
        last: &mut Option<Appender>,
        wait: FileWait,
        extend: impl FnOnce(&QueueExt) -> Result<ExtAppend>,
    ) -> Result<UnitAppend> {
        let log_end = unit.physical_offset + i64::from(unit.size);
        if log_end <= self.log_end() {
            return Ok(UnitAppend::Known);
        }
        let is_next = |last: &mut Appender| {
            let file = last.file();
            let end_offset = file.start_offset() + file.write_position() as i64;
            file.has_room(CQ_UNIT_SIZE) && end_offset == index.saturating_mul(UNIT)
        };
        let appender = |file| Appender::new(file).map_err(|cause| self.write_failed(&cause));
        if last.is_none() {
            *last = self.files.last().map(appender).transpose()?;
        }
        if !last.as_mut().is_some_and(is_next) {
            *last = None;
            if wait == FileWait::Refused {
                return Ok(UnitAppend::NeedsFile);
            }
        }
        let last = match last {
            Some(last) => last,
            None => last.insert(appender(self.place_for(index)?)?),
        };
        let bytes = match self.ext.as_ref().map(extend).transpose()? {
            Some(ExtAppend::NeedsFile) => return Ok(UnitAppend::NeedsFile),
            Some(ExtAppend::Written(address)) => CqUnit { tags_code: address, ..*unit }.encode(),
            Some(ExtAppend::NotKept) | None => unit.encode(),
        };
        last.append(CQ_UNIT_SIZE, |target| {
            target.copy_from_slice(&bytes);
            CQ_UNIT_SIZE
        })
        .map_err(|cause| self.write_failed(&cause))?;
        self.log_end.store(log_end, Ordering::Release);
        Ok(UnitAppend::Written)
    }

    /// Prepares the queue for a unit that does not simply follow in the last file, and gives the file it goes into.
    #[cold]
    fn place_for(&self, index: i64) -> Result<Arc<MappedFile>> {
        let expected = self.files.max_offset() / UNIT;
        // A topic made anew begins at 0. Any other lower index is damage: destroying the queue for it would lose what is intact.
        if index == 0 && expected > 0 {
            self.destroy()?;
            self.min_index.store(0, Ordering::Release);
            self.log_end.store(0, Ordering::Release);
            return self.place_for(index);
        }
        if index > expected && self.log_end() == 0 {
            // Without a unit so far. A file may be there: what a failure left of an earlier attempt.
            if !self.files.is_empty() {
                self.destroy()?;
            }
            self.fill_blanks_until(index)?;
        } else if index != expected {
            tracing::warn!(target: "broker::store", topic = %self.topic, queue_id = self.queue_id, index, expected,
                "consume queue entry out of order");
        }
        self.files.writable(0)
    }

    fn fill_blanks_until(&self, index: i64) -> Result<()> {
        let until = index * UNIT;
        let file = self.files.writable(until)?;
        let blanks = usize::try_from((until - file.start_offset()) / UNIT).unwrap_or(0);
        let blank = CqUnit::BLANK.encode();
        file.append(blanks * CQ_UNIT_SIZE, |target| {
            target.chunks_exact_mut(CQ_UNIT_SIZE).for_each(|unit| unit.copy_from_slice(&blank));
            target.len()
        })
        .map_err(|cause| self.write_failed(&cause))?;
        self.min_index.store(index, Ordering::Release);
        Ok(())
    }

    /// Removes the files of the queue and of its extension.
    pub fn destroy(&self) -> Result<()> {
        self.files.destroy()?;
        self.ext.as_ref().map_or(Ok(()), |ext| ext.files().destroy())
    }

    /// Makes durable what each file's page rule allows, the extension first. True when nothing is left to flush.
    pub fn flush(&self, pages_min: usize) -> std::io::Result<bool> {
        let mut is_flushed = true;
        for files in self.ext.iter().map(QueueExt::files).chain([&self.files]) {
            is_flushed &= files.flush(pages_min)? >= files.max_offset();
        }
        Ok(is_flushed)
    }

    fn write_failed(&self, cause: &std::io::Error) -> Error {
        Error::io(format_args!("write consume queue {}/{}", self.topic, self.queue_id), cause)
    }

    /// Units from `index` to the end of their file; `None` when there is none.
    pub fn units_from(&self, index: i64) -> Option<MappedSlice> {
        self.files.slice_to_end(index.checked_mul(UNIT)?)
    }

    /// The unit at `index`, when it is between minimum and maximum.
    pub fn unit(&self, index: i64) -> Option<CqUnit> {
        if index < self.min_index() {
            return None;
        }
        CqUnit::first_of(&self.units_from(index)?)
    }

    /// First index of the file behind the one that holds `index`.
    pub fn next_file_index(&self, index: i64) -> i64 {
        let units_per_file = (self.files.file_size_bytes() / CQ_UNIT_SIZE) as i64;
        index - index % units_per_file + units_per_file
    }

    /// Loads the files and finds the last unit: the first hole ends the queue. So does damage, and the unit before it, which may be
    /// the damaged one.
    pub fn load(&self) -> Result<()> {
        self.files.load()?;
        if let Some(ext) = &self.ext {
            ext.files().load()?;
        }
        let files = self.files.files();
        let start = files.len().saturating_sub(FILES_CHECKED);
        let mut end_offset = files.get(start).map_or(0, |file| file.start_offset());
        let mut ascent = Ascent::default();
        for file in files.iter().skip(start) {
            let written = CqUnit::iter(file.whole()).take_while(|unit| ascent.goes_on(unit)).count();
            end_offset = file.start_offset() + (written * CQ_UNIT_SIZE) as i64;
            if written * CQ_UNIT_SIZE < file.size_bytes() {
                break;
            }
        }
        if ascent.is_broken || self.has_units_behind(end_offset, &files) {
            self.cut_damage(end_offset)
        } else {
            self.cut(end_offset)
        }
    }

    /// Whether there is a unit behind the first one that is none.
    fn has_units_behind(&self, end_offset: i64, files: &[Arc<MappedFile>]) -> bool {
        let Some(last) = files.iter().find(|file| end_offset < file.end_offset()) else { return false };
        let position = usize::try_from(end_offset - last.start_offset()).unwrap_or(0);
        let next = last.whole().get(position..).unwrap_or_default();
        let in_file = next.get(..2 * CQ_UNIT_SIZE).unwrap_or(next).iter().any(|byte| *byte != 0);
        let has_written =
            |file: &Arc<MappedFile>| CqUnit::first_of(file.whole()).is_some_and(|unit| unit.is_written());
        in_file
            || files.last().is_some_and(|file| file.start_offset() > last.start_offset() && has_written(file))
    }

    /// Cuts the queue before the last unit, and has it built again from there.
    fn cut_damage(&self, end_offset: i64) -> Result<()> {
        let first = self.files.min_offset();
        self.cut((end_offset - UNIT).max(first))?;
        self.files.clear_behind()?;
        tracing::warn!(target: "broker::store", topic = %self.topic, queue_id = self.queue_id, index = self.max_index(),
            "a consume queue is damaged; it is built again from there");
        self.is_damaged.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether units are missing at its end that the log has.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Acquire)
    }

    /// Cuts the queue at its first unit that reaches to `log_offset` or beyond: the log ends there. Units behind it that do not are a
    /// sign of damage; after a `clean` stop each one cut is.
    pub fn truncate_to_log(&self, log_offset: i64, clean: bool) -> Result<()> {
        let is_beyond = |unit: CqUnit| {
            !unit.is_blank() && unit.physical_offset.saturating_add(unit.size.into()) > log_offset
        };
        let mut end_offset = self.files.max_offset();
        let mut is_damage = clean;
        for file in self.files.files().iter().rev() {
            let units = file.published(0);
            let keep = CqUnit::iter(units).position(is_beyond).unwrap_or(units.len() / CQ_UNIT_SIZE);
            is_damage |= CqUnit::iter(units).skip(keep).any(|unit| !is_beyond(unit));
            end_offset = file.start_offset() + (keep * CQ_UNIT_SIZE) as i64;
            if keep > 0 {
                break;
            }
        }
        if is_damage {
            return self.cut_damage(end_offset + UNIT);
        }
        self.cut(end_offset)?;
        self.files.clear_behind().map(drop)
    }

    fn cut(&self, end_offset: i64) -> Result<()> {
        self.files.truncate(end_offset)?;
        let last = (end_offset >= UNIT).then(|| self.files.slice(end_offset - UNIT, CQ_UNIT_SIZE)).flatten();
        let log_end = last
            .and_then(|bytes| CqUnit::first_of(&bytes))
            .filter(|unit| !unit.is_blank())
            .map_or(0, |unit| unit.physical_offset + i64::from(unit.size));
        self.log_end.store(log_end, Ordering::Release);
        self.ext.as_ref().map_or(Ok(()), |ext| ext.recover(self.newest_address(ext)))
    }

    /// The address in the newest unit that has one. A queue whose extension is empty has most likely none: not all of it is searched.
    fn newest_address(&self, ext: &QueueExt) -> Option<i64> {
        let files = self.files.files();
        let searched = if ext.files().is_empty() { FILES_CHECKED } else { files.len() };
        files.iter().rev().take(searched).find_map(|file| {
            let units = file.published(0).rchunks_exact(CQ_UNIT_SIZE).filter_map(CqUnit::first_of);
            units.map(|unit| unit.tags_code).find(|tags_code| is_address(*tags_code))
        })
    }

    /// Moves the minimum to the first unit whose record begins at or behind `log_min`. Without such a unit it stays as it is, as in
    /// the reference, but for units whose file is gone.
    #[doc(alias = "correctMinOffset")]
    pub fn correct_min(&self, log_min: i64) {
        let files = self.files.files();
        let Some(first) = files.first() else { return };
        let found = files.iter().find_map(|file| {
            let position = first_at_or_behind(file.published(0), log_min)?;
            Some(file.start_offset() / UNIT + position as i64)
        });
        match found {
            Some(index) => {
                self.min_index.store(index, Ordering::Release);
                self.trim_ext(index);
            }
            None => drop(self.min_index.fetch_max(first.start_offset() / UNIT, Ordering::AcqRel)),
        }
    }

    /// Removes extension files that no readable unit leads to.
    fn trim_ext(&self, min_index: i64) {
        let Some(ext) = &self.ext else { return };
        let first = self.unit(min_index);
        if let Some(Err(error)) = first.map(|unit| ext.remove_before(unit.tags_code)) {
            tracing::warn!(target: "broker::store", topic = %self.topic, %error, "consume queue extension files are not removed");
        }
    }

    /// True when the minimum, or a file, lies before what the log still holds.
    pub fn is_behind(&self, log_min: i64) -> bool {
        let Some(first) = self.files.first() else { return false };
        let is_below = |unit: CqUnit| unit.is_blank() || unit.physical_offset < log_min;
        let min = self.min_index();
        min < first.start_offset() / UNIT
            || self.unit(min).is_some_and(is_below)
            || CqUnit::iter(first.published(0)).next_back().is_some_and(is_below)
    }

    /// Removes the oldest files as long as all their records lie below `log_min`, never the newest, and moves the minimum. Returns
    /// how many went. Dispatch is to be kept out.
    #[doc(alias = "deleteExpiredFile")]
    pub fn trim(&self, log_min: i64) -> Result<usize> {
        let is_expired = |file: &Arc<MappedFile>| {
            let newest = CqUnit::iter(file.published(0)).next_back();
            newest.is_some_and(|unit| unit.is_blank() || unit.physical_offset < log_min)
        };
        let mut removed = 0;
        while self.files.first_of_several().is_some_and(|first| is_expired(&first)) {
            removed += usize::from(self.files.remove_oldest()?.is_some());
        }
        self.correct_min(log_min);
        Ok(removed)
    }

    /// Removes every file but the newest, which says where the queue goes on; nothing of it can be read any more. Dispatch is to be
    /// kept out.
    pub fn expire(&self) -> Result<()> {
        while self.files.remove_oldest()?.is_some() {}
        self.min_index.store(self.max_index(), Ordering::Release);
        let Some(ext) = &self.ext else { return Ok(()) };
        // The newest address is never given out again, so its file stays.
        self.newest_address(ext).map_or(Ok(()), |newest| ext.remove_before(newest))
    }
}

/// Position of the first unit whose record begins at or behind `log_min`: records lie in the log in the order of their queue.
fn first_at_or_behind(units: &[u8], log_min: i64) -> Option<usize> {
    let count = units.len() / CQ_UNIT_SIZE;
    let is_below = |position: usize| {
        CqUnit::at(units, position).is_some_and(|unit| unit.is_blank() || unit.physical_offset < log_min)
    };
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_below(middle) { low = middle + 1 } else { high = middle }
    }
    (low < count).then_some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(dir: &Path) -> ConsumeQueue {
        ConsumeQueue::new(&Disk::real(), dir, "T".into(), 0, 200)
    }

    fn unit(offset: i64) -> CqUnit {
        CqUnit { physical_offset: offset, size: 100, tags_code: 7 }
    }

    fn no_ext(_: &QueueExt) -> Result<ExtAppend> {
        panic!("the queue has no extension");
    }

    fn append(queue: &ConsumeQueue, index: i64, offset: i64) -> Result<UnitAppend> {
        queue.append(index, &unit(offset), &mut None, FileWait::Allowed, no_ext)
    }

    #[test]
    fn append_and_reload_keep_every_unit() {
        let dir = tempfile::tempdir().unwrap();
        let written = queue(dir.path());
        for index in 0..25 {
            assert_eq!(append(&written, index, index * 100).unwrap(), UnitAppend::Written);
        }
        assert_eq!(append(&written, 3, 300).unwrap(), UnitAppend::Known);
        assert_eq!(append(&written, 24, 2400).unwrap(), UnitAppend::Known);
        let read = queue(dir.path());
        read.load().unwrap();
        assert_eq!((read.min_index(), read.max_index(), read.log_end()), (0, 25, 2500));
        assert_eq!(read.unit(24), Some(unit(2400)));
        assert_eq!(read.units_from(12).unwrap().len(), 8 * CQ_UNIT_SIZE, "to the end of the file");
        assert_eq!(read.next_file_index(12), 20);
        assert_eq!(read.unit(25), None);
    }

    #[test]
    fn a_later_record_with_a_lower_index_begins_the_queue_anew() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(dir.path());
        for index in 0..25 {
            append(&queue, index, index * 100).unwrap();
        }
        append(&queue, 0, 5000).unwrap();
        append(&queue, 1, 5100).unwrap();
        assert_eq!((queue.min_index(), queue.max_index(), queue.log_end()), (0, 2, 5200));
        assert_eq!(queue.unit(0), Some(unit(5000)));
    }

    #[test]
    fn truncate_to_log_cuts_at_the_first_unit_beyond() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(dir.path());
        for index in 0..25 {
            append(&queue, index, index * 100).unwrap();
        }
        queue.truncate_to_log(1150, false).unwrap();
        assert_eq!((queue.max_index(), queue.log_end(), queue.files().len()), (11, 1100, 2));
        append(&queue, 11, 1100).unwrap();
        assert_eq!(queue.max_index(), 12);
        queue.truncate_to_log(0, false).unwrap();
        assert_eq!((queue.max_index(), queue.log_end()), (0, 0));
    }

    #[test]
    fn a_first_unit_above_zero_leaves_a_blank_gap() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(dir.path());
        append(&queue, 13, 5000).unwrap();
        assert_eq!((queue.min_index(), queue.max_index()), (13, 14));
        assert_eq!(queue.unit(13), Some(unit(5000)));
        assert_eq!(queue.unit(12), None);
        let reloaded = self::queue(dir.path());
        reloaded.load().unwrap();
        reloaded.correct_min(0);
        assert_eq!((reloaded.min_index(), reloaded.max_index()), (13, 14));
    }

    #[test]
    fn trimming_removes_whole_files_and_moves_the_minimum_to_the_unit() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(dir.path());
        for index in 0..35 {
            append(&queue, index, index * 100).unwrap();
        }
        let state = || (queue.files().len(), queue.min_index(), queue.max_index());
        assert!(!queue.is_behind(0));
        assert_eq!((queue.trim(0).unwrap(), state()), (0, (4, 0, 35)));
        assert!(queue.is_behind(1));
        assert_eq!((queue.trim(1).unwrap(), state()), (0, (4, 1, 35)), "a record that begins before is gone");
        assert_eq!(
            (queue.trim(900).unwrap(), state()),
            (0, (4, 9, 35)),
            "the last unit of the file is there"
        );
        assert_eq!((queue.trim(901).unwrap(), state()), (1, (3, 10, 35)));
        assert_eq!((queue.trim(2950).unwrap(), state()), (2, (1, 30, 35)));
        assert_eq!((queue.trim(3450).unwrap(), state()), (0, (1, 30, 35)), "nothing is left to read");
        append(&queue, 35, 3500).unwrap();
        assert!(queue.is_behind(3500));
        assert_eq!((queue.trim(3500).unwrap(), state()), (0, (1, 35, 36)));
        queue.expire().unwrap();
        assert_eq!(state(), (1, 36, 36));
        assert_eq!(append(&queue, 36, 3600).unwrap(), UnitAppend::Written);
        assert_eq!((queue.unit(35), queue.unit(36)), (None, Some(unit(3600))));
        let reloaded = self::queue(dir.path());
        reloaded.load().unwrap();
        reloaded.correct_min(9999);
        assert_eq!((reloaded.min_index(), reloaded.max_index()), (30, 37));
    }

    #[test]
    fn the_minimum_is_the_same_as_counted_one_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(dir.path());
        append(&queue, 13, 1300).unwrap();
        for index in 14..19 {
            append(&queue, index, index * 100).unwrap();
        }
        for log_min in [0, 1, 1299, 1300, 1301, 1799, 1800] {
            queue.correct_min(log_min);
            let units = queue.files().first().unwrap();
            let counted = CqUnit::iter(units.published(0))
                .position(|unit| !unit.is_blank() && unit.physical_offset >= log_min);
            assert_eq!(queue.min_index(), 10 + counted.unwrap() as i64, "{log_min}");
        }
    }

    #[test]
    fn without_waiting_only_what_fits_the_last_file_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(dir.path());
        let mut last = None;
        let mut try_append = |index: i64| {
            queue.append(index, &unit(index * 100), &mut last, FileWait::Refused, no_ext).unwrap()
        };
        assert_eq!(try_append(0), UnitAppend::NeedsFile);
        append(&queue, 0, 0).unwrap();
        assert!((1..10).all(|index| try_append(index) == UnitAppend::Written));
        assert_eq!(try_append(10), UnitAppend::NeedsFile, "the file is full");
        assert_eq!(try_append(9), UnitAppend::Known);
        assert_eq!(queue.max_index(), 10);
        append(&queue, 10, 1000).unwrap();
        assert_eq!(try_append(11), UnitAppend::Written, "the new file is found");
    }
}
