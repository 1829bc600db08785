use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn map(text: &[u8]) -> BTreeMap<&[u8], &[u8]> {
    iter(text).collect()
}

fn rewritten(text: &[u8], drop: &[&[u8]], set: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    rewrite(text, &mut out, drop, set);
    out
}

#[test]
fn parts_without_name_or_value_do_not_count() {
    let pairs: Vec<_> = iter(b"\x01v\x02n\x01\x02\x02x\x02a\x01b\x01c\x02k\x01v\x02").collect();
    assert_eq!(pairs, [(&b"a"[..], &b"b\x01c"[..]), (b"k", b"v")]);
    assert_eq!(iter(b"").next(), None);
    assert_eq!(iter(b"\x02\x02").next(), None);
}

#[test]
fn later_duplicate_wins_unless_it_does_not_count() {
    assert_eq!(get(b"k\x01v\x02k\x01w", b"k"), Some(&b"w"[..]));
    assert_eq!(get(b"k\x01v\x02k\x01", b"k"), Some(&b"v"[..]));
    assert_eq!(get(b"kk\x01v", b"k"), None);
}

#[test]
fn rewrite_drops_sets_and_cleans() {
    let text = b"a\x011\x02WAIT\x01true\x02\x01x\x02b\x012\x02";
    assert_eq!(rewritten(text, &[b"WAIT"], &[]), b"a\x011\x02b\x012");
    assert_eq!(rewritten(text, &[b"WAIT"], &[(b"b", b"3"), (b"c", b"4")]), b"a\x011\x02b\x013\x02c\x014");
    assert_eq!(rewritten(b"", &[], &[(b"c", b"4")]), b"c\x014");
    assert_eq!(rewritten(text, &[b"a", b"b", b"WAIT"], &[]), b"");
}

#[test]
fn rewrite_leaves_what_was_in_the_buffer() {
    let mut out = b"before".to_vec();
    rewrite(b"a\x011", &mut out, &[], &[]);
    assert_eq!(out, b"beforea\x011");
}

#[test]
fn push_adds_one_separator() {
    let mut text = Vec::new();
    push(&mut text, b"a", b"1");
    push(&mut text, b"b", b"2");
    assert_eq!(text, b"a\x011\x02b\x012");
}

/// The parse rules as the specification words them, slowly.
fn by_the_book(text: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut map = BTreeMap::new();
    for part in text.split(|byte| *byte == PROPERTY_SEPARATOR).filter(|part| part.len() >= 3) {
        if let Some(at) = part.iter().position(|byte| *byte == NAME_VALUE_SEPARATOR)
            && at > 0
            && at < part.len() - 1
        {
            map.insert(part[..at].to_vec(), part[at + 1..].to_vec());
        }
    }
    map
}

proptest! {
    #[test]
    fn all_readers_agree_with_the_rules(text in prop::collection::vec(0u8..5, 0..40)) {
        let expected = by_the_book(&text);
        let found: BTreeMap<Vec<u8>, Vec<u8>> =
            map(&text).into_iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        prop_assert_eq!(&found, &expected);
        for name in [&[3u8][..], &[4], &[3, 4], &[0]] {
            let expected = expected.get(name).map(Vec::as_slice);
            prop_assert_eq!(get(&text, name), expected);
            prop_assert_eq!(get_many(&text, [name]), [expected]);
        }
    }

    #[test]
    fn rewritten_text_means_the_same(text in prop::collection::vec(0u8..5, 0..40)) {
        let out = rewritten(&text, &[], &[(b"added", b"x")]);
        let mut expected = by_the_book(&text);
        expected.insert(b"added".to_vec(), b"x".to_vec());
        prop_assert_eq!(by_the_book(&out), expected);
    }
}
