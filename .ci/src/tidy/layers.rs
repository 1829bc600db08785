//! Which module of core may use which: the arrows of docs/ARCHITECTURE.md, read from every `crate::` path.

use super::Finding;
use super::source::{Source, bracket_end, find_word, ident_at, line_of, skip_space};

/// A module of core, and the path prefixes it may name: `format::wire` allows `format::wire::codes`.
const LAYERS: &[(&str, &str)] = &[
    ("error", ""),
    ("clock", "error"),
    ("format", "error"),
    ("config", "error format::names format::flags"),
    ("runtime", "error clock"),
    ("mmap", "error clock runtime"),
    ("store", "error clock runtime config mmap format::names format::flags format::record format::disk"),
    ("net", "error clock runtime config format::wire"),
    // A registration carries the types of the broker's table files; the one file it has goes through the disk seam.
    (
        "namesrv",
        "error clock runtime config net format::names format::flags format::wire format::disk mmap::disk",
    ),
    ("broker", "error clock runtime config format mmap store net"),
    ("embed", "error clock runtime config format mmap store net broker namesrv"),
    // The bench fills mapped files as the store does, without a store.
    ("bin", "error clock runtime config format net embed mmap::disk mmap::mapped_file"),
];

/// Names that the crate root re-exports.
const ROOT_ITEMS: &[(&str, &str)] = &[("Error", "error"), ("ErrorKind", "error")];

/// Reports every path that points against the arrows.
pub fn check(source: &Source, findings: &mut Vec<Finding>) {
    let Some(below) = source.path.strip_prefix("core/src/") else { return };
    let module = below.split('/').next().unwrap_or("").trim_end_matches(".rs");
    let Some((_, uses)) = LAYERS.iter().find(|(name, _)| *name == module) else {
        if module != "lib" && !source.product.trim().is_empty() {
            findings.push(Finding::new(
                source,
                0,
                format!("module `{module}` has no row in the table of layers"),
            ));
        }
        return;
    };
    for (at, path) in crate_paths(source, module == "bin") {
        let target = resolve(&path);
        let Some(first) = target.first() else { continue };
        let known = LAYERS.iter().any(|(name, _)| first == name);
        if known && first != module && !allowed(uses, &target) {
            let text = format!("`{module}` must not use `{}`", path.join("::"));
            findings.push(Finding::new(source, line_of(&source.product, at), text));
        }
    }
}

fn allowed(uses: &str, target: &[String]) -> bool {
    uses.split(' ').any(|prefix| {
        let mut wanted = prefix.split("::");
        let mut given = target.iter();
        wanted.all(|part| given.next().is_some_and(|name| name == part))
    })
}

/// The path without `internals`, with re-exported items led back to their module.
fn resolve(path: &[String]) -> Vec<String> {
    let path = if path.first().is_some_and(|first| first == "internals") { &path[1..] } else { path };
    match ROOT_ITEMS.iter().find(|(item, _)| path.first().is_some_and(|first| first == item)) {
        Some((_, module)) => vec![(*module).to_owned()],
        None => path.to_vec(),
    }
}

/// Every path from the crate's root with its position: `crate::…`, groups taken apart, and `super::` chains that reach the root.
fn crate_paths(source: &Source, is_bin: bool) -> Vec<(usize, Vec<String>)> {
    let code = &source.product;
    let mut paths = Vec::new();
    let root = if is_bin { "libbroker" } else { "crate" };
    for at in find_word(code, root) {
        collect(code, at + root.len(), at, &[], &mut paths);
    }
    if !is_bin {
        let depth = module_depth(&source.path);
        for at in find_word(code, "super") {
            let (supers, end) = super_chain(code, at);
            let inside = code[..at].trim_end().ends_with("::");
            if supers >= depth && depth > 0 && !inside {
                collect(code, end, at, &[], &mut paths);
            }
        }
    }
    paths
}

/// How many modules lie between the crate's root and this file's module, itself included.
fn module_depth(path: &str) -> usize {
    let below = path.strip_prefix("core/src/").unwrap_or(path);
    let parts = below.split('/').count();
    if below.ends_with("/mod.rs") { parts - 1 } else { parts }
}

