//! Memory at hand.

use std::sync::Arc;

use libbroker::Error;
use libbroker::internals::mmap::disk::Disk;
use libbroker::internals::mmap::mapped_file::{Allocation, Appender, MappedFile};

/// What is put at hand at once.
pub const PART_MIB: u32 = 128;
const PAGE_BYTES: usize = 4096;

/// Makes a file of this size, touches all of it through a mapping, as brokers do, and deletes it.
///
/// The first write to a page of a file takes a free page from the kernel. On a virtual machine whose host takes back memory that is
/// not in use, that page costs a fault in the host as well, several µs per KiB: more than a broker may need for the whole message,
/// and more or less by chance, depending on what the machine did before. It is the same for every broker and hides what is to be
/// compared. A page that was in use a moment ago comes without. It must be only a moment: such a host looks for free memory every
/// few seconds.
pub fn touch_and_free(size_mib: u32) -> Result<(), Error> {
    if size_mib == 0 {
        return Ok(());
    }
    let failed = |cause| Error::io("cannot fill a temporary file", &cause);
    let dir = tempfile::Builder::new().prefix("mqbroker-bench-").tempdir().map_err(failed)?;
    let (path, size_bytes) = (dir.path().join("scratch"), size_mib as usize * (1 << 20));
    let file = MappedFile::create(&Disk::real(), &path, 0, size_bytes, Allocation::Whole).map_err(failed)?;
    let touch = |page: &mut [u8]| {
        page.fill(1);
        page.len()
    };
    let mut appender = Appender::new(Arc::new(file)).map_err(failed)?;
    while !appender.file().is_full() {
        appender.append(PAGE_BYTES, touch).map_err(failed)?;
    }
    drop(appender);
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
