//! The key index: each entry against the record it leads to, and whether it can be found.

use std::collections::BTreeSet;
use std::path::PathBuf;

use libbroker::Error;
use libbroker::internals::format::disk::index::IndexEntry;
use libbroker::internals::format::names::property;
use libbroker::internals::format::record::RecordView;
use libbroker::internals::format::record::decode::claimed_size;
use libbroker::internals::format::record::tags::index_key_hash;

use super::findings::Findings;
use super::{Extent, Subject};
use crate::inspect::index_file::IndexFile;

/// Most records are read at once with their heads.
const READ_BYTES: usize = 4096;

/// Checks all files; the number of their entries.
pub fn verify(subject: &Subject<'_>, extent: &Extent, findings: &mut Findings<'_>) -> Result<u64, Error> {
    let (paths, strangers) = subject.store.index()?;
    for path in strangers {
        findings.fault("index", &format!("{} does not belong there", path.display()))?;
    }
    if let Some(size) = unknown_size(subject, &paths) {
        let text = format!(
            "its files of {size} bytes do not have four entries for each slot: where that is not damage the broker's \
             properties file, named with -c, tells the numbers; not checked"
        );
        findings.note("index", &text)?;
        return Ok(0);
    }
    let mut entries = 0;
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let place = format!("index/{name}");
        match IndexFile::open(subject.store, &path) {
            Ok(file) => {
                let mut check = Check {
                    subject,
                    extent,
                    file: &file,
                    place,
                    record: Vec::new(),
                    chains: Chains::default(),
                };
                entries += check.all(findings)?;
            }
            Err(error) => findings.fault(&place, error.context())?,
        }
    }
    Ok(entries)
}

/// The size that all files have, when only a configuration that nobody named can tell what is in them. Files of several sizes are
/// damaged, whatever it says.
fn unknown_size(subject: &Subject<'_>, paths: &[PathBuf]) -> Option<u64> {
    let sizes = paths.iter().map(|path| Some(std::fs::metadata(path).ok()?.len()));
    let sizes: BTreeSet<u64> = sizes.collect::<Option<_>>()?;
    let size = sizes.first().copied().filter(|_| sizes.len() == 1 && !subject.store.is_configured())?;
    subject.store.index_layout(size).is_none().then_some(size)
}

/// The check of one file.
struct Check<'a> {
    subject: &'a Subject<'a>,
    extent: &'a Extent,
    file: &'a IndexFile,
    place: String,
    record: Vec<u8>,
    chains: Chains,
}

/// Which entries lead to which.
#[derive(Debug, Default)]
struct Chains {
    hashes: Vec<i32>,
    is_named: Vec<bool>,
}

