use super::*;

fn file(dir: &Path, allocation: Allocation) -> Arc<MappedFile> {
    Arc::new(MappedFile::create(&Disk::real(), &dir.join("00"), 0, 8192, allocation).unwrap())
}

fn fill(bytes: &[u8]) -> impl FnOnce(&mut [u8]) -> usize + '_ {
    |target| {
        target[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    }
}

#[test]
fn readers_see_only_what_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(dir.path(), Allocation::Whole);
    assert!(file.slice(0, 1).is_none());
    assert_eq!(file.append(10, fill(b"abc")).unwrap(), 3);
    assert_eq!(file.published(0), b"abc");
    assert!(file.slice(0, 4).is_none());
    let view = file.slice(1, 2).unwrap();
    file.remove().unwrap();
    drop(file);
    assert_eq!(&*view, b"bc");
}

#[test]
fn append_past_the_end_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(dir.path(), Allocation::Stepwise(4096));
    assert!(file.append(8193, |_| 0).is_err());
    assert_eq!(file.append(8192, |target| target.len()).unwrap(), 8192);
    assert!(file.is_full());
    assert!(file.append(1, |_| 1).is_err());
}

#[test]
fn stepwise_allocation_takes_blocks_only_as_needed() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big");
    let file = Arc::new(
        MappedFile::create(&Disk::real(), &path, 0, 6_000_000, Allocation::Stepwise(65_536)).unwrap(),
    );
    file.append(20, |_| 20).unwrap();
    let meta = std::fs::metadata(&path).unwrap();
    assert_eq!(meta.len(), 6_000_000);
    assert!(meta.blocks() * 512 <= 131_072, "{} blocks", meta.blocks());
}

#[test]
fn a_file_of_a_queue_keeps_no_descriptor_and_is_synced_without_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(dir.path(), Allocation::Stepwise(4096));
    file.append(20, |_| 20).unwrap();
    let is_open = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .flatten()
        .any(|entry| std::fs::read_link(entry.path()).is_ok_and(|target| target == file.path()));
    assert!(!is_open);
    file.remove().unwrap();
    assert_eq!(file.flush(0).unwrap(), 20);
}

#[test]
fn the_first_bytes_of_a_sparse_file_bring_no_more_into_memory_than_one_step() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big");
    let disk = Disk::real();
    let file =
        Arc::new(MappedFile::create(&disk, &path, 0, 6_000_000, Allocation::Stepwise(65_536)).unwrap());
    file.append(20, fill(&[1; 20])).unwrap();
    let page_bytes = rustix::param::page_size();
    let pages = 6_000_000_usize.div_ceil(page_bytes);
    let mut resident = vec![0_u8; pages];
    // SAFETY: the mapping has that many pages and lives on; the vector has a byte for each.
    let done = unsafe { libc::mincore(file.map.as_mut_ptr().cast(), 6_000_000, resident.as_mut_ptr()) };
    assert_eq!(done, 0);
    // A page, or what was allocated where that means memory (tmpfs).
    let resident = resident.iter().filter(|page| **page & 1 == 1).count();
    assert!(resident >= 1 && resident * page_bytes <= 65_536, "{resident} pages");
}

#[test]
fn a_failed_allocation_publishes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let full = Arc::new(|operation, _: &Path| {
        (operation == super::super::disk::Operation::Allocate)
            .then(|| io::Error::from(io::ErrorKind::StorageFull))
    });
    let path = dir.path().join("0");
    std::fs::write(&path, vec![0_u8; 4096]).unwrap();
    let file = Arc::new(MappedFile::open(&Disk::failing(full), &path, 0, 4096, Allocation::Whole).unwrap());
    file.set_positions(0);
    assert_eq!(file.append(1, |_| 1).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.write_position(), 0);
}

#[test]
fn flush_follows_the_page_rule() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(dir.path(), Allocation::Whole);
    file.append(100, |_| 100).unwrap();
    assert_eq!(file.flush(1).unwrap(), 0);
    assert_eq!(file.flush(0).unwrap(), 100);
    file.append(8092, |_| 8092).unwrap();
    assert_eq!(file.flush(4).unwrap(), 8192, "a full file is always flushed");
}

