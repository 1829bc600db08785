//! The load of pullers.

use std::time::Duration;

use libbroker::clock::Moment;
use libbroker::internals::format::record::RecordView;
use libbroker::internals::format::wire::header::pull::{PullHeader, pull_flag};
use libbroker::internals::format::wire::{OutgoingRequest, RemotingCommand, RequestCode};

use super::args::Pull;
use super::content::{Content, Stamp};
use super::load::{Budget, Tally, Work};
use super::topic::Queue;
use crate::connection::{Connection, is_success, refusal};

/// Consumer group of the load.
const GROUP: &str = "bench-consumer";

/// Asks for up to `count` messages of a queue. With `suspend` it is a long poll, which the broker holds until a message comes or
/// that time is over.
pub fn pull_request(
    topic: &str,
    queue_id: i32,
    offset: i64,
    count: u64,
    suspend: Option<Duration>,
) -> OutgoingRequest {
    let suspend_flag = if suspend.is_some() { pull_flag::SUSPEND } else { 0 };
    let header = PullHeader {
        consumer_group: Some(GROUP),
        topic: Some(topic),
        queue_id: Some(queue_id),
        queue_offset: Some(offset),
        message_count_max: i32::try_from(count).ok(),
        sys_flag: Some(pull_flag::SUBSCRIPTION | suspend_flag),
        commit_offset: Some(0),
        suspend_timeout_ms: i64::try_from(suspend.unwrap_or_default().as_millis()).ok(),
        subscription: Some("*"),
        subscription_version: Some(0),
        expression_type: Some("TAG"),
    };
    OutgoingRequest::new(RequestCode::PullMessage).with_fields(header.fields())
}

/// One reader of one queue, with a single request at a time: it knows what must come next.
pub struct Reader {
    pub queue: Queue,
    /// The next message's.
    pub offset: i64,
    /// The latest sequence number of each producer.
    latest: Vec<(u32, u64)>,
}

impl Reader {
    /// A reader of what comes from now on.
    pub fn of_new_messages(queue: Queue) -> Self {
        Self { queue, offset: queue.max_offset, latest: Vec::new() }
    }

    /// Reader number `index` of the `count` readers of `queues`, which are spread over the queues and their lengths.
    fn spread(queues: &[Queue], index: usize, count: usize) -> Option<Self> {
        let queue = *queues.get(index % queues.len())?;
        let round = (index / queues.len()) as i64;
        let rounds = count.div_ceil(queues.len()) as i64;
        let length = queue.max_offset - queue.min_offset;
        let offset = queue.min_offset + length / rounds * round;
        Some(Self { queue, offset, latest: Vec::new() })
    }

    /// Takes the next message and gives its stamp, or says what is wrong with it.
    fn check(
        &mut self,
        record: &RecordView<'_>,
        content: &mut Content,
        tally: &mut Tally,
    ) -> Result<Stamp, String> {
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
        Ok(stamp)
    }

    /// Takes the messages of an answer and shows `each` the stamps, or says what is wrong with the first wrong one.
    pub fn check_all(
        &mut self,
        mut records: &[u8],
        content: &mut Content,
        tally: &mut Tally,
        mut each: impl FnMut(Stamp, &mut Tally),
    ) -> Result<(), String> {
        while !records.is_empty() {
            let record = RecordView::parse(records).map_err(|cause| cause.to_string())?;
            each(self.check(&record, content, tally)?, tally);
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
            (first..first + window).filter_map(|reader| Reader::spread(queues, reader, count)).collect();
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
        let topic = &self.options.load.target.topic;
        connection.push(&pull_request(topic, reader.queue.id, reader.offset, count, None), opaque);
        self.idle.pop();
        Some(Asked { reader: index, count })
    }

    fn answer(&mut self, asked: Asked, answer: &RemotingCommand, tally: &mut Tally) {
        self.idle.push(asked.reader);
        let Some(reader) = self.readers.get_mut(asked.reader) else { return };
        let before = tally.messages;
        let checked = match is_success(answer) {
            true => reader.check_all(&answer.body, &mut self.content, tally, |_, _| ()),
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use libbroker::internals::format::record::{RecordFields, body_crc, encode};

    use super::*;

    /// Records as an answer has them, of (queue offset, stamp).
    fn records(messages: &[(i64, Stamp)]) -> Vec<u8> {
        let host = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let mut all = Vec::new();
        for (queue_offset, stamp) in messages {
            let mut text = String::new();
            stamp.write(&mut text);
            let body = [text.as_bytes(), &Content::new(100).letters(stamp.sequence, 100)].concat();
            let fields = RecordFields {
                queue_id: 1,
                flag: 0,
                queue_offset: *queue_offset,
                physical_offset: 0,
                sys_flag: 0,
                born_timestamp_ms: 0,
                born_host: host,
                store_timestamp_ms: 0,
                store_host: host,
                reconsume_times: 0,
                prepared_transaction_offset: 0,
                body: &body,
                body_crc: body_crc(&body),
                topic: b"t",
                properties: b"",
            };
            let mut record = vec![0; fields.size()];
            encode(&mut record, &fields).unwrap();
            all.extend(record);
        }
        all
    }

    fn stamp(producer: u32, sequence: u64) -> Stamp {
        Stamp { producer, sequence }
    }

    fn checked(records: &[u8]) -> (Result<(), String>, Tally) {
        let mut reader = Reader::of_new_messages(Queue { id: 1, min_offset: 0, max_offset: 5 });
        let mut tally = Tally::new().unwrap();
        let result = reader.check_all(records, &mut Content::new(0), &mut tally, |_, _| ());
        (result, tally)
    }

    #[test]
    fn messages_in_order_are_counted() {
        let (result, tally) = checked(&records(&[(5, stamp(1, 7)), (6, stamp(2, 3)), (7, stamp(1, 8))]));
        assert_eq!((result, tally.messages, tally.out_of_order), (Ok(()), 3, 0));
        assert_eq!(tally.body_bytes, 300);
    }

    #[test]
    fn a_message_behind_a_later_one_of_its_producer_is_out_of_order() {
        let (result, tally) = checked(&records(&[(5, stamp(1, 8)), (6, stamp(1, 7)), (7, stamp(1, 8))]));
        assert_eq!((result, tally.messages, tally.out_of_order), (Ok(()), 3, 2));
    }

    #[test]
    fn a_missing_message_is_told() {
        let (result, tally) = checked(&records(&[(5, stamp(1, 1)), (7, stamp(1, 2))]));
        assert_eq!((result, tally.messages), (Err("got 1/7 instead of 1/6".to_owned()), 1));
    }

    #[test]
    fn a_wrong_body_is_told() {
        let mut bytes = records(&[(5, stamp(1, 1))]);
        let letter = bytes.windows(3).position(|bytes| bytes == b"XYZ").unwrap();
        bytes[letter] = b'x';
        let (result, tally) = checked(&bytes);
        assert_eq!((result, tally.messages), (Err("wrong body at 1/5".to_owned()), 0));
    }
}
