//! The consume queues: each unit against the record it leads to.

use libbroker::Error;
use libbroker::internals::format::disk::cq_ext::is_address;
use libbroker::internals::format::disk::cq_unit::{CQ_UNIT_SIZE, CqUnit};
use libbroker::internals::format::names::{MULTI_DISPATCH_SEPARATOR, SCHEDULE_TOPIC, property};
use libbroker::internals::format::record::RecordView;
use libbroker::internals::format::record::tags::{DelayLevels, record_tags_code};

use super::findings::Findings;
use super::{Extent, Subject};
use crate::inspect::queue::Queue;
use crate::inspect::store_dir::QueueName;

/// Checks all queues; the number of their units.
pub fn verify(subject: &Subject<'_>, extent: &Extent, findings: &mut Findings<'_>) -> Result<u64, Error> {
    let (names, strangers) = subject.store.queues()?;
    for path in strangers {
        findings.fault("consumequeue", &format!("{} does not belong there", path.display()))?;
    }
    let levels = subject.store.delay_levels();
    let mut units = 0;
    for name in names {
        let Some(queue) = Queue::open(subject.store, &name)? else { continue };
        let place = format!("consumequeue/{}/{}", name.topic, name.queue_id);
        for path in &queue.files.strangers {
            findings.fault(&place, &format!("{} does not belong there", path.display()))?;
        }
        queue.files.gaps().iter().try_for_each(|gap| findings.fault(&place, gap))?;
        for file in queue.files.files().iter().filter(|file| file.start % CQ_UNIT_SIZE as u64 != 0) {
            let text = format!("{} does not begin at a unit", queue.files.path(*file).display());
            findings.fault(&place, &text)?;
        }
        let mut check = Check {
            subject,
            extent,
            name: &name,
            place,
            queue: &queue,
            levels: levels.as_ref(),
            record: Vec::new(),
            newest: -1,
            seen: Seen::default(),
        };
        units += check.all(findings)?;
    }
    Ok(units)
}

/// The check of one queue.
struct Check<'a> {
    subject: &'a Subject<'a>,
    extent: &'a Extent,
    name: &'a QueueName,
    place: String,
    queue: &'a Queue,
    levels: Option<&'a DelayLevels>,
    record: Vec<u8>,
    /// Offset of the record before.
    newest: i64,
    seen: Seen,
}

/// What is counted, not listed.
#[derive(Debug, Default)]
struct Seen {
    unwritten: Option<(u64, u64)>,
    behind_log: u64,
}

