//! What holds for every text file: no path of one machine, no link into nothing.

use std::path::Path;

use super::Finding;

/// Starts of paths that exist on one machine only. Split, so that this file does not contain them.
const MACHINE_PATHS: &[&[&str]] = &[
    &["/ho", "me/"],
    &["/ro", "ot/"],
    &["/Use", "rs/"],
    &["/wo", "rk/"],
    &["C:\\\\Use", "rs"],
    &["C:\\Use", "rs"],
];

/// Recorded bytes keep what they say.
const RECORDED: &[&str] = &["tests/golden/", "fuzz/corpus/"];

/// Checks one text file. `exists` tells whether a path from the repository's root exists.
pub fn check(path: &str, text: &str, exists: &dyn Fn(&Path) -> bool, findings: &mut Vec<Finding>) {
    if RECORDED.iter().any(|folder| path.starts_with(folder)) {
        return;
    }
    for (index, line) in text.lines().enumerate() {
        let mut report =
            |text: String| findings.push(Finding { path: path.to_owned(), line: index + 1, text });
        if let Some(found) = machine_path(line) {
            report(format!("`{found}` is a path of one machine"));
        }
        if path.ends_with(".md") {
            let folder = Path::new(path).parent().unwrap_or(Path::new(""));
            for link in relative_links(line).filter(|link| !exists(&folder.join(link))) {
                report(format!("link to `{link}`, which does not exist"));
            }
        }
    }
}

fn machine_path(line: &str) -> Option<String> {
    MACHINE_PATHS.iter().map(|parts| parts.concat()).find(|start| {
        line.match_indices(start.as_str()).any(|(at, _)| {
            // `tests/work/` and `${user}/home/` are relative.
            !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_-.}>*~".contains(c))
        })
    })
}

/// Targets of `[text](target)` that are files of this repository.
fn relative_links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?;
        (!target.is_empty() && !target.contains("://") && !target.starts_with("mailto:")).then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check(path, text, &|path| path == Path::new("docs/STYLE.md"), &mut findings);
        findings.into_iter().map(|f| f.text).collect()
    }

    #[test]
    fn machine_paths_are_reported_and_relative_ones_are_not() {
        let path = MACHINE_PATHS[0].concat();
        assert_eq!(found("a.toml", &format!("x = \"{path}me/x\"")).len(), 1);
        assert!(found("a.toml", &format!("x = \"tests{path}x\"")).is_empty());
        assert!(found("tests/golden/a.txt", &path).is_empty());
    }

    #[test]
    fn links_lead_to_files() {
        assert!(found("README.md", "[a](docs/STYLE.md#b) [c](https://x.y) [d](#e)").is_empty());
        assert!(found("docs/A.md", "[a](STYLE.md)").is_empty());
        assert_eq!(
            found("README.md", "[a](docs/STYLE.md) [b](docs/NONE.md)"),
            ["link to `docs/NONE.md`, which does not exist"]
        );
    }
}
