use super::*;

const FILE_BYTES: usize = 100;

fn ext(dir: &Path) -> QueueExt {
    QueueExt::new(&Disk::real(), dir, FILE_BYTES)
}

fn unit(tags_code: i64, bit_map: &[u8]) -> CqExtUnit<'_> {
    CqExtUnit { tags_code, store_timestamp_ms: 5, bit_map }
}

fn put(ext: &QueueExt, tags_code: i64) -> i64 {
    match ext.append(&unit(tags_code, &[1, 2, 3, 4]), FileWait::Allowed).unwrap() {
        ExtAppend::Written(address) => offset_of(address).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn tags_code(ext: &QueueExt, offset: i64) -> Option<i64> {
    ext.at(address_of(offset)?).as_deref().and_then(CqExtUnit::first_of).map(|unit| unit.tags_code)
}

#[test]
fn a_full_file_is_marked_and_the_next_one_begun() {
    let dir = tempfile::tempdir().unwrap();
    let written = ext(dir.path());
    assert_eq!(written.append(&unit(1, b""), FileWait::Refused).unwrap(), ExtAppend::NeedsFile);
    // 24 bytes each, the last 4 of the file stay free.
    let offsets: Vec<i64> = (0..6).map(|number| put(&written, number)).collect();
    assert_eq!(offsets, [0, 24, 48, 72, 100, 124]);
    let first = std::fs::read(written.files().path_of(0)).unwrap();
    assert_eq!(first[96..], [0xFF, 0xFF, 0, 0]);
    let read = ext(dir.path());
    read.files().load().unwrap();
    read.recover(None).unwrap();
    assert_eq!(read.files().max_offset(), 148);
    assert!(offsets.iter().zip(0..).all(|(offset, number)| tags_code(&read, *offset) == Some(number)));
    assert_eq!(tags_code(&read, 148), None);
}

#[test]
fn what_does_not_fit_is_left_to_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let ext = ext(dir.path());
    for len in [FILE_BYTES, 40_000] {
        assert_eq!(ext.append(&unit(1, &vec![0; len]), FileWait::Allowed).unwrap(), ExtAppend::NotKept);
    }
    assert_eq!(put(&ext, 1), 0);
}

#[test]
fn recovery_cuts_behind_the_newest_address() {
    let dir = tempfile::tempdir().unwrap();
    let written = ext(dir.path());
    for number in 0..6 {
        put(&written, number);
    }
    let read = ext(dir.path());
    read.files().load().unwrap();
    read.recover(address_of(24)).unwrap();
    assert_eq!((read.files().max_offset(), read.files().len()), (48, 1));
    assert_eq!(put(&read, 9), 48);
    assert_eq!(tags_code(&read, 24), Some(1));
}

#[test]
fn an_address_that_leads_nowhere_is_never_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let written = ext(dir.path());
    put(&written, 7);
    let read = ext(dir.path());
    read.files().load().unwrap();
    read.recover(address_of(240)).unwrap();
    assert_eq!(tags_code(&read, 240), None);
    assert_eq!(put(&read, 8), 300);
    assert_eq!(tags_code(&read, 0), Some(7));
    std::fs::remove_dir_all(dir.path()).unwrap();
    let empty = ext(dir.path());
    empty.recover(address_of(240)).unwrap();
    assert_eq!(put(&empty, 8), 300);
}

#[test]
fn files_before_the_first_address_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let ext = ext(dir.path());
    for number in 0..12 {
        put(&ext, number);
    }
    assert_eq!(ext.files().len(), 3);
    ext.remove_before(address_of(200).unwrap()).unwrap();
    assert_eq!(ext.files().min_offset(), 100, "a file that ends there stays, as in Java");
    ext.remove_before(address_of(224).unwrap()).unwrap();
    assert_eq!(ext.files().min_offset(), 200);
    ext.remove_before(7).unwrap();
}
