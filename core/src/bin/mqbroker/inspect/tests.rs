//! On the stores that Java wrote, whole and damaged.

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::Parser;
use libbroker::{Error, ErrorKind};

use super::args::Inspect;
use super::inspect_into;
use crate::program::Program;
use crate::terminal::Output;

/// What is printed.
#[derive(Clone, Default)]
struct Page(Rc<RefCell<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A store of Java's, unpacked.
struct Golden {
    dir: tempfile::TempDir,
}

impl Golden {
    fn unpack(name: &str) -> Self {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/store").join(name);
        let packed = std::fs::read(golden.join("store.tar.zst")).unwrap();
        let mut tar = Vec::new();
        zstd::Decoder::new(packed.as_slice()).unwrap().read_to_end(&mut tar).unwrap();
        let dir = tempfile::tempdir().unwrap();
        tar::Archive::new(tar.as_slice()).unpack(dir.path()).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("store").join(name)
    }

    /// Runs `inspect` with these words behind the directory.
    fn run(&self, words: &str) -> (String, Result<(), Error>) {
        let dir = self.path("");
        let line = ["mqbroker", "inspect", dir.to_str().unwrap()].into_iter().chain(words.split_whitespace());
        let Program::Inspect(options) = Program::try_parse_from(line).unwrap() else {
            panic!("{words} is not understood");
        };
        run(&options)
    }

    /// The bytes of every file, by name.
    fn content(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let (mut content, mut folders) = (Vec::new(), vec![self.path("")]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path)
                } else {
                    content.push((path.clone(), std::fs::read(path).unwrap()))
                }
            }
        }
        content.sort();
        content
    }
}

fn run(options: &Inspect) -> (String, Result<(), Error>) {
    console::set_colors_enabled(false);
    let page = Page::default();
    let mut output = Output::over(page.clone());
    let done = inspect_into(options, &mut output);
    drop(output);
    let text = String::from_utf8(page.0.borrow().clone()).unwrap();
    (text, done)
}

/// Changes bits of one byte, again when called again.
fn flip(path: &Path, position: u64, bits: u8) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, position).unwrap();
    file.write_all_at(&[byte[0] ^ bits], position).unwrap();
}

const EVERYTHING: [&str; 8] = [
    "",
    "--json",
    "log --body --json",
    "log --from 3000 --to 9000",
    "queues",
    "index --json",
    "checkpoint",
    "tables",
];

#[test]
fn stores_of_java_are_found_in_order_and_left_as_they_are() {
    for (name, expected) in [
        ("main", "ok  779 records, 779 queue units, 1546 index entries\n"),
        ("trimmed", "ok  737 records, 779 queue units, 1546 index entries\n"),
        ("ext", "ok  49 records, 64 queue units, 49 index entries\n"),
    ] {
        let golden = Golden::unpack(name);
        let before = golden.content();
        let (text, done) = golden.run("verify");
        assert_eq!((text.as_str(), done), (expected, Ok(())), "{name}");
        for words in EVERYTHING {
            let (text, done) = golden.run(words);
            assert!(done.is_ok() && !text.is_empty(), "{name} {words}: {done:?}");
        }
        assert!(golden.content() == before, "{name} was changed");
    }
}

#[test]
fn what_a_recovery_repairs_is_noted_and_no_fault() {
    let (text, done) = Golden::unpack("crash").run("verify");
    assert!(
        done.is_ok() && text.ends_with("ok  533 records, 533 queue units, 1066 index entries\n"),
        "{text}"
    );
    let torn = Golden::unpack("torn");
    let (text, done) = torn.run("verify");
    assert!(done.is_ok(), "{text}");
    for expected in [
        "it ends at 106540 with an unfinished record",
        "StCrash/3: has no unit yet for 132 records",
        "StCrash/2: 1 units lead behind the end of the log",
        "2 entries lead behind the end of the log",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    // Without the marker nobody repairs it.
    std::fs::remove_file(torn.path("abort")).unwrap();
    let (text, done) = torn.run("verify");
    let error = done.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreCorrupt);
    assert!(error.context().starts_with("4 faults in 532 records"), "{error}");
    assert!(text.lines().all(|line| line.starts_with("fault  ")), "{text}");
}

#[test]
fn each_kind_of_damage_is_found_where_it_is() {
    let golden = Golden::unpack("main");
    let index =
        std::fs::read_dir(golden.path("index")).unwrap().map(|entry| entry.unwrap().path()).min().unwrap();
    let index = format!("index/{}", index.file_name().unwrap().to_str().unwrap());
    let (log, queue) = ("commitlog/00000000000000000000", "consumequeue/StPlain/0/00000000000000000000");
    // The first three records have 168 bytes each; the second is that of unit 1. The index has 100 slots.
    let (body, entry) = (168 + 88, 40 + 400 + 20);
    let damages: [(&str, u64, u8, &str); 15] = [
        (log, body, 1, "record at 168 (StPlain): the body's CRC is not"),
        (log, 168 + 3, 1, "168 bytes from 168 on are no record: lengths"),
        (
            log,
            168,
            0x40,
            "168 bytes from 168 on are no record: a record of 1073741992 bytes does not end in its file",
        ),
        (log, 168 + 4, 1, "168 bytes from 168 on are no record: magic code"),
        (log, 168 + 35, 1, "record at 168 (StPlain): it says that it lies at 169"),
        (log, 168 + 27, 1, "consumequeue/StPlain/0: unit 1 for the record at 168: it has index 0"),
        (log, 168 + 15, 1, "consumequeue/StPlain/0: unit 1 for the record at 168: it belongs to StPlain/1"),
        (log, body + 7 + 1, 1, "unit 1 for the record at 168: it belongs to RtPlain/0"),
        (queue, 20 + 7, 1, "unit 1 for the record at 169: there is none of 168 bytes"),
        (queue, 20 + 11, 1, "unit 1 for the record at 168: it has 168 bytes, not 169"),
        (queue, 20 + 19, 1, "unit 1 for the record at 168: tags code 1 should be 0"),
        (queue, 20 + 8, 0x80, "1 units from index 1 on were never written"),
        (&index, entry + 3, 1, "entry 1 for the record at 0: none of its keys has the hash"),
        (
            &index,
            entry + 20 + 15,
            1,
            "entry 2 for the record at 168: it was stored 0 s after the begin of the file, not 1",
        ),
        ("checkpoint", 2, 2, "the commit log is said to be on disk until"),
    ];
    for (file, position, bits, expected) in damages {
        flip(&golden.path(file), position, bits);
        let (text, done) = golden.run("verify");
        assert!(text.contains(expected), "{file} {position}: {text}");
        assert_eq!(done.map_err(|error| error.kind()), Err(ErrorKind::StoreCorrupt), "{file} {position}");
        flip(&golden.path(file), position, bits);
    }
    assert!(golden.run("verify").1.is_ok(), "all is as it was");
}

