use super::*;
use crate::format::record::decode::RecordView;
use proptest::prelude::*;

pub(crate) fn fields<'a>(body: &'a [u8], topic: &'a [u8], properties: &'a [u8]) -> RecordFields<'a> {
    RecordFields {
        queue_id: 3,
        flag: 7,
        queue_offset: 11,
        physical_offset: 4096,
        sys_flag: 0,
        born_timestamp_ms: 1_700_000_000_000,
        born_host: "10.1.2.3:50000".parse().unwrap(),
        store_timestamp_ms: 1_700_000_000_123,
        store_host: "127.0.0.1:10911".parse().unwrap(),
        reconsume_times: 2,
        prepared_transaction_offset: 5,
        body,
        body_crc: body_crc(body),
        topic,
        properties,
    }
}

#[test]
fn limits_are_refused_before_writing() {
    let mut out = [0xEE; 200];
    let long = vec![b'a'; 32_768];
    assert_eq!(encode(&mut out, &fields(b"", &long[..128], b"")), Err(EncodeError::TopicTooLong(128)));
    assert_eq!(encode(&mut out, &fields(b"", b"t", &long)), Err(EncodeError::PropertiesTooLong(32_768)));
    assert_eq!(
        encode(&mut out, &fields(&[0; 200], b"t", b"")),
        Err(EncodeError::NoRoom { need: 292, have: 200 })
    );
    assert_eq!(out, [0xEE; 200]);
    assert_eq!(encode(&mut vec![0; 40_000], &fields(b"", b"t", &long[..32_767])), Ok(92 + 32_767));
}

#[test]
fn merged_properties_count_for_the_limit() {
    let long = vec![b'a'; 32_766];
    let record = fields(b"", b"t", &long);
    let mut out = Vec::new();
    assert_eq!(
        encode_onto(&mut out, &record, b"b", BodyPlace::Here),
        Err(EncodeError::PropertiesTooLong(32_768))
    );
    assert!(out.is_empty());
}

#[test]
fn tail_is_joined_with_one_separator() {
    for (properties, tail, stored) in [
        (&b"a\x01b"[..], &b"c\x01d"[..], &b"a\x01b\x02c\x01d"[..]),
        (b"a\x01b\x02", b"c\x01d", b"a\x01b\x02c\x01d"),
        (b"", b"c\x01d", b"c\x01d"),
        (b"a\x01b", b"", b"a\x01b"),
    ] {
        let mut out = b"before".to_vec();
        let body_at =
            encode_onto(&mut out, &fields(b"body", b"t", properties), tail, BodyPlace::Elsewhere).unwrap();
        out.splice(body_at..body_at, *b"body");
        let mut whole = b"before".to_vec();
        encode_onto(&mut whole, &fields(b"body", b"t", properties), tail, BodyPlace::Here).unwrap();
        assert_eq!(whole, out);
        let record = RecordView::parse(&out[6..]).unwrap();
        assert_eq!((record.properties(), record.total_size()), (stored, out.len() - 6));
    }
}

#[test]
fn sys_flag_bits_of_hosts_follow_the_hosts() {
    let mut record = fields(b"", b"t", b"");
    record.sys_flag = 0x301 | BORN_HOST_V6;
    record.store_host = "[::1]:1".parse().unwrap();
    assert_eq!(record.stored_sys_flag(), 0x301 | STORE_HOST_V6);
    record.born_host = "[::ffff:1.2.3.4]:1".parse().unwrap();
    assert_eq!(record.size(), 91 + 12 + 1);
}

prop_compose! {
    fn any_host()(v6: bool, address: u128, port: u16) -> SocketAddr {
        if v6 {
            SocketAddr::from((std::net::Ipv6Addr::from(address | 1 << 127), port))
        } else {
            SocketAddr::from((std::net::Ipv4Addr::from(address as u32), port))
        }
    }
}

prop_compose! {
    pub(crate) fn any_record()(
        ints: [i32; 4], longs: [i64; 5], born_host in any_host(), store_host in any_host(),
        body in prop::collection::vec(any::<u8>(), 0..200),
        topic in "[a-zA-Z%_-]{0,127}",
        properties in prop::collection::vec(0u8..5, 0..60),
    ) -> Vec<u8> {
        let record = RecordFields {
            queue_id: ints[0], flag: ints[1], sys_flag: ints[2], reconsume_times: ints[3],
            queue_offset: longs[0], physical_offset: longs[1], born_timestamp_ms: longs[2],
            store_timestamp_ms: longs[3], prepared_transaction_offset: longs[4],
            born_host, store_host, body: &body, body_crc: body_crc(&body), topic: topic.as_bytes(),
            properties: &properties,
        };
        let mut out = vec![0; record.size()];
        assert_eq!(encode(&mut out, &record), Ok(out.len()));
        out
    }
}

proptest! {
    #[test]
    fn decoded_record_encodes_to_the_same_bytes(bytes in any_record()) {
        let view = RecordView::parse(&bytes).unwrap();
        prop_assert!(view.crc_ok());
        let mut again = vec![0; bytes.len()];
        prop_assert_eq!(encode(&mut again, &view.fields()), Ok(bytes.len()));
        prop_assert_eq!(again, bytes);
    }
}
