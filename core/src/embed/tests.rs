//! The surface as the doors use it, without sockets but where they are the point.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::error::ErrorKind;

mod members;
mod snapshots;

const LONG: Duration = Duration::from_secs(20);

fn started() -> Embedded {
    start(Options::new()).unwrap()
}

fn manual() -> Embedded {
    start(Options::new().clock(Clock::manual(1_700_000_000_000))).unwrap()
}

fn stop(broker: &Embedded) {
    broker.stop(LONG).unwrap();
}

#[test]
fn what_is_sent_is_read_with_everything_that_was_given() {
    let broker = started();
    broker.create_topic("orders", 2).unwrap();
    let mut message = NewMessage::new("orders", "body");
    message.tags = Some("a".to_owned());
    message.keys = vec!["k1".to_owned(), "k2".to_owned()];
    message.properties = vec![("colour".to_owned(), "red".to_owned())];
    message.queue = Some(1);
    let sent = broker.send(&message).unwrap();
    assert_eq!((sent.queue_id, sent.queue_offset, sent.status), (1, 0, SendStatus::SendOk));
    let pulled = broker.pull("orders", 1, 0, 32, Duration::ZERO).unwrap();
    let [read] = &pulled.messages[..] else { panic!("{pulled:?}") };
    assert_eq!(
        (&*read.body, read.tags.as_deref(), &*read.keys),
        (&b"body"[..], Some("a"), &message.keys[..])
    );
    assert_eq!(read.property("colour"), Some("red"));
    assert_eq!((&read.msg_id, &read.offset_msg_id), (&sent.msg_id, &sent.offset_msg_id));
    assert_eq!((pulled.next_offset, pulled.min_offset, pulled.max_offset), (1, 0, 1));
    assert_eq!(&broker.message(&sent.offset_msg_id).unwrap(), read);
    let by_key = |key: &str| {
        let query = MessageQuery { key: Some(key.to_owned()), ..MessageQuery::new("orders") };
        broker.messages(&query).unwrap().len()
    };
    assert_eq!([by_key("k2"), by_key(&sent.msg_id), by_key("k")], [1, 1, 0]);
    stop(&broker);
    assert_eq!(broker.send(&message).unwrap_err().kind(), ErrorKind::Stopped);
}

