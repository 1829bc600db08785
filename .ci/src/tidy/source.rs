//! One Rust file as the checks see it: comments, strings and test code blanked out, positions kept.

use std::ops::Range;

/// A Rust file. `code` has the length and the line breaks of `text`, with spaces for comments and literals.
pub struct Source {
    /// Path from the repository's root, with `/`.
    pub path: String,
    /// The file as it is.
    pub text: String,
    /// The file without comments, strings and character literals.
    pub code: String,
    /// `code` without items under `#[cfg(test)]` too.
    pub product: String,
}

impl Source {
    /// Reads `text` as the file `path`.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let code = blank_literals(&text);
        let product = blank_tests(&code);
        Self { path: path.into(), text, code, product }
    }

    /// The same file as a whole made of test code.
    pub fn into_test(mut self) -> Self {
        self.product = blank(&self.code, 0..self.code.len());
        self
    }
}

/// The line number of byte `at`, from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// Every place where `word` stands as whole words, e.g. `Instant::now` or `println!`.
pub fn find_word<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let ends_open = word.bytes().last().is_some_and(is_word);
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = at.checked_sub(1).and_then(|i| code.as_bytes().get(i));
        let after = code.as_bytes().get(at + word.len());
        let cut = before.is_some_and(|b| is_word(*b)) || ends_open && after.is_some_and(|b| is_word(*b));
        !cut
    })
}

/// The identifier that starts at `at`, empty if none does.
pub fn ident_at(code: &str, at: usize) -> &str {
    let rest = code.get(at..).unwrap_or("");
    let end = rest.bytes().position(|b| !is_word(b)).unwrap_or(rest.len());
    rest.get(..end).unwrap_or("")
}

/// The first byte at or after `at` that is no white space.
pub fn skip_space(code: &str, at: usize) -> usize {
    let rest = code.get(at..).unwrap_or("");
    at + rest.bytes().take_while(u8::is_ascii_whitespace).count()
}

