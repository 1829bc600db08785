//! Names a message; its key and body follow from the name.

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    pub round: usize,
    pub sender: usize,
    pub number: usize,
    pub size: usize,
}

impl Identity {
    /// The name as a key.
    pub fn key(self) -> String {
        format!("{}-{}-{}-{}", self.round, self.sender, self.number, self.size)
    }

    /// The properties text that carries the key.
    pub fn properties(self) -> String {
        format!("KEYS\u{1}{}\u{2}", self.key())
    }

    /// The name behind a key.
    pub fn parse(key: &str) -> Option<Identity> {
        let mut parts = key.split('-').map(|part| part.parse().ok());
        let mut next = || parts.next().flatten();
        Some(Identity { round: next()?, sender: next()?, number: next()?, size: next()? })
    }

    /// Differs from every other body in every part, so that mixed up or torn bytes are seen.
    pub fn body(self) -> Vec<u8> {
        let seed = (self.round as u64) << 40 | (self.sender as u64) << 32 | self.number as u64;
        let mut random = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(|| random.u8(..)).take(self.size).collect()
    }
}
