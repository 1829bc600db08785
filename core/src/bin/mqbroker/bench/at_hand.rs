//! Memory at hand.

use std::io::IoSlice;
use std::sync::Arc;

use libbroker::Error;
use libbroker::internals::mmap::disk::Disk;
use libbroker::internals::mmap::mapped_file::{Allocation, Appender, MappedFile};

/// What is put at hand at once.
pub const PART_MIB: u32 = 128;
const PAGE_BYTES: usize = 4096;
/// What a broker writes at once.
const RUN_BYTES: usize = 64 * 1024;

/// Makes two files of this size, fills one through a mapping and one by writes, as brokers do, and deletes both.
///
/// The first write to a page of a file takes a free page from the kernel. On a virtual machine whose host takes back memory that is
/// not in use, that page costs a fault in the host as well, several µs per KiB: more than a broker may need for the whole message,
/// and more or less by chance, depending on what the machine did before. It is the same for every broker and hides what is to be
/// compared. A page that was in use a moment ago comes without. It must be only a moment: such a host looks for free memory every
/// few seconds. And it must have been in use in the same way: the kernel hands out single pages and runs of pages from different
/// lists.
pub fn touch_and_free(size_mib: u32) -> Result<(), Error> {
    if size_mib == 0 {
        return Ok(());
    }
    let failed = |cause| Error::io("cannot fill a temporary file", &cause);
    let dir = tempfile::Builder::new().prefix("mqbroker-bench-").tempdir().map_err(failed)?;
    let size_bytes = size_mib as usize * (1 << 20);
    let appender = |name: &str| {
        let path = dir.path().join(name);
        let file = MappedFile::create(&Disk::real(), &path, 0, size_bytes, Allocation::Whole)?;
        Appender::new(Arc::new(file))
    };
    let (mut written, mut mapped) =
        (appender("written").map_err(failed)?, appender("mapped").map_err(failed)?);
    let run = vec![1; RUN_BYTES];
    while !written.file().is_full() {
        written.append_slices(&mut [IoSlice::new(&run)], 0).map_err(failed)?;
    }
    let touch = |page: &mut [u8]| {
        page.fill(1);
        page.len()
    };
    while !mapped.file().is_full() {
        mapped.append(PAGE_BYTES, touch).map_err(failed)?;
    }
    drop((written, mapped));
    dir.close().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touching_leaves_nothing_behind() {
        touch_and_free(0).unwrap();
        touch_and_free(2).unwrap();
    }
}
