//! The configuration: codes 25 and 26.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::broker::refusal::Refusal;
use crate::broker::topics::Topics;
use crate::clock::Clock;
use crate::config::live::{Audience, Update, UpdateError};
use crate::config::properties::Document;
use crate::config::{LiveConfig, Section, table};
use crate::format::disk::tables::DataVersion;
use crate::format::wire::codes::ResponseCode;

/// The key that changes what NameServers are told.
const BROKER_PERMISSION: &str = "brokerPermission";

/// Keys that Java takes from a file although none of its objects has such a field, and therefore does not show.
const NOT_SHOWN: [&str; 3] = ["enableBatchPush", "rmqAddressServerDomain", "rmqAddressServerSubGroup"];

/// Told of an update once its live keys have their new values. It must not block.
pub type OnConfigChange = Box<dyn Fn(&Update) + Send + Sync>;

/// Shows and changes the configuration.
pub struct ConfigAdmin {
    config: LiveConfig,
    topics: Arc<Topics>,
    clock: Clock,
    on_change: OnConfigChange,
    /// Counts updates since the start, as Java does.
    version: Mutex<DataVersion>,
}

impl fmt::Debug for ConfigAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigAdmin").field("version", &self.version.lock()).finish_non_exhaustive()
    }
}

/// The configuration as code 26 shows it.
#[derive(Debug, Clone)]
pub struct ShownConfig {
    /// The keys of Java's broker with their values, and those that were added and are set.
    pub entries: Vec<(&'static str, String)>,
    /// Number of updates since the start, and when the last one was.
    pub version: DataVersion,
}

impl ConfigAdmin {
    /// Parts that do not read [`LiveConfig`] at every use are told by `on_change`: the store is tuned there, and a changed
    /// `brokerPermission` announced.
    pub fn new(config: LiveConfig, topics: Arc<Topics>, clock: Clock, on_change: OnConfigChange) -> Self {
        let version = DataVersion { counter: 0, timestamp: clock.now_ms() };
        Self { config, topics, clock, on_change, version: Mutex::new(version) }
    }

    /// Every key that is set (code 26).
    #[doc(alias = "getBrokerConfig")]
    pub fn show(&self) -> ShownConfig {
        let version = *self.version.lock();
        let mut entries = self.config.dump(Audience::Broker);
        entries.retain(|(key, _)| {
            !NOT_SHOWN.contains(key) && table::rows_of(key).any(|row| row.section() != Section::Namesrv)
        });
        ShownConfig { entries, version }
    }

    /// Changes properties (code 25): all of them, or none. Keys that are fixed change at the next start, unknown ones are
    /// ignored. An update that is in effect but could not be written to the file is refused with that reason (Java: success).
    #[doc(alias = "updateBrokerConfig")]
    pub fn update(&self, properties: &[(String, String)]) -> Result<Update, Refusal> {
        let update = self.config.update(Audience::Broker, properties).map_err(|error| match error {
            UpdateError::Forbidden(_) => {
                Refusal::new(ResponseCode::NoPermission, "Can not update config in black list.")
            }
            UpdateError::Rejected(error) => Refusal::new(ResponseCode::SystemError, error.to_string()),
        })?;
        self.version.lock().advance(self.clock.now_ms());
        tracing::info!(target: "broker::admin", ?update, "configuration updated");
        if changes_permission(&update) {
            self.topics.permission_changed();
        }
        (self.on_change)(&update);
        self.config.persist(Audience::Broker, &update).map_err(|error| {
            let remark = format!("the update is in effect until the next start, but not saved: {error}");
            Refusal::new(ResponseCode::SystemError, remark)
        })?;
        Ok(update)
    }

    /// [`ConfigAdmin::update`] with the text of a properties file.
    pub fn update_text(&self, text: &[u8]) -> Result<Update, Refusal> {
        let document = Document::parse(text)
            .map_err(|_| Refusal::new(ResponseCode::SystemError, "string2Properties error"))?;
        let properties: Vec<(String, String)> =
            document.entries().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
        self.update(&properties)
    }
}

/// Whether NameServers have to be told of an update.
pub fn changes_permission(update: &Update) -> bool {
    update.applied.contains(&BROKER_PERMISSION)
}

impl ShownConfig {
    /// The entries as the text of a properties file.
    pub fn to_text(&self) -> String {
        let mut text = Document::default();
        self.entries.iter().for_each(|(key, value)| text.set(key, value));
        text.to_text()
    }
}

#[cfg(test)]
mod tests;
