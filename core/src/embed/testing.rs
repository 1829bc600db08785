//! What tests of applications need: time that moves on command, faults, snapshots, a clean slate.

use std::path::Path;
use std::time::Duration;

use super::Embedded;
use super::drive::{stopped, wait_for_dispatch};
use super::inspect::is_own;
use super::message::{invalid, refused};
use crate::broker::operations::Operations;
use crate::broker::watch::{OnChange, Wake};
use crate::error::{Error, Result};
use crate::format::names::{self, file};
use crate::format::wire::codes::RequestCode;
use crate::mmap::copy::copy_dir;
use crate::mmap::disk::Disk;
pub use crate::net::FaultAction;

/// Times beyond cannot be told from mistakes, and would run over.
const ADVANCE_MAX: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Requests that fail on cue. Calls within the process never do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The request code, as [`request_code`] gives it; `None` is any. The codes of one thing count as one: `SEND_MESSAGE` is also
    /// its second form and a batch.
    pub code: Option<i32>,
    /// Header fields that a request must have, such as `topic`, by their long names.
    pub fields: Vec<(String, String)>,
    /// How many requests fail.
    pub times: u32,
    /// What happens to them.
    pub action: FaultAction,
}

impl Fault {
    /// The next request of any kind.
    pub fn next(action: FaultAction) -> Self {
        Self { code: None, fields: Vec::new(), times: 1, action }
    }
}

/// The number of a request code: of its name in Java (`PULL_MESSAGE`), or of a text that is a number.
pub fn request_code(text: &str) -> Result<i32> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let unknown = || invalid(format!("{text:?} is no request code; names are Java's, such as SEND_MESSAGE"));
    let found = RequestCode::ALL.iter().find(|code| code.name() == text);
    found.map(|code| code.code()).ok_or_else(unknown)
}

/// Every code of the same thing.
fn codes_of(code: i32) -> Vec<i32> {
    let sends = [RequestCode::SendMessage, RequestCode::SendMessageV2, RequestCode::SendBatchMessage];
    let sends = sends.map(i32::from);
    if code == i32::from(RequestCode::SendMessage) { sends.to_vec() } else { vec![code] }
}

impl Embedded {
    /// The time that this handle goes by: milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Moves a manual clock on: delayed messages become due, transactions are checked, long polls end, clients and files expire.
    /// That happens on the broker's threads, within milliseconds after this returned: wait for what you expect.
    pub fn advance(&self, by: Duration) -> Result<()> {
        if !self.clock.is_manual() {
            return Err(invalid("the clock is the machine's; start with a manual one to move time"));
        }
        if by > ADVANCE_MAX {
            return Err(invalid(format!("{by:?} is more than 100 years")));
        }
        self.clock.advance(by);
        Ok(())
    }

    /// Lets requests fail, at the broker and at the NameServer of this handle. Several faults are used in their order.
    pub fn fail_next(&self, fault: Fault) -> Result<()> {
        if fault.times == 0 {
            return Err(invalid("a fault for 0 requests is none"));
        }
        let codes = fault.code.map(codes_of).unwrap_or_default();
        let Fault { fields, times, action, .. } = fault;
        self.faults.add(crate::net::Fault { codes, fields, times, action });
        Ok(())
    }

    /// Forgets faults that were not used up.
    pub fn clear_faults(&self) {
        self.faults.clear();
    }

    /// Copies the store to `dir`, which must be empty or missing, while the broker runs: everything stored before the call is in it,
    /// messages, topics, groups and offsets. A broker is started from it with `Options::snapshot`, or on the copy itself; it recovers as
    /// after a crash, so that messages of a topic that was deleted may be there again, once a topic of that name is made. On an error
    /// the directory is empty.
    pub fn snapshot(&self, dir: &Path) -> Result<()> {
        self.call("snapshot", |operations| {
            let disk = Disk::real();
            make_empty(&disk, dir)?;
            let copied = copy_store(operations, &disk, dir);
            if copied.is_err() {
                empty(&disk, dir);
            }
            copied
        })
    }

    /// Makes the broker as if it were new to whoever uses it: deletes every topic and group that is not its own, with messages and
    /// offsets; what is delayed is never delivered, of half messages no producer is asked any more, and faults are forgotten. Connections
    /// stay, and so does what clients do from then on: topics that they create anew, transactions that they end only now.
    pub fn clear(&self) -> Result<()> {
        self.faults.clear();
        self.call("clear", |operations| {
            // What was acknowledged to a client may be on its way into its queue.
            wait_for_dispatch(operations, operations.store.max_physical_offset());
            operations.forget_waiting();
            clear_topics(operations)?;
            for group in operations.groups.all() {
                let name = &group.group_name;
                if !names::BUILT_IN_GROUPS.contains(&name.as_str())
                    && !name.starts_with(names::SYSTEM_GROUP_PREFIX)
                {
                    operations.admin.groups.delete(name, true).map_err(refused)?;
                }
            }
            // Offsets of groups that were never created.
            for topic_at_group in operations.offsets.snapshot().offset_table.keys() {
                let group = topic_at_group.split_once('@').map_or("", |(_, group)| group);
                if group != names::TRANS_GROUP {
                    operations.offsets.remove_group(group);
                }
            }
            operations.watch.changed();
            Ok(())
        })
    }

    /// Calls `signal` when messages were stored, groups changed or the broker stops: at most once until [`Wake::arm`]. To wait without
    /// blocking a thread: arm, look, and if there is nothing, wait for the signal and begin anew. It is called on threads of the
    /// broker and must not block.
    pub fn on_change(&self, signal: OnChange) -> Result<Wake> {
        self.call("on_change", |operations| Ok(operations.watch.subscribe(signal)))
    }
}

fn copy_store(operations: &Operations, disk: &Disk, dir: &Path) -> Result<()> {
    operations.persist()?;
    let config = operations.store.options().root.join(file::CONFIG);
    copy_dir(disk, &config, &dir.join(file::CONFIG))
        .map_err(|cause| Error::io(format_args!("copy tables to {}", dir.display()), &cause))?;
    operations.store.copy_to(disk, dir)?;
    // A stop may have removed files before they were copied.
    if operations.watch.is_closed() { Err(stopped()) } else { Ok(()) }
}

fn clear_topics(operations: &Operations) -> Result<()> {
    for topic in operations.topics.all() {
        let name = &topic.topic_name;
        let is_groups =
            name.starts_with(names::RETRY_TOPIC_PREFIX) || name.starts_with(names::DLQ_TOPIC_PREFIX);
        if is_groups || !is_own(operations, name) {
            operations.admin.topics.delete(name).map_err(refused)?;
        }
    }
    Ok(())
}

/// Makes a directory, unless it is there and empty.
pub(super) fn make_empty(disk: &Disk, dir: &Path) -> Result<()> {
    let failed =
        |cause: std::io::Error| Error::io(format_args!("make the directory {}", dir.display()), &cause);
    if dir.is_dir() && std::fs::read_dir(dir).map_err(failed)?.next().is_some() {
        return Err(invalid(format!("{} is not empty", dir.display())));
    }
    disk.create_dir_all(dir).map_err(failed)
}

/// Removes what a failure left in a directory that was empty.
pub(super) fn empty(disk: &Disk, dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let removed = if path.is_dir() { disk.remove_dir_all(&path) } else { disk.remove(&path) };
        if let Err(error) = removed {
            tracing::warn!(target: "broker", path = %path.display(), %error, "cleaning up after a failed copy");
        }
    }
}
