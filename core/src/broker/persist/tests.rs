use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::broker::groups::SubscriptionGroups;
use crate::broker::offsets::ConsumerOffsets;
use crate::broker::topics::Topics;
use crate::clock::Clock;
use crate::config::{Config, LiveConfig, Profile};
use crate::mmap::disk::Operation;

type Table = BTreeMap<String, i64>;

fn table(value: i64) -> Table {
    BTreeMap::from([("k".to_owned(), value)])
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.0.path().join("config").join(format!("t.json{suffix}"))
    }

    fn file(&self) -> TableFile {
        TableFile::new(Disk::real(), self.path(""))
    }

    fn write(&self, suffix: &str, text: &str) {
        std::fs::create_dir_all(self.path("").parent().unwrap()).unwrap();
        std::fs::write(self.path(suffix), text).unwrap();
    }

    fn text(&self, suffix: &str) -> String {
        std::fs::read_to_string(self.path(suffix)).unwrap()
    }
}

fn save(file: &TableFile, value: i64) -> Result<()> {
    file.note_change();
    file.save(|| table(value))
}

#[test]
fn nothing_there_is_an_empty_table() {
    let folder = Folder::new();
    assert_eq!(folder.file().load::<Table>().unwrap(), None);
    folder.write("", "");
    folder.write(".bak", "");
    assert_eq!(folder.file().load::<Table>().unwrap(), None);
}

#[test]
fn the_second_save_keeps_the_first_as_backup() {
    let folder = Folder::new();
    let file = folder.file();
    save(&file, 1).unwrap();
    assert!(!folder.path(".bak").exists());
    save(&file, 2).unwrap();
    assert_eq!(folder.text(""), "{\n\t\"k\":2\n}");
    assert_eq!(folder.text(".bak"), "{\n\t\"k\":1\n}");
    assert!(!folder.path(".tmp").exists());
    assert_eq!(folder.file().load::<Table>().unwrap(), Some(table(2)));
}

#[test]
fn the_backup_stands_in_for_a_missing_empty_or_broken_file() {
    let folder = Folder::new();
    folder.write(".bak", "{\"k\":1}");
    assert_eq!(folder.file().load::<Table>().unwrap(), Some(table(1)));
    for broken in ["", "{\"k\":", "\0\0\0"] {
        folder.write("", broken);
        assert_eq!(folder.file().load::<Table>().unwrap(), Some(table(1)), "{broken:?}");
    }
}

#[test]
fn a_broken_backup_fails_only_when_it_is_needed() {
    let folder = Folder::new();
    folder.write(".bak", "{");
    assert_eq!(folder.file().load::<Table>().unwrap_err().kind(), ErrorKind::StoreCorrupt);
    folder.write("", "{\"k\":1}");
    assert_eq!(folder.file().load::<Table>().unwrap(), Some(table(1)));
}

#[test]
fn a_broken_file_without_backup_is_not_taken_for_an_empty_table() {
    let folder = Folder::new();
    folder.write("", "\0\0\0");
    let error = folder.file().load::<Table>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreCorrupt);
    assert!(error.context().contains("t.json"), "{error}");
}

#[test]
fn a_good_backup_is_not_replaced_by_a_broken_file() {
    let folder = Folder::new();
    folder.write("", "{");
    folder.write(".bak", "{\"k\":1}");
    let file = folder.file();
    file.load::<Table>().unwrap();
    save(&file, 2).unwrap();
    assert_eq!(folder.text(".bak"), "{\"k\":1}");
    save(&file, 3).unwrap();
    assert_eq!(folder.text(".bak"), "{\n\t\"k\":2\n}");
}

#[test]
fn nothing_new_writes_nothing_and_a_failed_write_is_tried_again() {
    let folder = Folder::new();
    let writes = Arc::new(AtomicUsize::new(0));
    let seen = writes.clone();
    let plan = move |operation: Operation, _: &Path| {
        let is_first = operation == Operation::Sync && seen.fetch_add(1, Ordering::SeqCst) == 0;
        is_first.then(|| io::Error::other("on purpose"))
    };
    let file = TableFile::new(Disk::failing(Arc::new(plan)), folder.path(""));
    file.save(|| table(1)).unwrap();
    assert!(!folder.path("").exists() && !file.is_behind());
    assert!(save(&file, 1).is_err());
    assert!(file.is_behind());
    file.save(|| table(2)).unwrap();
    assert_eq!(folder.text(""), "{\n\t\"k\":2\n}");
    file.save(|| -> Table { panic!("saved already") }).unwrap();
}

