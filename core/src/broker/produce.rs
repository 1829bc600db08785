//! The one way in: every message that a client sends passes here on its way to the store (broker-behaviour §2).

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use super::groups::SubscriptionGroups;
use super::refusal::{Refusal, SEE_FAQ};
use super::stats::BrokerStats;
use super::topics::{Topics, Wanted};
use super::transaction::half;
use crate::clock::Clock;
use crate::config::{Config, LiveConfig};
use crate::format::disk::tables::{TopicConfig, TopicFilterType};
use crate::format::flags::{TransactionType, perm, sys_flag, topic as topic_flag};
use crate::format::names::{self, property};
use crate::format::record::properties;
use crate::format::record::tags::delay_queue_id;
use crate::format::wire::codes::{ResponseCode, version};
use crate::format::wire::header::send::SendFields;
use crate::store::acks::PutTicket;
use crate::store::{
    Amount, Appended, BodyForm, MessageStore, PutMessage, PutOutcome, PutOutcomes, PutStatus,
};

/// A send as it came in.
#[derive(Debug, Clone, Copy)]
pub struct Send<'a> {
    /// The header, in whichever form it came.
    pub header: SendFields<'a>,
    /// The body; for a batch the encoded parts.
    pub body: &'a [u8],
    /// The sender.
    pub born_host: SocketAddr,
    /// The address the sender knows this broker by.
    pub store_host: SocketAddr,
    /// Version of the sender.
    pub version: i32,
}

/// A send that reached the store.
#[derive(Debug)]
pub struct Sent {
    /// How the put ended. Not final while it waits.
    pub status: PutStatus,
    /// Where the message lies, when it was appended.
    pub appended: Option<Appended>,
    /// The queue that was asked for, or chosen for the sender.
    pub queue_id: i32,
    /// The status comes with [`SentAll::ticket`].
    pub waits: bool,
}

/// What became of sends that came together.
#[derive(Debug)]
pub struct SentAll {
    /// In their order.
    pub each: Vec<Result<Sent, Refusal>>,
    /// Final when the disk has all that wait for it.
    pub ticket: Option<PutTicket>,
}

/// Rules between a client's send and the store.
#[derive(Debug)]
pub struct Produce {
    store: Arc<MessageStore>,
    topics: Arc<Topics>,
    groups: Arc<SubscriptionGroups>,
    stats: Arc<BrokerStats>,
    config: LiveConfig,
    clock: Clock,
}

thread_local! {
    /// Where the final properties texts are put together; kept, so that a send allocates nothing for it.
    static TEXTS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// More than this is not kept for the next sends of the thread.
const TEXTS_KEPT_BYTES_MAX: usize = 256 * 1024;

/// Where a message goes.
struct Place<'a> {
    topic: Cow<'a, str>,
    queue_id: i32,
}

/// Where a message waits before it goes to its place.
enum Detour {
    None,
    /// In the schedule topic, at this level.
    Delay(i32),
    /// In the half topic, for its producer's word.
    Half,
}

/// A send that passed its checks.
struct Planned<'a> {
    place: Place<'a>,
    /// It waits somewhere else first.
    detour: Detour,
    /// Its final properties in [`TEXTS`].
    text: Range<usize>,
    form: BodyForm,
    wait_store_ok: bool,
    /// Bits of sysFlag that the topic adds.
    sys_flag: i32,
}

impl Produce {
    /// With the tables it asks and the store it feeds.
    pub fn new(
        store: Arc<MessageStore>,
        topics: Arc<Topics>,
        groups: Arc<SubscriptionGroups>,
        stats: Arc<BrokerStats>,
        config: LiveConfig,
        clock: Clock,
    ) -> Self {
        Self { store, topics, groups, stats, config, clock }
    }

    /// The store.
    pub fn store(&self) -> &Arc<MessageStore> {
        &self.store
    }