#[test]
fn errors_tell_what_kind_they_are() {
    let broker = started();
    let kind = |error: crate::Error| (error.kind(), error.to_string());
    let (found, text) = kind(broker.pull("nowhere", 0, 0, 1, Duration::ZERO).unwrap_err());
    assert_eq!(found, ErrorKind::NotFound, "{text}");
    let (found, text) = kind(broker.create_topic("a/b", 1).unwrap_err());
    assert_eq!(found, ErrorKind::InvalidArgument, "{text}");
    let (found, text) = kind(broker.delete_topic("nowhere").unwrap_err());
    assert_eq!(found, ErrorKind::NotFound, "{text}");
    let too_long = NewMessage::new("orders", vec![0; 5 * 1024 * 1024]);
    let (found, text) = kind(broker.send(&too_long).unwrap_err());
    assert_eq!(found, ErrorKind::InvalidArgument, "{text}");
    let queue = NewMessage { queue: Some(99), ..NewMessage::new("orders", "x") };
    let (found, text) = kind(broker.send(&queue).unwrap_err());
    assert_eq!(found, ErrorKind::Refused, "{text}");
    let (found, text) = kind(broker.send(&NewMessage::new("a/b", "x")).unwrap_err());
    assert_eq!(found, ErrorKind::InvalidArgument, "{text}");
    let mut separator = NewMessage::new("orders", "x");
    separator.properties = vec![("a".to_owned(), "\u{2}".to_owned())];
    let (found, text) = kind(broker.send(&separator).unwrap_err());
    assert_eq!(found, ErrorKind::InvalidArgument, "{text}");
    let (found, text) = kind(broker.advance(LONG).unwrap_err());
    assert_eq!(found, ErrorKind::InvalidArgument, "{text}");
    let (found, text) = kind(broker.wait_for("orders", 9, Duration::from_millis(5)).unwrap_err());
    assert_eq!(found, ErrorKind::Timeout, "{text}");
    let namesrv = start(Options::new().namesrv_only()).unwrap();
    assert_eq!(namesrv.topics().unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn one_bad_message_of_many_is_named_and_the_others_are_stored() {
    let broker = started();
    let bad = NewMessage { queue: Some(99), ..NewMessage::new("orders", "x") };
    let many = [NewMessage::new("orders", "1"), bad, NewMessage::new("orders", "3")];
    let error = broker.send_many(&many).unwrap_err();
    assert!(error.to_string().starts_with("message 1 of 3, of which 2 are stored:"), "{error}");
    assert_eq!(broker.message_count("orders").unwrap(), 2);
    assert_eq!(broker.send_many(&many[..1]).unwrap().len(), 1);
    let unfit = NewMessage { keys: vec!["a b".to_owned()], ..NewMessage::new("orders", "x") };
    let error = broker.send_many(&[many[0].clone(), unfit]).unwrap_err();
    assert!(error.to_string().starts_with("message 1 of 2, of which none is stored:"), "{error}");
    assert_eq!(broker.message_count("orders").unwrap(), 3);
    let many: Vec<_> = (0..1000).map(|n| NewMessage::new("order", n.to_string())).collect();
    let sent = broker.send_many(&many).unwrap();
    broker.create_topic("one", 1).unwrap();
    let one: Vec<_> = (0..1000).map(|n| NewMessage::new("one", vec![b'x'; 500 + n])).collect();
    broker.send_many(&one).unwrap();
    let pulled = broker.pull("one", 0, 10, 600, Duration::ZERO).unwrap();
    let offsets: Vec<_> = pulled.messages.iter().map(|message| message.queue_offset).collect();
    assert_eq!((offsets, pulled.next_offset, pulled.max_offset), ((10..610).collect(), 610, 1000));
    let pulled = broker.pull("one", 0, 990, 600, Duration::ZERO).unwrap();
    assert_eq!((pulled.messages.len(), pulled.next_offset), (10, 1000));
    let pulled = broker.pull("one", 0, 5000, 600, Duration::ZERO).unwrap();
    assert_eq!((pulled.messages.len(), pulled.next_offset), (0, 1000));
    let ids: std::collections::HashSet<_> = sent.iter().map(|sent| sent.msg_id.clone()).collect();
    assert_eq!((sent.len(), ids.len(), broker.message_count("order").unwrap()), (1000, 1000, 1000));
}

#[test]
fn a_consumer_gets_each_message_once_and_goes_on_where_the_group_was() {
    let broker = started();
    broker.create_topic("orders", 4).unwrap();
    let many: Vec<_> = (0..100).map(|n| NewMessage::new("orders", n.to_string())).collect();
    broker.send_many(&many).unwrap();
    let consumer = broker.consume("orders", "g", "*").unwrap();
    let mut bodies = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let delivery = consumer.next(Some(LONG)).unwrap().unwrap();
        assert!(bodies.insert(delivery.message().body.clone()));
        delivery.ack().unwrap();
    }
    assert_eq!(broker.lag("g").unwrap(), 40);
    let unacknowledged = consumer.next(Some(LONG)).unwrap().unwrap();
    drop(consumer);
    assert_eq!(broker.lag("g").unwrap(), 40, "not acknowledged");
    let consumer = broker.consume("orders", "g", "*").unwrap();
    let mut rest = Vec::new();
    while let Some(delivery) = consumer.try_next().unwrap() {
        assert!(bodies.insert(delivery.message().body.clone()));
        delivery.ack().unwrap();
        rest.push(delivery);
    }
    assert_eq!((bodies.len(), rest.len()), (100, 40));
    assert!(rest.iter().any(|again| again.message() == unacknowledged.message()));
    assert_eq!(broker.lag("g").unwrap(), 0);
    assert_eq!(consumer.next(Some(Duration::from_millis(5))).unwrap().map(|d| d.message().clone()), None);
}

#[test]
fn an_offset_moves_only_over_what_is_acknowledged() {
    let broker = started();
    broker.create_topic("t", 1).unwrap();
    broker.send_many(&["a", "b", "c"].map(|body| NewMessage::new("t", body))).unwrap();
    let consumer = broker.consume("t", "g", "*").unwrap();
    let [a, b, c] = [(); 3].map(|()| consumer.try_next().unwrap().unwrap());
    let offset =
        || broker.offsets("g").unwrap().iter().find(|queue| queue.topic == "t").map(|queue| queue.offset);
    b.ack().unwrap();
    c.ack().unwrap();
    assert_eq!(offset(), Some(0));
    a.ack().unwrap();
    assert_eq!(offset(), Some(3));
    a.ack().unwrap();
    broker.reset_offset("g", "t", ResetTo::First).unwrap();
    let again = consumer.try_next().unwrap().unwrap();
    assert_eq!(again.message().body, "a");
    broker.set_offset("g", "t", 0, 2).unwrap();
    again.ack().unwrap();
    assert_eq!(offset(), Some(2), "whoever set it meant it");
    assert_eq!(consumer.try_next().unwrap().unwrap().message().body, "c");
}

#[test]
fn tags_choose_and_members_share_the_queues() {
    let broker = started();
    broker.create_topic("t", 4).unwrap();
    let tagged = |tag: &str, queue| NewMessage {
        tags: Some(tag.to_owned()),
        queue: Some(queue),
        ..NewMessage::new("t", tag.to_owned())
    };
    let (first, second) =
        (broker.consume("t", "g", "a || b").unwrap(), broker.consume("t", "g", "a || b").unwrap());
    for queue in 0..4 {
        broker.send_many(&[tagged("a", queue), tagged("b", queue), tagged("c", queue)]).unwrap();
    }
    let drain = |consumer: &Consumer| {
        let mut queues = Vec::new();
        while let Some(delivery) = consumer.try_next().unwrap() {
            assert_ne!(delivery.message().body, "c");
            queues.push(delivery.message().queue_id);
            delivery.ack().unwrap();
        }
        queues.sort_unstable();
        queues
    };
    let mut shares = [drain(&first), drain(&second)];
    shares.sort();
    assert_eq!(shares, [vec![0, 0, 1, 1], vec![2, 2, 3, 3]]);
    assert_eq!(broker.groups().unwrap().iter().find(|group| group.name == "g").unwrap().members.len(), 2);
    first.close();
    assert_eq!(first.try_next().unwrap_err().kind(), ErrorKind::Stopped);
    for queue in 0..4 {
        broker.send(&tagged("a", queue)).unwrap();
    }
    assert_eq!(drain(&second), [0, 1, 2, 3]);
}

#[test]
fn what_is_given_back_comes_again_and_in_the_end_is_a_dead_letter() {
    let broker = manual();
    broker.create_topic("t", 1).unwrap();
    broker.send(&NewMessage::new("t", "again")).unwrap();
    let consumer = broker.consume("t", "g", "*").unwrap();
    let first = consumer.next(Some(LONG)).unwrap().unwrap();
    first.retry(1).unwrap();
    first.retry(1).unwrap();
    assert!(consumer.try_next().unwrap().is_none());
    broker.advance(Duration::from_secs(1)).unwrap();
    let second = consumer.next(Some(LONG)).unwrap().unwrap();
    let (before, after) = (first.message(), second.message());
    assert_eq!((&*after.topic, after.reconsume_times, &after.msg_id), ("t", 1, &before.msg_id));
    second.retry(-1).unwrap();
    broker.wait_for("%DLQ%g", 1, LONG).unwrap();
    assert_eq!(broker.lag("g").unwrap(), 0);
    assert_eq!(broker.message_count("%RETRY%g").unwrap(), 1, "nothing came twice");
}

#[test]
fn waiting_ends_with_what_was_waited_for_or_with_the_broker() {
    let broker = started();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| broker.wait_for("t", 3, LONG).unwrap());
        let consumer = broker.consume("t", "g", "*").unwrap();
        let consumes = scope.spawn(move || consumer.next(None).unwrap().unwrap().message().body.clone());
        broker.send(&NewMessage::new("t", "1")).unwrap();
        assert_eq!(consumes.join().unwrap(), "1");
        broker.send_many(&["2", "3"].map(|body| NewMessage::new("t", body))).unwrap();
        assert_eq!(waits.join().unwrap(), 3);
        let consumer = broker.consume("t", "g2", "none").unwrap();
        let blocked = scope.spawn(move || consumer.next(None).unwrap_err().kind());
        let pulls = scope.spawn(|| broker.pull("t", 0, 99, 1, LONG).unwrap_err().kind());
        let state = |name: &str| broker.counters().unwrap()[name];
        assert_eq!(state("put_messages"), 3);
        stop(&broker);
        assert_eq!(
            (blocked.join().unwrap(), pulls.join().unwrap()),
            (ErrorKind::Stopped, ErrorKind::Stopped)
        );
    });
}

