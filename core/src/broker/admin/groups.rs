//! Consumer groups: codes 200, 201, 207.

use std::sync::Arc;

use super::refuse_on_slave;
use crate::broker::groups::SubscriptionGroups;
use crate::broker::offsets::ConsumerOffsets;
use crate::broker::refusal::Refusal;
use crate::broker::stats::BrokerStats;
use crate::config::LiveConfig;
use crate::format::disk::tables::{SubscriptionGroupConfig, SubscriptionGroupTable};
use crate::format::wire::codes::ResponseCode;

/// Administration of consumer groups.
#[derive(Debug)]
pub struct GroupAdmin {
    /// The table.
    pub groups: Arc<SubscriptionGroups>,
    /// Deleted with a group on demand.
    pub offsets: Arc<ConsumerOffsets>,
    /// Forgets deleted groups with `autoDeleteUnusedStats`.
    pub stats: Arc<BrokerStats>,
    /// For the role and `autoDeleteUnusedStats`.
    pub config: LiveConfig,
}

impl GroupAdmin {
    /// Creates or changes a group (code 200). Its name only has to be one that a retry topic can be made of.
    #[doc(alias = "updateAndCreateSubscriptionGroup")]
    pub fn update(&self, group: SubscriptionGroupConfig) -> Result<(), Refusal> {
        refuse_on_slave(&self.config.load())?;
        self.groups.update(group).map_err(|error| Refusal::new(ResponseCode::SystemError, error.to_string()))
    }

    /// Deletes a group (code 207), and its offsets if wanted. No error when there is none. A group with members comes back with
    /// their next heartbeat where groups are created automatically.
    #[doc(alias = "deleteSubscriptionGroup")]
    pub fn delete(&self, group: &str, with_offsets: bool) -> Result<(), Refusal> {
        let config = self.config.load();
        refuse_on_slave(&config)?;
        self.groups.delete(group);
        if with_offsets {
            self.offsets.remove_group(group);
        }
        if config.broker.auto_delete_unused_stats {
            self.stats.group_deleted(group);
        }
        Ok(())
    }

    /// All groups (code 201).
    pub fn all(&self) -> SubscriptionGroupTable {
        self.groups.snapshot()
    }
}