    /// Checks sends that came together and stores them in their order. Does not wait for the disk: see [`SentAll::ticket`].
    pub fn send_all(&self, sends: &[Send<'_>]) -> SentAll {
        TEXTS.with_borrow_mut(|texts| {
            let sent = self.send_with(sends, texts);
            texts.clear();
            texts.shrink_to(TEXTS_KEPT_BYTES_MAX);
            sent
        })
    }

    /// Checks a reply message as a send, and says which queue it goes to.
    pub fn admit_reply(&self, send: &Send<'_>) -> Result<i32, Refusal> {
        choose_queue(send, &*self.admit(send, &self.config.load())?)
    }

    /// Stores a message that is final as it is, and counts it.
    pub fn put_counted(&self, message: &PutMessage<'_>) -> PutOutcome {
        let outcome = self.store.put(message);
        self.count(std::slice::from_ref(message), std::slice::from_ref(&outcome));
        outcome
    }

    fn send_with(&self, sends: &[Send<'_>], texts: &mut Vec<u8>) -> SentAll {
        let config = self.config.load();
        let mut topic = None;
        let planned: Vec<_> = sends.iter().map(|send| self.plan(send, &config, &mut topic, texts)).collect();
        let each = sends.iter().zip(&planned);
        let messages: Vec<_> =
            each.filter_map(|(send, planned)| Some(planned.as_ref().ok()?.message(send, texts))).collect();
        let PutOutcomes { each, ticket } = self.store.put_all(&messages);
        self.count(&messages, &each);
        let mut outcomes = each.into_iter();
        let is_final = ticket.is_none();
        let mut sent = |planned: Planned<'_>| {
            let PutOutcome { status, appended, .. } = outcomes.next()?;
            let waits = !is_final && planned.wait_store_ok && appended.is_some();
            Some(Sent { status, appended, queue_id: planned.place.queue_id, waits })
        };
        let lost = || Refusal::new(ResponseCode::SystemError, "the store did not answer");
        let each = planned.into_iter().map(|planned| sent(planned?).ok_or_else(lost)).collect();
        SentAll { each, ticket }
    }

    /// Checks a send, says where its message goes, and appends its properties to `texts`. `known` is the topic of the send
    /// before: mostly the same.
    fn plan<'a>(
        &self,
        send: &Send<'a>,
        config: &Config,
        known: &mut Option<Arc<TopicConfig>>,
        texts: &mut Vec<u8>,
    ) -> Result<Planned<'a>, Refusal> {
        let name = send.header.topic;
        let topic = match known {
            Some(topic) if topic.topic_name == name => topic,
            known => known.insert(self.admit(send, config)?),
        };
        let queue_id = choose_queue(send, topic)?;
        if send.header.batch {
            plan_batch(send, topic, queue_id, config, texts)
        } else {
            self.plan_one(send, topic, queue_id, config, texts)
        }
    }

    /// Checks that concern the topic, in the order of the reference.
    fn admit(&self, send: &Send<'_>, config: &Config) -> Result<Arc<TopicConfig>, Refusal> {
        let not_before =
            i64::try_from(config.broker.start_accept_send_request_time_stamp).unwrap_or(i64::MAX);
        if not_before > 0 && self.clock.now_ms() < not_before {
            return Err(Refusal::new(
                ResponseCode::SystemError,
                format!("broker unable to service, until {}", local_time(not_before)),
            ));
        }
        let name = send.header.topic;
        let found = self.topics.find(name);
        if !perm::is_writable(config.broker.broker_permission as i32)
            && found.as_ref().is_some_and(|topic| topic.order)
        {
            return Err(sending_forbidden(send.store_host, "sending message"));
        }
        if let Some(topic) = found.filter(|_| !names::is_forbidden_for_sending(name)) {
            return Ok(topic);
        }
        names::check_topic(name)
            .map_err(|error| Refusal::new(ResponseCode::SystemError, error.to_string()))?;
        if names::is_forbidden_for_sending(name) {
            return Err(Refusal::new(
                ResponseCode::NoPermission,
                format!("Sending message to topic[{name}] is forbidden."),
            ));
        }
        self.create_topic(&send.header, name).ok_or_else(|| {
            let text = format!("topic[{name}] not exist, apply first please!{SEE_FAQ}");
            Refusal::new(ResponseCode::TopicNotExist, text)
        })
    }

    #[cold]
    fn create_topic(&self, header: &SendFields<'_>, name: &str) -> Option<Arc<TopicConfig>> {
        let is_retry = name.starts_with(names::RETRY_TOPIC_PREFIX);
        let sys_flag = match (header.unit_mode(), is_retry) {
            (false, _) => 0,
            (true, false) => topic_flag::UNIT,
            (true, true) => topic_flag::UNIT_SUB,
        };
        let wanted = Wanted {
            topic: name,
            template: header.default_topic(),
            queues: header.default_topic_queue_nums(),
            sys_flag,
        };
        self.topics.find_or_create_for_send(wanted).or_else(|| {
            is_retry
                .then(|| self.topics.find_or_create(name, 1, perm::READ | perm::WRITE, sys_flag))
                .flatten()
        })
    }

    fn plan_one<'a>(
        &self,
        send: &Send<'a>,
        topic: &TopicConfig,
        queue_id: i32,
        config: &Config,
        texts: &mut Vec<u8>,
    ) -> Result<Planned<'a>, Refusal> {
        let text = send.header.properties;
        let cluster = (property::CLUSTER, config.broker.broker_cluster_name.as_str().as_bytes());
        let wanted = [property::WAIT, property::DELAY, property::TRAN_MSG];
        let start = texts.len();
        let [wait, delay, half] =
            properties::rewrite_reading(text, texts, &[property::WAIT], &[cluster], wanted);
        let place = self.place_of(send, topic, queue_id)?;
        let level = delay.map(parse_level).transpose()?.filter(|level| *level > 0);
        let detour = if half::is_wanted(half) || level.is_some() {
            texts.truncate(start);
            self.detour(send, &place, half::is_wanted(half), level, cluster, texts)?
        } else {
            Detour::None
        };
        Ok(Planned {
            place,
            detour,
            text: start..texts.len(),
            form: BodyForm::Message,
            wait_store_ok: property::waits_for_store(wait),
            sys_flag: sys_flag_of(topic),
        })
    }

    /// Writes the properties of a message that does not go to its place at once. WAIT stays.
    ///
    /// A half message is not delayed: the Java client drops the level before it sends, and 4.9.8 loses the message when another one
    /// does not. What a consumer of an old client gives back is no half message, although it still says so.
    #[cold]
    fn detour(
        &self,
        send: &Send<'_>,
        place: &Place<'_>,
        is_half: bool,
        level: Option<i32>,
        cluster: (&[u8], &[u8]),
        texts: &mut Vec<u8>,
    ) -> Result<Detour, Refusal> {
        let text = send.header.properties;
        let given_back = |_: &i32| !is_half || send.header.reconsume_times > 0;
        if let Some(level) = level.filter(given_back) {
            let level = self.store.options().delay_levels.clamp(level);
            delayed_properties(text, texts, place, level, &[cluster]);
            return Ok(Detour::Delay(level));
        }
        if self.config.load().broker.reject_transaction_message {
            return Err(sending_forbidden(send.store_host, "sending transaction message"));
        }
        let drop: &[&[u8]] = if level.is_some() { &[property::DELAY] } else { &[] };
        half::rewrite(text, texts, (&place.topic, place.queue_id), drop, cluster);
        Ok(Detour::Half)
    }

    /// Counts what was stored; messages of one topic in a row are counted together.
    fn count(&self, messages: &[PutMessage<'_>], outcomes: &[PutOutcome]) {
        let (mut topic, mut sum) = ("", Amount::default());
        for (message, outcome) in messages.iter().zip(outcomes) {
            let Some(appended) = &outcome.appended else { continue };
            if message.topic != topic {
                if sum.messages > 0 {
                    self.stats.put(topic, sum);
                }
                (topic, sum) = (message.topic, Amount::default());
            }
            sum.add(appended);
            if message.topic == names::SCHEDULE_TOPIC {
                self.stats.put_delayed(names::SCHEDULE_TOPIC, message.queue_id, appended.into());
            }
        }
        if sum.messages > 0 {
            self.stats.put(topic, sum);
        }
    }

    /// The dead letter rule: a message that was retried often enough does not go to the retry topic again.
    fn place_of<'a>(
        &self,
        send: &Send<'a>,
        topic: &TopicConfig,
        queue_id: i32,
    ) -> Result<Place<'a>, Refusal> {
        let name = topic.topic_name.as_str();
        let Some(group) = name.strip_prefix(names::RETRY_TOPIC_PREFIX) else {
            return Ok(Place { topic: Cow::Borrowed(send.header.topic), queue_id });
        };
        let Some(config) = self.groups.find_or_create(group) else {
            let text = format!("subscription group not exist, {group} {SEE_FAQ}");
            return Err(Refusal::new(ResponseCode::SubscriptionGroupNotExist, text));
        };
        let own_limit = send.header.max_reconsume_times().filter(|_| send.version >= version::V3_4_9);
        if send.header.reconsume_times < own_limit.unwrap_or(config.retry_max_times) {
            return Ok(Place { topic: Cow::Borrowed(send.header.topic), queue_id });
        }
        let dead = names::dlq_topic(group);
        match self.topics.find_or_create(&dead, 1, perm::READ | perm::WRITE, 0) {
            Some(_) => Ok(Place { topic: Cow::Owned(dead), queue_id: 0 }),
            None => Err(Refusal::new(ResponseCode::SystemError, format!("topic[{dead}] not exist"))),
        }
    }
}

