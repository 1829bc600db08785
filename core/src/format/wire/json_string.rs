//! Strings of fastjson 1.2: which characters its writer escapes, and which escapes its reader takes.

use bytes::BufMut;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// What to write for a byte of UTF-8 text: 0 itself, `u` a six character escape, anything else a two character one.
/// 1 marks the lead bytes after which the following bytes decide.
const CLASS: [u8; 256] = {
    let mut class = [0u8; 256];
    let mut byte = 0;
    while byte < 0x20 {
        class[byte] = b'u';
        byte += 1;
    }
    class[0x08] = b'b';
    class[0x09] = b't';
    class[0x0A] = b'n';
    class[0x0C] = b'f';
    class[0x0D] = b'r';
    class[b'"' as usize] = b'"';
    class[b'\\' as usize] = b'\\';
    class[0x7F] = b'u';
    class[0xC2] = 1; // U+0080 to U+009F are C2 80 to C2 9F
    class[0xE2] = 1; // U+2028 and U+2029 are E2 80 A8 and E2 80 A9
    class
};

/// Writes a text, given as UTF-8, in double quotes. Escaped are control characters (also U+007F to U+009F), U+2028 and
/// U+2029, quote and backslash: what fastjson escapes by default.
pub(super) fn write_quoted(out: &mut impl BufMut, text: &[u8]) {
    out.put_u8(b'"');
    if is_plain(text) {
        out.put_slice(text);
    } else {
        write_escaped(out, text);
    }
    out.put_u8(b'"');
}

/// Whether no byte of a text needs a look: nearly always so. Eight bytes at a time.
pub(super) fn is_plain(text: &[u8]) -> bool {
    const fn all(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    // The highest bit of a byte of the result is set if that byte is zero; a borrow can only add bits above a zero.
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(all(1)) & !word
    }
    let (words, rest) = text.as_chunks();
    let marks = words.iter().fold(0, |marks, word| {
        let word = u64::from_ne_bytes(*word);
        let controls = word.wrapping_sub(all(0x20));
        let high = word | zeros(word ^ all(0x7F));
        marks | controls | high | zeros(word ^ all(b'"')) | zeros(word ^ all(b'\\'))
    });
    marks & all(0x80) == 0 && rest.iter().all(|byte| CLASS[usize::from(*byte)] == 0)
}

/// The same as `BrowserCompatible` does: escaped are also the slash and everything beyond ASCII.
pub(super) fn write_quoted_ascii(out: &mut impl BufMut, text: &str) {
    out.put_u8(b'"');
    write_ascii(out, text);
    out.put_u8(b'"');
}

fn write_escaped(out: &mut impl BufMut, text: &[u8]) {
    let mut run = 0;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let class = CLASS[byte as usize];
        if class == 0 {
            at += 1;
            continue;
        }
        let (size, unit) = match (class, text.get(at + 1), text.get(at + 2)) {
            (1, Some(&second @ 0x80..=0x9F), _) if byte == 0xC2 => (2, u16::from(second)),
            (1, Some(0x80), Some(&third @ (0xA8 | 0xA9))) if byte == 0xE2 => {
                (3, 0x2000 | u16::from(third & 0x3F))
            }
            (1, ..) => {
                at += 1;
                continue;
            }
            _ => (1, u16::from(byte)),
        };
        out.put_slice(text.get(run..at).unwrap_or_default());
        if class == 1 || class == b'u' {
            write_unit(out, unit);
        } else {
            out.put_slice(&[b'\\', class]);
        }
        at += size;
        run = at;
    }
    out.put_slice(text.get(run..).unwrap_or_default());
}

fn write_ascii(out: &mut impl BufMut, text: &str) {
    for character in text.chars() {
        match character {
            '/' => out.put_slice(b"\\/"),
            '\0'..='\x7F' => match CLASS[character as usize] {
                0 => out.put_u8(character as u8),
                b'u' => write_unit(out, character as u16),
                short => out.put_slice(&[b'\\', short]),
            },
            _ => character.encode_utf16(&mut [0; 2]).iter().for_each(|&unit| write_unit(out, unit)),
        }
    }
}

