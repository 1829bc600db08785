//! Files and memory. The only `unsafe` in this crate.
//!
//! Three promises hold here and nowhere else has to know them:
//!
//! 1. A page is touched only where its blocks are allocated, so a full disk is an error, never a SIGBUS.
//! 2. Readers see only bytes below the published mark, and nobody writes below it.
//! 3. A view keeps its file mapped; removing the file's name does not hurt the view.

pub mod allocator;
pub mod copy;
pub mod disk;
pub mod file_queue;
pub mod mapped_file;
pub mod mapped_table;
pub mod slice;
pub mod transient_pool;
