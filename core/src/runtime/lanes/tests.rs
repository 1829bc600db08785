use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};

use super::*;

const LONG: Duration = Duration::from_secs(20);

/// Reports what became of it.
struct Probe(Sender<Option<Refusal>>);

impl Job for Probe {
    fn run(self: Box<Self>, _: usize) {
        let _ = self.0.send(None);
    }

    fn refused(self: Box<Self>, refusal: Refusal) {
        let _ = self.0.send(Some(refusal));
    }
}

/// Keeps one worker busy until the returned sender is dropped.
fn block(lane: &Lane) -> Sender<()> {
    let (release, released) = channel::<()>();
    let (started, is_started) = sync_channel(1);
    lane.submit(move || {
        let _ = started.send(());
        let _ = released.recv();
    })
    .unwrap();
    is_started.recv_timeout(LONG).unwrap();
    release
}

fn threads_named(prefix: &str) -> usize {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with(prefix))
        .count()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never happened: {what}");
}

#[test]
fn no_thread_before_the_first_job_and_none_after_idle() {
    let lane = Lane::with_worker_idle("tlazy", 3, 10, None, Duration::from_millis(50));
    assert_eq!(threads_named("tlazy"), 0);
    let (done, is_done) = channel();
    lane.submit(Probe(done)).unwrap();
    assert_eq!(is_done.recv_timeout(LONG).unwrap(), None);
    wait_until("the worker ends", || threads_named("tlazy") == 0);
    let (done, is_done) = channel();
    lane.submit(Probe(done)).unwrap();
    assert_eq!(is_done.recv_timeout(LONG).unwrap(), None);
}

#[test]
fn runs_as_many_jobs_at_once_as_it_has_threads() {
    let lane = Lane::new("twide", 3, 10, None);
    let _busy = [block(&lane), block(&lane), block(&lane)];
    assert_eq!(threads_named("twide"), 3);
    lane.submit(|| {}).unwrap();
    assert_eq!((lane.len(), lane.capacity()), (1, 10));
    drop(_busy);
    wait_until("the queue drains", || lane.is_empty());
}

#[test]
fn a_full_queue_gives_the_job_back() {
    let lane = Lane::new("tfull", 1, 2, None);
    let busy = block(&lane);
    let (done, is_done) = channel();
    lane.submit(Probe(done.clone())).unwrap();
    lane.submit(Probe(done.clone())).unwrap();
    let Err(Full(job)) = lane.submit(Probe(done.clone())) else { panic!("accepted over the bound") };
    job.run(0);
    assert_eq!(is_done.recv_timeout(LONG).unwrap(), None);
    drop(busy);
    assert_eq!(collect(&is_done, 2), [None, None]);
}

fn collect(results: &Receiver<Option<Refusal>>, count: usize) -> Vec<Option<Refusal>> {
    (0..count).map(|_| results.recv_timeout(LONG).unwrap()).collect()
}

#[test]
fn old_jobs_are_refused_although_every_worker_is_busy() {
    let lane = Lane::new("tage", 1, 100, Some(100));
    let busy = block(&lane);
    let (done, is_done) = channel();
    for _ in 0..3 {
        lane.submit(Probe(done.clone())).unwrap();
    }
    let refusals = collect(&is_done, 3);
    for (refusal, left) in refusals.into_iter().zip([2, 1, 0]) {
        let refusal = refusal.expect("refused");
        assert_eq!(refusal.reason, RefusalReason::TooOld);
        assert_eq!(refusal.queue_len, left);
        assert!(refusal.waited >= Duration::from_millis(100), "{refusal:?}");
        assert!(refusal.waited < Duration::from_secs(5), "{refusal:?}");
    }
    wait_until("the watch ends", || threads_named("tage-age") == 0);
    lane.submit(Probe(done)).unwrap();
    drop(busy);
    assert_eq!(is_done.recv_timeout(LONG).unwrap(), None, "young jobs run");
}

#[test]
fn head_wait_grows_and_refuse_waiting_empties_the_queue() {
    let lane = Lane::new("thead", 1, 100, None);
    assert_eq!(lane.head_wait_ms(), 0);
    let busy = block(&lane);
    let (done, is_done) = channel();
    lane.submit(Probe(done.clone())).unwrap();
    lane.submit(Probe(done)).unwrap();
    wait_until("the head waits", || lane.head_wait_ms() >= 20);
    lane.refuse_waiting();
    let reasons: Vec<_> = collect(&is_done, 2).into_iter().map(|refusal| refusal.unwrap().reason).collect();
    assert_eq!(reasons, [RefusalReason::Emptied; 2]);
    assert!(lane.is_empty());
    drop(busy);
}

#[test]
fn a_panicking_job_is_counted_and_its_worker_goes_on() {
    let lane = Lane::new("tpanic", 1, 10, None);
    lane.submit(|| panic!("on purpose")).unwrap();
    let (done, is_done) = channel();
    lane.submit(Probe(done)).unwrap();
    assert_eq!(is_done.recv_timeout(LONG).unwrap(), None);
    assert_eq!(lane.panics(), 1);
}

#[test]
fn stop_joins_drops_what_waits_and_refuses_what_comes() {
    let lane = Lane::new("tstop", 2, 10, Some(60_000));
    let busy = [block(&lane), block(&lane)];
    let (done, is_done) = channel();
    lane.submit(Probe(done.clone())).unwrap();
    let releaser = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        drop(busy);
    });
    lane.stop();
    lane.stop();
    wait_until("the kernel forgets the joined threads", || threads_named("tstop") == 0);
    assert!(lane.submit(Probe(done)).is_err());
    assert!(is_done.recv_timeout(LONG).is_err(), "dropped, neither run nor refused");
    releaser.join().unwrap();
}
