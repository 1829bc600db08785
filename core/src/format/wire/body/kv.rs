//! Tables of texts: codes 28, 103 and 219.

use std::collections::BTreeMap;

use super::beans;

beans! {
    /// A table of texts: the runtime figures of a broker, or a namespace of the NameServer.
    #[doc(alias = "KVTable")]
    KvTable {
        /// The entries.
        table: BTreeMap<String, String>,
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for KvTable {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self { table: entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect() }
    }
}