/// The end (exclusive) of the bracket that opens at `at`, or the end of the file.
pub fn bracket_end(code: &str, at: usize) -> usize {
    let mut depth = 0_usize;
    for (i, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return i + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// The end (exclusive) of the item that starts at `at`: its `;`, or the bracket that closes its body.
pub fn item_end(code: &str, at: usize) -> usize {
    let mut i = at;
    while let Some(byte) = code.as_bytes().get(i) {
        match byte {
            b';' => return i + 1,
            b'{' => return bracket_end(code, i),
            b'(' | b'[' => i = bracket_end(code, i),
            _ => i += 1,
        }
    }
    code.len()
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

fn blank(code: &str, range: Range<usize>) -> String {
    let bytes = code.bytes().enumerate().map(|(i, byte)| match byte {
        b'\n' => byte,
        _ if range.contains(&i) => b' ',
        _ => byte,
    });
    String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
}

/// Blanks every item that carries `#[cfg(test)]`.
fn blank_tests(code: &str) -> String {
    let mut product = code.to_owned();
    while let Some(start) = product.find("#[cfg(test)]") {
        let mut item = start;
        while product[item..].starts_with('#') {
            item = skip_space(&product, bracket_end(&product, item));
        }
        let end = item_end(&product, item);
        product = blank(&product, start..end.max(start + 1));
    }
    product
}

/// Blanks comments, strings and character literals. Lengths count bytes, so positions stay.
fn blank_literals(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut i = 0;
    while i < bytes.len() {
        let end = literal_end(bytes, i);
        for byte in &mut out[i..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        i = end.max(i + 1);
    }
    // Only ASCII was written over whole literals; other text outside of them is kept as it was.
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the comment or literal that starts at `i` ends; `i` itself when none starts there.
fn literal_end(bytes: &[u8], i: usize) -> usize {
    let rest = &bytes[i..];
    if rest.starts_with(b"//") {
        return i + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return block_comment_end(bytes, i);
    }
    let in_word = i > 0 && is_word(bytes[i - 1]);
    match rest[0] {
        b'"' => quoted_end(bytes, i + 1, b'"'),
        b'\'' => char_end(bytes, i),
        b'r' | b'b' | b'c' if !in_word => prefixed_end(bytes, i),
        _ => i,
    }
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut i) = (0_usize, start);
    while i < bytes.len() {
        if bytes[i..].starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if bytes[i..].starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    bytes.len()
}

/// The end of a literal whose first byte after the opening quote is `i`.
fn quoted_end(bytes: &[u8], mut i: usize, quote: u8) -> usize {
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => i += 2,
            byte if byte == quote => return i + 1,
            _ => i += 1,
        }
    }
    bytes.len()
}

/// `'x'` and `'\n'` are literals, `'a` is a lifetime.
fn char_end(bytes: &[u8], i: usize) -> usize {
    if bytes.get(i + 1) == Some(&b'\\') {
        return quoted_end(bytes, i + 1, b'\'');
    }
    // One character of up to four bytes, then the quote.
    let width = bytes.get(i + 1).map_or(1, |first| match first {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    });
    if bytes.get(i + 1 + width) == Some(&b'\'') { i + 2 + width } else { i }
}

/// `b"…"`, `b'…'`, `c"…"`, and the raw forms with any number of `#`.
fn prefixed_end(bytes: &[u8], start: usize) -> usize {
    let mut i = start;
    if matches!(bytes[i], b'b' | b'c') {
        i += 1;
    }
    match bytes.get(i) {
        Some(b'"') => return quoted_end(bytes, i + 1, b'"'),
        Some(b'\'') if bytes[start] == b'b' => return quoted_end(bytes, i + 1, b'\''),
        Some(b'r') => i += 1,
        _ => return start,
    }
    let hashes = bytes[i..].iter().take_while(|b| **b == b'#').count();
    i += hashes;
    if bytes.get(i) != Some(&b'"') {
        return start;
    }
    i += 1;
    while i < bytes.len() {
        let closing = bytes[i] == b'"' && bytes[i + 1..].iter().take_while(|b| **b == b'#').count() >= hashes;
        i += 1;
        if closing {
            return i + hashes;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Source::new("x.rs", text).code
    }

    #[test]
    fn comments_and_literals_are_blanked_in_place() {
        let text = "let a = \"un\\\"safe\"; // unsafe\n/* a /* b */ unsafe */ let b = 'u';";
        let out = code(text);
        assert_eq!(out.len(), text.len());
        assert_eq!(out.matches('\n').count(), 1);
        assert!(!out.contains("safe") && out.contains("let b = "));
    }

    #[test]
    fn raw_strings_end_at_their_own_quote() {
        let out = code("let a = r#\"x \" unsafe\"#; keep(br\"unsafe\", b'\\'', c\"unsafe\"); r#type");
        assert!(out.contains("keep(") && out.contains("r#type") && !out.contains("unsafe"));
    }

    #[test]
    fn lifetimes_are_no_literals() {
        assert_eq!(code("fn f<'a>(x: &'a str, y: 'é')"), "fn f<'a>(x: &'a str, y:     )");
    }

    #[test]
    fn words_match_whole() {
        let at: Vec<usize> = find_word("unsafe_op unsafe{ myunsafe unsafe", "unsafe").collect();
        assert_eq!(at, [10, 27]);
        assert_eq!(find_word("eprintln!() println!()", "println!").count(), 1);
    }

    #[test]
    fn test_items_are_not_product() {
        let source = Source::new(
            "x.rs",
            "#[cfg(test)]\n#[allow(a)]\nmod tests { fn a() {} }\nfn b() {}\n#[cfg(test)]\nmod tests;\nfn c() {}",
        );
        assert!(!source.product.contains("fn a") && !source.product.contains("mod tests"));
        assert!(source.product.contains("fn b") && source.product.contains("fn c"));
        assert_eq!(line_of(&source.product, source.product.find("fn b").unwrap()), 4);
    }
}