fn plan_batch<'a>(
    send: &Send<'a>,
    topic: &TopicConfig,
    queue_id: i32,
    config: &Config,
    texts: &mut Vec<u8>,
) -> Result<Planned<'a>, Refusal> {
    let text = send.header.properties;
    let [wait, delay] = properties::get_many(text, [property::WAIT, property::DELAY]);
    let in_transaction = send.header.sys_flag & sys_flag::TRANSACTION_MASK != 0;
    if in_transaction || delay.map(parse_level).transpose()?.is_some_and(|level| level > 0) {
        return Err(message_illegal(config));
    }
    let cluster = config.broker.broker_cluster_name.as_str().as_bytes();
    let start = texts.len();
    properties::rewrite(text, texts, &[], &[(property::CLUSTER, cluster)]);
    Ok(Planned {
        place: Place { topic: Cow::Borrowed(send.header.topic), queue_id },
        detour: Detour::None,
        text: start..texts.len(),
        form: BodyForm::Batch,
        wait_store_ok: property::waits_for_store(wait),
        sys_flag: sys_flag_of(topic),
    })
}

impl Planned<'_> {
    fn message<'a>(&'a self, send: &Send<'a>, texts: &'a [u8]) -> PutMessage<'a> {
        let header = &send.header;
        let mut sys_flag = header.sys_flag | self.sys_flag;
        let (topic, queue_id) = match self.detour {
            Detour::None => (&*self.place.topic, self.place.queue_id),
            Detour::Delay(level) => {
                // A record of these states is in no queue: it would never be delivered.
                if !TransactionType::of(sys_flag).takes_queue_offset() {
                    sys_flag = TransactionType::None.replace_in(sys_flag);
                }
                (names::SCHEDULE_TOPIC, delay_queue_id(level))
            }
            Detour::Half => {
                sys_flag = TransactionType::None.replace_in(sys_flag);
                (names::TRANS_HALF_TOPIC, half::QUEUE_ID)
            }
        };
        PutMessage {
            topic,
            queue_id,
            flag: header.flag,
            sys_flag,
            born_timestamp_ms: header.born_timestamp_ms,
            born_host: send.born_host,
            store_host: send.store_host,
            reconsume_times: header.reconsume_times,
            prepared_transaction_offset: 0,
            body: send.body,
            form: self.form,
            properties: texts.get(self.text.clone()).unwrap_or_default(),
            wait_store_ok: self.wait_store_ok,
        }
    }
}

