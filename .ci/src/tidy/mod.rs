//! `cargo ci tidy`: what the compiler does not check. The rules are those of docs/STYLE.md and docs/ARCHITECTURE.md.

mod doors;
mod layers;
mod modules;
mod sizes;
mod source;
mod text;
mod threads;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use source::Source;

/// One breach of a rule.
pub struct Finding {
    path: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    text: String,
}

impl Finding {
    fn new(source: &Source, line: usize, text: String) -> Self {
        Self { path: source.path.clone(), line, text }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.text),
            line => write!(f, "{}:{line}: {}", self.path, self.text),
        }
    }
}

/// Checks every file that git knows or would add below `root`. Returns the number of files read.
pub fn check(root: &Path) -> Result<(usize, Vec<Finding>), String> {
    let mut rust = BTreeMap::new();
    let mut roots = Vec::new();
    let mut findings = Vec::new();
    let paths = tracked(root)?;
    for path in &paths {
        // Binary files and files deleted but not yet committed have no text.
        let Ok(text) = fs::read_to_string(root.join(path)) else { continue };
        text::check(path, &text, &|target| root.join(target).exists(), &mut findings);
        sizes::check_document(path, &text, &mut findings);
        if path.ends_with("Cargo.toml") {
            roots.extend(modules::named_roots(path, &text));
        }
        if path.ends_with(".rs") {
            rust.insert(path.clone(), Source::new(path.clone(), text));
        }
    }
    for path in modules::mark(&mut rust, &roots) {
        findings.push(Finding { path, line: 0, text: "no `mod` line leads to this file".to_owned() });
    }
    let threads = fs::read_to_string(root.join(threads::PAGE)).unwrap_or_default();
    for source in rust.values() {
        threads::check(source, &threads, &mut findings);
        layers::check(source, &mut findings);
        words::check(source, &mut findings);
        doors::check(source, &mut findings);
        sizes::check(source, &mut findings);
    }
    findings.sort_by(|a, b| (&a.path, a.line, &a.text).cmp(&(&b.path, b.line, &b.text)));
    Ok((paths.len(), findings))
}

fn tracked(root: &Path) -> Result<Vec<String>, String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .map_err(|cause| format!("git ls-files: {cause}"))?;
    if !output.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}
