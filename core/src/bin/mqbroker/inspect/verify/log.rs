//! The commit log: each record for itself, and its unit in the queue.

use std::collections::BTreeMap;

use libbroker::Error;
use libbroker::internals::format::disk::cq_unit::CqUnit;
use libbroker::internals::format::disk::paths::is_safe_folder;
use libbroker::internals::format::record::RecordView;

use super::findings::Findings;
use super::{Extent, Subject};
use crate::inspect::queue::Queue;
use crate::inspect::store_dir::QueueName;
use crate::inspect::walk::{Go, Step, walk};

const PLACE: &str = "commit log";
/// Queues kept open.
const OPEN_MAX: usize = 512;

/// Walks the log.
pub fn verify(subject: &Subject<'_>, findings: &mut Findings<'_>) -> Result<Extent, Error> {
    for path in &subject.log.strangers {
        findings.fault(PLACE, &format!("{} does not belong there", path.display()))?;
    }
    subject.log.gaps().iter().try_for_each(|gap| findings.fault(PLACE, gap))?;
    let mut extent = Extent { end: subject.log.start(), ..Extent::default() };
    let mut units = Units { subject, queues: BTreeMap::new(), missing: BTreeMap::new() };
    walk(&subject.log, 0, &mut |step| {
        match step {
            Step::Record { offset, record } => {
                extent.records += 1;
                extent.newest_ms = extent.newest_ms.max(record.store_timestamp_ms());
                extent.end = offset + record.total_size() as u64;
                check_record(offset, &record, findings)?;
                units.check(offset, &record)?;
            }
            Step::Filler { offset, size, left } => {
                extent.end = offset;
                if size as u64 != left {
                    let text =
                        format!("the filler at {offset} says {size} bytes, {left} are left in its file");
                    findings.fault(PLACE, &text)?;
                }
            }
            Step::Damage { offset, bytes, what } => {
                findings.fault(PLACE, &format!("{bytes} bytes from {offset} on are no record: {what}"))?;
            }
            Step::End { offset, unfinished } => {
                extent.end = offset;
                check_end(subject, offset, unfinished, findings)?;
            }
        }
        Ok(Go::On)
    })?;
    units.report(findings)?;
    Ok(extent)
}

fn check_end(
    subject: &Subject<'_>,
    offset: u64,
    unfinished: Option<String>,
    findings: &mut Findings<'_>,
) -> Result<(), Error> {
    let Some(what) = unfinished else { return Ok(()) };
    if subject.is_crashed {
        let text =
            format!("it ends at {offset} with an unfinished record ({what}); the next start cuts it off");
        return findings.note(PLACE, &text);
    }
    findings.fault(PLACE, &format!("what follows its end at {offset} is no record: {what}"))
}

fn check_record(offset: u64, record: &RecordView<'_>, findings: &mut Findings<'_>) -> Result<(), Error> {
    let topic = String::from_utf8_lossy(record.topic_bytes());
    let mut fault = |text: &str| findings.fault(PLACE, &format!("record at {offset} ({topic}): {text}"));
    if !record.crc_ok() {
        fault(&format!("the body's CRC is not {:#010x}", record.body_crc()))?;
    }
    if u64::try_from(record.physical_offset()) != Ok(offset) {
        fault(&format!("it says that it lies at {}", record.physical_offset()))?;
    }
    if record.topic().is_none_or(|topic| !is_safe_folder(topic)) {
        fault("the topic is no name")?;
    }
    if record.queue_id() < 0 || record.queue_offset() < 0 {
        fault(&format!("queue {} and index {} are impossible", record.queue_id(), record.queue_offset()))?;
    }
    if record.store_timestamp_ms() <= 0 {
        fault(&format!("the store time {} is impossible", record.store_timestamp_ms()))?;
    }
    Ok(())
}

/// Looks for the unit of each record.
struct Units<'a> {
    subject: &'a Subject<'a>,
    queues: BTreeMap<QueueName, Option<Known>>,
    missing: BTreeMap<(QueueName, Why), Missing>,
}

/// A queue that has units.
struct Known {
    queue: Queue,
    last_index: u64,
    last: CqUnit,
}

