//! Long polls that stay parked: nobody reads their connections until somebody wants to know what came.

use std::time::Duration;

use libbroker::{Error, ErrorKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::args::Target;
use super::pull::pull_request;
use super::topic::Queue;
use crate::connection::{Connection, refusal};

/// Most messages in the answer of a long poll, as the clients ask for.
pub const POLL_MESSAGES_MAX: u64 = 32;

/// Which long poll hangs on which connection and queue.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    pub connections: u32,
    pub polls: u32,
    pub queues: u32,
}

impl Layout {
    fn queue(self, poll: u32) -> u32 {
        poll % self.queues
    }

    /// The polls of one queue go to different connections, as long as there are enough.
    fn connection(self, poll: u32) -> u32 {
        (poll % self.queues + poll / self.queues) % self.connections
    }

    /// Numbers of the polls that wait for a queue.
    pub fn polls_of(self, queue: u32) -> impl Iterator<Item = u32> {
        (queue..self.polls).step_by(self.queues as usize)
    }

    /// The connections of those polls, each once.
    pub fn connections_of(self, queue: u32) -> Vec<usize> {
        let mut connections: Vec<usize> =
            self.polls_of(queue).map(|poll| self.connection(poll) as usize).collect();
        connections.sort_unstable();
        connections.dedup();
        connections
    }
}

/// Connections with parked long polls. The number of a poll is the correlation id of its request.
pub struct Parking {
    pub layout: Layout,
    pub connections: Vec<Connection>,
}

impl Parking {
    /// Connects, and parks nothing yet.
    pub fn open(target: &Target, layout: Layout) -> Result<Self, Error> {
        let open = |_| Connection::open_small(&target.address, target.header.serializer());
        let connections = (0..layout.connections).map(open).collect::<Result<_, _>>()?;
        Ok(Self { layout, connections })
    }

    /// Asks for what comes behind the last message of each queue. `suspend` must be longer than the polls are looked at.
    pub fn park(&mut self, topic: &str, queues: &[Queue], suspend: Duration) -> Result<(), Error> {
        for poll in 0..self.layout.polls {
            let queue = queues.get(self.layout.queue(poll) as usize);
            let connection = self.connections.get_mut(self.layout.connection(poll) as usize);
            if let (Some(queue), Some(connection), Ok(opaque)) = (queue, connection, i32::try_from(poll)) {
                let (id, offset) = (queue.id, queue.max_offset);
                connection.push(&pull_request(topic, id, offset, POLL_MESSAGES_MAX, Some(suspend)), opaque);
            }
        }
        self.connections.iter_mut().try_for_each(Connection::flush)
    }

    /// Reads what has come without anybody having sent a message: each answer is a poll that is not parked any more.
    pub fn answered_early(&mut self) -> Result<Early, Error> {
        let mut early = Early::default();
        let all: Vec<usize> = (0..self.connections.len()).collect();
        loop {
            let ready = readable(&self.connections, &all, Some(Duration::ZERO))?;
            if ready.is_empty() {
                return Ok(early);
            }
            for index in ready {
                let Some(connection) = self.connections.get_mut(index) else { continue };
                connection.fill()?;
                while let Some(answer) = connection.answer()? {
                    early.polls += 1;
                    early.first_answer.get_or_insert_with(|| refusal(&answer));
                }
            }
        }
    }
}

/// Polls that were answered although nothing was sent.
#[derive(Debug, Default)]
pub struct Early {
    pub polls: u64,
    pub first_answer: Option<String>,
}

/// Which of `wanted` have something to read; waits for the first one up to `timeout`, without one as long as it takes.
pub fn readable(
    connections: &[Connection],
    wanted: &[usize],
    timeout: Option<Duration>,
) -> Result<Vec<usize>, Error> {
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let present: Vec<(usize, &Connection)> =
        wanted.iter().filter_map(|index| Some((*index, connections.get(*index)?))).collect();
    let mut polled: Vec<PollFd<'_>> =
        present.iter().map(|(_, connection)| PollFd::new(*connection, PollFlags::IN)).collect();
    match poll(&mut polled, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => {
            return Err(Error::new(ErrorKind::Io, format!("cannot wait for connections: {errno}")));
        }
    }
    let ready = present.iter().zip(&polled).filter(|(_, polled)| !polled.revents().is_empty());
    Ok(ready.map(|((index, _), _)| *index).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_spread_over_queues_and_connections() {
        let layout = Layout { connections: 10, polls: 1000, queues: 100 };
        for queue in [0, 7, 99] {
            let polls: Vec<u32> = layout.polls_of(queue).collect();
            assert_eq!(polls.len(), 10);
            assert!(polls.iter().all(|poll| layout.queue(*poll) == queue));
            assert_eq!(layout.connections_of(queue).len(), 10);
        }
        let on_first = (0..1000).filter(|poll| layout.connection(*poll) == 0).count();
        assert_eq!(on_first, 100);
    }

    #[test]
    fn fewer_polls_than_queues_leave_queues_alone() {
        let layout = Layout { connections: 3, polls: 5, queues: 8 };
        assert_eq!(layout.polls_of(4).collect::<Vec<_>>(), [4]);
        assert!(layout.polls_of(5).next().is_none() && layout.connections_of(5).is_empty());
    }
}
