//! One consume queue, unit by unit, with its extension.

use libbroker::Error;
use libbroker::internals::format::disk::cq_ext::{CQ_EXT_UNIT_MAX, CqExtUnit, offset_of};
use libbroker::internals::format::disk::cq_unit::{CQ_UNIT_SIZE, CqUnit};

use super::files::OffsetFiles;
use super::store_dir::{QueueName, StoreDir};

/// Units read at once.
const UNITS_AT_ONCE: usize = 4096;

/// The files of a queue.
#[derive(Debug)]
pub struct Queue {
    pub files: OffsetFiles,
    pub ext: Option<OffsetFiles>,
}

impl Queue {
    /// Lists the files; `None` for a name that no folder can have.
    pub fn open(store: &StoreDir, name: &QueueName) -> Result<Option<Self>, Error> {
        let Some(files) = store.queue(&name.topic, name.queue_id)? else { return Ok(None) };
        let ext = store.queue_ext(&name.topic, name.queue_id)?.filter(|ext| !ext.files().is_empty());
        Ok(Some(Self { files, ext }))
    }

    /// Index of the first place for a unit.
    pub fn first_index(&self) -> u64 {
        self.files.start().div_ceil(CQ_UNIT_SIZE as u64)
    }

    /// The unit at an index, written or not; `None` where no file has room for it.
    pub fn unit(&self, index: u64) -> Result<Option<CqUnit>, Error> {
        let Some(offset) = index.checked_mul(CQ_UNIT_SIZE as u64) else { return Ok(None) };
        let mut bytes = Vec::new();
        self.files.read(offset, CQ_UNIT_SIZE, &mut bytes)?;
        Ok(CqUnit::first_of(&bytes))
    }

    /// The newest written unit and its index.
    pub fn last(&self) -> Result<Option<(u64, CqUnit)>, Error> {
        for file in self.files.files().iter().rev() {
            let mut last = None;
            let (from, to) = (file.start / CQ_UNIT_SIZE as u64, file.end() / CQ_UNIT_SIZE as u64);
            self.each(from, to, &mut |index, unit| {
                if unit.is_written() {
                    last = Some((index, unit));
                }
                Ok(true)
            })?;
            if last.is_some() {
                return Ok(last);
            }
        }
        Ok(None)
    }

    /// Calls `each` with the places from `from` to before `to`, until it has enough.
    pub fn each(
        &self,
        from: u64,
        to: u64,
        each: &mut dyn FnMut(u64, CqUnit) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut index = from.max(self.first_index());
        let mut bytes = Vec::new();
        while index < to {
            let Some(offset) = index.checked_mul(CQ_UNIT_SIZE as u64) else { return Ok(()) };
            self.files.read(offset, UNITS_AT_ONCE * CQ_UNIT_SIZE, &mut bytes)?;
            let units = CqUnit::iter(&bytes);
            if units.len() == 0 {
                // Behind a gap between files, or a file that ends within a unit.
                let next = self.files.files().iter().find(|file| file.start > offset);
                let Some(next) = next else { return Ok(()) };
                index = next.start.div_ceil(CQ_UNIT_SIZE as u64).max(index + 1);
                continue;
            }
            for unit in units {
                if index >= to || !each(index, unit)? {
                    return Ok(());
                }
                index += 1;
            }
        }
        Ok(())
    }

    /// Calls `with` with the extension unit that a queue unit names; `None` when there is none where it should be.
    pub fn ext_unit<T>(
        &self,
        tags_code: i64,
        with: impl FnOnce(Option<CqExtUnit<'_>>) -> T,
    ) -> Result<Option<T>, Error> {
        let Some(offset) = offset_of(tags_code).and_then(|offset| u64::try_from(offset).ok()) else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        if let Some(ext) = &self.ext {
            ext.read(offset, CQ_EXT_UNIT_MAX, &mut bytes)?;
        }
        Ok(Some(with(CqExtUnit::first_of(&bytes))))
    }
}
