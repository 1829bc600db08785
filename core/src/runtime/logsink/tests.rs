use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::Duration;

use super::*;
use crate::runtime::lanes::Lane;
use crate::runtime::threads::{Poison, ServiceThread, for_each_overlapping};

type Lines = Arc<Mutex<Vec<String>>>;

fn sink(level: Level) -> (LogSink, Lines) {
    let lines = Lines::default();
    let kept = lines.clone();
    let write = move |record: &LogRecord<'_>| {
        assert!(record.timestamp_ms > 1_600_000_000_000);
        kept.lock().push(format!("{} {}: {}", record.level.name(), record.target, record.message));
    };
    (LogSink::new(level, Arc::new(write)), lines)
}

fn taken(lines: &Lines) -> Vec<String> {
    std::mem::take(&mut lines.lock())
}

#[test]
fn a_record_has_message_and_fields() {
    let (sink, lines) = sink(Level::Info);
    let route = LogRoute::open(Some(sink));
    route.run(|| {
        tracing::info!(target: "t", number = 7, word = "two words", shown = %"plain", "hello {}", "you");
        tracing::warn!(target: "t", only = true);
        tracing::error!(target: "t", "stop");
        tracing::debug!(target: "t", "too little");
    });
    tracing::error!(target: "t", "of somebody else");
    let expected =
        ["INFO t: hello you number=7 word=\"two words\" shown=plain", "WARN t: only=true", "ERROR t: stop"];
    assert_eq!(taken(&lines), expected);
}

#[test]
fn threads_inherit_the_sink_of_who_starts_them_and_two_stay_apart() {
    let ((first, of_first), (second, of_second)) = (sink(Level::Warn), sink(Level::Debug));
    let routes = [LogRoute::open(Some(first)), LogRoute::open(Some(second)), LogRoute::open(None)];
    let speak = |number: usize| {
        // The same places in the code for all: what one sink wants must not decide for another.
        tracing::debug!(target: "t", number, "debug");
        tracing::warn!(target: "t", number, "warn");
    };
    // The one without a sink comes by the places first.
    for number in [2, 0, 1] {
        let start = || {
            let body = move || {
                let grandchild = ServiceThread::spawn("t-log-2", &Poison::new(), move || speak(number));
                grandchild.unwrap().join().unwrap();
            };
            ServiceThread::spawn("t-log-1", &Poison::new(), body).unwrap()
        };
        routes[number].run(start).join().unwrap();
    }
    assert_eq!(taken(&of_first), ["WARN t: warn number=0"]);
    assert_eq!(taken(&of_second), ["DEBUG t: debug number=1", "WARN t: warn number=1"]);
}

#[test]
fn lanes_and_helpers_inherit_too() {
    let (sink, lines) = sink(Level::Info);
    let route = LogRoute::open(Some(sink));
    route.run(|| {
        let lane = Lane::new("t-log-lane", 1, 8, None);
        let (done, is_done) = mpsc::sync_channel(1);
        let job = move || {
            tracing::info!(target: "t", "in a lane");
            done.send(()).unwrap();
        };
        assert!(lane.submit(job).is_ok());
        is_done.recv_timeout(Duration::from_secs(10)).unwrap();
        lane.stop();
        let both = Barrier::new(2);
        for_each_overlapping("t-log-help", &Poison::new(), &[(), ()], 1, |()| {
            both.wait();
            tracing::info!(target: "t", "overlapping");
        });
    });
    let expected = ["INFO t: in a lane", "INFO t: overlapping", "INFO t: overlapping"];
    assert_eq!(taken(&lines), expected);
}

#[test]
fn a_panicking_sink_hurts_nobody() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let write = move |_: &LogRecord<'_>| {
        counted.fetch_add(1, Ordering::Relaxed);
        panic!("on purpose");
    };
    let route = LogRoute::open(Some(LogSink::new(Level::Info, Arc::new(write))));
    let poison = Poison::new();
    let body = || {
        tracing::info!(target: "t", "one");
        tracing::info!(target: "t", "two");
    };
    route.run(|| ServiceThread::spawn("t-log-panic", &poison, body)).unwrap().join().unwrap();
    assert!(!poison.is_set());
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    route.close();
}

#[test]
fn what_a_sink_logs_does_not_come_back() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let write = move |_: &LogRecord<'_>| {
        counted.fetch_add(1, Ordering::Relaxed);
        assert!(in_sink());
        tracing::info!(target: "t", "again");
    };
    let route = LogRoute::open(Some(LogSink::new(Level::Info, Arc::new(write))));
    route.run(|| tracing::info!(target: "t", "once"));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert!(!in_sink());
}

#[test]
fn a_closed_route_is_silent_and_its_sink_released() {
    let (sink, lines) = sink(Level::Info);
    let released = Arc::downgrade(&sink.write);
    let route = LogRoute::open(Some(sink));
    let inherited = route.run(Inherited::here);
    inherited.run(|| tracing::info!(target: "t", "open"));
    route.close();
    route.close();
    assert!(released.upgrade().is_none());
    // A thread that outlives its owner.
    inherited.run(|| tracing::error!(target: "t", "closed"));
    route.run(|| tracing::error!(target: "t", "closed"));
    assert_eq!(taken(&lines), ["INFO t: open"]);
}

#[test]
fn close_waits_for_a_sink_that_runs() {
    let (entered, is_entered) = mpsc::sync_channel(1);
    let (leave, may_leave) = mpsc::sync_channel::<()>(1);
    let may_leave = Mutex::new(may_leave);
    let left = Arc::new(AtomicUsize::new(0));
    let leaves = left.clone();
    let write = move |_: &LogRecord<'_>| {
        entered.send(()).unwrap();
        let _ = may_leave.lock().recv_timeout(Duration::from_secs(10));
        leaves.store(1, Ordering::SeqCst);
    };
    let route = Arc::new(LogRoute::open(Some(LogSink::new(Level::Info, Arc::new(write)))));
    let speaker = route.clone();
    let speaker = std::thread::spawn(move || speaker.run(|| tracing::info!(target: "t", "slow")));
    is_entered.recv_timeout(Duration::from_secs(10)).unwrap();
    let closer = std::thread::spawn(move || {
        route.close();
        left.load(Ordering::SeqCst)
    });
    leave.send(()).unwrap();
    assert_eq!(closer.join().unwrap(), 1);
    speaker.join().unwrap();
}
