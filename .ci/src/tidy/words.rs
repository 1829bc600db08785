//! Words that have one home: what may be written only in certain places, and why.

use super::Finding;
use super::source::{Source, find_word, line_of};

/// A word of code, where the rule holds, where the word is at home, and what the rule protects.
struct Rule {
    words: &'static [&'static str],
    scope: &'static [&'static str],
    home: &'static [&'static str],
    /// Holds in test code too.
    tests: bool,
    why: &'static str,
}

const CORE: &[&str] = &["core/src/"];
const PRODUCT: &[&str] = &["core/src/", "ffi/src/", "python/src/", "node/src/"];
const ALL: &[&str] = &[""];
const BIN: &[&str] = &["core/src/bin/"];

const RULES: &[Rule] = &[
    Rule {
        words: &["to_be_bytes", "from_be_bytes"],
        scope: PRODUCT,
        home: &["core/src/format/"],
        tests: false,
        why: "byte layouts live in format/",
    },
    Rule {
        words: &["SystemTime", "std::time::Instant", "UNIX_EPOCH"],
        scope: PRODUCT,
        home: &["core/src/clock.rs"],
        tests: false,
        why: "time comes from clock.rs",
    },
    Rule {
        words: &["Instant::now"],
        scope: PRODUCT,
        home: &["core/src/clock.rs", "core/src/net/"],
        tests: false,
        why: "time comes from clock.rs; sockets use tokio's",
    },
    Rule {
        words: &["unsafe"],
        scope: ALL,
        home: &["core/src/mmap/", "ffi/src/", "python/src/", "node/src/"],
        tests: true,
        why: "unsafe code lives in mmap/ and the doors",
    },
    Rule {
        words: &["println!", "print!", "eprintln!", "eprint!", "dbg!"],
        scope: PRODUCT,
        home: BIN,
        tests: false,
        why: "a library does not print; it logs through tracing",
    },
    Rule {
        words: &["tokio::signal", "signal_hook", "ctrlc", "sigaction", "process::exit", "process::abort"],
        scope: PRODUCT,
        home: BIN,
        tests: true,
        why: "signals and the end of the process belong to the host",
    },
    Rule {
        words: &["tokio"],
        scope: CORE,
        home: &["core/src/net/", "core/src/bin/"],
        tests: true,
        why: "async ends at net/",
    },
    Rule {
        words: &["memmap2"],
        scope: PRODUCT,
        home: &["core/src/mmap/"],
        tests: true,
        why: "mappings live in mmap/",
    },
    Rule {
        words: &[
            "unbounded_channel",
            "UnboundedSender",
            "mpsc::channel()",
            "unbounded()",
            "channel::unbounded",
        ],
        scope: PRODUCT,
        home: &[],
        tests: false,
        why: "every channel has a bound",
    },
    Rule {
        words: &["thread::spawn", "thread::Builder", "thread::scope"],
        scope: &["ffi/src/", "python/src/", "node/src/"],
        home: &[],
        tests: false,
        why: "a door has no threads of its own",
    },
    Rule {
        words: &["thread::spawn", "thread::Builder", "thread::scope"],
        scope: CORE,
        home: &["core/src/runtime/", "core/src/bin/"],
        tests: false,
        why: "threads are started through runtime/, named and counted",
    },
    Rule {
        words: &[
            "fs",
            "File::open",
            "File::create",
            "Mutex",
            "RwLock",
            "Condvar",
            "parking_lot",
            "async",
            "await",
            "thread",
        ],
        scope: &["core/src/format/"],
        home: &[],
        tests: false,
        why: "format/ is pure: no I/O, locks, threads or async",
    },
    Rule {
        words: &["fs", "File::open", "File::create"],
        scope: &["core/src/config/"],
        home: &["core/src/config/load.rs"],
        tests: false,
        why: "config/ reads files in load.rs only",
    },
    Rule {
        words: &["RequestCode", "ResponseCode"],
        scope: &["core/src/store/", "core/src/mmap/", "core/src/runtime/"],
        home: &[],
        tests: false,
        why: "request codes end above the store",
    },
    Rule {
        words: &["no_mangle", "set_hook", "set_global_default"],
        scope: CORE,
        home: BIN,
        tests: false,
        why: "a library leaves the process's global state alone",
    },
];

/// Reports every word outside of its home.
pub fn check(source: &Source, findings: &mut Vec<Finding>) {
    let under = |places: &[&str]| places.iter().any(|place| source.path.starts_with(place));
    for rule in RULES.iter().filter(|rule| under(rule.scope) && !under(rule.home)) {
        let code = if rule.tests { &source.code } else { &source.product };
        for word in rule.words {
            for at in find_word(code, word) {
                let text = format!("`{word}`: {}", rule.why);
                findings.push(Finding::new(source, line_of(code, at), text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check(&Source::new(path, text), &mut findings);
        findings.into_iter().map(|f| f.text).collect()
    }

    #[test]
    fn every_rule_finds_its_words_outside_and_not_at_home() {
        for rule in RULES {
            for word in rule.words {
                let text = format!("fn f() {{ {word} }}");
                let own = format!("`{word}`: {}", rule.why);
                for place in rule.scope {
                    let place = if place.is_empty() { "core/src/" } else { place };
                    assert!(
                        found(&format!("{place}a.rs"), &text).contains(&own),
                        "{own} not found in {place}"
                    );
                }
                for home in rule.home {
                    let path = if home.ends_with('/') { format!("{home}a.rs") } else { (*home).to_owned() };
                    assert!(!found(&path, &text).contains(&own), "{own} found at home in {path}");
                }
            }
        }
    }

    #[test]
    fn test_code_may_read_the_machines_clock_but_stays_safe() {
        let text = "#[cfg(test)]\nmod tests { fn f() { Instant::now(); unsafe {} } }";
        assert_eq!(found("core/src/store/a.rs", text).len(), 1);
    }

    #[test]
    fn a_bounded_channel_is_fine() {
        assert!(found("core/src/net/a.rs", "mpsc::channel(8)").is_empty());
        assert_eq!(found("core/src/net/a.rs", "mpsc::channel()").len(), 1);
    }
}