/// Whatever operation fails, as a crash at it would, the next start finds the old or the new content.
#[test]
fn a_crash_at_any_step_leaves_old_or_new_content() {
    for fail_at in 0.. {
        let folder = Folder::new();
        save(&folder.file(), 1).unwrap();
        let step = AtomicUsize::new(0);
        let plan = move |_: Operation, _: &Path| {
            (step.fetch_add(1, Ordering::SeqCst) >= fail_at).then(|| io::Error::other("crash"))
        };
        let file = TableFile::new(Disk::failing(Arc::new(plan)), folder.path(""));
        let outcome = save(&file, 2);
        let found = folder.file().load::<Table>().unwrap().unwrap();
        assert!(found == table(1) || found == table(2), "step {fail_at}: {found:?}");
        if outcome.is_ok() {
            assert_eq!(found, table(2));
            assert!(fail_at >= 6, "every step is tried");
            return;
        }
    }
}

/// A failure is told, changes nothing that was saved, and the next save makes up for it.
#[test]
fn faults_every_step_of_a_save_fails_once() {
    for fail_at in 0.. {
        let folder = Folder::new();
        save(&folder.file(), 1).unwrap();
        let step = AtomicUsize::new(0);
        let plan = move |_: Operation, _: &Path| {
            (step.fetch_add(1, Ordering::SeqCst) == fail_at).then(|| io::Error::from_raw_os_error(libc::EIO))
        };
        let file = TableFile::new(Disk::failing(Arc::new(plan)), folder.path(""));
        let Err(error) = save(&file, 2) else {
            assert!(fail_at >= 6, "every step is tried");
            return;
        };
        assert!(error.kind() == ErrorKind::Io && file.is_behind(), "step {fail_at}: {error}");
        let found = folder.file().load::<Table>().unwrap().unwrap();
        assert!(found == table(1) || found == table(2), "step {fail_at}: {found:?}");
        file.save(|| table(3)).unwrap();
        assert_eq!(folder.file().load::<Table>().unwrap(), Some(table(3)), "step {fail_at}");
    }
}

/// One bit of a table changes: what is loaded is the table, changed or from its backup, or an error that names the file.
#[test]
fn bit_flips_in_a_table_are_read_or_refused() {
    let config = |folder: &Path| {
        let root = folder.to_str().unwrap();
        let config = Config::with_properties(Profile::Server, &[("storePathRootDir", root)]).unwrap();
        LiveConfig::with_file(config, None)
    };
    type Open = fn(LiveConfig) -> Result<()>;
    let open_delays: Open = |config| {
        let path = config.load().store.store_path_root_dir.join("config/delayOffset.json");
        TableFile::new(Disk::real(), path).load::<tables::DelayOffsetTable>().map(drop)
    };
    let cases: [(&str, Open); 4] = [
        ("topics.json", |config| Topics::open(Disk::real(), config, Clock::manual(1)).map(drop)),
        ("subscriptionGroup.json", |config| {
            SubscriptionGroups::open(Disk::real(), config, Clock::manual(1)).map(drop)
        }),
        ("consumerOffset.json", |config| ConsumerOffsets::open(Disk::real(), &config).map(drop)),
        ("delayOffset.json", open_delays),
    ];
    let folder = Folder::new();
    let live = config(folder.0.path());
    let topics = Topics::open(Disk::real(), live.clone(), Clock::manual(1)).unwrap();
    for name in ["First", "Second-topic", "%RETRY%group"] {
        topics.find_or_create(name, 4, 6, 0).unwrap();
    }
    let groups = SubscriptionGroups::open(Disk::real(), live.clone(), Clock::manual(1)).unwrap();
    groups.find_or_create("group").unwrap();
    topics.persist().and(groups.persist()).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path("").with_file_name(name), text).unwrap();
    write("consumerOffset.json", "{\n\t\"offsetTable\":{\n\t\t\"First@group\":{0:120,1:7\n\t\t}\n\t}\n}");
    write("delayOffset.json", "{\n\t\"offsetTable\":{1:120,2:7\n\t}\n}");
    let mut random = fastrand::Rng::with_seed(fastrand::u64(..));
    for (name, open) in cases {
        let path = folder.path("").with_file_name(name);
        let whole = std::fs::read(&path).unwrap();
        assert!(whole.len() > 30, "{name}");
        let backup = sibling(&path, BACKUP_SUFFIX);
        for flip in 0..300 {
            let mut bytes = whole.clone();
            let (byte, bit) = (random.usize(0..bytes.len()), random.u8(0..8));
            bytes[byte] ^= 1 << bit;
            std::fs::write(&path, bytes).unwrap();
            let has_backup = flip % 2 == 0;
            if has_backup {
                std::fs::write(&backup, &whole).unwrap()
            } else {
                drop(std::fs::remove_file(&backup))
            }
            match open(config(folder.0.path())) {
                Ok(()) => {}
                Err(error) => {
                    let is_told = error.kind() == ErrorKind::StoreCorrupt && error.context().contains(name);
                    assert!(is_told && !has_backup, "{name} byte {byte} bit {bit}: {error}");
                }
            }
        }
        std::fs::write(&path, &whole).unwrap();
    }
}