impl Check<'_> {
    fn all(&mut self, findings: &mut Findings<'_>) -> Result<u64, Error> {
        let Some((last, _)) = self.queue.last()? else { return Ok(0) };
        let (queue, mut units) = (self.queue, 0);
        queue.each(0, last + 1, &mut |index, unit| {
            units += 1;
            self.unit(index, &unit, findings)?;
            Ok(true)
        })?;
        if let Some((first, count)) = self.seen.unwritten {
            findings
                .fault(&self.place, &format!("{count} units from index {first} on were never written"))?;
        }
        if self.seen.behind_log > 0 {
            let text = format!("{} units lead behind the end of the log", self.seen.behind_log);
            if self.subject.is_crashed {
                findings.note(&self.place, &format!("{text}; the next start removes them"))?;
            } else {
                findings.fault(&self.place, &text)?;
            }
        }
        Ok(units)
    }

    fn unit(&mut self, index: u64, unit: &CqUnit, findings: &mut Findings<'_>) -> Result<(), Error> {
        if unit.is_blank() {
            return Ok(());
        }
        let Some(offset) = u64::try_from(unit.physical_offset).ok().filter(|_| unit.is_written()) else {
            let (_, count) = self.seen.unwritten.get_or_insert((index, 0));
            *count += 1;
            return Ok(());
        };
        if offset < self.subject.log.start() {
            // Its record has expired.
            return Ok(());
        }
        if offset >= self.extent.end {
            self.seen.behind_log += 1;
            return Ok(());
        }
        if unit.physical_offset <= self.newest {
            let text = format!("unit {index} leads to {offset}, the one before it to {}", self.newest);
            findings.fault(&self.place, &text)?;
        }
        self.newest = self.newest.max(unit.physical_offset);
        if let Err(text) = self.against_log(index, offset, unit)? {
            findings.fault(&self.place, &format!("unit {index} for the record at {offset}: {text}"))?;
        }
        Ok(())
    }

    /// What does not agree, in words.
    fn against_log(&mut self, index: u64, offset: u64, unit: &CqUnit) -> Result<Result<(), String>, Error> {
        let size = usize::try_from(unit.size).unwrap_or(0);
        self.subject.log.read(offset, size, &mut self.record)?;
        let record = match RecordView::parse(&self.record) {
            Ok(record) => record,
            Err(error) => return Ok(Err(format!("there is none of {size} bytes: {error}"))),
        };
        if record.total_size() != size {
            return Ok(Err(format!("it has {} bytes, not {size}", record.total_size())));
        }
        let Some(own_index) = index_in(&record, self.name) else {
            let topic = String::from_utf8_lossy(record.topic_bytes());
            return Ok(Err(format!("it belongs to {topic}/{}", record.queue_id())));
        };
        if own_index != i64::try_from(index).ok() && own_index.is_some() {
            return Ok(Err(format!("it has index {}", own_index.unwrap_or_default())));
        }
        self.tags_code(&record, unit)
    }

    fn tags_code(&self, record: &RecordView<'_>, unit: &CqUnit) -> Result<Result<(), String>, Error> {
        let is_delayed = record.topic_bytes() == SCHEDULE_TOPIC.as_bytes();
        let levels = self.levels.cloned().unwrap_or_default();
        let delay = record.property(property::DELAY);
        let expected = record_tags_code(
            record.topic_bytes(),
            record.tags(),
            delay,
            record.store_timestamp_ms(),
            &levels,
        );
        let is_known = !is_delayed || self.levels.is_some();
        if !is_address(unit.tags_code) {
            let agrees = unit.tags_code == expected || !is_known;
            return Ok(if agrees {
                Ok(())
            } else {
                Err(format!("tags code {} should be {expected}", unit.tags_code))
            });
        }
        let stored_ms = record.store_timestamp_ms();
        let found = self.queue.ext_unit(unit.tags_code, |found| {
            let found = found.ok_or_else(|| format!("no extension unit at address {}", unit.tags_code))?;
            if found.store_timestamp_ms != stored_ms {
                return Err(format!(
                    "its extension unit is that of a message stored at {}",
                    found.store_timestamp_ms
                ));
            }
            if is_known && found.tags_code != expected {
                return Err(format!(
                    "tags code {} of its extension unit should be {expected}",
                    found.tags_code
                ));
            }
            Ok(())
        })?;
        Ok(found.unwrap_or(Ok(())))
    }
}

/// The index that a record has in a queue, `Some(None)` when it does not say; `None` when it does not go into it.
fn index_in(record: &RecordView<'_>, name: &QueueName) -> Option<Option<i64>> {
    let topic = name.topic.as_bytes();
    if record.topic_bytes() == topic && record.queue_id() == name.queue_id {
        return Some(Some(record.queue_offset()));
    }
    let queues = record.property(property::INNER_MULTI_DISPATCH)?;
    let at = queues.split(|byte| *byte == MULTI_DISPATCH_SEPARATOR).position(|queue| queue == topic)?;
    let offsets = record.property(property::INNER_MULTI_QUEUE_OFFSET).unwrap_or_default();
    let offset = offsets.split(|byte| *byte == MULTI_DISPATCH_SEPARATOR).nth(at);
    Some(offset.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()))
}
