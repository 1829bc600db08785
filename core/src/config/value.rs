//! The types a row can have: how each is read, shown and described.

use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;

/// Bounds of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub(super) min: i64,
    pub(super) max: i64,
    /// Move a number outside to the nearer end instead of refusing it.
    pub(super) clamp: bool,
}

impl Limits {
    /// No bounds beyond those of the type.
    pub const NONE: Limits = Limits { min: i64::MIN, max: i64::MAX, clamp: false };
}

/// A type that a configuration field can have.
pub trait Value: Sized {
    /// The type's name in documentation.
    const KIND: &'static str;

    /// The value before defaults are applied.
    fn blank() -> Self;

    /// The value of `text`, which has no blanks around it; `None` when it is not one.
    fn read(text: &str, limits: Limits) -> Option<Self>;

    /// The value as one would write it; `None` is unset.
    fn show(&self) -> Option<String>;

    /// What [`Value::read`] takes, in words that follow "expected".
    fn allowed(limits: Limits) -> String;
}

impl Value for bool {
    const KIND: &'static str = "boolean";

    fn blank() -> Self {
        false
    }

    fn read(text: &str, _: Limits) -> Option<Self> {
        match text {
            _ if text.eq_ignore_ascii_case("true") => Some(true),
            _ if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn allowed(_: Limits) -> String {
        "true or false".to_owned()
    }
}

/// Numbers keep Java's width as upper bound: `int` 2^31-1, `long` 2^63-1.
macro_rules! number {
    ($type:ty, $kind:literal, $min:expr, $max:expr) => {
        impl Value for $type {
            const KIND: &'static str = $kind;

            fn blank() -> Self {
                0
            }

            fn read(text: &str, limits: Limits) -> Option<Self> {
                let number: i64 = text.parse().ok()?;
                let (min, max) = (limits.min.max($min), limits.max.min($max));
                let number = if limits.clamp { number.clamp(min, max) } else { number };
                if number < min || number > max {
                    return None;
                }
                number.try_into().ok()
            }

            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }

            fn allowed(limits: Limits) -> String {
                format!("a whole number from {} to {}", limits.min.max($min), limits.max.min($max))
            }
        }
    };
}

number!(u16, "port", 0, 65_535);
number!(u32, "int", 0, i32::MAX as i64);
number!(i32, "int", i32::MIN as i64, i32::MAX as i64);
number!(u64, "long", 0, i64::MAX);
number!(i64, "long", i64::MIN, i64::MAX);

impl Value for String {
    const KIND: &'static str = "text";

    fn blank() -> Self {
        String::new()
    }

    fn read(text: &str, _: Limits) -> Option<Self> {
        Some(text.to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(self.clone())
    }

    fn allowed(_: Limits) -> String {
        "any text".to_owned()
    }
}

impl Value for PathBuf {
    const KIND: &'static str = "path";

    fn blank() -> Self {
        PathBuf::new()
    }

    fn read(text: &str, _: Limits) -> Option<Self> {
        (!text.is_empty() && !text.contains(',')).then(|| PathBuf::from(text))
    }

    fn show(&self) -> Option<String> {
        self.to_str().map(str::to_owned)
    }

    fn allowed(_: Limits) -> String {
        "one path; a comma, which Java takes as the separator of several, must not be in it".to_owned()
    }
}

/// An unset or empty key is `None`.
impl<T: Value> Value for Option<T> {
    const KIND: &'static str = T::KIND;

    fn blank() -> Self {
        None
    }

    fn read(text: &str, limits: Limits) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::read(text, limits).map(Some) }
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(T::show)
    }

    fn allowed(limits: Limits) -> String {
        format!("nothing, or {}", T::allowed(limits))
    }
}

/// A share between 0 and 1, such as a part of the disk.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Ratio(f64);

impl Ratio {
    /// The share as a number from 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Value for Ratio {
    const KIND: &'static str = "double";

    fn blank() -> Self {
        Ratio(0.0)
    }

    fn read(text: &str, _: Limits) -> Option<Self> {
        let number: f64 = text.parse().ok()?;
        (number > 0.0 && number <= 1.0).then_some(Ratio(number))
    }

    fn show(&self) -> Option<String> {
        Some(format!("{:.2}", self.0))
    }

    fn allowed(_: Limits) -> String {
        "a number above 0 and up to 1".to_owned()
    }
}

/// A name that travels in headers and topic names: not empty, no blanks, no control characters, at most 255 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    const BYTES_MAX: usize = 255;

    /// The name in `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= Self::BYTES_MAX;
        let plain =
            !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, ';' | ',' | '/'));
        (fits && plain).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Value for Name {
    const KIND: &'static str = "name";

    fn blank() -> Self {
        Name(String::new())
    }

    fn read(text: &str, _: Limits) -> Option<Self> {
        Name::parse(text)
    }

    fn show(&self) -> Option<String> {
        Some(self.0.clone())
    }

    fn allowed(_: Limits) -> String {
        format!("1 to {} bytes without blanks, control characters, ';', ',' or '/'", Name::BYTES_MAX)
    }
}

/// Key material. Shown by nothing, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Value for Secret {
    const KIND: &'static str = "secret";

    fn blank() -> Self {
        Secret(String::new())
    }

    fn read(text: &str, _: Limits) -> Option<Self> {
        Some(Secret(text.to_owned()))
    }

    fn show(&self) -> Option<String> {
        Some(self.0.clone())
    }

    fn allowed(_: Limits) -> String {
        "any text".to_owned()
    }
}

