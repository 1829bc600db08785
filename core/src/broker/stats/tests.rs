use super::*;
use crate::runtime::threads::Poison;

fn stats(is_detailed: bool) -> (BrokerStats, Clock) {
    let clock = Clock::manual(0);
    (BrokerStats::new("Cluster", is_detailed, clock.clone()), clock)
}

fn amount(messages: usize, bytes: usize) -> Amount {
    Amount { messages, bytes }
}

fn minute(stats: &BrokerStats, stat: Stat, key: &str) -> Option<(i64, f64, f64)> {
    stats.view(stat, key).map(|view| (view.minute.sum, view.minute.tps, view.minute.average_per_call))
}

#[test]
fn a_minute_is_what_the_samples_of_a_minute_differ_by() {
    let (stats, clock) = stats(true);
    let key = "T";
    assert_eq!(minute(&stats, Stat::TopicPutNums, key), None);
    stats.put("T", amount(14, 1_400));
    assert_eq!(minute(&stats, Stat::TopicPutNums, key), Some((0, 0.0, 0.0)), "not sampled yet");
    clock.advance(Duration::from_secs(3));
    stats.sample(Span::Minute);
    assert_eq!(minute(&stats, Stat::TopicPutNums, key), Some((14, 1.4, 14.0)));
    assert_eq!(minute(&stats, Stat::TopicPutSize, key), Some((1_400, 140.0, 1_400.0)));
    for _ in 0..6 {
        clock.advance(Duration::from_secs(10));
        stats.put("T", amount(1, 10));
        stats.sample(Span::Minute);
    }
    assert_eq!(minute(&stats, Stat::TopicPutNums, key), Some((6, 0.1, 1.0)), "the first sample is gone");
    assert_eq!(stats.view(Stat::TopicPutNums, key).unwrap().hour, StatsSpan::default());
    stats.sample(Span::Hour);
    stats.sample(Span::Day);
    let view = stats.view(Stat::TopicPutNums, key).unwrap();
    assert_eq!((view.hour.sum, view.day.sum), (20, 20));
    assert_eq!(minute(&stats, Stat::BrokerPutNums, "Cluster"), Some((6, 0.1, 0.0)));
    assert_eq!(minute(&stats, Stat::BrokerPutNums, "Other"), None);
    assert_eq!(minute(&stats, Stat::BrokerGetNums, "Cluster"), None);
}

#[test]
fn keys_are_the_texts_of_the_spec() {
    let (stats, _clock) = stats(true);
    stats.got("g@1", "T", 3, amount(2, 20), Duration::from_millis(7));
    stats.sent_back("g@1", "T");
    stats.put_delayed("SCHEDULE_TOPIC_XXXX", 2, amount(1, 100));
    stats.delivered("SCHEDULE_CONSUMER", "SCHEDULE_TOPIC_XXXX", 2, "T", amount(1, 100));
    stats.sample(Span::Minute);
    for (stat, key, sum) in [
        (Stat::GroupGetNums, "T@g@1", 2),
        (Stat::GroupGetSize, "T@g@1", 20),
        (Stat::GroupGetLatency, "3@T@g@1", 7),
        (Stat::SendBackPutNums, "T@g@1", 1),
        (Stat::QueuePutNums, "SCHEDULE_TOPIC_XXXX@2", 1),
        (Stat::QueuePutSize, "SCHEDULE_TOPIC_XXXX@2", 100),
        (Stat::QueueGetNums, "SCHEDULE_TOPIC_XXXX@2@SCHEDULE_CONSUMER", 1),
        (Stat::QueueGetSize, "SCHEDULE_TOPIC_XXXX@2@SCHEDULE_CONSUMER", 100),
        (Stat::GroupGetNums, "SCHEDULE_TOPIC_XXXX@SCHEDULE_CONSUMER", 1),
        (Stat::TopicPutSize, "T", 100),
        (Stat::BrokerGetNums, "Cluster", 2),
    ] {
        assert_eq!(minute(&stats, stat, key).map(|(sum, ..)| sum), Some(sum), "{} {key}", stat.name());
    }
    assert!((stats.group_tps("g@1", "T") - 0.2).abs() < 1e-9);
    assert_eq!(minute(&stats, Stat::GroupGetLatency, "T@g@1"), None);
    assert!(Stat::ALL.into_iter().all(|stat| Stat::of_name(stat.name()) == Some(stat)));
}

