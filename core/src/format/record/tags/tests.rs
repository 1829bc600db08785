use super::*;
use crate::format::names::property;
use crate::format::record::properties::get_many;

#[test]
fn hash_does_not_depend_on_the_pieces() {
    let whole = JavaHash::new().update("T#订单🚀k".as_bytes());
    let pieces = JavaHash::new().update(b"T").update(b"#").update("订单".as_bytes()).update("🚀k".as_bytes());
    assert_eq!(whole, pieces);
}

#[test]
fn hash_of_ascii_of_any_length_is_that_of_its_units() {
    let text: Vec<u8> = (0..100).map(|n| b' ' + n % 90).collect();
    for len in 0..text.len() {
        let slowly = text[..len].iter().fold(JavaHash::new(), |hash, byte| hash.unit(u16::from(*byte)));
        assert_eq!(JavaHash::new().update(b"T#").update(&text[..len]).finish(), {
            let first = JavaHash::new().unit(u16::from(b'T')).unit(u16::from(b'#'));
            text[..len].iter().fold(first, |hash, byte| hash.unit(u16::from(*byte))).finish()
        });
        assert_eq!(JavaHash::new().update(&text[..len]), slowly);
    }
}

#[test]
fn hash_counts_utf16_units() {
    // U+1F680 is the pair D83D DE80.
    assert_eq!(java_hash("🚀"), 0xD83D * 31 + 0xDE80);
    assert_eq!(JavaHash::new().update(b"\xFF").finish(), 0xFFFD);
}

#[test]
fn tags_code_is_sign_extended() {
    assert_eq!(tags_code(b"a || b"), -1_484_572_639);
    assert_eq!(tags_code(b""), 0);
}

#[test]
fn delay_levels_are_read_from_text() {
    let levels = DelayLevels::default();
    assert_eq!(levels.max_level(), 18);
    assert_eq!((levels.delay_ms(1), levels.delay_ms(18)), (Some(1_000), Some(7_200_000)));
    assert_eq!((levels.delay_ms(0), levels.delay_ms(19), levels.delay_ms(-1)), (None, None, None));
    assert_eq!(levels.deliver_time_ms(19, 5), 1_005);
    assert_eq!(levels.iter().last(), Some((18, 7_200_000)));
    assert_eq!(DelayLevels::parse("2d").unwrap().delay_ms(1), Some(172_800_000));
}

#[test]
fn broken_delay_levels_are_named() {
    for (text, level) in [("1s  5s", 2), ("", 1), ("1s x", 2), ("1x", 1), ("s", 1), ("-1s", 1), ("1订", 1)] {
        assert_eq!(DelayLevels::parse(text).unwrap_err().level, level, "{text}");
    }
    assert!(DelayLevels::parse("9223372036854775807d").is_err());
}

#[test]
fn record_code_is_hash_or_deliver_time() {
    let levels = DelayLevels::default();
    let code = |topic: &str, properties: &str| {
        let [tags, delay] = get_many(properties.as_bytes(), [property::TAGS, property::DELAY]);
        record_tags_code(topic.as_bytes(), tags, delay, 1_000, &levels)
    };
    assert_eq!(code("T", "TAGS\u{1}TagA\u{2}DELAY\u{1}3"), 2_598_919);
    assert_eq!(code("T", ""), 0);
    assert_eq!(code(SCHEDULE_TOPIC, "TAGS\u{1}TagA\u{2}DELAY\u{1}3"), 11_000);
    assert_eq!(code(SCHEDULE_TOPIC, "DELAY\u{1}99"), 7_201_000);
    assert_eq!(code(SCHEDULE_TOPIC, "TAGS\u{1}TagA\u{2}DELAY\u{1}0"), 2_598_919);
    assert_eq!(code(SCHEDULE_TOPIC, "TAGS\u{1}TagA\u{2}DELAY\u{1}x"), 2_598_919);
}

#[test]
fn queues_and_levels_are_one_apart() {
    assert_eq!((delay_queue_id(1), delay_level(0)), (0, 1));
}
