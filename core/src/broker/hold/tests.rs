use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::format::disk::cq_ext::CqExtUnit;
use crate::store::MatchAll;

struct Poll {
    queue_id: i32,
    offset: i64,
    connection: ConnectionId,
    resumed: Sender<i64>,
}

impl Parked for Poll {
    fn queue(&self) -> (&str, i32) {
        ("T", self.queue_id)
    }
    fn offset(&self) -> i64 {
        self.offset
    }
    fn filter(&self) -> &dyn MessageFilter {
        &MatchAll
    }
    fn connection(&self) -> ConnectionId {
        self.connection
    }
    fn resume(self: Box<Self>) {
        let _ = self.resumed.send(self.offset);
    }
}

struct Bench {
    hold: PullHold,
    clock: Clock,
    next: Arc<AtomicI64>,
    resumed: Receiver<i64>,
    sender: Sender<i64>,
}

fn bench() -> Bench {
    let clock = Clock::manual(0);
    let hold = PullHold::start(&clock, &Poison::new()).unwrap();
    let next = Arc::new(AtomicI64::new(0));
    let asked = next.clone();
    hold.set_next_offset(Box::new(move |_, _| asked.load(Ordering::SeqCst)));
    let (sender, resumed) = channel();
    Bench { hold, clock, next, resumed, sender }
}

impl Bench {
    fn park(&self, queue_id: i32, offset: i64) {
        let connection = ConnectionId::for_test(u64::from(queue_id.unsigned_abs()));
        let poll = Poll { queue_id, offset, connection, resumed: self.sender.clone() };
        self.hold.park(Box::new(poll), Duration::from_secs(15));
    }

    fn arrive(&self, queue_id: i32, queue_offset: i64) {
        self.hold.arrived(&[Arrival {
            topic: "T",
            queue_id,
            queue_offset,
            tags_code: 0,
            store_timestamp_ms: 0,
            properties: b"",
        }]);
        self.hold.batch_done();
    }
}

#[test]
fn an_arrival_wakes_only_its_queue_and_only_from_its_offset_on() {
    let bench = bench();
    bench.park(0, 5);
    bench.park(1, 5);
    bench.arrive(0, 4);
    assert_eq!(bench.hold.len(), 2);
    bench.arrive(0, 5);
    assert_eq!(bench.resumed.try_recv(), Ok(5));
    assert_eq!(bench.hold.len(), 1);
}

#[test]
fn time_ends_by_the_clock() {
    let bench = bench();
    bench.park(0, 5);
    bench.clock.advance(Duration::from_secs(16));
    assert_eq!(bench.resumed.recv_timeout(Duration::from_secs(20)), Ok(5));
    assert!(bench.hold.is_empty());
}

#[test]
fn a_message_that_came_before_parking_is_not_missed() {
    let bench = bench();
    bench.next.store(6, Ordering::SeqCst);
    bench.park(0, 5);
    assert_eq!(bench.resumed.try_recv(), Ok(5));
}

#[test]
fn a_closed_connection_is_forgotten_and_stop_resumes_the_rest() {
    let bench = bench();
    bench.park(1, 5);
    bench.park(2, 7);
    bench.hold.forget(ConnectionId::for_test(1));
    assert_eq!(bench.hold.len(), 1);
    bench.hold.stop();
    bench.hold.stop();
    assert_eq!(bench.resumed.try_recv(), Ok(7));
    bench.park(3, 9);
    assert_eq!(bench.resumed.try_recv(), Ok(9), "after the stop nothing is parked");
}

#[test]
fn many_pulls_of_a_queue_are_resumed_by_the_thread_of_the_hold() {
    struct Asking(Sender<Option<String>>);
    impl Parked for Asking {
        fn queue(&self) -> (&str, i32) {
            ("T", 0)
        }
        fn offset(&self) -> i64 {
            0
        }
        fn filter(&self) -> &dyn MessageFilter {
            &MatchAll
        }
        fn connection(&self) -> ConnectionId {
            ConnectionId::for_test(1)
        }
        fn resume(self: Box<Self>) {
            let _ = self.0.send(std::thread::current().name().map(str::to_owned));
        }
    }
    for (count, by_hold) in [(TAKEN_MAX, false), (TAKEN_MAX + 1, true)] {
        let bench = bench();
        let (sender, threads) = channel();
        for _ in 0..count {
            bench.hold.park(Box::new(Asking(sender.clone())), Duration::from_secs(15));
        }
        bench.arrive(0, 0);
        for _ in 0..count {
            let thread = threads.recv_timeout(Duration::from_secs(20)).unwrap();
            assert_eq!(thread.as_deref() == Some("hold"), by_hold, "{thread:?}");
        }
        assert!(bench.hold.is_empty());
    }
}

#[test]
fn an_arrival_wakes_only_those_whose_filter_takes_its_properties() {
    struct Wanting(&'static [u8], Sender<()>);
    impl MessageFilter for Wanting {
        fn matches_unit(&self, _: Option<i64>, _: Option<&CqExtUnit<'_>>) -> bool {
            true
        }
        fn matches_properties(&self, properties: &[u8]) -> bool {
            properties == self.0
        }
        fn needs_properties(&self) -> bool {
            true
        }
    }
    impl Parked for Wanting {
        fn queue(&self) -> (&str, i32) {
            ("T", 0)
        }
        fn offset(&self) -> i64 {
            0
        }
        fn filter(&self) -> &dyn MessageFilter {
            self
        }
        fn connection(&self) -> ConnectionId {
            ConnectionId::for_test(1)
        }
        fn resume(self: Box<Self>) {
            let _ = self.1.send(());
        }
    }
    let bench = bench();
    let (sender, resumed) = channel();
    for wanted in [&b""[..], b"a\x011"] {
        bench.hold.park(Box::new(Wanting(wanted, sender.clone())), Duration::from_secs(15));
    }
    bench.arrive(0, 0);
    assert_eq!((bench.hold.len(), resumed.try_recv()), (1, Ok(())), "the message has no properties");
}
