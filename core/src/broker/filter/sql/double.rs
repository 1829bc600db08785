//! Java's `Double.valueOf`: blanks around it, `NaN`, `Infinity`, a type letter at the end, hexadecimal digits with a binary exponent.

/// The number that a text is for Java.
pub(super) fn parse_double(text: &str) -> Option<f64> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = match text {
        "NaN" => f64::NAN,
        "Infinity" => f64::INFINITY,
        _ => {
            let text = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
            match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
                Some(digits) => hexadecimal(digits)?,
                None => decimal(text)?,
            }
        }
    };
    Some(if is_negative { -magnitude } else { magnitude })
}

fn decimal(text: &str) -> Option<f64> {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    is_number.then(|| text.parse().ok()).flatten()
}

/// `digits[.digits]p[sign]digits`, with at least one digit on each side of the `p`.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, exponent.strip_prefix('+').unwrap_or(exponent)),
    };
    if exponent.is_empty() || !exponent.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let exponent: i64 = exponent.parse().unwrap_or(i64::from(i32::MAX)).min(i64::from(i32::MAX)) * sign;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // The first 60 bits; whatever follows only decides how they are rounded.
    let (mut bits, mut shift, mut rest) = (0_u64, 0_i64, false);
    for (digit, is_fraction) in whole.chars().map(|c| (c, false)).chain(fraction.chars().map(|c| (c, true))) {
        let digit = u64::from(digit.to_digit(16)?);
        if bits >> 56 == 0 {
            bits = bits << 4 | digit;
            shift -= if is_fraction { 4 } else { 0 };
        } else {
            rest |= digit != 0;
            shift += if is_fraction { 0 } else { 4 };
        }
    }
    Some(scaled(bits | u64::from(rest), exponent.saturating_add(shift)))
}

/// `bits · 2^exponent`, rounded to the nearest, of two to the even one. The lowest bit also says whether something was cut off.
fn scaled(bits: u64, exponent: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let width = i64::from(u64::BITS - bits.leading_zeros());
    let top = exponent.saturating_add(width - 1);
    if top > 1023 {
        return f64::INFINITY;
    }
    // The last bit that is kept: 53 of them, or fewer near zero.
    let last = (top - 52).max(-1074);
    let dropped = last - exponent;
    let kept = if dropped <= 0 {
        u128::from(bits) << (-dropped).min(64)
    } else if dropped > 64 {
        0
    } else {
        let (wide, half) = (u128::from(bits), 1_u128 << (dropped - 1));
        let (kept, cut) = (wide >> dropped, wide & ((half << 1) - 1));
        kept + u128::from(cut > half || cut == half && kept & 1 == 1)
    };
    // Adding the mantissa to the exponent's field carries over where rounding made it a bit longer.
    let field = if last == -1074 { 0 } else { (last + 1074) as u64 };
    f64::from_bits((kept as u64).wrapping_add(field << 52))
}

#[cfg(test)]
mod tests {
    use super::parse_double;

    #[test]
    fn what_java_takes_is_taken() {
        let same = [
            ("1", 1.0),
            (" +1.5\t", 1.5),
            ("-.5e1", -5.0),
            ("5.", 5.0),
            ("10d", 10.0),
            ("1e3F", 1000.0),
            ("Infinity", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("1e999", f64::INFINITY),
            ("0x1p3", 8.0),
            ("-0X.8P1d", -1.0),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0x1.fffffffffffff8p1023", f64::INFINITY),
            ("0x1p-1074", 5e-324),
            ("0x1p-1075", 0.0),
            ("0x1.8p-1075", 5e-324),
            ("0x10000000000000000001p0", 75557863725914323419136.0),
            ("0x0.00p5", 0.0),
            ("0x1p99999999999", f64::INFINITY),
            ("0x1p-99999999999", 0.0),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000081p0", 1.0000000000000002),
            ("0x1p-1022", f64::MIN_POSITIVE),
            ("0x0.fffffffffffff8p-1022", f64::MIN_POSITIVE),
        ];
        for (text, expected) in same {
            assert_eq!(parse_double(text), Some(expected), "{text}");
        }
        assert!(parse_double("+NaN").unwrap().is_nan());
        assert!(parse_double("-0").unwrap().is_sign_negative());
    }

    #[test]
    fn what_java_refuses_is_refused() {
        let refused = [
            "",
            " ",
            "x",
            "1x",
            "nan",
            "inf",
            "infinity",
            "1e",
            "e1",
            ".",
            "+-1",
            "1_0",
            "0x1",
            "0x1p",
            "0xp1",
            "1ff",
            "0x1.2.3p1",
            "d",
            "٣",
        ];
        for text in refused {
            assert_eq!(parse_double(text), None, "{text:?}");
        }
    }
}
