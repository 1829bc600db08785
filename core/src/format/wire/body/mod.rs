//! Bodies (codes.json: `bodyTypes`), to be read and written with [`super::fastjson`].
//!
//! Every member has its zero value when it is missing, as a Java bean has; unknown members are ignored. An enum that is
//! missing or unknown is `None`. Structs list their fields in the order of the Java names, which is how they are written.
//! The tables that are also configuration files (topics, groups, offsets, data version) are in `format::disk::tables`.

pub mod acl;
pub mod connection;
pub mod consume_queue;
pub mod heartbeat;
pub mod kv;
pub mod offset;
pub mod queue;
pub mod register;
pub mod route;
pub mod running;
pub mod stats;

pub use connection::{
    ClientConnection, ConsumerConnection, ConsumerList, GroupList, ProducerConnection, ProducerEntry,
    ProducerTable,
};
pub use consume_queue::{ConsumeQueueEntry, ConsumeQueueView};
pub use heartbeat::{
    CheckClient, ConsumeFromWhere, ConsumeType, ConsumerHeartbeat, Heartbeat, MessageModel,
    ProducerHeartbeat, Subscription,
};
pub use kv::KvTable;
pub use offset::{
    ConsumeTimeSpans, ConsumerStatus, CorrectionOffsets, OffsetMoved, QueueOffsetForC, QueueTimeSpan,
    ResetOffset, ResetOffsetForC,
};
pub use queue::{LockAnswer, LockRequest, MessageQueue};
pub use register::{RegisterBroker, RegisterError};
pub use route::{BrokerRoute, ClusterTable, QueueRoute, TopicList, TopicRoute};
pub use running::{ConsumeDirectlyOutcome, ConsumeOutcome, ConsumeRates, ConsumerRunning, ProcessQueue};
pub use stats::{
    BrokerStats, ConsumeStats, ConsumeStatsList, QueueProgress, StatsSpan, TopicOffset, TopicStats,
};

use serde::{Deserialize, Deserializer};

use super::codes::LanguageCode;

/// A Java enum: written by name, read by name or by position (the C++ client sends positions).
trait JavaEnum: Sized {
    fn from_name(name: &str) -> Option<Self>;
    fn from_position(position: usize) -> Option<Self>;
}

impl JavaEnum for LanguageCode {
    fn from_name(name: &str) -> Option<Self> {
        LanguageCode::from_name(name)
    }

    fn from_position(position: usize) -> Option<Self> {
        LanguageCode::from_code(u8::try_from(position).ok()?)
    }
}

impl serde::Serialize for LanguageCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Reads an enum; one that nobody knows is none.
fn known<'de, E: JavaEnum, D: Deserializer<'de>>(deserializer: D) -> Result<Option<E>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(E::from_name(&text).or_else(|| E::from_position(text.parse().ok()?)))
}

/// Declares an enum with Java's names, in Java's order.
macro_rules! java_enum {
    ($($(#[$meta:meta])* $type:ident { $($(#[$variant_meta:meta])* $name:ident = $java:literal,)* })*) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type {
            $($(#[$variant_meta])* #[doc = concat!("`", $java, "`")] $name,)*
        }

        impl $type {
            const ALL: &[$type] = &[$($type::$name,)*];

            /// The name as Java spells it.
            pub const fn name(self) -> &'static str {
                match self {
                    $($type::$name => $java,)*
                }
            }
        }

        impl $crate::format::wire::body::JavaEnum for $type {
            fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == name)
            }

            fn from_position(position: usize) -> Option<Self> {
                Self::ALL.get(position).copied()
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        })*
    };
}
use java_enum;

/// Declares beans: public fields with zero values, written in the order listed.
macro_rules! beans {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        })*
    };
}
use beans;

#[cfg(test)]
mod tests;