#[test]
fn a_file_of_another_length_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    std::fs::write(&path, b"short").unwrap();
    assert!(MappedFile::open(&Disk::real(), &path, 0, 4096, Allocation::Whole).is_err());
}

#[test]
fn buffered_appends_are_readable_after_commit() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(dir.path(), Allocation::Whole);
    let pool = super::super::transient_pool::TransientStorePool::new(1, 8192).unwrap();
    file.set_buffer(pool.take().unwrap());
    file.append(3, fill(b"abc")).unwrap();
    assert_eq!(file.published(0), b"");
    assert!(file.commit(0).unwrap());
    assert_eq!(file.published(0), b"abc");
    assert_eq!(pool.available(), 0);
    file.append(8189, |target| target.len()).unwrap();
    assert!(file.commit(4).unwrap());
    assert_eq!(pool.available(), 1);
    assert_eq!(file.published(0).len(), 8192);
}

#[test]
fn there_is_one_appender_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let file = Arc::new(MappedFile::create(&Disk::real(), &path, 0, 8192, Allocation::Whole).unwrap());
    let mut first = Appender::new(file.clone()).unwrap();
    assert_eq!(Appender::new(file.clone()).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
    assert_eq!(file.append(1, |_| 1).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
    first.append(3, fill(b"abc")).unwrap();
    drop(first);
    file.append(3, fill(b"def")).unwrap();
    assert_eq!(file.published(0), b"abcdef");
}

#[test]
fn slices_are_appended_in_order_whatever_their_number() {
    let pieces: Vec<Vec<u8>> = (0..3000_u32).map(|n| vec![n as u8; (n % 4) as usize]).collect();
    let expected = pieces.concat();
    let slices = || pieces.iter().map(|piece| IoSlice::new(piece)).collect::<Vec<_>>();
    let dir = tempfile::tempdir().unwrap();
    let file = file(dir.path(), Allocation::Whole);
    let mut appender = Appender::new(file.clone()).unwrap();
    appender.append(3, fill(b"abc")).unwrap();
    appender.append_slices(&mut slices(), 0).unwrap();
    assert_eq!(file.published(3), expected);
    let beyond = appender.append_slices(&mut slices(), 0).unwrap_err();
    assert_eq!((beyond.kind(), file.published(3).len()), (io::ErrorKind::InvalidInput, expected.len()));
    appender.append_slices(&mut [IoSlice::new(b"12345678rest"), IoSlice::new(b"more")], 8).unwrap();
    assert_eq!(file.published(3 + expected.len()), b"12345678restmore");
    assert_eq!(std::fs::read(file.path()).unwrap()[3..][..expected.len()], expected);

    let path = dir.path().join("01");
    let buffered = MappedFile::create(&Disk::real(), &path, 0, 8192, Allocation::Whole).unwrap();
    let buffered = Arc::new(buffered);
    let pool = super::super::transient_pool::TransientStorePool::new(1, 8192).unwrap();
    buffered.set_buffer(pool.take().unwrap());
    Appender::new(buffered.clone()).unwrap().append_slices(&mut slices(), 8).unwrap();
    buffered.commit(0).unwrap();
    assert_eq!(buffered.published(0), expected);
}

#[test]
fn the_mark_is_written_last() {
    let dir = tempfile::tempdir().unwrap();
    let writes = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let plan = writes.clone();
    let disk = Disk::failing(Arc::new(move |operation, _: &Path| {
        let second =
            operation == super::super::disk::Operation::Write && plan.fetch_add(1, Ordering::Relaxed) == 1;
        second.then(|| io::Error::other("on purpose"))
    }));
    let path = dir.path().join("00");
    let file = Arc::new(MappedFile::create(&disk, &path, 0, 8192, Allocation::Whole).unwrap());
    let mut appender = Appender::new(file.clone()).unwrap();
    assert!(appender.append_slices(&mut [IoSlice::new(b"12345678rest")], 8).is_err());
    assert_eq!((&file.whole()[..12], file.published(0)), (&b"\0\0\0\0\0\0\0\0rest"[..], &b""[..]));
    appender.append_slices(&mut [IoSlice::new(b"12345678again")], 8).unwrap();
    assert_eq!(file.published(0), b"12345678again");
}