/// Keys split by semicolons, such as a black list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyList(String);

impl KeyList {
    /// Whether `key` is in the list.
    pub fn contains(&self, key: &str) -> bool {
        self.0.split(';').any(|entry| entry.trim() == key)
    }
}

impl Value for KeyList {
    const KIND: &'static str = "list";

    fn blank() -> Self {
        KeyList(String::new())
    }

    fn read(text: &str, _: Limits) -> Option<Self> {
        Some(KeyList(text.to_owned()))
    }

    fn show(&self) -> Option<String> {
        Some(self.0.clone())
    }

    fn allowed(_: Limits) -> String {
        "keys split by ';'".to_owned()
    }
}

/// Hours of the day, split by semicolons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    text: String,
    hours: Vec<u8>,
}

impl Hours {
    /// Whether `hour` (0 to 23) is one of them.
    pub fn contains(&self, hour: u8) -> bool {
        self.hours.contains(&hour)
    }
}

impl Value for Hours {
    const KIND: &'static str = "hours";

    fn blank() -> Self {
        Hours { text: String::new(), hours: Vec::new() }
    }

    fn read(text: &str, _: Limits) -> Option<Self> {
        let entries = text.split(';').map(str::trim).filter(|entry| !entry.is_empty());
        let hours: Option<Vec<u8>> =
            entries.map(|entry| entry.parse().ok().filter(|hour: &u8| *hour < 24)).collect();
        hours.filter(|hours| !hours.is_empty()).map(|hours| Hours { text: text.to_owned(), hours })
    }

    fn show(&self) -> Option<String> {
        Some(self.text.clone())
    }

    fn allowed(_: Limits) -> String {
        "hours of the day from 00 to 23, split by ';', such as 04 or 04;16".to_owned()
    }
}

/// The delay of each level, Java's `messageDelayLevel`: checked text. What it means is `format::record::tags::DelayLevels`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelayList(String);

impl DelayList {
    /// The list as it was written, which `DelayLevels::parse` takes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_delay(entry: &str) -> bool {
        let number = entry.strip_suffix(['s', 'm', 'h', 'd']);
        number.and_then(|number| number.parse::<u32>().ok()).is_some()
    }
}

impl Value for DelayList {
    const KIND: &'static str = "delays";

    fn blank() -> Self {
        DelayList(String::new())
    }

    fn read(text: &str, _: Limits) -> Option<Self> {
        text.split(' ').all(Self::is_delay).then(|| DelayList(text.to_owned()))
    }

    fn show(&self) -> Option<String> {
        Some(self.0.clone())
    }

    fn allowed(_: Limits) -> String {
        "delays split by single blanks, each a whole number and one of s m h d, such as 1s 5s 10m 2h"
            .to_owned()
    }
}

/// An enum whose values are written as Java writes them.
macro_rules! words {
    ($(#[doc = $about:literal])+ $name:ident, $kind:literal { $( $(#[doc = $doc:literal])+ $variant:ident = $word:literal, )+ }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[doc = $doc])+ $variant, )+ }

        impl $name {
            const WORDS: &[(&'static str, $name)] = &[ $( ($word, $name::$variant), )+ ];

            /// The value as Java writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $( $name::$variant => $word, )+ }
            }
        }

        impl Value for $name {
            const KIND: &'static str = $kind;

            fn blank() -> Self {
                Self::WORDS[0].1
            }

            fn read(text: &str, _: Limits) -> Option<Self> {
                Self::WORDS.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
            }

            fn show(&self) -> Option<String> {
                Some(self.as_str().to_owned())
            }

            fn allowed(_: Limits) -> String {
                let words: Vec<&str> = Self::WORDS.iter().map(|(word, _)| *word).collect();
                format!("one of {}", words.join(", "))
            }
        }
    };
}

words! {
    /// The part this broker plays in its master/slave set.
    BrokerRole, "BrokerRole" {
        /// Master; a put does not wait for a slave.
        AsyncMaster = "ASYNC_MASTER",
        /// Master; a put waits until a slave has the message.
        SyncMaster = "SYNC_MASTER",
        /// Copies a master.
        Slave = "SLAVE",
    }
}

words! {
    /// When a put counts as done.
    FlushDiskType, "FlushDiskType" {
        /// After the copy into the mapped file; the disk follows.
        Async = "ASYNC_FLUSH",
        /// After the bytes are on disk.
        Sync = "SYNC_FLUSH",
    }
}

words! {
    /// How headers of requests that this process creates are written.
    SerializeType, "SerializeType" {
        /// Text headers.
        Json = "JSON",
        /// Binary headers.
        Rocketmq = "ROCKETMQ",
    }
}

words! {
    /// Whether a listening port speaks TLS.
    TlsMode, "TlsMode" {
        /// Plain text only.
        Disabled = "disabled",
        /// Either, by the first byte.
        Permissive = "permissive",
        /// TLS only.
        Enforcing = "enforcing",
    }
}

words! {
    /// Whether a client must show a certificate.
    ClientAuth, "ClientAuth" {
        /// Not asked.
        None = "none",
        /// Asked, and checked when shown.
        Optional = "optional",
        /// Required.
        Require = "require",
    }
}
