use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use crate::broker::admin::testing::Fixture;

#[test]
fn figures_follow_the_store() {
    let fixture = Fixture::new(&[]);
    let before = fixture.admin.runtime.read();
    assert_eq!(before["putMessageTimesTotal"], "1", "as in Java");
    assert_eq!(before["msgPutTotalTodayNow"], "0");
    assert_eq!(before["earliestMessageTimeStamp"], "-1");
    assert_eq!(before["putTps"], "  ");
    let size = fixture.put("T", 0, b"body").size_bytes;
    fixture.put("T", 0, b"body");
    fixture.clock.advance(Duration::from_secs(90_061));
    let after = fixture.admin.runtime.read();
    assert_eq!((after["putMessageTimesTotal"].as_str(), after["msgPutTotalTodayNow"].as_str()), ("2", "2"));
    assert_eq!(after["putMessageSizeTotal"], (2 * size).to_string());
    assert_eq!(after["putMessageAverageSize"], format!("{size}.0"));
    assert_eq!(after["commitLogMaxOffset"], (2 * size).to_string());
    assert_eq!(after["runtime"], "[ 1 days, 1 hours, 1 minutes, 3 seconds ]");
    assert_eq!(after["scheduleMessageOffset_1"], "2,0");
    assert_eq!(after["sendThreadPoolQueueCapacity"], "10000");
    let ratio: f64 = after["commitLogDiskRatio"].parse().unwrap();
    assert!((0.0..=1.0).contains(&ratio));
    assert!(
        after["commitLogDirCapacity"].starts_with("Total : ")
            && after["commitLogDirCapacity"].ends_with("iB.")
    );
}

#[test]
fn bytes_are_written_as_java_writes_them() {
    for (bytes, text) in [
        (0, "0 B"),
        (1_023, "1023 B"),
        (1_024, "1.0 KiB"),
        (1_536, "1.5 KiB"),
        (270_582_939_648, "252.0 GiB"),
        (u64::MAX, "16.0 EiB"),
    ] {
        assert_eq!(byte_count(bytes), text);
    }
}

#[test]
fn midnight_moves_the_sums() {
    let clock = Clock::manual(86_400_000 * 20_000 - 5_000);
    let put = Arc::new(AtomicU64::new(0));
    let counted = put.clone();
    let now = move || Totals { put: counted.load(Ordering::Relaxed), got: 1 };
    let totals = DayTotals::of(Box::new(now), clock.clone(), TimeZone::UTC);
    put.store(7, Ordering::Relaxed);
    totals.notice_midnight();
    assert_eq!(totals.read().today_morning, Totals::default());
    clock.advance(Duration::from_secs(10));
    totals.notice_midnight();
    totals.notice_midnight();
    put.store(9, Ordering::Relaxed);
    let sums = totals.read();
    assert_eq!((sums.yesterday_morning.put, sums.today_morning.put, sums.now.put), (0, 7, 9));
    clock.advance(Duration::from_secs(86_400));
    totals.notice_midnight();
    let sums = totals.read();
    assert_eq!((sums.yesterday_morning.put, sums.today_morning.put, sums.now.put), (7, 9, 9));
}
