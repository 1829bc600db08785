//! The load of pullers.

use libbroker::clock::Moment;
use libbroker::internals::format::record::RecordView;
use libbroker::internals::format::wire::header::pull::{PullHeader, pull_flag};
use libbroker::internals::format::wire::{OutgoingRequest, RemotingCommand, RequestCode};

use super::args::Pull;
use super::connection::{Connection, is_success, refusal};
use super::content::Content;
use super::load::{Budget, Tally, Work};
use super::topic::Queue;

/// Consumer group of the load.
const GROUP: &str = "bench-consumer";

/// One reader of one queue: a single request at a time, from the first message to the last and then again.
struct Reader {
    queue: Queue,
    /// The next message's.
    offset: i64,
    /// The latest sequence number of each producer.
    latest: Vec<(u32, u64)>,
}

impl Reader {
    /// Reader number `index` of the `count` readers of `queues`, which are spread over the queues and their lengths.
    fn new(queues: &[Queue], index: usize, count: usize) -> Option<Self> {
        let queue = *queues.get(index % queues.len())?;
        let round = (index / queues.len()) as i64;
        let rounds = count.div_ceil(queues.len()) as i64;
        let length = queue.max_offset - queue.min_offset;
        let offset = queue.min_offset + length / rounds * round;
        Some(Self { queue, offset, latest: Vec::new() })
    }

    /// Takes the next message. Says what is wrong with it.
    fn check(
        &mut self,
        record: &RecordView<'_>,
        content: &mut Content,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let (queue_id, offset) = (record.queue_id(), record.queue_offset());
        if (queue_id, offset) != (self.queue.id, self.offset) {
            return Err(format!("got {queue_id}/{offset} instead of {}/{}", self.queue.id, self.offset));
        }
        let stamp =
            content.check(record.body()).ok_or_else(|| format!("wrong body at {queue_id}/{offset}"))?;
        match self.latest.iter_mut().find(|(producer, _)| *producer == stamp.producer) {
            Some((_, latest)) if *latest >= stamp.sequence => tally.out_of_order += 1,
            Some((_, latest)) => *latest = stamp.sequence,
            None => self.latest.push((stamp.producer, stamp.sequence)),
        }
        self.offset += 1;
        tally.messages += 1;
        tally.body_bytes += record.body().len() as u64;
        Ok(())
    }

    fn check_all(
        &mut self,
        mut records: &[u8],
        content: &mut Content,
        tally: &mut Tally,
    ) -> Result<(), String> {
        while !records.is_empty() {
            let record = RecordView::parse(records).map_err(|cause| cause.to_string())?;
            self.check(&record, content, tally)?;
            records = records.get(record.total_size()..).unwrap_or_default();
        }
        Ok(())
    }
}

/// One connection's readers.
pub struct Puller<'a> {
    options: &'a Pull,
    budget: Budget,
    content: Content,
    readers: Vec<Reader>,
    idle: Vec<usize>,
}

/// A reader that waits for an answer, and the messages taken from the budget for it.
pub struct Asked {
    reader: usize,
    count: u64,
}

impl<'a> Puller<'a> {
    /// The readers of connection `index`: one for each place of its window.
    pub fn new(options: &'a Pull, budget: Budget, queues: &[Queue], index: u32) -> Self {
        let window = options.load.window as usize;
        let count = options.load.connections as usize * window;
        let first = index as usize * window;
        let readers: Vec<Reader> =
            (first..first + window).filter_map(|reader| Reader::new(queues, reader, count)).collect();
        let idle = (0..readers.len()).collect();
        Self { options, budget, content: Content::new(0), readers, idle }
    }
}

impl Work for Puller<'_> {
    type Pending = Asked;

    fn request(&mut self, connection: &mut Connection, opaque: i32, now: Moment) -> Option<Asked> {
        let index = *self.idle.last()?;
        let reader = self.readers.get_mut(index)?;
        if reader.offset >= reader.queue.max_offset {
            reader.offset = reader.queue.min_offset;
            reader.latest.clear();
        }
        let left = u64::try_from(reader.queue.max_offset - reader.offset).unwrap_or_default();
        let count = self.budget.take(left.min(u64::from(self.options.batch)), now);
        if count == 0 {
            return None;
        }
        let header = PullHeader {
            consumer_group: Some(GROUP),
            topic: Some(&self.options.load.topic),
            queue_id: Some(reader.queue.id),
            queue_offset: Some(reader.offset),
            message_count_max: i32::try_from(count).ok(),
            sys_flag: Some(pull_flag::SUBSCRIPTION),
            commit_offset: Some(0),
            suspend_timeout_ms: Some(0),
            subscription: Some("*"),
            subscription_version: Some(0),
            expression_type: Some("TAG"),
        };
        connection.push(&OutgoingRequest::new(RequestCode::PullMessage).with_fields(header.fields()), opaque);
        self.idle.pop();
        Some(Asked { reader: index, count })
    }

    fn answer(&mut self, asked: Asked, answer: &RemotingCommand, tally: &mut Tally) {
        self.idle.push(asked.reader);
        let Some(reader) = self.readers.get_mut(asked.reader) else { return };
        let before = tally.messages;
        let checked = match is_success(answer) {
            true => reader.check_all(&answer.body, &mut self.content, tally),
            false => Err(refusal(answer)),
        };
        match checked {
            Ok(()) => self.budget.put_back(asked.count.saturating_sub(tally.messages - before)),
            // What is wrong stays wrong: go on behind it.
            Err(reason) => {
                reader.offset += 1;
                tally.fail(1, || reason);
            }
        }
    }
}
