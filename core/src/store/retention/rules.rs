//! What may be deleted, as functions of hour, disk use and age (store-behaviour §12). No clock, no disk.

use std::time::Duration;

use crate::config::{Config, Hours, StoreConfig, SystemConfig};

/// Rules that may change while the store runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRules {
    /// `fileReservedTime`: an older file has expired.
    pub reserved: Duration,
    /// `deleteWhen`: hours of the day at which expired files go.
    pub hours: Hours,
    /// `diskMaxUsedSpaceRatio`: with more than this percentage of a disk in use, expired files go at any hour.
    pub space_percent: u32,
    /// `cleanFileForciblyEnable`: above [`DiskLevels::any_age_above`] files go that have not expired.
    pub may_force: bool,
    /// `deleteCommitLogFilesInterval`: pause between two files of the log.
    pub file_pause: Duration,
    /// `deleteConsumeQueueFilesInterval`: pause after a queue that lost files.
    pub queue_pause: Duration,
    /// `destroyMapedFileIntervalForcibly`: as long a reader of a removed file is waited for before more than expired files go.
    pub reader_patience: Duration,
    /// `redeleteHangedFileInterval`: pause after a file that could not be removed.
    pub retry_pause: Duration,
}

impl From<&StoreConfig> for RetentionRules {
    fn from(config: &StoreConfig) -> Self {
        let ms = |ms: u32| Duration::from_millis(u64::from(ms));
        Self {
            reserved: Duration::from_secs(u64::from(config.file_reserved_time) * 3600),
            hours: config.delete_when.clone(),
            space_percent: config.disk_max_used_space_ratio,
            may_force: config.clean_file_forcibly_enable,
            file_pause: ms(config.delete_commit_log_files_interval),
            queue_pause: ms(config.delete_consume_queue_files_interval),
            reader_patience: ms(config.destroy_maped_file_interval_forcibly),
            retry_pause: ms(config.redelete_hanged_file_interval),
        }
    }
}

impl Default for RetentionRules {
    fn default() -> Self {
        Self::from(&Config::default().store)
    }
}

/// Shares of a disk in use that are fixed at start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiskLevels {
    /// `rocketmq.broker.diskSpaceCleanForciblyRatio`: above it files go whatever their age.
    pub any_age_above: f64,
    /// `rocketmq.broker.diskSpaceWarningLevelRatio`: above it puts are refused.
    pub refuse_above: f64,
}

impl From<&SystemConfig> for DiskLevels {
    fn from(config: &SystemConfig) -> Self {
        Self {
            any_age_above: config.disk_space_clean_forcibly_ratio.get(),
            refuse_above: config.disk_space_warning_level_ratio.get(),
        }
    }
}

impl Default for DiskLevels {
    fn default() -> Self {
        Self::from(&Config::default().system)
    }
}

/// Used share, in whole percent, of the disks of log and consume queues; `None` where it could not be measured, which is no reason for
/// anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskPercent {
    /// Of the log's.
    pub log: Option<u32>,
    /// Of the consume queues'.
    pub queues: Option<u32>,
}

/// Which files may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grounds {
    /// None.
    Nothing,
    /// Expired ones.
    Expired,
    /// Any but the newest, the oldest first.
    AnyAge,
}

/// Whether puts are refused.
#[doc(alias = "isSpaceFull")]
pub fn refuses_puts(levels: DiskLevels, disk: DiskPercent) -> bool {
    is_above(disk.log, levels.refuse_above) || is_above(disk.queues, levels.refuse_above)
}

/// What a round may delete at `hour` (0 to 23, local time); `asked` when an operator wants expired files to go now.
///
/// Where puts are refused there is always a reason: the reference, with `diskMaxUsedSpaceRatio` above the warning level, refuses puts
/// and deletes nothing. The disk of the queues counts for force only where that of the log gives no reason itself: deleting the log's newer files
/// would help the queues little.
#[doc(alias = "isSpaceToDelete")]
#[doc(alias = "isTimeToDelete")]
pub fn grounds(
    rules: &RetentionRules,
    levels: DiskLevels,
    hour: u8,
    asked: bool,
    disk: DiskPercent,
) -> Grounds {
    let space = (f64::from(rules.space_percent) / 100.0).min(levels.refuse_above);
    let log_wants_space = is_above(disk.log, space);
    let wants_space = log_wants_space || is_above(disk.queues, space);
    if !(wants_space || asked || rules.hours.contains(hour)) {
        return Grounds::Nothing;
    }
    let is_pressing = is_above(disk.log, levels.any_age_above)
        || (!log_wants_space && is_above(disk.queues, levels.any_age_above));
    if rules.may_force && is_pressing { Grounds::AnyAge } else { Grounds::Expired }
}

/// Whether a file that was last written `age_ms` ago may go.
pub fn may_go(grounds: Grounds, age_ms: i64, reserved: Duration) -> bool {
    match grounds {
        Grounds::Nothing => false,
        Grounds::Expired => age_ms >= i64::try_from(reserved.as_millis()).unwrap_or(i64::MAX),
        Grounds::AnyAge => true,
    }
}

/// Compared as the reference does: whole percent as a share.
fn is_above(percent: Option<u32>, level: f64) -> bool {
    percent.is_some_and(|percent| f64::from(percent) / 100.0 > level)
}
