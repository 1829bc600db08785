//! The Bloom filter behind the bit maps of consume queue extensions (Java: `BloomFilter`, `BitsArray`): each group and topic is a few bits
//! in a map, which a message sets for every group whose expression it matches.

use std::f64::consts::E;

use crate::format::disk::tables::BloomFilterData;

/// Size of the map and number of bits per group, from the error rate and the number of groups expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BloomFilter {
    hash_count: i32,
    bit_count: i32,
}

impl BloomFilter {
    /// For `groups` groups at `error_percent` wrong hits; both are bounded by their configuration rows.
    #[doc(alias = "createByFn")]
    pub fn new(error_percent: u32, groups: u32) -> Self {
        let error_rate = f64::from(error_percent.clamp(1, 99)) / 100.0;
        let log = |base: f64, value: f64| value.ln() / base.ln();
        let hash_count = log(0.5, error_rate).ceil();
        // Two steps of rounding up, as in Java. A conversion of floats saturates.
        let bit_count = (f64::from(groups.max(1)) * log(2.0, 1.0 / error_rate) * log(2.0, E)).ceil() as i32;
        let bytes = (f64::from(bit_count) / 8.0).ceil();
        Self { hash_count: (hash_count as i32).max(1), bit_count: ((8.0 * bytes) as i32).max(8) }
    }

    /// Bytes of a map.
    pub fn map_bytes(self) -> usize {
        usize::try_from(self.bit_count / 8).unwrap_or(0)
    }

    /// The bits of a group and topic.
    #[doc(alias = "generate")]
    pub fn bits_of(self, group: &str, topic: &str) -> BloomFilterData {
        let hash = hash64(format!("{group}#{topic}").as_bytes());
        let (low, high) = (hash as i32, (hash >> 32) as i32);
        let position = |number: i32| {
            let combined = low.wrapping_add(number.wrapping_mul(high));
            // Java turns all bits of a negative number.
            (if combined < 0 { !combined } else { combined }) % self.bit_count
        };
        BloomFilterData { bit_num: self.bit_count, bit_pos: (1..=self.hash_count).map(position).collect() }
    }

    /// Whether these bits were computed by a filter like this one.
    #[doc(alias = "isValid")]
    pub fn made(self, bits: &BloomFilterData) -> bool {
        let in_map = |position: &i32| (0..self.bit_count).contains(position);
        bits.bit_num == self.bit_count
            && usize::try_from(self.hash_count) == Ok(bits.bit_pos.len())
            && bits.bit_pos.iter().all(in_map)
    }
}

/// First half of MurmurHash3 x64 128 with seed 0, as Guava's `asLong` takes it.
fn hash64(mut text: &[u8]) -> u64 {
    // Reading from memory does not fail.
    murmur3::murmur3_x64_128(&mut text, 0).unwrap_or_default() as u64
}

/// Sets the bits in a map. Those beyond it are left out.
#[doc(alias = "hashTo")]
pub fn set_bits(bits: &BloomFilterData, map: &mut [u8]) {
    for (byte, mask) in places(bits) {
        if let Some(byte) = map.get_mut(byte) {
            *byte |= mask;
        }
    }
}

/// Whether a map has all the bits: false is certain, true may be by chance. A map of another size says nothing, so it has them.
#[doc(alias = "isHit")]
pub fn has_bits(bits: &BloomFilterData, map: &[u8]) -> bool {
    if map.is_empty() || i64::try_from(map.len()).is_ok_and(|len| len * 8 != i64::from(bits.bit_num)) {
        return true;
    }
    places(bits).all(|(byte, mask)| map.get(byte).is_none_or(|byte| byte & mask != 0))
}

/// Byte and mask of each bit.
fn places(bits: &BloomFilterData) -> impl Iterator<Item = (usize, u8)> {
    bits.bit_pos.iter().filter_map(|position| {
        let position = usize::try_from(*position).ok()?;
        Some((position / 8, 1 << (position % 8)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_reference_hold() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/vectors.json");
        let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let bloom = &vectors["bloom"];
        let number = |key: &str| bloom[key].as_i64().unwrap();
        let filter = BloomFilter::new(number("f") as u32, number("n") as u32);
        assert_eq!((i64::from(filter.hash_count), i64::from(filter.bit_count)), (number("k"), number("m")));
        let bits = filter.bits_of("CGHB", "SpecT1");
        assert_eq!(serde_json::json!(bits.bit_pos), bloom["bitPos of 'CGHB#SpecT1'"]);
    }

    #[test]
    fn bits_that_were_set_are_there() {
        let filter = BloomFilter::new(20, 32);
        let (one, other) = (filter.bits_of("g", "t"), filter.bits_of("h", "t"));
        let mut map = vec![0; filter.map_bytes()];
        assert!(!has_bits(&one, &map));
        set_bits(&one, &mut map);
        assert!(has_bits(&one, &map) && !has_bits(&other, &map));
        assert!(has_bits(&other, &[]) && has_bits(&other, &[0; 8]), "nothing is known");
        assert!(filter.made(&one) && !BloomFilter::new(20, 64).made(&one));
        let outside = BloomFilterData { bit_num: 112, bit_pos: vec![1, 2, 112] };
        assert!(!filter.made(&outside));
        set_bits(&outside, &mut map);
    }

    #[test]
    fn extreme_settings_stay_in_bounds() {
        for (error, groups) in [(1, 1), (99, 1), (1, i32::MAX as u32), (99, i32::MAX as u32)] {
            let filter = BloomFilter::new(error, groups);
            let bits = filter.bits_of("group", "topic");
            assert!(filter.made(&bits), "{filter:?} {bits:?}");
        }
    }
}
