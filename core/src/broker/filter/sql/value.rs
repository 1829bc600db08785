//! Values during an evaluation, and how two of them are compared (Java: `ComparisonExpression.__compare`).

use std::cmp::Ordering;

use super::double::parse_double;
use super::evaluate::Unevaluable;
use super::node::Constant;

/// A value. Properties are texts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    Text(&'a [u8]),
}

impl<'a> Value<'a> {
    pub(super) fn of(constant: &'a Constant) -> Self {
        match constant {
            Constant::Null => Value::Null,
            Constant::Bool(value) => Value::Bool(*value),
            Constant::Int(value) => Value::Int(*value),
            Constant::Long(value) => Value::Long(*value),
            Constant::Double(value) => Value::Double(*value),
            Constant::Text(text) => Value::Text(text),
        }
    }

    pub(super) fn of_truth(truth: Option<bool>) -> Self {
        truth.map_or(Value::Null, Value::Bool)
    }

    pub(super) fn is_null(self) -> bool {
        matches!(self, Value::Null)
    }

    /// Of what is no number nothing is known.
    pub(super) fn negated(self) -> Self {
        match self {
            Value::Int(value) => Value::Int(value.wrapping_neg()),
            Value::Long(value) => Value::Long(value.wrapping_neg()),
            Value::Double(value) => Value::Double(-value),
            Value::Null | Value::Bool(_) | Value::Text(_) => Value::Null,
        }
    }
}

/// The order of two values that are not null. A text becomes what the other one is: what cannot, ends the evaluation, and so does a
/// truth on the left of a text. A truth is less than a number, and a number less than a truth.
pub(super) fn compare(left: Value<'_>, right: Value<'_>) -> Result<Ordering, Unevaluable> {
    use Value::{Bool, Double, Int, Long, Null, Text};
    Ok(match (left, right) {
        (Bool(left), Bool(right)) => left.cmp(&right),
        (Int(left), Int(right)) => left.cmp(&right),
        (Long(left), Long(right)) => left.cmp(&right),
        (Int(left), Long(right)) => i64::from(left).cmp(&right),
        (Long(left), Int(right)) => left.cmp(&i64::from(right)),
        (Double(left), Double(right)) => compare_doubles(left, right),
        (Int(left), Double(right)) => compare_doubles(f64::from(left), right),
        (Double(left), Int(right)) => compare_doubles(left, f64::from(right)),
        (Long(left), Double(right)) => compare_doubles(left as f64, right),
        (Double(left), Long(right)) => compare_doubles(left, right as f64),
        (Text(left), Text(right)) => left.cmp(right),
        (Text(left), Bool(right)) => left.eq_ignore_ascii_case(b"true").cmp(&right),
        (Text(left), Int(right)) => int(left)?.cmp(&right),
        (Int(left), Text(right)) => left.cmp(&int(right)?),
        (Text(left), Long(right)) => long(left)?.cmp(&right),
        (Long(left), Text(right)) => left.cmp(&long(right)?),
        (Text(left), Double(right)) => compare_doubles(double(left)?, right),
        (Double(left), Text(right)) => compare_doubles(left, double(right)?),
        (Bool(_), Text(_)) => return Err(Unevaluable),
        (Bool(_) | Null, _) | (_, Bool(_) | Null) => Ordering::Less,
    })
}

/// By `>` and the like two texts are compared as numbers.
pub(super) fn compare_ordered(left: Value<'_>, right: Value<'_>) -> Result<Ordering, Unevaluable> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Ok(compare_doubles(double(left)?, double(right)?)),
        _ => compare(left, right),
    }
}

/// `Double.compareTo`: NaN is equal to itself and above all, −0 is below 0.
fn compare_doubles(left: f64, right: f64) -> Ordering {
    let canonical = |value: f64| if value.is_nan() { f64::NAN.abs() } else { value };
    canonical(left).total_cmp(&canonical(right))
}

fn int(text: &[u8]) -> Result<i32, Unevaluable> {
    i32::try_from(long(text)?).map_err(|_| Unevaluable)
}

/// `Long.valueOf`: a sign and digits, of any script.
fn long(text: &[u8]) -> Result<i64, Unevaluable> {
    let text = std::str::from_utf8(text).map_err(|_| Unevaluable)?;
    if text.is_ascii() {
        return text.parse().map_err(|_| Unevaluable);
    }
    let ascii: Option<String> = text.chars().map(ascii_digit).collect();
    ascii.and_then(|text| text.parse().ok()).ok_or(Unevaluable)
}

fn double(text: &[u8]) -> Result<f64, Unevaluable> {
    std::str::from_utf8(text).ok().and_then(parse_double).ok_or(Unevaluable)
}

/// The zeros of the scripts that have digits of their own, each followed by its nine others (`Character.digit`, first plane).
const ZEROS: [u32; 36] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0,
    0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
];

fn ascii_digit(c: char) -> Option<char> {
    if matches!(c, '0'..='9' | '+' | '-') {
        return Some(c);
    }
    let zero = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&u32::from(c)))?;
    char::from_digit(u32::from(c) - zero, 10)
}
