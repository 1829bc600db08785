use proptest::prelude::*;

use super::*;

fn text(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in pairs {
        properties::push(&mut out, name.as_bytes(), value.as_bytes());
    }
    out
}

/// In the words of the vectors.
fn outcome(expression: &str, properties: &[u8]) -> &'static str {
    match Expression::compile(expression).map(|compiled| compiled.evaluate(properties)) {
        Err(_) => "COMPILE_ERROR",
        Ok(Err(Unevaluable)) => "EVAL_ERROR",
        Ok(Ok(None)) => "null",
        Ok(Ok(Some(true))) => "true",
        Ok(Ok(Some(false))) => "false",
    }
}

#[test]
fn vectors_of_the_reference_hold() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/vectors.json");
    let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let object = |value: &serde_json::Value| value.as_object().unwrap().clone();
    let vectors = object(&vectors["sql92"]);
    let pairs = object(&vectors["properties"]);
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let properties = text(&pairs);
    let (_, results) = vectors.iter().find(|(key, _)| key.starts_with("results")).unwrap();
    for (expression, expected) in results.as_object().unwrap() {
        assert_eq!(outcome(expression, &properties), expected.as_str().unwrap(), "{expression}");
    }
    assert_eq!(results.as_object().unwrap().len(), 61);
}

#[test]
fn numbers_take_the_type_of_the_constant() {
    let properties = text(&[
        ("int", "2147483648"),
        ("fraction", "1.5"),
        ("blank", " 7"),
        ("plus", "+7"),
        ("arabic", "٧"),
        ("zero", "-0.0"),
        ("other", "0"),
    ]);
    let cases = [
        ("int > 5", "EVAL_ERROR"),
        ("int > 5.5", "true"),
        ("int > 2147483647", "EVAL_ERROR"),
        ("int = 2147483648", "true"),
        ("fraction > 1", "EVAL_ERROR"),
        ("fraction > 1.1", "true"),
        ("blank = 7", "EVAL_ERROR"),
        ("blank > 6.9", "true"),
        ("plus = 7", "true"),
        ("7 = plus", "true"),
        ("arabic = 7", "true"),
        ("zero < other", "true"),
        ("zero = other", "false"),
        ("1 = 1.0e0", "true"),
        ("9223372036854775807 > 9223372036854775806", "true"),
        ("9223372036854775807 > 9223372036854775806.0", "false"),
        ("9223372036854775808 > 1", "COMPILE_ERROR"),
        ("-9223372036854775808 < 1", "COMPILE_ERROR"),
        ("-2147483648 = -2147483648", "true"),
        ("1e999 > 1", "COMPILE_ERROR"),
        ("1e-999 < 1", "COMPILE_ERROR"),
    ];
    for (expression, expected) in cases {
        assert_eq!(outcome(expression, &properties), expected, "{expression}");
    }
}

#[test]
fn truths_and_unknowns_behave_as_in_java() {
    let properties = text(&[("t", "TRUE"), ("b", "x")]);
    let cases = [
        ("missing = gone", "true"),
        ("missing <> gone", "false"),
        ("b = missing", "false"),
        ("missing = b", "null"),
        ("TRUE = t", "EVAL_ERROR"),
        ("t = TRUE", "true"),
        ("b = FALSE", "true"),
        ("1 = TRUE", "false"),
        ("TRUE = 1", "COMPILE_ERROR"),
        ("'true' = TRUE", "true"),
        ("NOT b = 'x'", "EVAL_ERROR"),
        ("NOT (b = 'x')", "false"),
        ("NOT b = 1", "false"),
        ("NOT b", "true"),
        ("-b = 1", "null"),
        ("-b IS NULL", "true"),
        ("-(b = 'x') IS NULL", "true"),
        ("NULL", "null"),
        ("NULL IS NULL", "true"),
        ("5", "COMPILE_ERROR"),
        ("'x'", "COMPILE_ERROR"),
        ("-b", "COMPILE_ERROR"),
        ("(b = 'x') > 1", "COMPILE_ERROR"),
        ("(b = 'x') IN ('x')", "COMPILE_ERROR"),
        ("b = 'x' OR b > 1", "true"),
        ("b > 1 OR b = 'x'", "EVAL_ERROR"),
        ("b BETWEEN 'x' AND 'y'", "COMPILE_ERROR"),
        ("1 NOT BETWEEN 3 AND 2", "true"),
        ("1 BETWEEN 3 AND -2", "false"),
        ("b in ('y', 'x')", "true"),
        ("b in (1)", "COMPILE_ERROR"),
        ("b in ()", "COMPILE_ERROR"),
        ("b = 'x' ) OR", "true"),
        ("b = 'x' #", "COMPILE_ERROR"),
        ("", "COMPILE_ERROR"),
        ("b = 'x' IS NOT NULL", "true"),
    ];
    for (expression, expected) in cases {
        assert_eq!(outcome(expression, &properties), expected, "{expression}");
    }
}

