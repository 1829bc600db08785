//! No panic leaves a door: what Node calls is written with `catch_unwind`.

use super::Finding;
use super::source::{Source, bracket_end, ident_at, line_of, skip_space};

const ATTRIBUTE: &str = "#[napi";

/// Words that stand before `fn`.
const BEFORE_FN: &[&str] = &["pub", "async", "unsafe"];

/// Reports each function that is given to Node without `catch_unwind`: a panic in it would end the process.
pub fn check(source: &Source, findings: &mut Vec<Finding>) {
    if !source.path.starts_with("node/src/") {
        return;
    }
    let code = &source.product;
    for (at, _) in code.match_indices(ATTRIBUTE) {
        let end = bracket_end(code, at + 1);
        if is_function(code, end) && !code[at..end].contains("catch_unwind") {
            let text = "a function for Node without `catch_unwind`".to_owned();
            findings.push(Finding::new(source, line_of(code, at), text));
        }
    }
}

/// True when the item behind the attribute that ends at `at` is a function.
fn is_function(code: &str, at: usize) -> bool {
    let mut at = skip_space(code, at);
    while code[at..].starts_with('#') {
        at = skip_space(code, bracket_end(code, at + 1));
    }
    while BEFORE_FN.contains(&ident_at(code, at)) {
        at = skip_space(code, at + ident_at(code, at).len());
    }
    ident_at(code, at) == "fn"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let mut findings = Vec::new();
        check(&Source::new("node/src/a.rs", text), &mut findings);
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn functions_without_are_reported() {
        assert_eq!(
            lines("#[napi]\npub fn a() {}\n#[napi(getter)]\n#[allow(x)]\npub async fn b() {}"),
            [1, 3]
        );
    }

    #[test]
    fn functions_with_and_types_pass() {
        let with = "#[napi(constructor, catch_unwind)]\npub fn a() {}\n#[napi(catch_unwind, ts_return_type = \"x\")]\nfn b() {}";
        assert!(lines(with).is_empty());
        assert!(
            lines("#[napi]\npub struct A {}\n#[napi]\nimpl A {}\n#[napi(object)]\npub struct B {}")
                .is_empty()
        );
    }
}
