use proptest::prelude::*;

use super::*;

fn pairs(text: &str) -> Vec<(String, String)> {
    let document = Document::parse(text.as_bytes()).expect("well-formed text");
    document.entries().map(|entry| (entry.key.clone(), entry.value.clone())).collect()
}

fn one(text: &str) -> (String, String) {
    let pairs = pairs(text);
    assert_eq!(pairs.len(), 1, "{text:?} gave {pairs:?}");
    pairs[0].clone()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn key_ends_at_equals_colon_or_blank() {
    for text in ["a=b", "a:b", "a b", "a = b", "a : b", "  a\t=\tb", "a\u{c}b"] {
        assert_eq!(one(text), pair("a", "b"), "{text:?}");
    }
    assert_eq!(one("a==b"), pair("a", "=b"));
    assert_eq!(one("a = = b"), pair("a", "= b"));
    assert_eq!(one("a"), pair("a", ""));
    assert_eq!(one("=b"), pair("", "b"));
    assert_eq!(one("a\\=b\\:c\\ d=e"), pair("a=b:c d", "e"));
}

#[test]
fn blanks_after_the_value_belong_to_it() {
    assert_eq!(one("a=b \t"), pair("a", "b \t"));
}

#[test]
fn comments_and_empty_lines_are_not_entries() {
    assert_eq!(pairs("\\\n# x=y"), [], "a line of a backslash alone begins nothing");
    assert_eq!(pairs("# a=b\n  ! c=d\\\n\n \t\n\\\ne=f#g\n"), [pair("e", "f#g")]);
}

#[test]
fn backslash_at_the_line_end_joins_lines() {
    assert_eq!(one("a=b\\\n   c\\\r\n\td"), pair("a", "bcd"));
    assert_eq!(one("a=b\\\\"), pair("a", "b\\"));
    assert_eq!(pairs("a=b\\\\\nc=d"), [pair("a", "b\\"), pair("c", "d")]);
    assert_eq!(one("a=b\\\n# no comment"), pair("a", "b# no comment"));
    assert_eq!(pairs("a=b\\\n\nc=d"), [pair("a", "b"), pair("c", "d")]);
    assert_eq!(one("a=b\\"), pair("a", "b"));
}

#[test]
fn escapes_are_java_escapes() {
    assert_eq!(one(r#"a=\t\n\r\f\\\"\'\z\u00e4\uD83D\uDE00"#), pair("a", "\t\n\r\u{c}\\\"'zä😀"));
    for bad in [r"a=\u12", r"a=\u12g4", r"\u+123=b", r"a=\uD83D"] {
        let malformed = Document::parse(format!("x=y\n{bad}").as_bytes()).expect_err(bad);
        assert_eq!(malformed.line, 2, "{malformed}");
    }
}

#[test]
fn bytes_are_utf8_or_latin1() {
    assert_eq!(one("a=ä"), pair("a", "ä"));
    let latin = Document::parse(b"a=\xe4").expect("latin-1");
    assert_eq!(latin.get("a"), Some("ä"));
    assert_eq!(one("\u{feff}a=b"), pair("a", "b"));
}

#[test]
fn lines_are_counted_from_one_at_the_start_of_an_entry() {
    let document = Document::parse(b"# c\r\na=1\\\n 2\rb=3\n\nb=4").expect("text");
    let lines: Vec<usize> = document.entries().map(|entry| entry.line).collect();
    assert_eq!(lines, [2, 4, 6]);
    assert_eq!(document.get("b"), Some("4"));
    assert_eq!(document.get("c"), None);
}

#[test]
fn set_keeps_comments_order_and_untouched_lines() {
    let text = "# head\r\n a : 1 \nb=2\\\n  3\n# tail";
    let mut document = Document::parse(text.as_bytes()).expect("text");
    assert_eq!(document.to_text(), text);
    document.set("b", "23");
    assert_eq!(document.to_text(), text, "an unchanged value keeps its spelling");
    document.set("b", "x y");
    document.set("c d", " #ä");
    assert_eq!(document.to_text(), "# head\r\n a : 1 \nb=x y\n# tail\nc\\ d=\\ #\\u00E4\n");
}

#[test]
fn set_changes_the_entry_that_counts() {
    let mut document = Document::parse(b"a=1\na=2\n").expect("text");
    document.set("a", "3");
    assert_eq!(document.to_text(), "a=1\na=3\n");
}

proptest! {
    #[test]
    fn every_text_comes_back(key in any::<String>(), value in any::<String>()) {
        prop_assume!(!key.is_empty() || !value.is_empty());
        prop_assert_eq!(one(&entry_line(&key, &value)), (key, value));
    }

    #[test]
    fn reading_never_fails_on_text_without_unicode_escapes(text in "[^u]*") {
        let document = Document::parse(text.as_bytes()).expect("no escape to be wrong");
        let unmarked = text.strip_prefix('\u{feff}').unwrap_or(&text);
        prop_assert_eq!(document.to_text(), unmarked);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        let _ = Document::parse(&bytes);
    }
}
