//! The module tree: which files a crate root reaches, and which of them are test code.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Source, find_word, ident_at, skip_space};

/// A `mod name;` line.
struct Declared {
    name: String,
    test: bool,
}

/// Marks the files that are reached only through `#[cfg(test)]` as test code and returns the paths of files that no
/// crate root reaches. `named` are the roots that a manifest names.
pub fn mark(sources: &mut BTreeMap<String, Source>, named: &[String]) -> Vec<String> {
    let mut open: Vec<(String, bool)> = sources
        .keys()
        .filter(|path| is_root(path) || named.contains(path))
        .map(|path| (path.clone(), is_test_root(path)))
        .collect();
    let mut product = BTreeSet::new();
    let mut test = BTreeSet::new();
    while let Some((path, is_test)) = open.pop() {
        let seen = if is_test { &mut test } else { &mut product };
        let Some(source) = sources.get(&path) else { continue };
        if !seen.insert(path.clone()) {
            continue;
        }
        for module in declared(source) {
            for file in candidates(&path, &module.name, is_root(&path) || named.contains(&path)) {
                open.push((file, is_test || module.test));
            }
        }
    }
    let dead =
        sources.keys().filter(|path| !product.contains(*path) && !test.contains(*path)).cloned().collect();
    let paths: Vec<String> = test.difference(&product).cloned().collect();
    for path in paths {
        if let Some(source) = sources.remove(&path) {
            sources.insert(path, source.into_test());
        }
    }
    dead
}

/// The roots that the manifest `path` names with `path = "….rs"`.
pub fn named_roots(path: &str, text: &str) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let values = text.lines().filter_map(|line| line.trim().strip_prefix("path")?.trim().strip_prefix('='));
    let names = values.map(|value| value.trim().trim_matches('"')).filter(|name| name.ends_with(".rs"));
    names.map(|name| format!("{folder}{name}")).collect()
}

/// A file that cargo compiles on its own without being told.
fn is_root(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let in_target_folder =
        |folder: &str| folder.ends_with("src/bin") || is_crate_level(folder, TARGET_FOLDERS);
    match name {
        "build.rs" if !folder.contains('/') => true,
        "lib.rs" | "main.rs" if folder.ends_with("/src") => true,
        "main.rs" => folder.rsplit_once('/').is_some_and(|(up, _)| in_target_folder(up)),
        _ => in_target_folder(folder),
    }
}

const TARGET_FOLDERS: &[&str] = &["tests", "benches", "examples"];

/// True for `<crate>/tests` and the like: a folder of cargo's own beside `src`, one level below the crate.
fn is_crate_level(folder: &str, names: &[&str]) -> bool {
    folder.split_once('/').is_some_and(|(_, below)| names.contains(&below))
}

fn is_test_root(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "benches"))
}

/// Where `mod name;` inside `path` may live.
fn candidates(path: &str, name: &str, root: bool) -> [String; 2] {
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let beside = root || path.ends_with("/mod.rs");
    let base = if beside { folder } else { path.trim_end_matches(".rs") };
    [format!("{base}/{name}.rs"), format!("{base}/{name}/mod.rs")]
}

fn declared(source: &Source) -> Vec<Declared> {
    let mut modules = Vec::new();
    for at in find_word(&source.code, "mod") {
        let name_at = skip_space(&source.code, at + 3);
        let name = ident_at(&source.code, name_at);
        let end = skip_space(&source.code, name_at + name.len());
        if !name.is_empty() && source.code[end..].starts_with(';') {
            let test = find_word(&source.product[at..name_at], "mod").next().is_none();
            modules.push(Declared { name: name.to_owned(), test });
        }
    }
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> BTreeMap<String, Source> {
        files.iter().map(|(path, text)| ((*path).to_owned(), Source::new(*path, *text))).collect()
    }

    #[test]
    fn files_without_a_mod_line_are_dead() {
        let mut sources = tree(&[
            ("core/src/lib.rs", "pub mod a;\nmod b;"),
            ("core/src/a.rs", "mod inner;\n// mod ghost;"),
            ("core/src/a/inner.rs", ""),
            ("core/src/a/ghost.rs", ""),
            ("core/src/b/mod.rs", ""),
            ("core/src/bin/tool/main.rs", "mod flags;"),
            ("core/src/bin/tool/flags.rs", ""),
            ("core/build.rs", ""),
            ("core/src/b/main.rs", ""),
        ]);
        assert_eq!(mark(&mut sources, &[]), ["core/src/a/ghost.rs", "core/src/b/main.rs"]);
    }

    #[test]
    fn a_manifest_may_name_roots() {
        let manifest =
            "[[test]]\nname = \"wire\"\npath = \"wire/main.rs\"\n[dependencies]\nx = { path = \"../x\" }";
        let named = named_roots("tests/Cargo.toml", manifest);
        assert_eq!(named, ["tests/wire/main.rs"]);
        let mut sources = tree(&[("tests/wire/main.rs", "mod send;"), ("tests/wire/send.rs", "")]);
        assert!(mark(&mut sources, &named).is_empty());
    }

    #[test]
    fn files_below_a_test_module_are_test_code() {
        let mut sources = tree(&[
            ("core/src/lib.rs", "mod a;"),
            ("core/src/a.rs", "fn a() {}\n#[cfg(test)]\nmod tests;"),
            ("core/src/a/tests.rs", "mod deep; fn t() {}"),
            ("core/src/a/tests/deep.rs", "fn d() {}"),
        ]);
        assert!(mark(&mut sources, &[]).is_empty());
        assert!(sources["core/src/a.rs"].product.contains("fn a"));
        assert!(!sources["core/src/a/tests.rs"].product.contains("fn t"));
        assert!(!sources["core/src/a/tests/deep.rs"].product.contains("fn d"));
    }
}