#[test]
fn a_signal_tells_who_must_not_block() {
    let broker = started();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let wake = broker
        .on_change(Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        }))
        .unwrap();
    wake.arm();
    broker.send(&NewMessage::new("t", "1")).unwrap();
    broker.send(&NewMessage::new("t", "2")).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
    wake.arm();
    stop(&broker);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[test]
fn a_signal_that_panics_harms_nobody() {
    let broker = started();
    let wake = broker.on_change(Arc::new(|| panic!("on purpose"))).unwrap();
    for body in ["1", "2"] {
        wake.arm();
        broker.send(&NewMessage::new("t", body)).unwrap();
    }
    assert_eq!((broker.message_count("t").unwrap(), broker.health()), (2, Health::Ok));
    wake.arm();
    stop(&broker);
}

#[test]
fn a_start_that_fails_leaves_no_thread_and_no_file_open() {
    let scratch = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let in_store = || {
        let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        open.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to.starts_with(scratch.path()))).count()
    };
    let mapped =
        || std::fs::read_to_string("/proc/self/maps").unwrap().contains(scratch.path().to_str().unwrap());
    let error = start(Options::new().store_dir(scratch.path()).port(port)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PortInUse);
    assert_eq!((in_store(), mapped()), (0, false));
    start(Options::new().store_dir(scratch.path())).unwrap();
    assert_eq!((in_store(), mapped()), (0, false));
}

