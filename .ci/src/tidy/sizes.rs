//! Sizes and names: how long a file and a function may be, and what neither may be called.

use super::Finding;
use super::source::{Source, find_word, ident_at, item_end, line_of, skip_space};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

/// Documents with a limit of their own.
const DOCUMENT_LINES_MAX: &[(&str, usize)] = &[("README.md", 100), ("docs/ARCHITECTURE.md", 200)];

const FILE_NAMES: &[&str] = &["util", "utils", "common", "misc", "helper", "helpers"];
const TYPE_ENDINGS: &[&str] = &["Manager", "Util", "Utils", "Impl", "Common", "Misc", "Capability", "Helper"];
const TYPE_STARTS: &[&str] = &["Abstract", "Default"];
const TYPE_KEYWORDS: &[&str] = &["struct", "enum", "trait", "union", "type"];

/// Checks one Rust file.
pub fn check(source: &Source, findings: &mut Vec<Finding>) {
    let lines = source.text.lines().count();
    if lines > FILE_LINES_MAX {
        findings.push(Finding::new(source, 0, format!("{lines} lines, at most {FILE_LINES_MAX}")));
    }
    let parts = source.path.split('/').map(|part| part.trim_end_matches(".rs"));
    if let Some(name) = parts.into_iter().find(|part| FILE_NAMES.contains(part)) {
        findings.push(Finding::new(
            source,
            0,
            format!("`{name}` says nothing; name the file by what it holds"),
        ));
    }
    functions(source, findings);
    types(source, findings);
}

/// Checks the length of a document.
pub fn check_document(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let lines = text.lines().count();
    if let Some((_, max)) = DOCUMENT_LINES_MAX.iter().find(|(name, max)| *name == path && lines > *max) {
        findings.push(Finding {
            path: path.to_owned(),
            line: 0,
            text: format!("{lines} lines, at most {max}"),
        });
    }
}

fn functions(source: &Source, findings: &mut Vec<Finding>) {
    let code = &source.product;
    for at in find_word(code, "fn") {
        let name = ident_at(code, skip_space(code, at + 2));
        if name.is_empty() {
            continue;
        }
        let lines = 1 + code[at..item_end(code, at)].matches('\n').count();
        if lines > FUNCTION_LINES_MAX {
            let text = format!("function `{name}` has {lines} lines, at most {FUNCTION_LINES_MAX}");
            findings.push(Finding::new(source, line_of(code, at), text));
        }
    }
}

fn types(source: &Source, findings: &mut Vec<Finding>) {
    let code = &source.product;
    for keyword in TYPE_KEYWORDS {
        for at in find_word(code, keyword) {
            let name = ident_at(code, skip_space(code, at + keyword.len()));
            let bad = TYPE_ENDINGS.iter().any(|end| name.ends_with(end))
                || TYPE_STARTS.iter().any(|start| name.len() > start.len() && name.starts_with(start));
            if bad {
                let text = format!("type `{name}`: name it by what it is");
                findings.push(Finding::new(source, line_of(code, at), text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        let mut findings = Vec::new();
        check(&Source::new(path, text), &mut findings);
        findings.into_iter().map(|f| (f.line, f.text)).collect()
    }

    #[test]
    fn long_files_and_functions_are_reported() {
        let body = "    x();\n".repeat(69);
        assert_eq!(found("a.rs", &format!("// {{\n\nfn long(a: [u8; 3]) {{\n{body}}}\n"))[0].0, 3);
        assert!(found("a.rs", &format!("fn short() {{\n{}}}\n", "x();\n".repeat(68))).is_empty());
        assert_eq!(found("a.rs", &"\n".repeat(801)).len(), 1);
    }

    #[test]
    fn test_functions_and_declarations_are_not_measured() {
        let body = "x();\n".repeat(80);
        assert!(found("a.rs", &format!("#[cfg(test)]\nmod tests {{ fn t() {{\n{body}}} }}")).is_empty());
        assert!(
            found("a.rs", &format!("trait T {{ fn f(); }} const A: [fn(u8); 0] = [];\n{body}")).is_empty()
        );
    }

    #[test]
    fn names_that_say_nothing_are_reported() {
        assert_eq!(found("core/src/net/util.rs", "").len(), 1);
        assert_eq!(found("a.rs", "struct TopicManager; enum DefaultStore {}\n// struct XUtil").len(), 2);
        assert!(found("a.rs", "impl Default for X {} struct Impls;").is_empty());
    }

    #[test]
    fn the_readme_is_a_door() {
        let mut findings = Vec::new();
        check_document("README.md", &"x\n".repeat(101), &mut findings);
        check_document("docs/COMPAT.md", &"x\n".repeat(500), &mut findings);
        assert_eq!(findings.len(), 1);
    }
}
