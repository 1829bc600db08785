//! Every thread that the code names is in docs/THREADS.md.

use super::Finding;
use super::source::{Source, find_word, line_of};

/// The page that lists the threads.
pub const PAGE: &str = "docs/THREADS.md";

/// What starts threads, with their name as the first argument.
const STARTS: &[&str] = &["ServiceThread::spawn", "Timers::start", "Lane::new"];

/// Reports names that `page` does not have. A name that is put together counts up to its first variable part.
pub fn check(source: &Source, page: &str, findings: &mut Vec<Finding>) {
    if !source.path.starts_with("core/src/") {
        return;
    }
    for start in STARTS {
        for at in find_word(&source.product, start) {
            let Some(name) = first_argument(&source.text[at + start.len()..]) else { continue };
            let fixed = name.split('{').next().unwrap_or(name);
            if !page.contains(&format!("`{fixed}")) {
                let text = format!("thread `{name}` is not in {PAGE}");
                findings.push(Finding::new(source, line_of(&source.text, at), text));
            }
        }
    }
}

/// The literal that an argument list begins with, also inside `&format!(…)`.
fn first_argument(arguments: &str) -> Option<&str> {
    let rest = arguments.strip_prefix('(')?.trim_start();
    let rest = rest.strip_prefix("&format!(").unwrap_or(rest);
    rest.strip_prefix('"')?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check(&Source::new("core/src/net/a.rs", text), "| `io-N` | `timers` |", &mut findings);
        findings.into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn listed_threads_pass_and_others_are_named() {
        assert!(
            found("ServiceThread::spawn(&format!(\"io-{n}\"), p, f); Timers::start(\"timers\", c)")
                .is_empty()
        );
        assert_eq!(found("Lane::new(\n    \"ghost\", 1)"), ["thread `ghost` is not in docs/THREADS.md"]);
    }

    #[test]
    fn names_from_elsewhere_and_tests_are_free() {
        assert!(
            found("Lane::new(name, 1); #[cfg(test)] mod t { fn f() { Lane::new(\"x\", 1) } }").is_empty()
        );
    }
}
