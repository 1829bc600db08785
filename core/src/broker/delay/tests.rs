use std::net::SocketAddr;
use std::sync::mpsc::sync_channel;

use super::*;
use crate::broker::admin::testing::Fixture;
use crate::broker::stats::{Span, Stat};
use crate::broker::testing::wait_until;
use crate::format::record::properties;
use crate::store::BodyForm;
use crate::store::dispatch::{Arrival, ArrivalListener};

const HOUR: Duration = Duration::from_secs(3600);

struct Delayed {
    fixture: Fixture,
    service: DelayService,
}

impl Delayed {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(properties: &[(&str, &str)]) -> Self {
        let fixture = Fixture::new(&[&[("messageDelayLevel", "1s 10s 1m")], properties].concat());
        let service = start(&fixture);
        Self { fixture, service }
    }

    /// As `produce` stores it.
    fn put(&self, level: i32, body: &str) {
        let mut text = Vec::new();
        properties::push(&mut text, property::DELAY, level.to_string().as_bytes());
        properties::push(&mut text, property::REAL_TOPIC, b"T");
        properties::push(&mut text, property::REAL_QID, b"0");
        self.put_raw(level, body, &text);
    }

    fn put_raw(&self, level: i32, body: &str, properties: &[u8]) {
        let host: SocketAddr = "127.0.0.1:22911".parse().unwrap();
        let outcome = self.fixture.store.put(&PutMessage {
            topic: names::SCHEDULE_TOPIC,
            queue_id: delay_queue_id(level),
            flag: 0,
            sys_flag: 0,
            born_timestamp_ms: 1,
            born_host: host,
            store_host: host,
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body: body.as_bytes(),
            form: BodyForm::Message,
            properties,
            wait_store_ok: false,
        });
        assert_eq!(outcome.status, PutStatus::Ok);
        wait_until("the message is dispatched", || self.fixture.store.dispatch_behind_bytes() == 0);
        self.service.wake();
    }

    fn advance(&self, duration: Duration) {
        self.fixture.clock.advance(duration);
    }

    fn jump(&self, ms: i64) {
        let clock = &self.fixture.clock;
        clock.set_wall_ms(clock.now_ms() + ms);
        // What a real jump does not do: the thread looks now, not some seconds later.
        self.service.wake();
    }

    fn delivered(&self) -> Vec<String> {
        let store = &self.fixture.store;
        let units = store.units("T", 0, 0, 1000);
        let body = |offset| {
            let bytes = store.record_at(offset).unwrap();
            String::from_utf8(RecordView::parse(&bytes).unwrap().body().to_vec()).unwrap()
        };
        units.into_iter().map(|unit| body(unit.unit.physical_offset)).collect()
    }

    fn wait_for(&self, expected: &[&str]) {
        wait_until("the messages are delivered", || self.delivered().len() >= expected.len());
        assert_eq!(self.delivered(), expected);
    }

    /// The thread has looked again, and delivered nothing else.
    fn assert_still(&self, expected: &[&str]) {
        self.service.wake();
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(self.delivered(), expected);
    }
}

