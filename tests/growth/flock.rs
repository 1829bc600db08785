//! Many connections on one thread: epoll tells which of them have answers.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use crate::frames::{self, Answer};
use crate::times::Times;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Answers are looked at in portions of so many connections.
const EVENTS: usize = 256;

struct Link {
    stream: TcpStream,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

/// Connections to one broker.
pub struct Flock {
    epoll: OwnedFd,
    links: Vec<Link>,
}

/// A load of sends.
pub struct Sends<'a> {
    /// The first so many connections send in turn.
    pub links: usize,
    pub total: u64,
    /// Requests outstanding on all connections together.
    pub window: u64,
    /// Topic and queue of the message with this number.
    pub place: &'a dyn Fn(u64) -> (&'a str, u32),
    pub body: &'a [u8],
}

/// What a load came to.
#[derive(Debug, Default)]
pub struct Sent {
    pub elapsed: Duration,
    pub failed: u64,
    pub first_failure: Option<i32>,
    pub times: Times,
}

impl Flock {
    /// Connects, one after the other.
    pub fn connect(address: &str, count: usize) -> Flock {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
        let mut links = Vec::with_capacity(count);
        for index in 0..count {
            let stream = TcpStream::connect(address).unwrap_or_else(|e| panic!("connection {index}: {e}"));
            stream.set_nodelay(true).expect("a connected socket");
            stream.set_nonblocking(true).expect("a connected socket");
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, &stream, data, epoll::EventFlags::IN).expect("a new socket");
            links.push(Link { stream, outgoing: Vec::new(), incoming: Vec::new() });
        }
        Flock { epoll, links }
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Where requests of a connection are put until [`Self::flush`].
    pub fn outgoing(&mut self, link: usize) -> &mut Vec<u8> {
        &mut self.links[link].outgoing
    }

    /// Writes what was put. Waits where the broker does not read.
    pub fn flush(&mut self, link: usize) {
        let Link { stream, outgoing, .. } = &mut self.links[link];
        let mut written = 0;
        let deadline = Instant::now() + ANSWER_MAX;
        while written < outgoing.len() {
            match stream.write(&outgoing[written..]) {
                Ok(count) => written += count,
                Err(e) if e.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {
                    std::thread::yield_now();
                }
                Err(e) => panic!("connection {link}: {e}"),
            }
        }
        outgoing.clear();
    }

    /// Waits until answers have come, and gives them; none when that takes longer than `timeout`.
    pub fn answers(&mut self, timeout: Duration) -> Vec<Answer> {
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        let mut events = Vec::<epoll::Event>::with_capacity(EVENTS);
        let mut answers = Vec::new();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => panic!("epoll: {e}"),
        }
        let ready: Vec<usize> = events.iter().map(|event| event.data.u64() as usize).collect();
        ready.into_iter().for_each(|link| self.read(link, &mut answers));
        answers
    }

    fn read(&mut self, index: usize, answers: &mut Vec<Answer>) {
        let link = &mut self.links[index];
        let mut chunk = [0; 32 << 10];
        match link.stream.read(&mut chunk) {
            Ok(0) => panic!("the broker closed connection {index}"),
            Ok(count) => link.incoming.extend(&chunk[..count]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => panic!("connection {index}: {e}"),
        }
        frames::take_answers(&mut link.incoming, answers);
    }

    /// One request that is answered at once on each connection, behind which everything before it was taken.
    pub fn greet(&mut self, topic: &str) {
        for link in 0..self.len() {
            frames::max_offset(self.outgoing(link), -1, topic, 0);
            self.flush(link);
        }
        let mut left = self.len();
        while left > 0 {
            let answers = self.answers(ANSWER_MAX);
            assert!(!answers.is_empty(), "{left} connections are not answered within {ANSWER_MAX:?}");
            left -= answers.iter().filter(|answer| answer.opaque == -1).count();
        }
    }

    /// Sends until everything is answered.
    pub fn send(&mut self, sends: &Sends<'_>) -> Sent {
        let mut sent = Sent::default();
        let mut starts: Vec<Instant> = Vec::with_capacity(sends.total as usize);
        let (mut answered, start) = (0, Instant::now());
        let mut touched = Vec::new();
        while answered < sends.total {
            let free = sends.window - (starts.len() as u64 - answered);
            let now = Instant::now();
            for _ in 0..free.min(sends.total - starts.len() as u64) {
                let number = starts.len() as u64;
                let link = (number % sends.links as u64) as usize;
                let (topic, queue) = (sends.place)(number);
                frames::send(self.outgoing(link), number as i32, topic, queue, sends.body);
                starts.push(now);
                touched.push(link);
            }
            // Requests of one connection leave together; one that was flushed has nothing left.
            touched.drain(..).for_each(|link| self.flush(link));
            let answers = self.answers(ANSWER_MAX);
            assert!(!answers.is_empty(), "{answered} of {} sends are answered", sends.total);
            let now = Instant::now();
            for answer in answers {
                answered += 1;
                sent.times.note(now - starts[answer.opaque as usize]);
                if answer.code != 0 {
                    sent.failed += 1;
                    sent.first_failure.get_or_insert(answer.code);
                }
            }
        }
        sent.elapsed = start.elapsed();
        sent
    }
}
