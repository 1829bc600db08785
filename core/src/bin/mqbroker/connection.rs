//! One blocking connection to a broker or a NameServer.

use std::fmt::Display;
use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use bytes::BytesMut;
use libbroker::internals::format::wire::{
    FRAME_SIZE_MAX, OutgoingRequest, RemotingCommand, ResponseCode, Serializer, encode_request, next_frame,
};
use libbroker::{Error, ErrorKind};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const READ_SIZE: usize = 256 * 1024;
/// For one of thousands of connections, on which little comes.
const READ_SIZE_SMALL: usize = 4 * 1024;

/// A connection, with requests not yet written and bytes not yet decoded.
pub struct Connection {
    stream: TcpStream,
    /// Asked for while it is open: a closed one does not know it any more.
    peer: Option<SocketAddr>,
    serializer: Serializer,
    outgoing: Vec<u8>,
    incoming: BytesMut,
    chunk: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub fn open(address: &str, serializer: Serializer) -> Result<Self, Error> {
        Self::open_with(address, serializer, READ_SIZE)
    }

    /// Connects, and takes little memory.
    pub fn open_small(address: &str, serializer: Serializer) -> Result<Self, Error> {
        Self::open_with(address, serializer, READ_SIZE_SMALL)
    }

    fn open_with(address: &str, serializer: Serializer, read_size: usize) -> Result<Self, Error> {
        let failed = |cause| Error::io(format_args!("cannot connect to {address}"), &cause);
        let stream = connect(address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT)).map_err(failed)?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT)).map_err(failed)?;
        Ok(Self::over(stream, serializer, read_size))
    }

    fn over(stream: TcpStream, serializer: Serializer, read_size: usize) -> Self {
        let (outgoing, incoming) = (Vec::new(), BytesMut::new());
        let peer = stream.peer_addr().ok();
        Self { stream, peer, serializer, outgoing, incoming, chunk: vec![0; read_size] }
    }

    /// The same connection for another thread, so that one writes while the other reads.
    pub fn other_half(&self) -> Result<Self, Error> {
        let stream =
            self.stream.try_clone().map_err(|cause| Error::io("cannot share a connection", &cause))?;
        Ok(Self::over(stream, self.serializer, self.chunk.len()))
    }

    /// The address of this side.
    pub fn local_ip(&self) -> Option<IpAddr> {
        self.stream.local_addr().ok().map(|address| address.ip())
    }

    /// Closes it for whoever shares it: reading ends at once.
    pub fn close(&self) {
        // One that is closed already stays so.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Adds a request to what [`Self::flush`] writes.
    pub fn push(&mut self, request: &OutgoingRequest, opaque: i32) {
        encode_request(&mut self.outgoing, request, opaque, self.serializer);
        for chunk in &request.body {
            self.outgoing.extend_from_slice(chunk);
        }
    }

    /// Writes what was pushed.
    pub fn flush(&mut self) -> Result<(), Error> {
        let written = self.stream.write_all(&self.outgoing);
        self.outgoing.clear();
        written.map_err(|cause| self.lost(cause))
    }

    /// Waits until more bytes have come.
    pub fn fill(&mut self) -> Result<(), Error> {
        match self.stream.read(&mut self.chunk) {
            Ok(0) => Err(self.lost("it was closed")),
            Ok(count) => {
                self.incoming.extend_from_slice(self.chunk.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(cause) if cause.kind() == IoErrorKind::WouldBlock => {
                Err(Error::new(ErrorKind::Timeout, format!("no answer for {ANSWER_TIMEOUT:?}")))
            }
            Err(cause) if cause.kind() == IoErrorKind::Interrupted => Ok(()),
            Err(cause) => Err(self.lost(cause)),
        }
    }

    /// What ends a connection is seldom told apart: it depends on who noticed first.
    fn lost(&self, cause: impl Display) -> Error {
        let peer = self.peer.map(|peer| format!(" to {peer}")).unwrap_or_default();
        let text = format!("lost the connection{peer} ({cause}): try again when the broker runs");
        Error::new(ErrorKind::Io, text)
    }

    /// The next answer that has come as a whole. Requests of the broker, such as "the members of your group have changed", are left
    /// out.
    pub fn answer(&mut self) -> Result<Option<RemotingCommand>, Error> {
        loop {
            let frame = next_frame(&mut self.incoming, FRAME_SIZE_MAX).map_err(|cause| {
                Error::new(ErrorKind::Io, format!("the broker answered nonsense: {cause}"))
            })?;
            match frame {
                Some(frame) if !frame.is_response() => {}
                answer => return Ok(answer),
            }
        }
    }

    /// One request and its answer, whatever its code. Nothing else is outstanding.
    pub fn call(&mut self, request: &OutgoingRequest) -> Result<RemotingCommand, Error> {
        self.push(request, 0);
        self.answered()
    }

    /// Writes the one request that was pushed and waits for its answer.
    pub fn answered(&mut self) -> Result<RemotingCommand, Error> {
        self.flush()?;
        loop {
            if let Some(answer) = self.answer()? {
                return Ok(answer);
            }
            self.fill()?;
        }
    }
}

/// Tries the addresses of a name in turn; the last one's failure counts.
fn connect(address: &str) -> std::io::Result<TcpStream> {
    let mut failure = IoErrorKind::NotFound.into();
    for resolved in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&resolved, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(cause) => failure = cause,
        }
    }
    Err(failure)
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Whether a request was granted.
pub fn is_success(answer: &RemotingCommand) -> bool {
    answer.code == i32::from(ResponseCode::Success)
}

/// Code and remark of a refusal.
pub fn refusal(answer: &RemotingCommand) -> String {
    format!("code {} {}", answer.code, answer.remark.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_lost_connection_is_named_with_what_to_do() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut connection = Connection::open(&address, Serializer::Json).unwrap();
        drop(listener.accept().unwrap());
        let text = connection.fill().unwrap_err().to_string();
        assert_eq!(
            text,
            format!("lost the connection to {address} (it was closed): try again when the broker runs")
        );
    }
}
