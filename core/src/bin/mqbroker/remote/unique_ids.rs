//! Ids of messages as producers of the Java family make them (Java: `MessageClientIDSetter`; store-format §5).

use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use libbroker::clock::Clock;
use libbroker::internals::format::record::ids::UniqueKey;

/// Makes ids, each once.
pub struct UniqueIds {
    clock: Clock,
    address: IpAddr,
    /// In Java the hash of a class loader; here what tells two processes of one number in two containers apart.
    tag: i32,
    counter: u16,
}

impl UniqueIds {
    /// Those of this process, as the peer at the other end of a connection sees it.
    pub fn new(clock: &Clock, address: Option<IpAddr>) -> Self {
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Self { clock: clock.clone(), address, tag: fastrand::i32(..), counter: 0 }
    }

    /// The next one.
    pub fn next(&mut self) -> String {
        let key = UniqueKey {
            address: self.address,
            process_id: std::process::id() as u16,
            loader_hash: self.tag,
            since_month_start_ms: since_month_start_ms(self.clock.now_ms()),
            counter: self.counter,
        };
        self.counter = self.counter.wrapping_add(1);
        key.to_string()
    }
}

/// Milliseconds since the first of the month, local time; 0 where the calendar has no answer.
fn since_month_start_ms(now_ms: i64) -> i32 {
    let month_start_ms = || {
        let now = Timestamp::from_millisecond(now_ms).ok()?.to_zoned(TimeZone::system());
        let start = now.date().first_of_month().to_zoned(TimeZone::system()).ok()?;
        Some(start.timestamp().as_millisecond())
    };
    let since_ms = month_start_ms().map_or(0, |start_ms| now_ms - start_ms);
    i32::try_from(since_ms).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_say_where_and_when() {
        let clock = Clock::manual(1_700_000_000_000);
        let mut ids = UniqueIds::new(&clock, Some("10.1.2.3".parse().unwrap()));
        let (one, other) = (ids.next(), ids.next());
        assert_ne!(one, other);
        let key = UniqueKey::parse(one.as_bytes()).unwrap();
        assert_eq!(key.address.to_string(), "10.1.2.3");
        let days_ms = 24 * 60 * 60 * 1000;
        let since = key.since_month_start_ms;
        assert!((13 * days_ms..16 * days_ms).contains(&since), "{since}");
        assert_eq!(UniqueKey::parse(other.as_bytes()).unwrap().counter, key.counter + 1);
    }
}
