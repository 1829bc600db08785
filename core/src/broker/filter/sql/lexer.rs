//! Text → tokens, as the JavaCC grammar of the reference cuts them: the longest token wins, keywords know no case.

use winnow::Parser;
use winnow::ascii::{digit0, digit1};
use winnow::combinator::{alt, opt, repeat};
use winnow::error::EmptyError;
use winnow::token::{literal, one_of, take_till, take_until, take_while};

/// One token; texts as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'s> {
    Not,
    And,
    Or,
    Between,
    In,
    True,
    False,
    Null,
    Is,
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Open,
    Comma,
    Close,
    Plus,
    Minus,
    /// Name of a property.
    Name(&'s str),
    /// A number without fraction, without the `L` that may follow it.
    Whole(&'s str),
    /// A number with fraction or exponent.
    Fraction(&'s str),
    /// A text with its quotes; those inside stand twice.
    Text(&'s str),
    /// Nothing is left.
    End,
}

type Lexed<T> = Result<T, EmptyError>;

/// Takes the next token off `rest`; `None` when what is there is none. Either way what is before it is taken off.
pub(super) fn next_token<'s>(rest: &mut &'s str) -> Option<Token<'s>> {
    let skipped: Lexed<()> = repeat(0.., alt((blanks, line_comment, block_comment))).parse_next(rest);
    skipped.ok()?;
    if rest.is_empty() {
        return Some(Token::End);
    }
    alt((word, number, text, symbol)).parse_next(rest).ok()
}

fn blanks(input: &mut &str) -> Lexed<()> {
    take_while(1.., (' ', '\t', '\n', '\r', '\x0C')).void().parse_next(input)
}

/// A line that does not end is no comment but two signs.
fn line_comment(input: &mut &str) -> Lexed<()> {
    let end_of_line = ('\n', '\r');
    (literal("--"), take_till(0.., end_of_line), one_of(end_of_line)).void().parse_next(input)
}

fn block_comment(input: &mut &str) -> Lexed<()> {
    (literal("/*"), take_until(0.., "*/"), literal("*/")).void().parse_next(input)
}

fn word<'s>(input: &mut &'s str) -> Lexed<Token<'s>> {
    let is_first = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$');
    let is_later = move |c: char| is_first(c) || c.is_ascii_digit();
    let word = (one_of(is_first), take_while(0.., is_later)).take().parse_next(input)?;
    let keywords = [
        ("not", Token::Not),
        ("and", Token::And),
        ("or", Token::Or),
        ("between", Token::Between),
        ("in", Token::In),
        ("true", Token::True),
        ("false", Token::False),
        ("null", Token::Null),
        ("is", Token::Is),
    ];
    let keyword = keywords.into_iter().find(|(keyword, _)| keyword.eq_ignore_ascii_case(word));
    Ok(keyword.map_or(Token::Name(word), |(_, token)| token))
}

fn number<'s>(input: &mut &'s str) -> Lexed<Token<'s>> {
    let exponent = || (one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1);
    let fraction = alt((
        (digit1, '.', digit0, opt(exponent())).take(),
        ('.', digit1, opt(exponent())).take(),
        (digit1, exponent()).take(),
    ));
    // A zero in front is a number of its own, whatever follows.
    let whole = (one_of('1'..='9'), digit0).take();
    let whole = (whole, opt(one_of(['l', 'L']))).map(|(digits, _)| digits);
    let whole = alt((literal("0"), whole));
    alt((fraction.map(Token::Fraction), whole.map(Token::Whole))).parse_next(input)
}

/// Up to the last quote that can end it: two quotes are one inside, unless the text never ends, then the first of them ended it.
fn text<'s>(input: &mut &'s str) -> Lexed<Token<'s>> {
    let all = *input;
    let mut end = None;
    let mut from = if all.starts_with('\'') { 1 } else { return Err(EmptyError) };
    while let Some(at) = all.get(from..).and_then(|rest| rest.find('\'')).map(|at| from + at) {
        end = Some(at + 1);
        if !all.get(at + 1..).is_some_and(|rest| rest.starts_with('\'')) {
            break;
        }
        from = at + 2;
    }
    let (text, rest) = end.and_then(|end| all.split_at_checked(end)).ok_or(EmptyError)?;
    *input = rest;
    Ok(Token::Text(text))
}

fn symbol<'s>(input: &mut &'s str) -> Lexed<Token<'s>> {
    let comparison = alt((
        literal("<>").value(Token::NotEqual),
        literal(">=").value(Token::GreaterEqual),
        literal("<=").value(Token::LessEqual),
        literal("=").value(Token::Equal),
        literal(">").value(Token::Greater),
        literal("<").value(Token::Less),
    ));
    let mark = alt((
        literal("(").value(Token::Open),
        literal(",").value(Token::Comma),
        literal(")").value(Token::Close),
        literal("+").value(Token::Plus),
        literal("-").value(Token::Minus),
    ));
    alt((comparison, mark)).parse_next(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(mut text: &str) -> Vec<Option<Token<'_>>> {
        let mut found = Vec::new();
        loop {
            let token = next_token(&mut text);
            if token == Some(Token::End) {
                return found;
            }
            found.push(token);
            if token.is_none() {
                return found;
            }
        }
    }

    #[test]
    fn numbers_are_cut_as_javacc_cuts_them() {
        use Token::{Fraction, Name, Whole};
        let some = |tokens: &[Token<'static>]| tokens.iter().copied().map(Some).collect::<Vec<_>>();
        assert_eq!(tokens("0 10 7L 8l"), some(&[Whole("0"), Whole("10"), Whole("7"), Whole("8")]));
        assert_eq!(tokens("007 0L"), some(&[Whole("0"), Whole("0"), Whole("7"), Whole("0"), Name("L")]));
        assert_eq!(tokens("5. .5 05.5e-3"), some(&[Fraction("5."), Fraction(".5"), Fraction("05.5e-3")]));
        assert_eq!(
            tokens("5e1 5e 1.E"),
            some(&[Fraction("5e1"), Whole("5"), Name("e"), Fraction("1."), Name("E")])
        );
        assert_eq!(tokens("1..5 0x0A"), some(&[Fraction("1."), Fraction(".5"), Whole("0"), Name("x0A")]));
        assert_eq!(tokens("1.5L"), some(&[Fraction("1.5"), Name("L")]));
    }

    #[test]
    fn texts_end_at_the_last_quote_that_can() {
        assert_eq!(tokens("'it''s' ''"), [Some(Token::Text("'it''s'")), Some(Token::Text("''"))]);
        assert_eq!(tokens("'a''b"), [Some(Token::Text("'a'")), None]);
        assert_eq!(tokens("'''"), [Some(Token::Text("''")), None]);
        assert_eq!(tokens("''''"), [Some(Token::Text("''''"))]);
        assert_eq!(tokens("'a"), [None]);
    }

    #[test]
    fn comments_are_skipped_when_they_end() {
        assert_eq!(tokens("a -- b\n/* c ** / */ d"), [Some(Token::Name("a")), Some(Token::Name("d"))]);
        assert_eq!(tokens("--a"), [Some(Token::Minus), Some(Token::Minus), Some(Token::Name("a"))]);
        assert_eq!(tokens("/*/"), [None]);
        assert_eq!(tokens("a!=b"), [Some(Token::Name("a")), None]);
        assert_eq!(tokens("nOt Is inn"), [Some(Token::Not), Some(Token::Is), Some(Token::Name("inn"))]);
    }
}