#[test]
fn without_detail_nothing_is_kept_by_queue() {
    let (stats, _clock) = stats(false);
    stats.got("g", "T", 3, amount(2, 20), Duration::from_millis(7));
    stats.put_delayed("SCHEDULE_TOPIC_XXXX", 2, amount(1, 100));
    assert!(stats.view(Stat::GroupGetLatency, "T@g").is_some());
    assert!(stats.view(Stat::GroupGetLatency, "3@T@g").is_none());
    assert!(stats.view(Stat::QueuePutNums, "SCHEDULE_TOPIC_XXXX@2").is_none());
    // With autoDeleteUnusedStats this is an exception in Java.
    stats.topic_deleted("T");
    assert!(stats.view(Stat::GroupGetNums, "T@g").is_none());
}

#[test]
fn deleting_takes_a_topic_or_a_group_out_everywhere() {
    let (stats, _clock) = stats(true);
    for (group, topic) in [("g1", "T1"), ("g2", "T1"), ("g1", "T2")] {
        stats.put(topic, amount(1, 1));
        stats.got(group, topic, 0, amount(1, 1), Duration::ZERO);
        stats.sent_back(group, topic);
    }
    stats.group_deleted("g1");
    assert!(stats.view(Stat::GroupGetNums, "T1@g1").is_none());
    assert!(stats.view(Stat::GroupGetLatency, "0@T2@g1").is_none());
    assert!(stats.view(Stat::SendBackPutNums, "T1@g2").is_some());
    stats.topic_deleted("T1");
    assert!(stats.view(Stat::SendBackPutNums, "T1@g2").is_none());
    assert!(stats.view(Stat::TopicPutNums, "T1").is_none() && stats.view(Stat::TopicPutNums, "T2").is_some());
}

#[test]
fn timers_take_the_samples() {
    let (stats, clock) = stats(true);
    let stats = Arc::new(stats);
    let timers = Timers::start("t-stats", clock.clone(), &Poison::new()).unwrap();
    stats.put("T", amount(10, 10));
    stats.schedule(&timers);
    let sum = || minute(&stats, Stat::TopicPutNums, "T").map_or(0, |(sum, ..)| sum);
    while sum() < 10 {
        std::thread::yield_now();
    }
    stats.put("T", amount(5, 5));
    while sum() < 15 {
        clock.advance(Duration::from_secs(1));
        std::thread::yield_now();
    }
    timers.stop();
}

#[test]
fn counts_of_many_threads_add_up() {
    let (stats, _clock) = stats(true);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let stats = &stats;
            scope.spawn(move || {
                for message in 0..1_000 {
                    stats.put(["A", "B", "C"][(thread + message) % 3], amount(1, 2));
                }
            });
        }
    });
    stats.sample(Span::Minute);
    let sums: i64 =
        ["A", "B", "C"].iter().map(|topic| minute(&stats, Stat::TopicPutSize, topic).unwrap().0).sum();
    assert_eq!(sums, 8_000);
}

#[test]
fn light_queues_are_counted_as_one() {
    let (stats, _clock) = stats(false);
    let stats = stats.with_light_queues_folded(true);
    stats.got("%LMQ%g", "%LMQ%a", 0, amount(2, 20), Duration::ZERO);
    stats.got("%LMQ%h", "%LMQ%b", 0, amount(3, 30), Duration::ZERO);
    stats.sent_back("%LMQ%g", "T");
    stats.sample(Span::Minute);
    assert_eq!(minute(&stats, Stat::GroupGetNums, "%LMQ%@%LMQ%").map(|of| of.0), Some(5));
    assert_eq!(minute(&stats, Stat::SendBackPutNums, "T@%LMQ%").map(|of| of.0), Some(1));
    assert_eq!(minute(&stats, Stat::GroupGetNums, "%LMQ%a@%LMQ%g"), None);
}