impl Check<'_> {
    fn all(&mut self, findings: &mut Findings<'_>) -> Result<u64, Error> {
        let (header, file) = (self.file.header, self.file);
        if header.next_entry > file.layout.entries() {
            let text = format!(
                "it counts {} entries and has room for {}",
                header.next_entry - 1,
                file.layout.entries() - 1
            );
            findings.fault(&self.place, &text)?;
        }
        let next = file.next_entry();
        self.chains = Chains { hashes: vec![-1; next as usize], is_named: vec![false; next as usize] };
        let mut behind_log = 0;
        file.each_entry(&mut |number, entry| {
            behind_log += u64::from(self.entry(number, &entry, findings)?);
            Ok(true)
        })?;
        self.slots(next, findings)?;
        if behind_log > 0 {
            let text = format!("{behind_log} entries lead behind the end of the log");
            if self.subject.is_crashed {
                findings.note(&self.place, &format!("{text}; the next start makes the file anew"))?;
            } else {
                findings.fault(&self.place, &text)?;
            }
        }
        Ok(u64::from(next.saturating_sub(1)))
    }

    /// Checks an entry; true when it leads behind the end of the log.
    fn entry(&mut self, number: u32, entry: &IndexEntry, findings: &mut Findings<'_>) -> Result<bool, Error> {
        if let Some(hash) = self.chains.hashes.get_mut(number as usize) {
            *hash = entry.key_hash;
        }
        if let Err(text) = self.chain(number, entry) {
            findings.fault(&self.place, &format!("entry {number}: {text}"))?;
        }
        let Ok(offset) = u64::try_from(entry.physical_offset) else {
            findings.fault(
                &self.place,
                &format!("entry {number}: offset {} is impossible", entry.physical_offset),
            )?;
            return Ok(false);
        };
        if offset < self.subject.log.start() {
            // Its record has expired.
            return Ok(false);
        }
        if offset >= self.extent.end {
            return Ok(true);
        }
        if let Err(text) = self.against_log(number, offset, entry)? {
            findings.fault(&self.place, &format!("entry {number} for the record at {offset}: {text}"))?;
        }
        Ok(false)
    }

    /// Notes what the entry leads to, which must be an older one of its slot.
    fn chain(&mut self, number: u32, entry: &IndexEntry) -> Result<(), String> {
        if entry.key_hash < 0 {
            return Err(format!("hash {} is impossible", entry.key_hash));
        }
        if entry.previous == 0 {
            return Ok(());
        }
        let previous = u32::try_from(entry.previous).ok().filter(|previous| *previous < number);
        let Some(previous) = previous else {
            return Err(format!("it leads on to entry {}, which is no older one", entry.previous));
        };
        self.name(previous, self.file.layout.slot_of(entry.key_hash))
    }

    /// Notes that an entry can be found from a slot.
    fn name(&mut self, number: u32, slot: u32) -> Result<(), String> {
        let number = number as usize;
        let (Some(hash), Some(is_named)) =
            (self.chains.hashes.get(number), self.chains.is_named.get_mut(number))
        else {
            return Err(format!("there is no entry {number}"));
        };
        if self.file.layout.slot_of(*hash) != slot {
            return Err(format!("it leads on to entry {number}, which belongs to another slot"));
        }
        if std::mem::replace(is_named, true) {
            return Err(format!("it leads on to entry {number}, as another one does"));
        }
        Ok(())
    }

    fn slots(&mut self, next: u32, findings: &mut Findings<'_>) -> Result<(), Error> {
        let file = self.file;
        let mut beyond = 0_u64;
        file.each_slot(&mut |slot, value| {
            if value == 0 {
                return Ok(());
            }
            match file.layout.entry_named(value, next) {
                Some(number) => match self.name(number, slot) {
                    Ok(()) => Ok(()),
                    Err(text) => findings.fault(&self.place, &format!("slot {slot}: {text}")),
                },
                None => {
                    beyond += 1;
                    Ok(())
                }
            }
        })?;
        if beyond > 0 {
            let text = format!("{beyond} slots name entries that were never counted");
            if self.subject.is_crashed {
                findings.note(&self.place, &text)?
            } else {
                findings.fault(&self.place, &text)?
            }
        }
        let lost = self.chains.is_named.iter().skip(1).filter(|is_named| !**is_named).count();
        if lost > 0 && beyond == 0 {
            findings.fault(&self.place, &format!("{lost} entries cannot be found from any slot"))?;
        }
        Ok(())
    }

    /// What does not agree, in words.
    fn against_log(
        &mut self,
        number: u32,
        offset: u64,
        entry: &IndexEntry,
    ) -> Result<Result<(), String>, Error> {
        self.subject.log.read(offset, READ_BYTES, &mut self.record)?;
        if let Some(size) = claimed_size(&self.record).filter(|size| *size > self.record.len()) {
            self.subject.log.read(offset, size, &mut self.record)?;
        }
        let record = match RecordView::parse(&self.record) {
            Ok(record) => record,
            Err(error) => return Ok(Err(format!("there is none: {error}"))),
        };
        let mut keys =
            record.uniq_key().into_iter().chain(record.keys().into_iter().flat_map(property::split_keys));
        if !keys.any(|key| index_key_hash(record.topic_bytes(), key) == entry.key_hash) {
            return Ok(Err(format!("none of its keys has the hash {}", entry.key_hash)));
        }
        // The first entry of a file was written before the file had a time of its own.
        let seconds = self.file.header.seconds_of(record.store_timestamp_ms());
        if number > 1 && seconds != entry.seconds {
            return Ok(Err(format!(
                "it was stored {seconds} s after the begin of the file, not {}",
                entry.seconds
            )));
        }
        Ok(Ok(()))
    }
}