#[test]
fn time_moves_on_command() {
    let broker = manual();
    let delayed = NewMessage { delay_level: 18, ..NewMessage::new("t", "late") };
    broker.create_topic("t", 1).unwrap();
    broker.send(&delayed).unwrap();
    let before = broker.now_ms();
    broker.advance(Duration::from_secs(7199)).unwrap();
    assert!(broker.wait_for("t", 1, Duration::from_millis(50)).is_err());
    broker.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(broker.wait_for("t", 1, LONG).unwrap(), 1);
    assert_eq!(broker.now_ms() - before, 7_200_000);
    assert_eq!(broker.advance(Duration::MAX).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(broker.now_ms() - before, 7_200_000);
}

#[test]
fn a_snapshot_has_everything_and_is_not_changed_by_who_starts_from_it() {
    let broker = started();
    broker.create_topic("t", 2).unwrap();
    let many: Vec<_> = (0..2000).map(|n| NewMessage::new("t", format!("{n:0100}"))).collect();
    broker.send_many(&many).unwrap();
    let consumer = broker.consume("t", "g", "*").unwrap();
    for _ in 0..500 {
        consumer.next(Some(LONG)).unwrap().unwrap().ack().unwrap();
    }
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("snapshot");
    let sending = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while sending.load(Ordering::Relaxed) {
                broker.send_many(&many[..50]).unwrap();
            }
        });
        broker.snapshot(&dir).unwrap();
        sending.store(false, Ordering::Relaxed);
    });
    assert_eq!(broker.snapshot(&dir).unwrap_err().kind(), ErrorKind::InvalidArgument, "not empty");
    stop(&broker);
    for _ in 0..2 {
        let copy = start(Options::new().snapshot(&dir)).unwrap();
        assert!(copy.message_count("t").unwrap() >= 2000);
        let consumed: i64 = copy.offsets("g").unwrap().iter().map(|queue| queue.offset).sum();
        assert_eq!(consumed, 500);
        copy.send(&many[0]).unwrap();
        copy.clear().unwrap();
        stop(&copy);
    }
}

