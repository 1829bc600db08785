//! The row: one Java property with its type, default, bounds, live-ness and status.
//!
//! The rows drive everything that knows about keys: the typed tree, the parser, `--check`, `-p`, the request codes that
//! show and change configuration, `docs/CONFIG.md` and the round-trip test.

use super::machine::Machine;
use super::value::Limits;
use super::{Config, Profile};

/// The object a key belongs to. In Java each is one class; a file feeds all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// `BrokerConfig`.
    Broker,
    /// `NettyServerConfig`.
    Server,
    /// `NettyClientConfig`.
    Client,
    /// `MessageStoreConfig`.
    Store,
    /// `NamesrvConfig`.
    Namesrv,
    /// Java system properties, which are plain keys here because there is no `-D`.
    System,
}

impl Section {
    /// Every section, in the order in which Java prints them.
    pub const ALL: [Section; 6] = [
        Section::Broker,
        Section::Server,
        Section::Client,
        Section::Store,
        Section::Namesrv,
        Section::System,
    ];

    /// The Java class whose fields these are.
    pub const fn java_class(self) -> &'static str {
        match self {
            Section::Broker => "BrokerConfig",
            Section::Server => "NettyServerConfig",
            Section::Client => "NettyClientConfig",
            Section::Store => "MessageStoreConfig",
            Section::Namesrv => "NamesrvConfig",
            Section::System => "system properties",
        }
    }

    /// The rows of this section, in Java's field order.
    pub fn rows(self) -> &'static [Row] {
        match self {
            Section::Broker => super::broker::ROWS,
            Section::Server => super::net::server::ROWS,
            Section::Client => super::net::client::ROWS,
            Section::Store => super::store::ROWS,
            Section::Namesrv => super::namesrv::ROWS,
            Section::System => super::system::ROWS,
        }
    }
}

/// What setting a key does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does what it does in Java.
    Honoured,
    /// It is taken and has no effect; the reason says why nothing is lost. Reported at start when it is set.
    Accepted(&'static str),
    /// Only the listed values are taken, because any other would silently give something else.
    Refused {
        /// The values that are taken, the default among them; the empty text means "unset".
        allowed: &'static [&'static str],
        /// Why the others are not.
        why: &'static str,
    },
}

/// Where the default of a row comes from.
#[derive(Debug, Clone, Copy)]
pub enum Preset {
    /// The key is unset.
    Unset,
    /// A fixed text, as one would write it in the file.
    Text(&'static str),
    /// Depends on the machine; the text is what documentation shows.
    Computed(&'static str, fn(&Machine) -> Option<String>),
}

/// The part of a row that is written by hand, built with [`fixed`], [`live`], [`unset`] or [`computed`].
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    pub(super) preset: Preset,
    pub(super) embedded: Option<&'static str>,
    pub(super) limits: Limits,
    pub(super) live: bool,
    pub(super) status: Status,
    pub(super) important: bool,
    pub(super) secret: bool,
    pub(super) addition: bool,
}

const fn spec(preset: Preset) -> Spec {
    Spec {
        preset,
        embedded: None,
        limits: Limits::NONE,
        live: false,
        status: Status::Honoured,
        important: false,
        secret: false,
        addition: false,
    }
}

/// A key that is read once, at start.
pub(super) const fn fixed(default: &'static str) -> Spec {
    spec(Preset::Text(default))
}

/// A key whose change takes effect at once.
pub(super) const fn live(default: &'static str) -> Spec {
    let mut spec = spec(Preset::Text(default));
    spec.live = true;
    spec
}

/// A fixed key without a default.
pub(super) const fn unset() -> Spec {
    spec(Preset::Unset)
}

/// A fixed key whose default depends on the machine.
pub(super) const fn computed(shown: &'static str, value: fn(&Machine) -> Option<String>) -> Spec {
    spec(Preset::Computed(shown, value))
}

impl Spec {
    /// The smallest and the largest number taken.
    pub(super) const fn within(mut self, min: i64, max: i64) -> Spec {
        self.limits = Limits { min, max, clamp: false };
        self
    }

    /// Like [`Spec::within`], but a number outside is moved to the nearer end, as Java's getter does, and reported.
    pub(super) const fn clamped(mut self, min: i64, max: i64) -> Spec {
        self.limits = Limits { min, max, clamp: true };
        self
    }

    /// The default of [`Profile::Embedded`](super::Profile::Embedded).
    pub(super) const fn embedded(mut self, default: &'static str) -> Spec {
        self.embedded = Some(default);
        self
    }

    /// Shown by `-m`; Java marks these with `@ImportantField`.
    pub(super) const fn important(mut self) -> Spec {
        self.important = true;
        self
    }

    /// Never shown, logged or quoted.
    pub(super) const fn secret(mut self) -> Spec {
        self.secret = true;
        self
    }

    /// Not a key of Java 4.9.8.
    pub(super) const fn addition(mut self) -> Spec {
        self.addition = true;
        self
    }

    /// Taken without effect.
    pub(super) const fn accepted(mut self, why: &'static str) -> Spec {
        self.status = Status::Accepted(why);
        self
    }

    /// Only these values are taken.
    pub(super) const fn only(mut self, allowed: &'static [&'static str], why: &'static str) -> Spec {
        self.status = Status::Refused { allowed, why };
        self
    }
}

/// One key.
#[derive(Debug)]
pub struct Row {
    pub(super) section: Section,
    pub(super) key: &'static str,
    pub(super) doc: &'static str,
    pub(super) kind: &'static str,
    pub(super) spec: Spec,
    pub(super) allowed: fn(Limits) -> String,
    pub(super) get: fn(&Config) -> Option<String>,
    pub(super) set: fn(&mut Config, &str, Limits) -> Option<()>,
}

