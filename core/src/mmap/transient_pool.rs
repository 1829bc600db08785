//! Buffers that take appends before they reach a file, so that an append never waits for the page cache.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;

use parking_lot::Mutex;

/// A fixed number of buffers, each as long as one commit log file.
#[derive(Debug, Clone)]
pub struct TransientStorePool(Arc<Mutex<Vec<Memory>>>);

impl TransientStorePool {
    /// `count` buffers of `len` bytes; the memory is reserved now and touched as it is used. `None` when there is not enough.
    pub fn new(count: usize, len: usize) -> Option<Self> {
        let buffers = (0..count).map(|_| Memory::new(len)).collect::<Option<Vec<_>>>()?;
        Some(Self(Arc::new(Mutex::new(buffers))))
    }

    /// Takes a buffer; it comes back when the [`TransientBuffer`] is dropped.
    pub fn take(&self) -> Option<TransientBuffer> {
        let memory = self.0.lock().pop()?;
        Some(TransientBuffer { memory: Some(memory), pool: self.0.clone() })
    }

    /// How many buffers are free.
    pub fn available(&self) -> usize {
        self.0.lock().len()
    }
}

/// One buffer on loan.
#[derive(Debug)]
pub struct TransientBuffer {
    memory: Option<Memory>,
    pool: Arc<Mutex<Vec<Memory>>>,
}

impl TransientBuffer {
    pub(super) fn len(&self) -> usize {
        self.memory.as_ref().map_or(0, |memory| memory.layout.size())
    }

    /// Lets `write` fill `len` bytes at `position`. Called by the one appender of a file, for bytes above its published mark.
    pub(super) fn fill(&self, position: usize, len: usize, write: impl FnOnce(&mut [u8]) -> usize) -> usize {
        let Some(memory) = &self.memory else { return 0 };
        if position.checked_add(len).is_none_or(|end| end > memory.layout.size()) {
            return 0;
        }
        // SAFETY: inside the allocation; `MappedFile::append` admits one appender and hands out only bytes above the
        // published mark, while `written` reads only below it.
        let target = unsafe { std::slice::from_raw_parts_mut(memory.start.as_ptr().add(position), len) };
        write(target)
    }

    /// The bytes `from .. to`, which must be below the published mark.
    pub(super) fn written(&self, from: usize, to: usize) -> &[u8] {
        let Some(memory) = &self.memory else { return &[] };
        let to = to.min(memory.layout.size());
        if from >= to {
            return &[];
        }
        // SAFETY: inside the allocation and below the published mark, where nobody writes any more.
        unsafe { std::slice::from_raw_parts(memory.start.as_ptr().add(from), to - from) }
    }
}

impl Drop for TransientBuffer {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            self.pool.lock().push(memory);
        }
    }
}

#[derive(Debug)]
struct Memory {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the memory is owned and plain bytes; who may touch which part of it is ruled by `MappedFile` (see `fill`, `written`).
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    fn new(len: usize) -> Option<Self> {
        let layout = Layout::from_size_align(len, 4096).ok().filter(|layout| layout.size() > 0)?;
        // SAFETY: the layout has a size above zero.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Self { start, layout })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, freed once.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}