#[test]
fn a_cleared_broker_is_as_new() {
    let broker = manual();
    broker.create_topic("t", 1).unwrap();
    broker.send(&NewMessage::new("t", "old")).unwrap();
    broker.send(&NewMessage { delay_level: 1, ..NewMessage::new("t", "late") }).unwrap();
    let consumer = broker.consume("t", "g", "*").unwrap();
    consumer.next(Some(LONG)).unwrap().unwrap().ack().unwrap();
    drop(consumer);
    broker.fail_next(Fault::next(FaultAction::Drop)).unwrap();
    let known: Vec<_> = started().topics().unwrap().into_iter().map(|topic| topic.name).collect();
    broker.clear().unwrap();
    let names = || broker.topics().unwrap().into_iter().map(|topic| topic.name).collect::<Vec<_>>();
    let left: Vec<_> = names().into_iter().filter(|name| !known.contains(name)).collect();
    assert!(left.iter().all(|name| name.starts_with("SCHEDULE") || name.starts_with("RMQ_SYS")), "{left:?}");
    assert!(
        broker.offsets("g").unwrap().is_empty()
            && broker.groups().unwrap().iter().all(|group| group.name != "g")
    );
    assert_eq!(broker.counters().unwrap()["faults_left"], 0);
    broker.advance(Duration::from_secs(3600)).unwrap();
    broker.create_topic("t", 1).unwrap();
    assert_eq!(broker.send(&NewMessage::new("t", "new")).unwrap().queue_offset, 0);
    let consumer = broker.consume("t", "g", "*").unwrap();
    assert_eq!(consumer.next(Some(LONG)).unwrap().unwrap().message().body, "new");
    assert!(consumer.next(Some(Duration::from_millis(50))).unwrap().is_none(), "the late one never comes");
}

#[test]
fn a_consumer_follows_a_topic_that_goes_and_comes_back() {
    let broker = started();
    let consumer = broker.consume("t", "g", "*").unwrap();
    assert!(consumer.try_next().unwrap().is_none(), "no topic yet");
    let round = |body: &'static str| {
        broker.create_topic("t", 1).unwrap();
        broker.send(&NewMessage::new("t", body)).unwrap();
        let delivery = consumer.next(Some(LONG)).unwrap().unwrap();
        assert_eq!(delivery.message().body, body);
        delivery.ack().unwrap();
        assert_eq!(broker.lag("g").unwrap(), 0);
    };
    round("first");
    round("second");
    broker.delete_topic("t").unwrap();
    assert!(consumer.try_next().unwrap().is_none());
    round("anew");
}

#[test]
fn a_consumer_that_may_not_says_why() {
    let broker = started();
    broker.create_topic("t", 1).unwrap();
    let kind = |error: crate::Error| error.kind();
    assert_eq!(kind(broker.consume("a b", "g", "*").unwrap_err()), ErrorKind::InvalidArgument);
    assert_eq!(kind(broker.consume("t", "", "*").unwrap_err()), ErrorKind::InvalidArgument);
    assert_eq!(kind(broker.consume("t", "g", "||").unwrap_err()), ErrorKind::InvalidArgument);
    let strict = start(Options::new().property("autoCreateSubscriptionGroup", "false")).unwrap();
    strict.create_topic("t", 1).unwrap();
    let consumer = strict.consume("t", "g", "*").unwrap();
    assert_eq!(kind(consumer.try_next().unwrap_err()), ErrorKind::NotFound, "the group is not created");
    strict.create_group("g").unwrap();
    assert!(consumer.try_next().unwrap().is_none());
}

#[test]
fn a_directory_that_cannot_be_made_is_named_with_advice() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = start(Options::new().store_dir(file.join("store"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(
        error.to_string().contains("file/store") && error.to_string().contains("choose another"),
        "{error}"
    );
}

#[test]
fn compressed_bodies_are_shown_as_they_were_sent() {
    let broker = started();
    let plain = vec![b'x'; 10_000];
    let compressed = crate::format::record::compressed::deflate(&plain).unwrap();
    // What is flagged as compressed is a client's doing: put below the checks of the surface.
    let running = broker.running.lock();
    let operations = running.as_ref().unwrap().broker.as_ref().unwrap().operations().clone();
    drop(running);
    broker.create_topic("t", 1).unwrap();
    let host = operations.store_host.own();
    operations.store.put(&crate::store::PutMessage {
        topic: "t",
        queue_id: 0,
        flag: 0,
        sys_flag: crate::format::flags::sys_flag::COMPRESSED,
        born_timestamp_ms: 1,
        born_host: host,
        store_host: host,
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body: &compressed,
        form: crate::store::BodyForm::Message,
        properties: b"",
        wait_store_ok: true,
    });
    broker.wait_for("t", 1, LONG).unwrap();
    let pulled = broker.pull("t", 0, 0, 1, LONG).unwrap();
    assert_eq!(pulled.messages[0].body, plain);
    assert_eq!(pulled.messages[0].msg_id, pulled.messages[0].offset_msg_id);
}
