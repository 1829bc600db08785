//! `mqbroker bench echo-server`: answers every request with as many bytes as it was told, and does nothing else.
//!
//! A process of its own, so that its CPU time is told from the generator's.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use libbroker::{Error, ErrorKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::super::super::process;
use super::super::args::Echo;
use super::super::measure::joined;
use super::super::report::Outcome;

/// What a broker reads at most at a time.
const READ_SIZE: usize = 256 * 1024;
/// A parent that has not connected by then is gone.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Says on which port it listens, takes as many connections as it was told, and ends with them.
pub fn serve(options: &Echo) -> Result<Outcome, Error> {
    let failed = |cause| Error::io("echo", &cause);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    process::say(&format!("{}\n", listener.local_addr().map_err(failed)?));
    let (request, answer) = (options.request as usize, options.answer as usize);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..options.connections {
            let stream = accept(&listener)?;
            threads.push(scope.spawn(move || echo(stream, request, answer).map_err(failed)));
        }
        threads.into_iter().try_for_each(joined)
    })?;
    Ok(Outcome { text: String::new(), is_sound: true })
}

fn accept(listener: &TcpListener) -> Result<TcpStream, Error> {
    let timeout = Timespec::try_from(CONNECT_MAX).ok();
    let came = poll(&mut [PollFd::new(listener, PollFlags::IN)], timeout.as_ref());
    if !came.is_ok_and(|ready| ready > 0) {
        return Err(Error::new(ErrorKind::Timeout, format!("nobody connects for {CONNECT_MAX:?}")));
    }
    listener.accept().map(|(stream, _)| stream).map_err(|cause| Error::io("echo", &cause))
}

/// Reads what has come and answers all whole requests of it in one write, until the other side closes.
fn echo(mut stream: TcpStream, request: usize, answer: usize) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut incoming = vec![0; READ_SIZE];
    let mut whole = Whole::new(request);
    let mut outgoing = Vec::new();
    loop {
        let requests = match stream.read(&mut incoming)? {
            0 => return Ok(()),
            read => whole.take(read),
        };
        outgoing.resize(outgoing.len().max(requests * answer), 0);
        stream.write_all(outgoing.get(..requests * answer).unwrap_or_default())?;
    }
}

/// Counts whole pieces of one size in a stream of bytes.
pub struct Whole {
    size: usize,
    rest: usize,
}

impl Whole {
    pub fn new(size: usize) -> Self {
        Self { size: size.max(1), rest: 0 }
    }

    /// Pieces that are whole now that `bytes` more have come.
    pub fn take(&mut self, bytes: usize) -> usize {
        let all = self.rest + bytes;
        self.rest = all % self.size;
        all / self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_counted_when_they_are_whole() {
        let mut whole = Whole::new(100);
        assert_eq!([99, 1, 250, 49, 1, 0].map(|bytes| whole.take(bytes)), [0, 1, 2, 0, 1, 0]);
    }

    #[test]
    fn whole_requests_are_answered_and_the_end_is_noticed() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let accepted = accept(&listener).unwrap();
        let server = thread::spawn(move || echo(accepted, 10, 3));
        stream.write_all(&[1; 25]).unwrap();
        stream.read_exact(&mut [0; 6]).unwrap();
        stream.write_all(&[1; 5]).unwrap();
        stream.read_exact(&mut [0; 3]).unwrap();
        drop(stream);
        server.join().unwrap().unwrap();
    }
}
