//! Frames: the length prefix, the header word and their limits (remoting.md §1; Java: `NettyDecoder`).

use bytes::{Buf, BytesMut};

use super::command::{RemotingCommand, Serializer};
use super::{header_binary, header_json};

/// Largest frame including its length word, unless configured (`com.rocketmq.remoting.frameMaxLength`).
pub const FRAME_SIZE_MAX: usize = 16 * 1024 * 1024;

/// Why a frame cannot be decoded. Each is fatal: the connection is closed without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length word exceeds the limit, or is negative in Java's eyes.
    #[error("frame of {length} bytes exceeds the limit of {frame_size_max}")]
    TooLong {
        /// The length word.
        length: u32,
        /// The limit of the whole frame.
        frame_size_max: usize,
    },
    /// The length word leaves no room for the header word.
    #[error("frame length {0} leaves no room for the header word")]
    TooShort(u32),
    /// The header does not fit into the frame.
    #[error("header of {header_len} bytes in a frame of length {length}")]
    HeaderTooLong {
        /// Header length of the header word.
        header_len: u32,
        /// The length word.
        length: u32,
    },
    /// No such serializer.
    #[error("unknown serializer {0}")]
    UnknownSerializer(u8),
    /// The header does not parse.
    #[error("bad header: {0}")]
    BadHeader(&'static str),
}

/// Takes one whole frame off the front of `buffer`, or `None` when more bytes are needed. After an error the buffer's
/// content is of no use any more.
pub fn next_frame(
    buffer: &mut BytesMut,
    frame_size_max: usize,
) -> Result<Option<RemotingCommand>, FrameError> {
    let mut command = RemotingCommand::unread();
    Ok(read_frame(buffer, frame_size_max, &mut command)?.then_some(command))
}

/// As [`next_frame`], into a command that [`RemotingCommand::unread`] made: moving one costs as much as reading a short one. False
/// when more bytes are needed.
pub fn read_frame(
    buffer: &mut BytesMut,
    frame_size_max: usize,
    command: &mut RemotingCommand,
) -> Result<bool, FrameError> {
    let Some(&prefix) = buffer.first_chunk::<4>() else { return Ok(false) };
    let length = u32::from_be_bytes(prefix);
    let frame_size = length as usize + 4;
    if length > i32::MAX as u32 || frame_size > frame_size_max {
        return Err(FrameError::TooLong { length, frame_size_max });
    }
    if length < 4 {
        return Err(FrameError::TooShort(length));
    }
    if buffer.len() < frame_size {
        return Ok(false);
    }
    decode(buffer.split_to(frame_size), length, command).map(|()| true)
}

fn decode(mut frame: BytesMut, length: u32, command: &mut RemotingCommand) -> Result<(), FrameError> {
    frame.advance(4);
    let word = frame.get_u32();
    let header_len = word & 0xFF_FFFF;
    if header_len > length - 4 {
        return Err(FrameError::HeaderTooLong { header_len, length });
    }
    let code = (word >> 24) as u8;
    let serializer = Serializer::from_code(code).ok_or(FrameError::UnknownSerializer(code))?;
    let mut header = frame.split_to(header_len as usize);
    command.serializer = serializer;
    command.ext.empty_is_none = serializer == Serializer::Rocketmq;
    let remark = match serializer {
        Serializer::Json => header_json::decode(&mut header, command)?,
        Serializer::Rocketmq => header_binary::decode(&mut header, command)?,
    };
    command.remark = command.ext.set_text(header.freeze(), remark);
    if !frame.is_empty() {
        command.body = frame.freeze();
    }
    Ok(())
}
