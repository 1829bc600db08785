//! The one error table. Numbers and names are stable: they become C status codes, Python classes and Node `.code`s.

use std::fmt;

/// What kind of failure this is. The number is the C status; the name is the Node code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum ErrorKind {
    /// An option or property is unknown, malformed or out of bounds. The text names key, value and what is allowed.
    Config = 1,
    /// A listening port is taken, or the address is not ours.
    PortInUse = 2,
    /// Another process, or another broker of this process, holds the store directory.
    StoreLocked = 3,
    /// Files of the store contradict each other in a way that recovery must not repair by itself.
    StoreCorrupt = 4,
    /// The file system has no room for the next file.
    DiskFull = 5,
    /// Any other failure of the operating system.
    Io = 6,
    /// An argument of a call is not acceptable.
    InvalidArgument = 7,
    /// The named topic, group or message does not exist.
    NotFound = 8,
    /// The broker is stopped, stopping, or not started.
    Stopped = 9,
    /// The call did not finish in the time it was given.
    Timeout = 10,
    /// A defect of this library: a caught panic or a broken invariant.
    Internal = 11,
    /// A rule of the broker forbids it: a permission, a switch, a limit.
    Refused = 12,
    /// A forked child cannot use a broker of its parent, nor start one if one ran at the fork.
    Forked = 13,
}

impl ErrorKind {
    /// Every kind, in the order of its number.
    pub const ALL: [ErrorKind; 13] = [
        ErrorKind::Config,
        ErrorKind::PortInUse,
        ErrorKind::StoreLocked,
        ErrorKind::StoreCorrupt,
        ErrorKind::DiskFull,
        ErrorKind::Io,
        ErrorKind::InvalidArgument,
        ErrorKind::NotFound,
        ErrorKind::Stopped,
        ErrorKind::Timeout,
        ErrorKind::Internal,
        ErrorKind::Refused,
        ErrorKind::Forked,
    ];

    /// The stable name, as Node shows it in `.code`.
    pub const fn name(self) -> &'static str {
        match self {
            ErrorKind::Config => "CONFIG",
            ErrorKind::PortInUse => "PORT_IN_USE",
            ErrorKind::StoreLocked => "STORE_LOCKED",
            ErrorKind::StoreCorrupt => "STORE_CORRUPT",
            ErrorKind::DiskFull => "DISK_FULL",
            ErrorKind::Io => "IO",
            ErrorKind::InvalidArgument => "INVALID_ARGUMENT",
            ErrorKind::NotFound => "NOT_FOUND",
            ErrorKind::Stopped => "STOPPED",
            ErrorKind::Timeout => "TIMEOUT",
            ErrorKind::Internal => "INTERNAL",
            ErrorKind::Refused => "REFUSED",
            ErrorKind::Forked => "FORKED",
        }
    }

    /// The stable number, as C sees it.
    pub const fn code(self) -> i32 {
        self as i32
    }
}

/// A failure of this library, with what was being done in words that tell the reader what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    context: String,
}

impl Error {
    /// An error of `kind`; `context` says what was attempted, with the offending value.
    pub fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        Self { kind, context: context.into() }
    }

    /// An operating system error while doing `what`; a full disk gets its own kind.
    pub fn io(what: impl fmt::Display, cause: &std::io::Error) -> Self {
        let kind = match cause.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
            _ => ErrorKind::Io,
        };
        Self::new(kind, format!("{what}: {cause}"))
    }

    /// The kind, for a decision by code.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The text, for a person.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// The same error with what was being done put in front.
    pub fn while_doing(mut self, what: impl fmt::Display) -> Self {
        self.context = format!("{what}: {}", self.context);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)
    }
}

impl std::error::Error for Error {}

/// Result of everything that can fail with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