fn sys_flag_of(topic: &TopicConfig) -> i32 {
    if topic.topic_filter_type == TopicFilterType::MultiTag { sys_flag::MULTI_TAGS } else { 0 }
}

/// The properties of a message that waits in SCHEDULE_TOPIC_XXXX: where it goes afterwards, and its level. WAIT stays.
pub(super) fn rewritten_for_delay<'a>(
    place_queue: &'a mut itoa::Buffer,
    level_text: &'a mut itoa::Buffer,
    topic: &'a str,
    queue_id: i32,
    level: i32,
) -> [(&'static [u8], &'a [u8]); 3] {
    [
        (property::DELAY, level_text.format(level).as_bytes()),
        (property::REAL_TOPIC, topic.as_bytes()),
        (property::REAL_QID, place_queue.format(queue_id).as_bytes()),
    ]
}

fn delayed_properties(
    text: &[u8],
    out: &mut Vec<u8>,
    place: &Place<'_>,
    level: i32,
    more: &[(&[u8], &[u8])],
) {
    let (mut queue, mut level_text) = (itoa::Buffer::new(), itoa::Buffer::new());
    let rewritten = rewritten_for_delay(&mut queue, &mut level_text, &place.topic, place.queue_id, level);
    let mut set: smallvec::SmallVec<[(&[u8], &[u8]); 5]> = rewritten.into_iter().collect();
    set.extend_from_slice(more);
    properties::rewrite(text, out, &[], &set);
}

