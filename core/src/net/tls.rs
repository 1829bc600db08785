//! The first byte of a new connection decides between TLS and plain frames (remoting.md §9).
//!
//! TLS itself is not there yet: such a connection is closed, as Java does in the mode `disabled`. It will enter where the
//! connection is opened, by wrapping the two halves of the socket after the byte was seen.

/// The first byte of a TLS handshake record. As a plain frame it would announce more than 369 MB.
const HANDSHAKE: u8 = 0x16;

/// True when a connection that starts with `first` wants TLS.
pub(super) fn is_handshake(first: u8) -> bool {
    first == HANDSHAKE
}