fn write_unit(out: &mut impl BufMut, unit: u16) {
    let digit = |shift: u16| HEX[usize::from(unit >> shift & 0xF)];
    out.put_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

/// Reads the escape at the front of `text`, which starts with the backslash: the character and how many bytes it took.
/// Half a surrogate pair becomes `?`, the byte Java writes for it.
pub(super) fn read_escape(text: &[u8]) -> Option<(char, usize)> {
    if let [b'\\', b'u', b'0', b'0', b'0', digit @ b'0'..=b'9', ..] = text {
        // The separators of message properties.
        return Some(((digit - b'0') as char, 6));
    }
    let character = match *text.get(1)? {
        letter @ (b'"' | b'\\' | b'/' | b'\'') => letter as char,
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\x08',
        b'f' | b'F' => '\x0C',
        b'v' => '\x0B',
        digit @ b'0'..=b'7' => (digit - b'0') as char,
        b'x' => return Some((char::from(u8::try_from(hex(text.get(2..4)?)?).ok()?), 4)),
        b'u' => return read_unicode(text),
        _ => return None,
    };
    Some((character, 2))
}

fn read_unicode(text: &[u8]) -> Option<(char, usize)> {
    let first = hex(text.get(2..6)?)?;
    if !(0xD800..0xE000).contains(&first) {
        return Some((char::from_u32(first)?, 6));
    }
    let second = match text.get(6..12) {
        Some([b'\\', b'u', digits @ ..]) => hex(digits).unwrap_or(0),
        _ => 0,
    };
    if first < 0xDC00 && (0xDC00..0xE000).contains(&second) {
        let scalar = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return Some((char::from_u32(scalar)?, 12));
    }
    Some(('?', 6))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | (digit as char).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        let mut out = Vec::new();
        write_quoted(&mut out, text.as_bytes());
        String::from_utf8(out).unwrap()
    }

    fn ascii(text: &str) -> String {
        let mut out = Vec::new();
        write_quoted_ascii(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    /// Expected texts were printed by fastjson 1.2.69.
    #[test]
    fn plain_escapes_are_those_of_fastjson() {
        let text = "a\0\u{1}\u{8}\t\n\u{b}\u{c}\r\u{e}\u{1f}\"\\/'\u{7f}\u{80}\u{9f}\u{a0}\u{2027}\u{2028}\u{2029}\u{202a}订😀";
        assert_eq!(
            plain(text),
            "\"a\\u0000\\u0001\\b\\t\\n\\u000B\\f\\r\\u000E\\u001F\\\"\\\\/'\\u007F\\u0080\\u009F\u{a0}\u{2027}\\u2028\\u2029\u{202a}订😀\""
        );
    }

    #[test]
    fn plain_text_is_told_from_other_text_at_every_place() {
        for len in 1..20 {
            for place in 0..len {
                for byte in 0..=255 {
                    let mut text = vec![b' '; len];
                    text[place] = byte;
                    let expected = byte < 0x80 && CLASS[usize::from(byte)] == 0;
                    let is_short = place >= len / 8 * 8 && CLASS[usize::from(byte)] == 0;
                    assert_eq!(is_plain(&text), expected || is_short, "{byte} at {place} of {len}");
                }
            }
        }
    }

    #[test]
    fn ascii_escapes_are_those_of_browser_compatible() {
        assert_eq!(
            ascii("a\u{1}\n/\"\u{7f}\u{ff}订单\u{1F600}"),
            r#""a\u0001\n\/\"\u007F\u00FF\u8BA2\u5355\uD83D\uDE00""#
        );
    }

    #[test]
    fn every_written_escape_reads_back() {
        for character in ('\0'..='\u{2100}').chain(['\u{FFFF}', '\u{1F600}']) {
            for quoted in [plain, ascii] {
                let text = quoted(&character.to_string());
                let inner = &text[1..text.len() - 1];
                if inner.starts_with('\\') {
                    assert_eq!(read_escape(inner.as_bytes()), Some((character, inner.len())), "{inner}");
                } else {
                    assert_eq!(inner, character.to_string());
                }
            }
        }
    }

    #[test]
    fn lenient_and_bad_escapes() {
        assert_eq!(read_escape(br"\x41"), Some(('A', 4)));
        assert_eq!(read_escape(br"\7"), Some(('\u{7}', 2)));
        assert_eq!(read_escape(br"\'"), Some(('\'', 2)));
        assert_eq!(read_escape(br"\ud83d x"), Some(('?', 6)));
        assert_eq!(read_escape(br"\ud83d\u0041"), Some(('?', 6)));
        for bad in [&br"\q"[..], br"\u12", br"\", br"\u12g4", br"\x4"] {
            assert_eq!(read_escape(bad), None);
        }
    }
}
