use super::*;
use proptest::prelude::*;

const FIRST: BatchPart<'_> = BatchPart { flag: 0, body: b"b0", properties: b"WAIT\x01true" };
const SECOND: BatchPart<'_> = BatchPart { flag: -1, body: b"", properties: b"" };

fn batch() -> Vec<u8> {
    let mut out = Vec::new();
    assert!(push_part(&mut out, &FIRST) && push_part(&mut out, &SECOND));
    out
}

#[test]
fn parts_come_in_order() {
    let bytes = batch();
    let found: Result<Vec<_>, _> = parts(&bytes).collect();
    assert_eq!(found, Ok(vec![FIRST, SECOND]));
}

#[test]
fn broken_part_ends_with_its_place() {
    let bytes = batch();
    let first_len = PART_FIXED_SIZE + 2 + 9;
    let mut cut = parts(&bytes[..bytes.len() - 1]);
    assert_eq!(cut.next(), Some(Ok(FIRST)));
    assert_eq!(cut.next(), Some(Err(BatchError { at: first_len })));
    assert_eq!(cut.next(), None);
}

#[test]
fn negative_lengths_are_refused() {
    let bytes = batch();
    for at in [16, 16 + 4 + 2] {
        let mut bytes = bytes.clone();
        bytes[at] = 0xFF;
        assert_eq!(parts(&bytes).next(), Some(Err(BatchError { at: 0 })));
    }
}

#[test]
fn total_magic_and_crc_are_ignored() {
    let mut bytes = batch();
    bytes[..12].fill(0xEE);
    assert_eq!(parts(&bytes).next(), Some(Ok(FIRST)));
}

#[test]
fn merge_puts_a_separator_only_where_needed() {
    for (part, request, merged) in [
        (&b"a"[..], &b"b"[..], &b"a\x02b"[..]),
        (b"a\x02", b"b", b"a\x02b"),
        (b"", b"b", b"b"),
        (b"a", b"", b"a"),
    ] {
        let mut out = Vec::new();
        merge_into(&mut out, part, request);
        assert_eq!((out.as_slice(), out.len()), (merged, merged_len(part, request)));
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = parts(&bytes).count();
    }
}
