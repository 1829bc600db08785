//! Requests that fail on cue: what a test of a client needs to see of a broken broker or network.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::format::wire::command::RemotingCommand;
use crate::format::wire::header::send::field_by_long_name;

/// Which requests fail, how often, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Request codes; none is every code.
    pub codes: Vec<i32>,
    /// Header fields the request must have, by their long names.
    pub fields: Vec<(String, String)>,
    /// How many requests fail.
    pub times: u32,
    /// What happens to them.
    pub action: FaultAction,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultAction {
    /// It is answered with a response code and a remark, and not handled.
    Error {
        /// Response code.
        code: i32,
        /// Remark.
        remark: String,
    },
    /// It is handled after this time, real time; what comes behind it on the connection may overtake it.
    Delay(Duration),
    /// It is not handled, and there is no answer.
    Drop,
    /// It is not handled, and its connection is closed.
    Disconnect,
}

impl Fault {
    fn is_for(&self, request: &RemotingCommand) -> bool {
        (self.codes.is_empty() || self.codes.contains(&request.code))
            && self.fields.iter().all(|(name, value)| {
                field_by_long_name(request.code, &request.ext, name) == Some(value.as_str())
            })
    }
}

/// The faults of one broker or NameServer, or of both. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// There are rules. All that a request costs while there are none.
    armed: AtomicBool,
    rules: Mutex<Vec<Fault>>,
}

impl Faults {
    /// Adds one. The oldest that fits a request is used.
    pub fn add(&self, fault: Fault) {
        let mut rules = self.0.rules.lock();
        rules.push(fault);
        rules.retain(|rule| rule.times > 0);
        self.0.armed.store(!rules.is_empty(), Ordering::Release);
    }

    /// Forgets all.
    pub fn clear(&self) {
        let mut rules = self.0.rules.lock();
        rules.clear();
        // Under the lock, like every store: one that is added meanwhile stays armed.
        self.0.armed.store(false, Ordering::Release);
    }

    /// How many requests will still fail.
    pub fn left(&self) -> u64 {
        self.0.rules.lock().iter().map(|rule| u64::from(rule.times)).sum()
    }

    /// What happens to `command`, if a rule is for it. Uses the rule up by one.
    #[inline]
    pub(super) fn next_for(&self, command: &RemotingCommand) -> Option<FaultAction> {
        if self.0.armed.load(Ordering::Relaxed) { self.take(command) } else { None }
    }

    #[cold]
    fn take(&self, command: &RemotingCommand) -> Option<FaultAction> {
        if command.is_response() {
            return None;
        }
        let mut rules = self.0.rules.lock();
        let rule = rules.iter_mut().find(|rule| rule.is_for(command))?;
        rule.times -= 1;
        let action = rule.action.clone();
        rules.retain(|rule| rule.times > 0);
        self.0.armed.store(!rules.is_empty(), Ordering::Release);
        drop(rules);
        tracing::info!(target: "broker::net", code = command.code, ?action, "a request fails on cue");
        Some(action)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::format::wire::HeaderFields;
    use crate::format::wire::command::{OutgoingRequest, Serializer};
    use crate::net::testing::{ECHO, ECHO_ON_LANE, LONG, RawClient, encode, options, router};
    use crate::net::{IoThreads, NoEvents, RemotingServer};

    struct Server {
        faults: Faults,
        server: RemotingServer,
        io: IoThreads,
    }

    fn start() -> Server {
        let (faults, io) = (Faults::default(), IoThreads::start(1).unwrap());
        let mut router = router(channel().0);
        router.fail_by(faults.clone());
        let server = RemotingServer::start(&io, options(), router, Arc::new(NoEvents)).unwrap();
        Server { faults, server, io }
    }

    fn fault(code: i32, times: u32, action: FaultAction) -> Fault {
        Fault { codes: vec![code], fields: Vec::new(), times, action }
    }

    #[test]
    fn requests_fail_as_often_as_asked_for_and_others_do_not() {
        let Server { faults, server, io } = start();
        let mut client = RawClient::connect(server.local_addr());
        faults.add(fault(ECHO, 2, FaultAction::Error { code: 99, remark: "on cue".to_owned() }));
        assert_eq!(client.ask(ECHO_ON_LANE, 1, b"a").code, 0);
        assert_eq!(faults.left(), 2);
        let failed = client.ask(ECHO, 2, b"b");
        assert_eq!((failed.code, failed.opaque, failed.remark.as_deref()), (99, 2, Some("on cue")));
        assert_eq!(client.ask(ECHO, 3, b"c").code, 99);
        assert_eq!(&*client.ask(ECHO, 4, b"d").body, b"d");
        faults.add(fault(ECHO, 1, FaultAction::Drop));
        client.send(&crate::net::testing::frame(ECHO, 5, b"lost"));
        assert_eq!(client.ask(ECHO, 6, b"e").opaque, 6, "nothing came for 5");
        faults.add(fault(ECHO, 1, FaultAction::Disconnect));
        client.send(&crate::net::testing::frame(ECHO, 7, b"last"));
        assert!(client.try_next().is_none());
        faults.add(fault(ECHO, 1, FaultAction::Drop));
        faults.clear();
        assert_eq!(RawClient::connect(server.local_addr()).ask(ECHO, 1, b"f").code, 0);
        server.drain_and_stop(LONG);
        io.stop();
    }

    #[test]
    fn a_delayed_request_is_handled_later_wherever_it_runs() {
        let Server { faults, server, io } = start();
        let mut client = RawClient::connect(server.local_addr());
        for code in [ECHO, ECHO_ON_LANE] {
            faults.add(fault(code, 1, FaultAction::Delay(Duration::from_millis(20))));
            client.send(&crate::net::testing::frame(code, 1, b"late"));
            client.send(&crate::net::testing::frame(code, 2, b"soon"));
            assert_eq!([client.next().opaque, client.next().opaque], [2, 1]);
        }
        server.drain_and_stop(LONG);
        io.stop();
    }

    #[test]
    fn a_delayed_request_holds_up_no_stop() {
        let Server { faults, server, io } = start();
        let mut client = RawClient::connect(server.local_addr());
        faults.add(fault(ECHO_ON_LANE, 1, FaultAction::Delay(Duration::MAX)));
        client.send(&crate::net::testing::frame(ECHO_ON_LANE, 1, b"never"));
        assert_eq!(client.ask(ECHO, 2, b"a").opaque, 2);
        let begin = std::time::Instant::now();
        server.drain_and_stop(Duration::from_millis(50));
        io.stop();
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        assert!(client.try_next().is_none());
    }

    #[test]
    fn a_field_is_known_by_its_long_name_in_either_form_of_a_send() {
        let Server { faults, server, io } = start();
        let mut client = RawClient::connect(server.local_addr());
        let topic = ("topic".to_owned(), "t".to_owned());
        let any = Fault { codes: Vec::new(), fields: vec![topic], times: 9, action: FaultAction::Drop };
        faults.add(any);
        let mut ask = |code: i32, name: &'static str, value: &'static str, opaque| {
            let request = OutgoingRequest::new(code).with_fields(HeaderFields::new().with(name, value));
            client.send(&encode(&request, opaque, Serializer::Json));
        };
        ask(10, "topic", "t", 1);
        ask(310, "b", "t", 2);
        ask(310, "topic", "t", 3);
        ask(310, "b", "other", 4);
        assert_eq!([client.next().opaque, client.next().opaque], [3, 4]);
        assert_eq!(faults.left(), 7);
        server.drain_and_stop(LONG);
        io.stop();
    }
}
