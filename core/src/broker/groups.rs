//! The consumer groups this broker knows (broker-behaviour §1).

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::broker::TextMap;
use crate::broker::persist::TableFile;
use crate::broker::topics::{FILE_NAME_LEN_MAX, is_safe_name};
use crate::clock::Clock;
use crate::config::LiveConfig;
use crate::error::Result;
use crate::format::disk::tables::{DataVersion, SubscriptionGroupConfig, SubscriptionGroupTable};
use crate::format::names::{self, BUILT_IN_GROUPS, RETRY_TOPIC_PREFIX, file};
use crate::format::wire::fastjson;
use crate::mmap::disk::Disk;

/// Why a group's name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GroupNameError {
    /// Missing, empty, or blanks only.
    #[error("the specified group is blank")]
    Blank,
    /// It could not be part of a directory's name.
    #[error("the specified group contains illegal characters or is too long")]
    Illegal,
}

/// Checks that a group's retry topic can be a directory. Java checks groups in its client only, so nothing else is refused here.
pub fn check_group(group: &str) -> Result<(), GroupNameError> {
    if group.trim().is_empty() {
        return Err(GroupNameError::Blank);
    }
    let retry_topic_len = RETRY_TOPIC_PREFIX.len() + group.len();
    if is_safe_name(group) && retry_topic_len <= FILE_NAME_LEN_MAX {
        Ok(())
    } else {
        Err(GroupNameError::Illegal)
    }
}

/// The table of groups.
#[doc(alias = "SubscriptionGroupManager")]
pub struct SubscriptionGroups {
    table: RwLock<TextMap<Arc<SubscriptionGroupConfig>>>,
    /// Held by whoever changes the table, and for a consistent pair of table and version.
    version: Mutex<DataVersion>,
    /// `enableLmq`: groups named as light queues are there without being created.
    light_groups: bool,
    file: TableFile,
    config: LiveConfig,
    clock: Clock,
}

impl std::fmt::Debug for SubscriptionGroups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubscriptionGroups").field("count", &self.table.read().len()).finish_non_exhaustive()
    }
}

impl SubscriptionGroups {
    /// The built-in groups, and over them what `config/subscriptionGroup.json` says.
    pub fn open(disk: Disk, config: LiveConfig, clock: Clock) -> Result<Self> {
        let current = config.snapshot();
        let folder = current.store.store_path_root_dir.join(file::CONFIG);
        let light_groups = current.store.enable_lmq;
        let file = TableFile::new(disk, folder.join(file::SUBSCRIPTION_GROUPS));
        let mut table: TextMap<Arc<SubscriptionGroupConfig>> = TextMap::default();
        for group in BUILT_IN_GROUPS {
            table.insert(group.to_owned(), Arc::new(SubscriptionGroupConfig::new(group)));
        }
        let mut version = DataVersion { counter: 0, timestamp: clock.now_ms() };
        if let Some(stored) = file.load::<SubscriptionGroupTable>()? {
            version = stored.data_version;
            for (name, mut group) in stored.subscription_group_table {
                group.group_name.clone_from(&name);
                table.insert(name, Arc::new(group));
            }
        }
        Ok(Self {
            table: RwLock::new(table),
            version: Mutex::new(version),
            light_groups,
            file,
            config,
            clock,
        })
    }

    /// A group, if it exists.
    pub fn find(&self, group: &str) -> Option<Arc<SubscriptionGroupConfig>> {
        let found = self.table.read().get(group).cloned();
        found.or_else(|| self.is_light(group).then(|| Arc::new(SubscriptionGroupConfig::new(group))))
    }

    fn is_light(&self, group: &str) -> bool {
        self.light_groups && names::is_lmq(group) && check_group(group).is_ok()
    }

    /// A group. One that is missing is created when `autoCreateSubscriptionGroup` is on or the name is a system group's.
    #[doc(alias = "findSubscriptionGroupConfig")]
    pub fn find_or_create(&self, group: &str) -> Option<Arc<SubscriptionGroupConfig>> {
        if let Some(found) = self.find(group) {
            return Some(found);
        }
        let may_create =
            names::is_system_group(group) || self.config.load().broker.auto_create_subscription_group;
        if !may_create || check_group(group).is_err() {
            return None;
        }
        let mut version = self.version.lock();
        if let Some(found) = self.find(group) {
            return Some(found);
        }
        let created = Arc::new(SubscriptionGroupConfig::new(group));
        self.table.write().insert(group.to_owned(), created.clone());
        self.advance(&mut version);
        drop(version);
        tracing::info!(target: "broker::groups", group, "group created");
        self.file.save_or_log(|| self.snapshot());
        Some(created)
    }

    /// Sets a group as an administrator wants it. A light queue's group is as it is.
    #[doc(alias = "updateSubscriptionGroupConfig")]
    pub fn update(&self, group: SubscriptionGroupConfig) -> Result<(), GroupNameError> {
        check_group(&group.group_name)?;
        if self.is_light(&group.group_name) {
            return Ok(());
        }
        tracing::info!(target: "broker::groups", ?group, "group updated");
        let mut version = self.version.lock();
        self.table.write().insert(group.group_name.clone(), Arc::new(group));
        self.advance(&mut version);
        drop(version);
        self.file.save_or_log(|| self.snapshot());
        Ok(())
    }

    /// Deletes a group; false when there is none. Its offsets are others' to delete.
    #[doc(alias = "deleteSubscriptionGroupConfig")]
    pub fn delete(&self, group: &str) -> bool {
        let mut version = self.version.lock();
        if self.table.write().remove(group).is_none() {
            return false;
        }
        self.advance(&mut version);
        drop(version);
        tracing::info!(target: "broker::groups", group, "group deleted");
        self.file.save_or_log(|| self.snapshot());
        true
    }

    /// Keeps a group that reads too slowly from consuming (§14). In memory only.
    pub fn disable_consume(&self, group: &str) {
        let mut version = self.version.lock();
        if let Some(group) = self.table.write().get_mut(group) {
            Arc::make_mut(group).consume_enable = false;
            version.advance(self.clock.now_ms());
        }
    }

    /// All groups, in no order.
    pub fn all(&self) -> Vec<Arc<SubscriptionGroupConfig>> {
        self.table.read().values().cloned().collect()
    }

    /// Version of the table.
    pub fn data_version(&self) -> DataVersion {
        *self.version.lock()
    }

    /// The table as it is stored and as code 201 answers it.
    pub fn snapshot(&self) -> SubscriptionGroupTable {
        let version = self.version.lock();
        let table = self.table.read();
        let groups = table.iter().map(|(name, group)| (name.clone(), SubscriptionGroupConfig::clone(group)));
        SubscriptionGroupTable { data_version: *version, subscription_group_table: groups.collect() }
    }

    /// The body of code 201.
    pub fn encode(&self) -> Vec<u8> {
        fastjson::to_vec(&self.snapshot())
    }

    /// Writes the table if its file lacks a change because an earlier write failed.
    pub fn persist(&self) -> Result<()> {
        self.file.save(|| self.snapshot())
    }

    fn advance(&self, version: &mut DataVersion) {
        version.advance(self.clock.now_ms());
        self.file.note_change();
    }
}

#[cfg(test)]
mod tests;
