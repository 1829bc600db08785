//! The number a consume queue keeps per message (store-format §9) and the Java string hash behind it and behind the index.

use crate::format::names::SCHEDULE_TOPIC;

/// `String.hashCode` of Java over a text that arrives in pieces: h = 31·h + unit, over UTF-16 units, wrapping.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JavaHash(i32);

/// 31 to the power of 7, 6, … 0.
const POWERS: [i32; 8] = {
    let mut powers = [1_i32; 8];
    let mut at = 7;
    while at > 0 {
        powers[at - 1] = powers[at].wrapping_mul(31);
        at -= 1;
    }
    powers
};
const POWER_OF_8: i32 = POWERS[0].wrapping_mul(31);

impl JavaHash {
    /// Hash of the empty text.
    pub const fn new() -> Self {
        Self(0)
    }

    /// Goes on with the next piece, UTF-8. As in Java, bytes that are not UTF-8 count as U+FFFD.
    #[must_use]
    pub fn update(self, text: &[u8]) -> Self {
        if text.is_ascii() {
            // Eight at a time: the products do not wait for each other.
            let (eights, rest) = text.as_chunks();
            let hash = eights.iter().fold(self.0, |hash, eight: &[u8; 8]| {
                let products =
                    eight.iter().zip(POWERS).map(|(byte, power)| i32::from(*byte).wrapping_mul(power));
                products.fold(hash.wrapping_mul(POWER_OF_8), i32::wrapping_add)
            });
            return rest.iter().fold(Self(hash), |hash, byte| hash.unit(u16::from(*byte)));
        }
        text.utf8_chunks().fold(self, |hash, chunk| {
            let hash = chunk.valid().encode_utf16().fold(hash, Self::unit);
            if chunk.invalid().is_empty() { hash } else { hash.unit(0xFFFD) }
        })
    }

    /// The hash.
    pub const fn finish(self) -> i32 {
        self.0
    }

    #[inline]
    const fn unit(self, unit: u16) -> Self {
        Self(self.0.wrapping_mul(31).wrapping_add(unit as i32))
    }
}

/// `String.hashCode` of Java.
pub fn java_hash(text: &str) -> i32 {
    JavaHash::new().update(text.as_bytes()).finish()
}

/// tagsCode of a TAGS text: hash of the whole text, also with several tags, sign extended. 0 when empty.
#[doc(alias = "tagsString2tagsCode")]
pub fn tags_code(tags: &[u8]) -> i64 {
    i64::from(JavaHash::new().update(tags).finish())
}

/// Hash of a key in the index, never negative: absolute value of the hash of `topic#key`, −2³¹ becoming 0.
#[doc(alias = "indexKeyHashMethod")]
pub fn index_key_hash(topic: &[u8], key: &[u8]) -> i32 {
    non_negative(JavaHash::new().update(topic).update(b"#").update(key).finish())
}

/// Absolute value with −2³¹ becoming 0.
pub const fn non_negative(hash: i32) -> i32 {
    match hash.checked_abs() {
        Some(hash) => hash,
        None => 0,
    }
}

/// The delay of each level, from the property `messageDelayLevel` (store-behaviour §9). Levels count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelayLevels(Vec<i64>);

/// `messageDelayLevel` of the reference: 18 levels.
pub const DELAY_LEVELS_DEFAULT: &str = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h";

/// Why a list of delays cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("delay level {level} is {text:?}; a number followed by s, m, h or d is needed")]
pub struct DelayLevelError {
    /// Which level, from 1.
    pub level: usize,
    /// What stands there.
    pub text: String,
}

impl DelayLevels {
    /// Reads delays separated by single blanks, such as `1s 5s 1m 2h 1d`.
    #[doc(alias = "parseDelayLevel")]
    pub fn parse(text: &str) -> Result<Self, DelayLevelError> {
        let delays = text.split(' ').enumerate().map(|(index, part)| {
            parse_delay_ms(part).ok_or_else(|| DelayLevelError { level: index + 1, text: part.to_owned() })
        });
        delays.collect::<Result<_, _>>().map(Self)
    }

    /// The highest level.
    pub fn max_level(&self) -> i32 {
        i32::try_from(self.0.len()).unwrap_or(i32::MAX)
    }

    /// A level above the highest becomes the highest.
    pub fn clamp(&self, level: i32) -> i32 {
        level.min(self.max_level())
    }

    /// Delay of a level; `None` for a level that does not exist.
    pub fn delay_ms(&self, level: i32) -> Option<i64> {
        self.0.get(usize::try_from(level).ok()?.checked_sub(1)?).copied()
    }

    /// Levels with their delays.
    pub fn iter(&self) -> impl Iterator<Item = (i32, i64)> + '_ {
        (1..).zip(self.0.iter().copied())
    }

    /// When a message stored at `store_timestamp_ms` is due; an unknown level waits one second.
    #[doc(alias = "computeDeliverTimestamp")]
    pub fn deliver_time_ms(&self, level: i32, store_timestamp_ms: i64) -> i64 {
        store_timestamp_ms.saturating_add(self.delay_ms(level).unwrap_or(1000))
    }
}

impl Default for DelayLevels {
    fn default() -> Self {
        Self::parse(DELAY_LEVELS_DEFAULT).unwrap_or_else(|_| Self(Vec::new()))
    }
}

fn parse_delay_ms(text: &str) -> Option<i64> {
    let (number, unit_ms) = match text.split_at_checked(text.len().checked_sub(1)?)? {
        (number, "s") => (number, 1000),
        (number, "m") => (number, 60 * 1000),
        (number, "h") => (number, 60 * 60 * 1000),
        (number, "d") => (number, 24 * 60 * 60 * 1000),
        _ => return None,
    };
    number.parse::<i64>().ok().filter(|number| *number >= 0)?.checked_mul(unit_ms)
}

/// Queue of SCHEDULE_TOPIC_XXXX that holds a delay level.
#[doc(alias = "delayLevel2QueueId")]
pub const fn delay_queue_id(level: i32) -> i32 {
    level - 1
}

/// Delay level kept in a queue of SCHEDULE_TOPIC_XXXX.
#[doc(alias = "queueId2DelayLevel")]
pub const fn delay_level(queue_id: i32) -> i32 {
    queue_id + 1
}

/// The number the consume queue keeps for a record: the hash of its tags, 0 without tags, or, for a delayed message
/// waiting in SCHEDULE_TOPIC_XXXX, the time it is due. A DELAY that is not a number counts as none. `tags` and `delay` are
/// its properties of these names.
pub fn record_tags_code(
    topic: &[u8],
    tags: Option<&[u8]>,
    delay: Option<&[u8]>,
    store_timestamp_ms: i64,
    levels: &DelayLevels,
) -> i64 {
    if topic == SCHEDULE_TOPIC.as_bytes()
        && let Some(level) = delay.and_then(parse_i32)
        && level > 0
    {
        return levels.deliver_time_ms(levels.clamp(level), store_timestamp_ms);
    }
    tags.map_or(0, tags_code)
}

fn parse_i32(text: &[u8]) -> Option<i32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