fn start(fixture: &Fixture) -> DelayService {
    let parts = Parts {
        store: fixture.store.clone(),
        disk: Disk::real(),
        clock: fixture.clock.clone(),
        stats: fixture.stats.clone(),
        counts: true,
    };
    DelayService::start(parts, &Poison::new()).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn each_level_delivers_in_order_and_never_early() {
    let delayed = Delayed::new();
    delayed.put(2, "a");
    delayed.advance(seconds(4));
    delayed.put(2, "b");
    delayed.put(1, "c");
    delayed.advance(Duration::from_millis(999));
    delayed.assert_still(&[]);
    delayed.advance(Duration::from_millis(1));
    delayed.wait_for(&["c"]);
    delayed.advance(Duration::from_millis(4999));
    delayed.assert_still(&["c"]);
    delayed.advance(Duration::from_millis(1));
    delayed.wait_for(&["c", "a"]);
    delayed.advance(seconds(4));
    delayed.wait_for(&["c", "a", "b"]);
    assert_eq!(delayed.service.offsets().offset_table, [(1, 1), (2, 2)].into());
}

#[test]
fn a_wall_clock_that_is_set_forward_makes_nothing_late_and_nothing_twice() {
    let delayed = Delayed::new();
    (0..20).for_each(|number| delayed.put(3, &number.to_string()));
    delayed.jump(3_600_000);
    let all: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    delayed.wait_for(&all);
    delayed.jump(-3_600_000);
    delayed.advance(HOUR);
    delayed.assert_still(&all);
}

#[test]
fn a_wall_clock_that_is_set_back_delays_by_the_delay_at_most() {
    let delayed = Delayed::new();
    delayed.put(2, "a");
    delayed.put(2, "b");
    delayed.advance(seconds(5));
    delayed.jump(-3_600_000);
    delayed.put(2, "c");
    delayed.assert_still(&[]);
    delayed.advance(Duration::from_millis(9_999));
    delayed.assert_still(&[]);
    delayed.advance(Duration::from_millis(1));
    delayed.wait_for(&["a", "b", "c"]);
    delayed.put(2, "d");
    delayed.advance(Duration::from_millis(9_999));
    delayed.assert_still(&["a", "b", "c"]);
    delayed.advance(Duration::from_millis(1));
    delayed.wait_for(&["a", "b", "c", "d"]);
}

#[test]
fn progress_outlives_the_service_and_is_seen() {
    let delayed = Delayed::new();
    delayed.put(1, "a");
    delayed.put(2, "b");
    delayed.advance(seconds(1));
    delayed.wait_for(&["a"]);
    wait_until("progress is noted", || delayed.service.offsets().offset_table.contains_key(&1));
    delayed.service.stop();
    delayed.service.stop();
    delayed.service.persist().unwrap();

    let again = Delayed { service: start(&delayed.fixture), fixture: delayed.fixture };
    assert_eq!(again.service.offsets().offset_table, [(1, 1)].into());
    again.assert_still(&["a"]);
    again.advance(seconds(9));
    again.wait_for(&["a", "b"]);
    let stats = &again.fixture.stats;
    let sum = |stat, key: &str| stats.view(stat, key).map(|view| view.minute.sum);
    wait_until("the delivery is counted", || {
        stats.sample(Span::Minute);
        sum(Stat::GroupGetNums, "SCHEDULE_TOPIC_XXXX@SCHEDULE_CONSUMER") == Some(2)
    });
    assert_eq!(sum(Stat::QueueGetNums, "SCHEDULE_TOPIC_XXXX@1@SCHEDULE_CONSUMER"), Some(1));
    assert_eq!(sum(Stat::TopicPutNums, "T"), Some(2));
}

#[test]
fn what_cannot_be_delivered_holds_nothing_up() {
    let delayed = Delayed::new();
    delayed.put_raw(1, "goes nowhere", b"DELAY\x011");
    let too_long = format!("DELAY\u{1}1\u{2}REAL_TOPIC\u{1}{}\u{2}REAL_QID\u{1}0", "t".repeat(128));
    delayed.put_raw(1, "its topic is too long", too_long.as_bytes());
    delayed.put(1, "good");
    delayed.advance(seconds(1));
    delayed.wait_for(&["good"]);
}

#[test]
fn a_message_that_cannot_go_into_other_queues_goes_into_its_own() {
    let light = [("enableMultiDispatch", "true"), ("enableLmq", "true"), ("maxLmqConsumeQueueNum", "1")];
    let delayed = Delayed::with(&light);
    let to = |queue: &str| {
        format!("DELAY\u{1}1\u{2}REAL_TOPIC\u{1}T\u{2}REAL_QID\u{1}0\u{2}INNER_MULTI_DISPATCH\u{1}{queue}")
    };
    delayed.put_raw(1, "to the one there may be", to("%LMQ%a").as_bytes());
    delayed.put_raw(1, "to one too many", to("%LMQ%b").as_bytes());
    delayed.put(1, "behind it");
    delayed.advance(seconds(1));
    delayed.wait_for(&["to the one there may be", "to one too many", "behind it"]);
    let store = &delayed.fixture.store;
    wait_until("the light queue is dispatched", || store.max_offset("%LMQ%a", 0) == 1);
    assert_eq!(store.max_offset("%LMQ%b", 0), 0);
}

/// Tells of the first message of `T`, and holds it up for a moment, until it is told to go on.
struct FirstOfT(std::sync::mpsc::SyncSender<()>, Mutex<Option<std::sync::mpsc::Receiver<()>>>);

impl ArrivalListener for FirstOfT {
    fn arrived(&self, arrivals: &[Arrival<'_>]) {
        if arrivals.iter().any(|arrival| arrival.topic == "T")
            && let Some(go_on) = self.1.lock().take()
        {
            self.0.send(()).unwrap();
            let _ = go_on.recv_timeout(Duration::from_millis(100));
        }
    }
}

#[test]
fn what_is_passed_over_is_not_delivered_any_more_though_it_was_due() {
    let delayed = Delayed::new();
    // Makes the queue's file.
    delayed.put(1, "first");
    delayed.advance(HOUR);
    delayed.wait_for(&["first"]);
    let ((sender, first), (go_on, told)) = (sync_channel(1), sync_channel(1));
    delayed.fixture.store.set_arrival_listener(Arc::new(FirstOfT(sender, Mutex::new(Some(told)))));
    for number in 0..250 {
        delayed.put(1, &number.to_string());
    }
    delayed.advance(HOUR);
    first.recv().unwrap();
    delayed.service.skip_all();
    let _ = go_on.send(());
    delayed.put(1, "behind");
    delayed.advance(HOUR);
    wait_until("the one behind comes", || delayed.delivered().last().is_some_and(|last| last == "behind"));
    let delivered = delayed.delivered();
    assert!(delivered.len() < 10, "those that were under way: {delivered:?}");
}