fn choose_queue(send: &Send<'_>, topic: &TopicConfig) -> Result<i32, Refusal> {
    let queue_id = send.header.queue_id.unwrap_or(-1);
    if queue_id >= topic.write_queue_nums.max(topic.read_queue_nums) {
        let text = format!(
            "request queueId[{queue_id}] is illegal, TopicConfig [topicName={}, readQueueNums={}, writeQueueNums={}, perm={}, \
             topicFilterType={}, topicSysFlag={}, order={}] Producer: {}",
            topic.topic_name,
            topic.read_queue_nums,
            topic.write_queue_nums,
            perm::text(topic.perm),
            topic.topic_filter_type.name(),
            topic.topic_sys_flag,
            topic.order,
            send.born_host
        );
        return Err(Refusal::new(ResponseCode::SystemError, text));
    }
    if queue_id >= 0 { Ok(queue_id) } else { Ok(fastrand::i32(0..topic.write_queue_nums.max(1))) }
}

/// Code 13.
pub fn message_illegal(config: &Config) -> Refusal {
    let text = format!(
        "the message is illegal, maybe msg body or properties length not matched. msg body length limit {}B, msg properties length \
         limit 32KB.",
        config.store.max_message_size
    );
    Refusal::new(ResponseCode::MessageIllegal, text)
}

/// Code 16 for a broker that may not be written to.
pub fn sending_forbidden(broker: SocketAddr, what: &str) -> Refusal {
    Refusal::new(ResponseCode::NoPermission, format!("the broker[{}] {what} is forbidden", broker.ip()))
}

fn parse_level(text: &[u8]) -> Result<i32, Refusal> {
    let level = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    level.ok_or_else(|| {
        let text = format!("the delay level {} is no number", String::from_utf8_lossy(text).escape_debug());
        Refusal::new(ResponseCode::SystemError, text)
    })
}

fn local_time(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
