//! Directories, and memory at hand.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Duration;

use libbroker::internals::store::MessageStore;
use tempfile::TempDir;

const CHUNK_BYTES: usize = 1 << 20;
/// What the threads of a store take to come to rest: the next file of the log is prepared behind the first put.
const REST: Duration = Duration::from_millis(20);

/// A directory that goes when it is dropped.
pub fn directory() -> TempDir {
    tempfile::Builder::new().prefix("benches-").tempdir().unwrap()
}

/// Makes a file of this size, writes all of it, and deletes it.
///
/// A page that is written for the first time costs several µs per KiB on a virtual machine whose host takes back memory that is not
/// in use, and that would hide everything else. A page that was in use a moment ago does not.
pub fn touch_and_free(dir: &Path, size_bytes: usize) {
    let path = dir.join("scratch");
    let mut file = File::create(&path).unwrap();
    let chunk = vec![1; CHUNK_BYTES];
    for _ in 0..size_bytes.div_ceil(CHUNK_BYTES) {
        file.write_all(&chunk).unwrap();
    }
    drop(file);
    fs::remove_file(&path).unwrap();
}

/// Waits until everything that was put can be read and the store's threads have nothing to do.
pub fn settle(store: &MessageStore) {
    while store.dispatch_behind_bytes() > 0 {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(REST);
}