#[test]
fn lost_files_are_found() {
    let golden = Golden::unpack("main");
    std::fs::remove_dir_all(golden.path("consumequeue/StPlain/3")).unwrap();
    std::fs::write(golden.path("commitlog/copy"), "").unwrap();
    std::fs::remove_file(golden.path("commitlog/00000000000000131072")).unwrap();
    std::fs::write(golden.path("config/topics.json"), "{").unwrap();
    std::fs::write(golden.path("checkpoint"), "short").unwrap();
    let (text, done) = golden.run("verify");
    assert!(done.is_err());
    for expected in [
        "consumequeue/StPlain/3: has no unit for",
        "commitlog/copy does not belong there",
        "00000000000000065536 ends at 131072, but the next file begins at 196608",
        "config/topics.json: ",
        "its .bak can be read and is used instead",
        "checkpoint has 5 bytes, not 4096",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let (json, _) = golden.run("verify --json");
    assert!(json.lines().count() > 5);
    for line in json.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).unwrap().is_object(), "{line}");
    }
}

/// Five entries for each slot: only the configuration can tell that.
#[test]
fn an_index_of_unusual_numbers_is_checked_with_the_configuration() {
    let golden = Golden::unpack("main");
    for entry in std::fs::read_dir(golden.path("index")).unwrap() {
        let file = OpenOptions::new().write(true).open(entry.unwrap().path()).unwrap();
        file.set_len(40 + 400 + 20 * 500).unwrap();
    }
    let (text, done) = golden.run("verify");
    assert!(done.is_ok() && text.contains("not checked") && text.contains(" 0 index entries"), "{text}");
    let file = golden.path("broker.conf");
    std::fs::write(&file, "maxHashSlotNum=100\nmaxIndexNum=500\n").unwrap();
    let (text, done) = golden.run(&format!("verify -c {}", file.display()));
    assert_eq!((text.as_str(), done), ("ok  779 records, 779 queue units, 1546 index entries\n", Ok(())));
    // One file that is shorter is damaged.
    let shorter = std::fs::read_dir(golden.path("index")).unwrap().next().unwrap().unwrap().path();
    OpenOptions::new().write(true).open(shorter).unwrap().set_len(300).unwrap();
    let (text, done) = golden.run("verify");
    assert!(done.is_err() && text.contains("300 bytes fit no number of slots and entries"), "{text}");
}

#[test]
fn nothing_that_files_hold_makes_it_stumble() {
    let golden = Golden::unpack("ext");
    let content = golden.content();
    let mut random = fastrand::Rng::with_seed(6);
    for round in 0..200 {
        let (path, bytes) = &content[random.usize(..content.len())];
        if bytes.is_empty() {
            continue;
        }
        if random.bool() {
            // The heads are where it hurts.
            let position = random.usize(..bytes.len().min(400));
            flip(path, position as u64, random.u8(1..));
        } else {
            std::fs::write(path, &bytes[..random.usize(..bytes.len())]).unwrap();
        }
        for words in EVERYTHING.into_iter().chain(["verify"]) {
            if let (_, Err(error)) = golden.run(words) {
                let kind = error.kind();
                assert!(
                    matches!(kind, ErrorKind::StoreCorrupt | ErrorKind::Io),
                    "round {round}, {words}: {error}"
                );
            }
        }
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn filters_choose_what_is_shown() {
    let golden = Golden::unpack("main");
    let rows = |words: &str| golden.run(words).0.lines().count() - 1;
    assert_eq!(rows("log --topic StPlain --queue 0"), 10);
    assert_eq!(rows("log --topic StPlain --limit 4"), 4);
    assert_eq!(rows("log --from 168 --to 504"), 2);
    assert_eq!(rows("queues --topic StBulk --queue 1 --from 10 --to 13"), 3);
    let (all, _) = golden.run("log --json");
    let keyed = all.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let keyed =
        keyed.into_iter().find(|line| line["keys"].is_string() && line["topic"] == "StPlain").unwrap();
    let key = keyed["keys"].as_str().unwrap().split(' ').next().unwrap().to_owned();
    assert!(rows(&format!("log --key {key}")) >= 1);
    assert!(rows(&format!("index --topic StPlain --key {key}")) >= 1);
    assert_eq!(rows(&format!("log --key {}", keyed["msgId"].as_str().unwrap())), 1);
    let (body, _) = golden.run("log --topic StPlain --limit 1 --body --json");
    assert!(body.contains("\"body\":\"plain-0\""), "{body}");
}
