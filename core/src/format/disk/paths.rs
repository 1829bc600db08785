//! Names and relative paths of the files of a store directory (store-format §1).
//!
//! ```text
//! commitlog/00000000001073741824            start offset in bytes, 20 digits
//! consumequeue/TOPIC/QUEUEID/0000…          consumequeue_ext likewise
//! index/20261121074230123                   local time of creation, yyyyMMddHHmmssSSS
//! config/NAME.json                          and NAME.json.bak
//! ```

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;

use crate::format::names::file;

/// Digits of a file name that is an offset.
pub const OFFSET_NAME_LEN: usize = 20;
/// Digits of the name of an index file.
pub const INDEX_NAME_LEN: usize = 17;
/// Longest name of a folder on the file systems we run on, in bytes.
const FOLDER_NAME_LEN_MAX: usize = 255;

/// The name of a file whose first byte has this offset. Held inline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OffsetName([u8; OFFSET_NAME_LEN]);

impl OffsetName {
    /// The name for an offset.
    #[doc(alias = "offset2FileName")]
    pub fn new(offset: u64) -> Self {
        let mut digits = [b'0'; OFFSET_NAME_LEN];
        let mut rest = offset;
        for digit in digits.iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        Self(digits)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Digits only, so this is always UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl AsRef<Path> for OffsetName {
    fn as_ref(&self) -> &Path {
        Path::new(self.as_str())
    }
}

impl fmt::Display for OffsetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for OffsetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Offset a file name stands for. `None` unless it is exactly 20 digits and not beyond an int64: such a file does not belong here.
pub fn parse_offset_name(name: &str) -> Option<u64> {
    if name.len() != OFFSET_NAME_LEN || !name.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    name.parse().ok().filter(|offset| i64::try_from(*offset).is_ok())
}

/// Queue id a folder name stands for; other folders are skipped when queues are loaded.
pub fn parse_queue_folder(name: &str) -> Option<i32> {
    let queue_id: i32 = name.parse().ok().filter(|queue_id| *queue_id >= 0)?;
    (name.bytes().all(|byte| byte.is_ascii_digit())).then_some(queue_id)
}

/// Name of an index file created at this local time.
#[doc(alias = "timeMillisToHumanString")]
pub fn index_name(local: DateTime) -> String {
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}{:03}",
        local.year(),
        local.month(),
        local.day(),
        local.hour(),
        local.minute(),
        local.second(),
        local.millisecond()
    )
}

/// Whether this is the name of an index file: 17 digits.
pub fn is_index_name(name: &str) -> bool {
    name.len() == INDEX_NAME_LEN && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a topic can be the name of a folder: not empty, not too long, no separator, not `.` or `..`, no control
/// character. Legal topics always can; this is for names read from records and from peers.
pub fn is_safe_folder(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= FOLDER_NAME_LEN_MAX
        && name != "."
        && name != ".."
        && !name.contains(|c: char| c == '/' || c == '\\' || c.is_control())
}

/// Folder of a consume queue; `None` when the topic cannot be one, or the queue id is negative.
pub fn consume_queue(topic: &str, queue_id: i32) -> Option<PathBuf> {
    queue_folder(file::CONSUME_QUEUE, topic, queue_id)
}

/// Folder of a consume queue's extension; `None` as in [`consume_queue`].
pub fn consume_queue_ext(topic: &str, queue_id: i32) -> Option<PathBuf> {
    queue_folder(file::CONSUME_QUEUE_EXT, topic, queue_id)
}

/// Path of an index file.
pub fn index_file(name: &str) -> PathBuf {
    [file::INDEX, name].iter().collect()
}

/// Path of a table, one of the `.json` names of [`file`].
pub fn table(name: &str) -> PathBuf {
    [file::CONFIG, name].iter().collect()
}

/// Path of the previous content of a table.
pub fn table_backup(name: &str) -> PathBuf {
    table(&[name, file::BACKUP_SUFFIX].concat())
}

fn queue_folder(parent: &str, topic: &str, queue_id: i32) -> Option<PathBuf> {
    let queue_id = u32::try_from(queue_id).ok()?;
    is_safe_folder(topic).then(|| [parent, topic, &queue_id.to_string()].iter().collect())
}

const _: () = assert!(u64::MAX.ilog10() as usize + 1 == OFFSET_NAME_LEN);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offset_names_go_both_ways() {
        for (offset, name) in [
            (0, "00000000000000000000"),
            (1_073_741_824, "00000000001073741824"),
            (i64::MAX as u64, "09223372036854775807"),
        ] {
            assert_eq!(OffsetName::new(offset).as_str(), name);
            assert_eq!(parse_offset_name(name), Some(offset));
        }
        assert_eq!(OffsetName::new(u64::MAX).as_str(), "18446744073709551615");
        for name in ["", "0", "0000000000000000000a", "09223372036854775808", "+0000000000000000001"] {
            assert_eq!(parse_offset_name(name), None, "{name}");
        }
    }

    #[test]
    fn index_name_is_local_time_to_the_millisecond() {
        let name = index_name(jiff::civil::datetime(2026, 1, 2, 3, 4, 5, 6_999_999));
        assert_eq!(name, "20260102030405006");
        assert!(is_index_name(&name) && !is_index_name("index.tmp"));
    }

    #[test]
    fn queue_folder_is_relative_and_inside() {
        let path = consume_queue("%RETRY%g", 3).unwrap();
        assert_eq!(path, Path::new("consumequeue/%RETRY%g/3"));
        for topic in ["", ".", "..", "a/b", "a\\b", "a\0", &"x".repeat(256)] {
            assert_eq!(consume_queue(topic, 0), None, "{topic:?}");
        }
        assert_eq!(consume_queue("t", -1), None);
    }

    #[test]
    fn queue_folder_name_is_a_plain_number() {
        assert_eq!(parse_queue_folder("12"), Some(12));
        for name in ["", "-1", "+1", "x", "99999999999"] {
            assert_eq!(parse_queue_folder(name), None, "{name}");
        }
    }

    #[test]
    fn tables_lie_in_config() {
        assert_eq!(table_backup(file::TOPICS), Path::new("config/topics.json.bak"));
    }
}
