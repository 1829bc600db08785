//! Compressed bodies (store-format §3, sysFlag bit 1): a zlib stream, which producers make of bodies above their threshold, 4 KiB with
//! Java's client. The broker never looks inside; this is for those who show messages to a person or a program.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What is taken for the output at first: a multiple of the input, as texts mostly shrink by.
const FIRST_GUESS_FACTOR: usize = 4;
/// zlib's level, `rocketmq.message.compressLevel` of Java's client.
const LEVEL: u32 = 5;
/// The least room that is added at a time.
const STEP_BYTES_MIN: usize = 1024;

/// The body that `body` is the compressed form of. `None` when it is no whole zlib stream, its checksum is wrong, or what it
/// says is longer than `max_bytes`. Never allocates more than that plus one byte. Bytes behind the stream are ignored, as in Java.
#[doc(alias = "UtilAll.uncompress")]
pub fn inflate(body: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    let limit = max_bytes.checked_add(1)?;
    let mut out = Vec::new();
    let mut zlib = Decompress::new(true);
    loop {
        let read = usize::try_from(zlib.total_in()).ok()?;
        if out.len() == out.capacity() {
            let step = out.len().max(body.len().saturating_mul(FIRST_GUESS_FACTOR)).max(STEP_BYTES_MIN);
            out.reserve_exact(step.min(limit - out.len()));
        }
        let (before, room) = (out.len(), out.capacity() - out.len());
        let status = zlib.decompress_vec(body.get(read..)?, &mut out, FlushDecompress::None).ok()?;
        if out.len() > max_bytes {
            return None;
        }
        let made_progress = out.len() > before || zlib.total_in() > read as u64;
        match status {
            Status::StreamEnd => return Some(out),
            Status::Ok | Status::BufError if made_progress || room == 0 => {}
            Status::Ok | Status::BufError => return None,
        }
    }
}

/// The compressed form of `body`, as producers make it. `None` only where memory ends.
#[doc(alias = "UtilAll.compress")]
pub fn deflate(body: &[u8]) -> Option<Vec<u8>> {
    let mut zlib = Compress::new(Compression::new(LEVEL), true);
    let mut out = Vec::new();
    loop {
        let read = usize::try_from(zlib.total_in()).ok()?;
        out.try_reserve((body.len() / 2).max(STEP_BYTES_MIN)).ok()?;
        match zlib.compress_vec(body.get(read..)?, &mut out, FlushCompress::Finish).ok()? {
            Status::StreamEnd => return Some(out),
            Status::Ok | Status::BufError => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{deflate, inflate};

    fn deflated(body: &[u8]) -> Vec<u8> {
        deflate(body).unwrap()
    }

    #[test]
    fn a_body_comes_back_whole_or_not_at_all() {
        let mixed: Vec<u8> =
            (0..70_000_u32).flat_map(|number| number.wrapping_mul(number).to_be_bytes()).collect();
        for body in [&b""[..], b"x", b"body ".repeat(2000).as_slice(), &mixed] {
            let small = deflated(body);
            assert_eq!(inflate(&small, body.len()).as_deref(), Some(body));
            assert_eq!(inflate(&[&small[..], b"behind"].concat(), body.len()).as_deref(), Some(body));
            assert_eq!(inflate(&small[..small.len() - 1], body.len()), None, "cut");
            if let Some(less) = body.len().checked_sub(1) {
                assert_eq!(inflate(&small, less), None, "longer than allowed");
            }
        }
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        for bytes in [&b""[..], b"plain text", &[0x78], &[0x78, 0x9C], &[0xFF; 64]] {
            assert_eq!(inflate(bytes, 1 << 20), None, "{bytes:?}");
        }
        let mut small = deflated(&b"body ".repeat(100));
        *small.last_mut().unwrap() ^= 1;
        assert_eq!(inflate(&small, 1 << 20), None, "wrong checksum");
    }

    #[test]
    fn a_bomb_stays_within_the_bound() {
        let bomb = deflated(&vec![0; 8 << 20]);
        assert!(bomb.len() < 16_384);
        assert_eq!(inflate(&bomb, 1 << 20), None);
        assert_eq!(inflate(&bomb, 8 << 20).map(|body| body.len()), Some(8 << 20));
    }
}
