//! Texts without what no two runs have in common: times, ids, ports, rates, and the order of sets.

use std::iter::Peekable;
use std::str::Chars;

/// Message ids have 32 digits with IPv4 addresses, and up to 56 with IPv6.
const ID_DIGITS_MIN: usize = 32;
const TIME_DIGITS: usize = 13;
/// The form of `2026-11-21#14:33:05:123`, in which tools write times; `0` stands for any digit.
const WRITTEN_TIME: &str = "0000-00-00#00:00:00:000";
const ADDRESS: &str = "127.0.0.1:";
const PORT_DIGITS: usize = 5;

/// The text with `<T>` for times, `<ID>` for message ids, `<ADDR>` for loopback addresses, `<F>` for numbers with a fraction.
pub fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_inside_word = false;
    while let Some(first) = rest.chars().next() {
        let found = if is_inside_word { None } else { word_mask(rest) };
        if let Some((mask, length)) = found.or_else(|| id(rest)) {
            out.push_str(mask);
            rest = &rest[length..];
            is_inside_word = false;
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            is_inside_word = first.is_ascii_alphanumeric();
        }
    }
    out
}

/// What begins where a word begins: the mask and the length of what it replaces.
fn word_mask(text: &str) -> Option<(&'static str, usize)> {
    if let Some(port) = text.strip_prefix(ADDRESS).filter(|port| digits(port) == PORT_DIGITS) {
        return Some(("<ADDR>", text.len() - port.len() + PORT_DIGITS));
    }
    if has_form(text, WRITTEN_TIME) {
        return Some(("<T>", WRITTEN_TIME.len()));
    }
    let whole = digits(text);
    let behind = &text[whole..];
    if whole == TIME_DIGITS
        && text.starts_with('1')
        && !behind.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        return Some(("<T>", whole));
    }
    let fraction = behind.strip_prefix('.').map_or(0, digits);
    if whole == 0 || fraction == 0 {
        return None;
    }
    let mantissa = whole + 1 + fraction;
    let exponent = text[mantissa..].strip_prefix('E').map_or(0, |behind| {
        let sign = usize::from(behind.starts_with('-'));
        let digits = digits(&behind[sign..]);
        if digits == 0 { 0 } else { 1 + sign + digits }
    });
    Some(("<F>", mantissa + exponent))
}

fn id(text: &str) -> Option<(&'static str, usize)> {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(byte);
    let length = text.bytes().take_while(|byte| is_digit(byte)).count();
    (length >= ID_DIGITS_MIN).then_some(("<ID>", length))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn has_form(text: &str, form: &str) -> bool {
    text.len() >= form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            _ => byte == form,
        })
}

/// JSON with the members of every object and the elements of every list in the order of their texts. Takes what fastjson
/// writes too: numbers and even objects as names.
pub fn sorted(json: &str) -> String {
    sorted_up_to(&mut json.chars().peekable(), None)
}

/// Reads elements up to the closing bracket or the end.
fn sorted_up_to(text: &mut Peekable<Chars<'_>>, close: Option<char>) -> String {
    let mut elements = Vec::new();
    let mut element = String::new();
    while let Some(next) = text.next() {
        match next {
            '{' => element.push_str(&format!("{{{}}}", sorted_up_to(text, Some('}')))),
            '[' => element.push_str(&format!("[{}]", sorted_up_to(text, Some(']')))),
            '"' => element.push_str(&quoted(text)),
            ',' => elements.push(std::mem::take(&mut element)),
            _ if Some(next) == close => break,
            _ if next.is_whitespace() => {}
            _ => element.push(next),
        }
    }
    elements.push(element);
    elements.sort();
    elements.join(",")
}

/// The rest of a string, with both quotes.
fn quoted(text: &mut Peekable<Chars<'_>>) -> String {
    let mut string = String::from('"');
    while let Some(next) = text.next() {
        string.push(next);
        match next {
            '\\' => string.extend(text.next()),
            '"' => break,
            _ => {}
        }
    }
    string
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_ids_addresses_and_rates_are_masked() {
        for (text, wanted) in [
            ("\"timestamp\":1795242099306}", "\"timestamp\":<T>}"),
            ("at 2026-11-21#14:33:05:123.", "at <T>."),
            ("7F0000010000597F00000000000011E9,7F0000010000597F0000000000001546", "<ID>,<ID>"),
            ("127.0.0.1:22911@1", "<ADDR>@1"),
            ("1.2222222 0.6 3.5E-4 1.0E", "<F> <F> <F> <F>E"),
        ] {
            assert_eq!(masked(text), wanted);
        }
    }

    #[test]
    fn what_answers_have_in_common_stays() {
        for text in
            ["12345", "21795242099306", "x1795242099306", "11:22", "DEADBEEF", "V4_9_8", "héllo 世界", "1."]
        {
            assert_eq!(masked(text), text);
        }
        assert_eq!(masked("127.0.0.1@prod"), "<F>.<F>@prod");
    }

    #[test]
    fn elements_are_sorted_at_every_depth() {
        let one = r#"{"b":[2,1,{"d":4,"c":"}, {"}],{"q":1,"p":"\"]"}:{0:"x"}}"#;
        let other = r#"{ {"p":"\"]","q":1}:{0:"x"}, "b":[{"c":"}, {","d":4},1,2] }"#;
        assert_eq!(sorted(one), sorted(other));
        assert_ne!(sorted(r#"{"a":[1],"b":[]}"#), sorted(r#"{"a":[],"b":[1]}"#));
        assert_ne!(sorted(r#"["a","b"]"#), sorted(r#"["a","b","b"]"#));
    }
}
