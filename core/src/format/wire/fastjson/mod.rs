//! The JSON dialect of bodies and configuration files: what fastjson 1.2 writes and what it reads (store-format.md §8,
//! namesrv.md §5).
//!
//! It differs from JSON where a map has keys that are not strings: they are written bare (`{0:1}`), and a key that is an
//! object is written as an object (`{{"queueId":1}:9}`). Values go through serde, so a `BTreeMap<i32, _>` or a map with
//! struct keys takes that form by itself. Members that are `None` are left out, of structs and of maps. Structs list their
//! fields in the alphabetical order of the Java names, because that is how fastjson sorts a bean.

mod read;
mod write;

pub use read::{JsonError, from_slice, from_str};
pub use write::{Compact, to_pretty, to_strict, to_vec};

#[cfg(test)]
mod tests;