impl Row {
    /// The object the key belongs to.
    pub fn section(&self) -> Section {
        self.section
    }

    /// The key as Java spells it.
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// What the key means, one or two sentences.
    pub fn doc(&self) -> &'static str {
        self.doc.trim()
    }

    /// The type, as documentation shows it.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Whether a change at run time takes effect at once; otherwise it does so at the next start.
    pub fn is_live(&self) -> bool {
        self.spec.live
    }

    /// Whether `-m` shows it.
    pub fn is_important(&self) -> bool {
        self.spec.important
    }

    /// Whether the value must never be shown.
    pub fn is_secret(&self) -> bool {
        self.spec.secret
    }

    /// Whether Java 4.9.8 does not know the key.
    pub fn is_addition(&self) -> bool {
        self.spec.addition
    }

    /// What setting it does here.
    pub fn status(&self) -> Status {
        self.spec.status
    }

    /// The default of the server profile as documentation shows it; `None` is unset.
    pub fn default_text(&self) -> Option<&'static str> {
        match self.spec.preset {
            Preset::Unset => None,
            Preset::Text(text) | Preset::Computed(text, _) => Some(text),
        }
    }

    /// The default of the embedded profile where it differs.
    pub fn embedded_default(&self) -> Option<&'static str> {
        self.spec.embedded
    }

    /// The values that are taken, in words.
    pub fn allowed(&self) -> String {
        match self.spec.status {
            Status::Refused { allowed, why } => {
                let values: Vec<&str> =
                    allowed.iter().map(|value| if value.is_empty() { "nothing" } else { value }).collect();
                format!("only {} is possible: {why}", values.join(" or "))
            }
            _ => (self.allowed)(self.spec.limits),
        }
    }

    /// The value in `config` as one would write it in a file; `None` is unset.
    pub fn get(&self, config: &Config) -> Option<String> {
        (self.get)(config)
    }

    /// Puts `text` into `config`, or says what is allowed. Blanks around the value are not part of it.
    pub fn set(&self, config: &mut Config, text: &str) -> Result<(), String> {
        let text = text.trim();
        if let Status::Refused { allowed, .. } = self.spec.status
            && !allowed.contains(&text)
        {
            return Err(self.allowed());
        }
        (self.set)(config, text, self.spec.limits).ok_or_else(|| self.allowed())
    }

    /// Puts the default of `profile` into `config`. That every default is acceptable is a test of the table.
    pub(super) fn apply_default(&self, config: &mut Config, profile: Profile, machine: &Machine) {
        let text = match (profile, self.spec.embedded, self.spec.preset) {
            (Profile::Embedded, Some(text), _) | (_, _, Preset::Text(text)) => Some(text.to_owned()),
            (_, _, Preset::Computed(_, value)) => value(machine),
            (_, _, Preset::Unset) => None,
        };
        if let Some(text) = text {
            // A computed default may come from the environment and be wrong; `load` reports it.
            let _ = (self.set)(config, &text, self.spec.limits);
        }
    }

    /// The default when it depends on nothing.
    #[cfg(test)]
    pub(super) fn plain_default(&self) -> Option<String> {
        match self.spec.preset {
            Preset::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }

    /// The computed default of this machine, which may come from its environment.
    pub(super) fn computed_default(&self, machine: &Machine) -> Option<String> {
        match self.spec.preset {
            Preset::Computed(_, value) => value(machine),
            _ => None,
        }
    }

    /// Whether the number in `text` lies outside the bounds and is therefore moved to the nearer end.
    pub fn is_clamped(&self, text: &str) -> bool {
        let limits = self.spec.limits;
        limits.clamp
            && text.trim().parse::<i64>().is_ok_and(|number| number < limits.min || number > limits.max)
    }
}

/// Every row of every section, in printing order.
pub fn all() -> impl Iterator<Item = &'static Row> {
    Section::ALL.into_iter().flat_map(|section| section.rows().iter())
}

/// The rows of `key`: none when it is unknown, several when objects share it.
pub fn rows_of(key: &str) -> impl Iterator<Item = &'static Row> {
    all().filter(move |row| row.key == key)
}

/// Declares one section: the typed struct and its rows.
///
/// A row reads `/// meaning`, then `field: Type = "javaKey", spec;` with the spec built by the functions of this module.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $section:ident $member:ident $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident: $type:ty = $key:literal, $spec:expr; )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $doc])+ #[doc(alias = $key)] pub $field: $type, )+
        }

        impl $name {
            /// All fields empty; the rows' defaults are put on top.
            pub(in crate::config) fn blank() -> Self {
                Self { $( $field: <$type as $crate::config::value::Value>::blank(), )+ }
            }
        }

        impl Default for $name {
            /// Java's defaults on an unknown machine, see [`Config::default`](crate::config::Config).
            fn default() -> Self {
                $crate::config::Config::default().$member
            }
        }

        /// The rows of this section.
        pub(in crate::config) static ROWS: &[$crate::config::table::Row] = &[ $(
            $crate::config::table::Row {
                section: $crate::config::table::Section::$section,
                key: $key,
                doc: concat!($($doc),+),
                kind: <$type as $crate::config::value::Value>::KIND,
                spec: $spec,
                allowed: <$type as $crate::config::value::Value>::allowed,
                get: |config| $crate::config::value::Value::show(&config.$member.$field),
                set: |config, text, limits| {
                    config.$member.$field = $crate::config::value::Value::read(text, limits)?;
                    Some(())
                },
            },
        )+ ];

        /// Field names, for the test that compares them with the keys.
        #[cfg(test)]
        pub(in crate::config) static FIELDS: &[(&str, &str)] = &[ $( (stringify!($field), $key), )+ ];
    };
}

pub(super) use section;