#[test]
fn texts_contain_quotes_and_the_last_property_of_a_name_counts() {
    let properties = text(&[("b", "old"), ("b", "it's")]);
    assert_eq!(outcome("b = 'it''s' AND b IN ('x', 'it''s')", &properties), "true");
}

#[test]
fn depth_is_bounded_and_length_is_not_depth() {
    let nested =
        |depth: usize, open: &str, close: &str| format!("{}TRUE{}", open.repeat(depth), close.repeat(depth));
    for (open, close) in
        [("(", ")"), ("NOT ", ""), ("NOT (", ")"), ("(TRUE = ", ")"), ("(TRUE AND (TRUE OR ", "))")]
    {
        assert_eq!(outcome(&nested(100_000, open, close), b""), "COMPILE_ERROR", "{open}");
        assert_ne!(outcome(&nested(40, open, close), b""), "COMPILE_ERROR", "{open}");
    }
    assert_eq!(outcome(&format!("1 = {}1", "- ".repeat(100_000)), b""), "COMPILE_ERROR");
    assert_eq!(outcome(&format!("1 = {}1", "+ ".repeat(100_000)), b""), "true");
    assert_eq!(outcome(&format!("TRUE{}", " = TRUE".repeat(1000)), b""), "COMPILE_ERROR");
    assert_eq!(outcome(&format!("TRUE{}", " IS NULL".repeat(1000)), b""), "COMPILE_ERROR");
    assert_eq!(outcome(&format!("FALSE{} OR TRUE", " OR a = 1".repeat(50_000)), b""), "true");
    assert_eq!(outcome(&" ".repeat(EXPRESSION_BYTES_MAX + 1), b""), "COMPILE_ERROR");
}

#[test]
fn the_deepest_expression_needs_little_stack() {
    let open = "NOT (TRUE AND ".repeat(DEPTH_MAX / 3);
    let text = format!("{open}TRUE{}", ")".repeat(DEPTH_MAX / 3));
    let parens = format!("{}TRUE{}", "(".repeat(DEPTH_MAX - 1), ")".repeat(DEPTH_MAX - 1));
    let evaluate = move || [outcome(&text, b""), outcome(&parens, b"")];
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(evaluate).unwrap();
    assert!(thread.join().unwrap().iter().all(|outcome| *outcome != "COMPILE_ERROR"));
}

#[test]
fn nested_ranges_take_linear_time() {
    let depth = 60;
    let text = format!("{}a{}", "-(".repeat(depth), " BETWEEN 1 AND 2) BETWEEN 1 AND 2".repeat(depth));
    assert_ne!(outcome(&text, b""), "true");
}

/// Pieces of which expressions are made, and pieces that break them.
const PIECES: [&str; 44] = [
    "a",
    "b",
    "missing",
    "NULL",
    "TRUE",
    "FALSE",
    "NOT",
    "AND",
    "OR",
    "BETWEEN",
    "IN",
    "IS",
    "=",
    "<>",
    ">",
    ">=",
    "<",
    "<=",
    "(",
    ")",
    ",",
    "+",
    "-",
    "'x'",
    "''''",
    "'",
    "1",
    "0",
    "2147483648",
    "1.5",
    "1e400",
    "--",
    "/*",
    "*/",
    "\n",
    "0L",
    "#",
    "é",
    "a.b",
    "IN ('x', 'y')",
    "BETWEEN 1 AND 2",
    "IS NOT NULL",
    "a = 1",
    "b <> 'x'",
];

proptest! {
    #[test]
    fn anything_is_answered(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40), tight: bool) {
        let expression = pieces.join(if tight { "" } else { " " });
        outcome(&expression, &text(&[("a", "1"), ("b", "x")]));
    }

    #[test]
    fn any_text_is_answered(expression in "\\PC{0,60}", value in "\\PC{0,12}") {
        outcome(&expression, &text(&[("a", &value)]));
        outcome("a > 1.5 OR a = 1 OR a = 5000000000", &text(&[("a", &value)]));
    }
}
