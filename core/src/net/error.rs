//! Why a call to a peer gave no answer.

use crate::error::{Error, ErrorKind};

/// Why a frame could not be sent, or a call got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The connection is closed, or was closed before the answer came.
    #[error("the connection is closed")]
    #[doc(alias = "RemotingSendRequestException")]
    Closed,
    /// No answer in time.
    #[error("no answer within {0} ms")]
    #[doc(alias = "RemotingTimeoutException")]
    Timeout(u128),
    /// The peer does not read: its outbox is over the bound, or too many one-way requests wait in it.
    #[error("the peer does not read what it is sent")]
    #[doc(alias = "RemotingTooMuchRequestException")]
    Congested,
    /// No connection to the address. The text says why.
    #[error("connect to {address}: {cause}")]
    #[doc(alias = "RemotingConnectException")]
    Connect {
        /// As the caller gave it.
        address: String,
        /// What the system said.
        cause: String,
    },
    /// A blocking call on an I/O thread: it would wait for itself.
    #[error("a blocking call on an I/O thread")]
    OnIoThread,
    /// The client is stopped.
    #[error("the remoting client is stopped")]
    Stopped,
}

impl From<NetError> for Error {
    fn from(error: NetError) -> Self {
        let kind = match error {
            NetError::Timeout(_) => ErrorKind::Timeout,
            NetError::Stopped => ErrorKind::Stopped,
            NetError::OnIoThread => ErrorKind::Internal,
            _ => ErrorKind::Io,
        };
        Error::new(kind, error.to_string())
    }
}