/// Why there is no unit for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// It was lost.
    Lost,
    /// The broker had not come to it.
    ToCome,
    /// The topic was deleted.
    Deleted,
    /// The topic was deleted and made anew.
    OfEarlierTopic,
}

#[derive(Debug)]
struct Missing {
    count: u64,
    first_offset: u64,
    first_index: i64,
}

impl Units<'_> {
    fn check(&mut self, offset: u64, record: &RecordView<'_>) -> Result<(), Error> {
        let (Some(topic), true) = (record.topic(), record.transaction_type().takes_queue_offset()) else {
            return Ok(());
        };
        let Ok(index) = u64::try_from(record.queue_offset()) else { return Ok(()) };
        let name = QueueName { topic: topic.to_owned(), queue_id: record.queue_id() };
        if let Some(why) = self.why_missing(&name, index, offset, record.store_timestamp_ms())? {
            let first_index = record.queue_offset();
            let missing = self.missing.entry((name, why)).or_insert(Missing {
                count: 0,
                first_offset: offset,
                first_index,
            });
            missing.count += 1;
        }
        Ok(())
    }

    /// `None` when the unit is there.
    fn why_missing(
        &mut self,
        name: &QueueName,
        index: u64,
        offset: u64,
        stored_ms: i64,
    ) -> Result<Option<Why>, Error> {
        let (subject, offset) = (self.subject, i64::try_from(offset).unwrap_or(i64::MAX));
        if self.queues.len() >= OPEN_MAX && !self.queues.contains_key(name) {
            self.queues.clear();
        }
        if !self.queues.contains_key(name) {
            let known = Known::open(subject, name)?;
            self.queues.insert(name.clone(), known);
        }
        let is_to_come = subject.is_crashed && stored_ms >= subject.durable_until_ms;
        let Some(Some(known)) = self.queues.get(name) else {
            let is_known = subject
                .topics
                .as_ref()
                .is_none_or(|topics| topics.topic_config_table.contains_key(&name.topic));
            return Ok(Some(match (is_to_come, is_known) {
                (true, _) => Why::ToCome,
                (false, true) => Why::Lost,
                (false, false) => Why::Deleted,
            }));
        };
        match known.queue.unit(index)? {
            Some(unit) if unit.is_written() && unit.physical_offset == offset => Ok(None),
            Some(unit) if unit.is_written() && !unit.is_blank() && unit.physical_offset > offset => {
                Ok(Some(Why::OfEarlierTopic))
            }
            // A unit that leads elsewhere is reported where the queues are.
            Some(unit) if unit.is_written() && !unit.is_blank() => Ok(None),
            _ if known.last.physical_offset > offset && index > known.last_index => {
                Ok(Some(Why::OfEarlierTopic))
            }
            _ if is_to_come => Ok(Some(Why::ToCome)),
            _ => Ok(Some(Why::Lost)),
        }
    }

    fn report(self, findings: &mut Findings<'_>) -> Result<(), Error> {
        for ((name, why), missing) in self.missing {
            let place = format!("consumequeue/{}/{}", name.topic, name.queue_id);
            let Missing { count, first_offset, first_index } = missing;
            let which =
                format!("{count} records of the log, the first at {first_offset} for index {first_index}");
            match why {
                Why::Lost => findings.fault(&place, &format!("has no unit for {which}"))?,
                Why::ToCome => {
                    findings.note(
                        &place,
                        &format!("has no unit yet for {which}; the next start dispatches them"),
                    )?;
                }
                Why::Deleted => {
                    findings.note(&place, &format!("the topic was deleted; of it are left {which}"))?
                }
                Why::OfEarlierTopic => {
                    findings.note(
                        &place,
                        &format!("the topic was made anew; of the earlier one are left {which}"),
                    )?;
                }
            }
        }
        Ok(())
    }
}

impl Known {
    /// `None` for a queue without units.
    fn open(subject: &Subject<'_>, name: &QueueName) -> Result<Option<Self>, Error> {
        let Some(queue) = Queue::open(subject.store, name)? else { return Ok(None) };
        let Some((last_index, last)) = queue.last()? else { return Ok(None) };
        Ok(Some(Self { queue, last_index, last }))
    }
}