/// Length of the chain `super::super` that starts at `at`, and its end.
fn super_chain(code: &str, mut at: usize) -> (usize, usize) {
    let mut count = 0;
    loop {
        count += 1;
        let end = at + "super".len();
        let next = skip_space(code, end);
        let after = skip_space(code, next + 2);
        if !code[next..].starts_with("::") || ident_at(code, after) != "super" {
            return (count, end);
        }
        at = after;
    }
}

/// Reads `::name::…` or `::{…}` at `at` behind `prefix`.
fn collect(code: &str, at: usize, start: usize, prefix: &[String], paths: &mut Vec<(usize, Vec<String>)>) {
    let colons = skip_space(code, at);
    if !code[colons..].starts_with("::") {
        if !prefix.is_empty() {
            paths.push((start, prefix.to_vec()));
        }
        return;
    }
    let next = skip_space(code, colons + 2);
    if code[next..].starts_with('{') {
        let end = bracket_end(code, next) - 1;
        let mut item = next + 1;
        while item < end {
            item = skip_space(code, item);
            step(code, item, item, prefix, paths);
            item = group_item_end(code, item, end);
        }
    } else {
        step(code, next, start, prefix, paths);
    }
}

fn step(code: &str, at: usize, start: usize, prefix: &[String], paths: &mut Vec<(usize, Vec<String>)>) {
    let name = ident_at(code, at);
    if name.is_empty() || name == "self" {
        if !prefix.is_empty() {
            paths.push((start, prefix.to_vec()));
        }
        return;
    }
    let mut longer = prefix.to_vec();
    longer.push(name.to_owned());
    collect(code, at + name.len(), start, &longer, paths);
}

/// The position behind the comma that ends the group's item at `at`.
fn group_item_end(code: &str, at: usize, end: usize) -> usize {
    let mut i = at;
    while i < end {
        match code.as_bytes().get(i) {
            Some(b',') => return i + 1,
            Some(b'{') => i = bracket_end(code, i),
            _ => i += 1,
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<(usize, String)> {
        let mut findings = Vec::new();
        check(&Source::new(path, text), &mut findings);
        findings.into_iter().map(|f| (f.line, f.text)).collect()
    }

    #[test]
    fn an_arrow_upwards_is_reported_with_its_line() {
        let found = lines("core/src/store/get.rs", "use crate::mmap::Slice;\nuse crate::net::Peer;");
        assert_eq!(found, [(2, "`store` must not use `net::Peer`".to_owned())]);
    }

    #[test]
    fn groups_and_inline_paths_are_read() {
        let text =
            "use crate::{clock::Clock, format::{record, wire::{codes}}};\nfn f() { crate::broker::g() }";
        let found = lines("core/src/store/get.rs", text);
        assert_eq!(found.len(), 2);
        assert!(found[0].1.contains("format::wire::codes") && found[1].1.contains("broker::g"));
    }

    #[test]
    fn super_beyond_the_module_counts_as_crate() {
        assert_eq!(lines("core/src/store/get.rs", "use super::super::net::Peer;").len(), 1);
        assert_eq!(lines("core/src/store/get.rs", "use super::net::Peer;").len(), 0);
        assert_eq!(lines("core/src/store/mod.rs", "use super::net::Peer;").len(), 1);
    }

    #[test]
    fn own_module_root_items_and_tests_are_free() {
        let text = "use crate::store::x; use crate::{Error, VERSION};\n#[cfg(test)]\nmod tests { use crate::net::x; }";
        assert_eq!(lines("core/src/store/get.rs", text), []);
    }

    #[test]
    fn binaries_see_embed_but_no_broker() {
        let text = "use libbroker::embed;\nuse libbroker::internals::{config, broker};";
        assert_eq!(lines("core/src/bin/mqbroker/main.rs", text).len(), 1);
    }

    #[test]
    fn a_new_module_needs_a_row() {
        assert_eq!(lines("core/src/misfit/mod.rs", "fn f() {}").len(), 1);
    }
}
