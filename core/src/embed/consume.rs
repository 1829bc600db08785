//! Consuming as a member of a group, from within the process.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Embedded;
use super::drive::{check_name_of, not_stored, stopped};
use super::guard::guarded;
use super::message::{Message, invalid, refused};
use super::process::Mark;
use crate::broker::member::{Handed, LocalMember};
use crate::broker::operations::Operations;
use crate::broker::watch::{OnChange, Waited, Wake};
use crate::error::{Error, ErrorKind, Result};
use crate::format::names::{self, property};
use crate::format::record::decode::RecordView;
use crate::net::Peer;
use crate::runtime::logsink::Inherited;
use crate::store::PutStatus;

/// How long [`Delivery::retry`] waits for the disk.
const FLUSH_WAIT_MAX: Duration = Duration::from_secs(60);

/// A member of a consumer group. All calls are safe from any thread. Dropping it leaves the group.
///
/// Messages are handed out in the order of each queue. What is not acknowledged when the member leaves comes again, to whoever
/// has the queue then; what is acknowledged behind a gap as well.
pub struct Consumer {
    shared: Arc<Shared>,
}

struct Shared {
    member: LocalMember,
    /// Not kept alive: files stay mapped as long as someone has it.
    operations: Weak<Operations>,
    watch: crate::broker::watch::Watch,
    log: Inherited,
    process: Mark,
}

/// A message that a consumer was given.
#[derive(Clone)]
pub struct Delivery {
    message: Message,
    handed: Handed,
    shared: Arc<Shared>,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("member", &self.shared.member).finish()
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("message", &self.message).finish_non_exhaustive()
    }
}

impl Embedded {
    /// Joins `group` to consume `topic`: messages with one of the tags in `tags` (`"a || b"`), or all (`"*"`). The group goes on from
    /// what it has committed, with a topic that is new to it at the oldest message. Members of one group share the queues, those
    /// behind sockets too; they should all want the same.
    pub fn consume(&self, topic: &str, group: &str, tags: &str) -> Result<Consumer> {
        self.call_with_io("consume", |operations, io| {
            names::check_topic(topic).map_err(|error| invalid(error.to_string()))?;
            check_name_of(group)?;
            let host = self.address().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip());
            let peer = Peer::nowhere(io, SocketAddr::new(host, 0))?;
            let member = LocalMember::join(operations, peer, group, topic, tags).map_err(refused)?;
            let watch = operations.watch.clone();
            Ok(Consumer {
                shared: Arc::new(Shared {
                    member,
                    operations: Arc::downgrade(operations),
                    watch,
                    log: Inherited::here(),
                    process: self.process,
                }),
            })
        })
    }
}

impl Shared {
    fn guarded<T>(&self, what: &str, body: impl FnOnce() -> Result<T>) -> Result<T> {
        self.process.check()?;
        guarded(what, || self.log.run(body))
    }

    fn operations(&self) -> Result<Arc<Operations>> {
        self.operations.upgrade().filter(|_| !self.watch.is_closed()).ok_or_else(stopped)
    }

    fn take(self: &Arc<Self>, operations: &Operations) -> Result<Option<Delivery>> {
        if self.member.has_left() {
            return Err(stopped());
        }
        let Some(handed) = self.member.take(operations).map_err(refused)? else { return Ok(None) };
        let record = RecordView::parse(&handed.record)
            .map_err(|error| Error::new(ErrorKind::StoreCorrupt, error.to_string()))?;
        let mut message = Message::of(&record);
        let first_topic =
            record.property(property::RETRY_TOPIC).and_then(|topic| std::str::from_utf8(topic).ok());
        if let Some(topic) = first_topic.filter(|_| message.topic.starts_with(names::RETRY_TOPIC_PREFIX)) {
            message.topic = topic.to_owned();
        }
        Ok(Some(Delivery { message, handed, shared: self.clone() }))
    }
}

impl Consumer {
    /// The next message, when there is one now. Never blocks.
    pub fn try_next(&self) -> Result<Option<Delivery>> {
        self.shared.guarded("consume", || self.shared.take(&*self.shared.operations()?))
    }

    /// The next message; `None` after `timeout` of real time. Without one, blocks until a message, [`Consumer::close`] or the stop,
    /// which are [`ErrorKind::Stopped`].
    pub fn next(&self, timeout: Option<Duration>) -> Result<Option<Delivery>> {
        self.shared.guarded("consume", || {
            // Not held during the wait: the stop lets go of the files.
            let look =
                || self.shared.operations().and_then(|operations| self.shared.take(&operations)).transpose();
            match self.shared.watch.wait(timeout, look) {
                Waited::Got(delivery) => delivery.map(Some),
                Waited::TimedOut => Ok(None),
                Waited::Closed => Err(stopped()),
            }
        })
    }

    /// Signals that [`Consumer::try_next`] may have something, or an error, to give: see [`Wake`].
    pub fn on_change(&self, signal: OnChange) -> Wake {
        self.shared.watch.subscribe(signal)
    }

    /// Leaves the group. Who waits in [`Consumer::next`] gets an error. Idempotent.
    pub fn close(&self) {
        if !self.shared.process.is_here() {
            return;
        }
        self.shared.member.leave(self.shared.operations.upgrade().as_deref());
        self.shared.watch.changed();
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Delivery {
    /// The message.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Says that the message was dealt with. The group's offset moves on once there is no gap before it. Of no effect the second
    /// time, after the consumer left, or when the queue is another member's, or its offset was set, meanwhile.
    pub fn ack(&self) -> Result<()> {
        self.shared.guarded("ack", || {
            self.shared.member.acknowledge(&*self.shared.operations()?, &self.handed);
            Ok(())
        })
    }

    /// Gives the message back: it comes again to the group after the delay of `delay_level`; 0 leaves that to the number of times it
    /// came (10 s at first), below 0 makes it a dead letter. After the group's `retryMaxTimes` it becomes one too. Of no effect where
    /// [`Delivery::ack`] has none, and while another thread gives it back.
    pub fn retry(&self, delay_level: i32) -> Result<()> {
        self.shared.guarded("retry", || {
            let operations = self.shared.operations()?;
            let member = &self.shared.member;
            if !member.begin_give_back(&self.handed) {
                return Ok(());
            }
            let given_back = self.give_back(&operations, delay_level);
            member.end_give_back(&self.handed);
            given_back
        })
    }

    fn give_back(&self, operations: &Operations, delay_level: i32) -> Result<()> {
        let member = &self.shared.member;
        if let Some(outcome) = member.give_back(operations, &self.handed, delay_level).map_err(refused)? {
            let status = outcome.ticket.map_or(outcome.status, |ticket| ticket.wait(FLUSH_WAIT_MAX));
            if !matches!(status, PutStatus::Ok | PutStatus::FlushDiskTimeout) {
                return Err(not_stored(operations, status));
            }
        }
        member.acknowledge(operations, &self.handed);
        Ok(())
    }
}
