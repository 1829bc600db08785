use super::*;
use crate::format::record::encode::tests::any_record;
use crate::format::record::layout::encode_blank;
use proptest::prelude::*;

fn sample() -> Vec<u8> {
    let record = crate::format::record::encode::tests::fields(b"hello", b"TopicA", b"color\x01red");
    let mut out = vec![0; record.size()];
    crate::format::record::encode::encode(&mut out, &record).unwrap();
    out
}

/// Calls everything; the values do not matter, only that none of it panics.
fn read_all(bytes: &[u8]) -> Result<(), RecordError> {
    let _ = (peek(bytes), peek_store_timestamp_ms(bytes), claimed_size(bytes), find_head(bytes));
    let view = RecordView::parse(bytes)?;
    let _ = (view.fields(), view.crc_ok(), view.topic(), view.uniq_key(), view.keys(), view.tags());
    let _ = (view.offset_message_id(), view.transaction_type(), view.bytes(), view.total_size());
    Ok(())
}

#[test]
fn view_shows_every_field() {
    let mut bytes = sample();
    bytes.extend_from_slice(b"next");
    let view = RecordView::parse(&bytes).unwrap();
    assert_eq!(view.total_size(), bytes.len() - 4);
    assert_eq!((view.queue_id(), view.flag(), view.queue_offset()), (3, 7, 11));
    assert_eq!((view.physical_offset(), view.reconsume_times()), (4096, 2));
    assert_eq!((view.prepared_transaction_offset(), view.sys_flag()), (5, 0));
    assert_eq!((view.born_timestamp_ms(), view.store_timestamp_ms()), (1_700_000_000_000, 1_700_000_000_123));
    assert_eq!(view.born_host(), "10.1.2.3:50000".parse().unwrap());
    assert_eq!(view.store_host(), "127.0.0.1:10911".parse().unwrap());
    assert_eq!((view.body(), view.topic()), (&b"hello"[..], Some("TopicA")));
    assert_eq!((view.property(b"color"), view.tags()), (Some(&b"red"[..]), None));
    assert!(view.crc_ok());
    assert_eq!(peek_store_timestamp_ms(&bytes), Some(1_700_000_000_123));
}

#[test]
fn peek_tells_what_lies_there() {
    let bytes = sample();
    assert_eq!(peek(&bytes), Peek::Record { size: bytes.len() });
    assert_eq!(peek(&bytes[..bytes.len() - 1]), Peek::End);
    assert_eq!(peek(&[0; 16]), Peek::End);
    assert_eq!(peek(&bytes[..7]), Peek::End);
    let mut blank = [0; 8];
    encode_blank(&mut blank, 1234);
    assert_eq!(peek(&blank), Peek::Blank { size: 1234 });
    encode_blank(&mut blank, 7);
    assert_eq!(peek(&blank), Peek::Bad(RecordError::Size(7)));
    assert_eq!(peek(b"\0\0\0\x10abcd"), Peek::Bad(RecordError::Magic(0x6162_6364)));
    assert_eq!(peek(b"\0\0\0\x01\0\0\0\0"), Peek::Bad(RecordError::Magic(0)));
    assert_eq!(peek(b"\0\0\0\x5A\xDA\xA3\x20\xA7"), Peek::Bad(RecordError::Size(90)));
    assert_eq!(peek(b"\xFF\xFF\xFF\xFF\xDA\xA3\x20\xA7"), Peek::Bad(RecordError::Size(-1)));
}

#[test]
fn changed_lengths_do_not_parse() {
    let good = sample();
    let body_len_at = 84 + 3;
    let topic_len_at = 88 + 5;
    let properties_len_at = topic_len_at + 1 + 6 + 1;
    for at in [body_len_at, topic_len_at, properties_len_at] {
        for change in [1u8, 0xFF, 0x80] {
            let mut bytes = good.clone();
            bytes[at] = bytes[at].wrapping_add(change);
            assert_eq!(
                RecordView::parse(&bytes).unwrap_err(),
                RecordError::Lengths(good.len()),
                "{at} {change}"
            );
        }
    }
    let mut bytes = good;
    bytes[90] ^= 1;
    assert!(!RecordView::parse(&bytes).unwrap().crc_ok());
}

#[test]
fn topic_that_is_not_utf8_is_still_a_record() {
    let mut bytes = sample();
    bytes[88 + 5 + 1] = 0xFF;
    let view = RecordView::parse(&bytes).unwrap();
    assert_eq!((view.topic(), view.topic_bytes()), (None, &b"\xFFopicA"[..]));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), magic: bool) {
        if magic && bytes.len() >= 8 {
            let size = bytes.len() as i32;
            bytes[..4].copy_from_slice(&size.to_be_bytes());
            bytes[4..8].copy_from_slice(&MESSAGE_MAGIC.to_be_bytes());
        }
        let _ = read_all(&bytes);
    }

    #[test]
    fn mutated_records_never_panic(
        mut bytes in any_record(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let _ = read_all(&bytes[..cut.index(bytes.len())]);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = read_all(&bytes);
    }
}

#[test]
fn a_head_tells_its_size_and_is_found_behind_damage() {
    let bytes = sample();
    assert_eq!(claimed_size(&bytes[..8]), Some(bytes.len()));
    assert_eq!((claimed_size(&bytes[..7]), claimed_size(&[0; 8])), (None, None));
    let behind = [&[7; 13][..], &bytes].concat();
    assert_eq!((find_head(&behind), find_head(&behind[..20]), find_head(b"x")), (Some(13), None, None));
}
