//! The rules at their boundaries.

use proptest::prelude::*;

use super::rules::*;
use super::*;
use crate::config::{Config, Machine, Profile, Program};

fn rules(properties: &[(&str, &str)]) -> RetentionRules {
    RetentionRules::from(&Config::with_properties(Profile::Server, properties).unwrap().store)
}

fn disk(log: u32, queues: u32) -> DiskPercent {
    DiskPercent { log: Some(log), queues: Some(queues) }
}

/// What a round at noon does with both directories on one disk.
fn at_noon(rules: &RetentionRules, percent: u32) -> Grounds {
    grounds(rules, DiskLevels::default(), 12, false, disk(percent, percent))
}

#[test]
fn defaults_are_those_of_the_reference() {
    let rules = RetentionRules::default();
    assert_eq!(rules.reserved, Duration::from_secs(72 * 3600));
    assert_eq!((rules.space_percent, rules.may_force), (75, true));
    assert_eq!(
        (rules.file_pause, rules.queue_pause),
        (Duration::from_millis(100), Duration::from_millis(100))
    );
    assert_eq!(
        (rules.reader_patience, rules.retry_pause),
        (Duration::from_secs(120), Duration::from_secs(120))
    );
    assert_eq!(DiskLevels::default(), DiskLevels { any_age_above: 0.85, refuse_above: 0.9 });
    let embedded = Config::new(Program::Broker, Profile::Embedded, &Machine::unknown());
    assert_eq!(DiskLevels::from(&embedded.system), DiskLevels { any_age_above: 1.0, refuse_above: 1.0 });
}

#[test]
fn expired_files_go_in_the_hours_that_are_named() {
    let at = |rules: &RetentionRules, hour| grounds(rules, DiskLevels::default(), hour, false, disk(10, 10));
    let due = |rules: &RetentionRules| {
        (0..24).filter(|hour| at(rules, *hour) == Grounds::Expired).collect::<Vec<_>>()
    };
    assert_eq!(due(&rules(&[])), [4]);
    assert_eq!(due(&rules(&[("deleteWhen", "04;16")])), [4, 16]);
    assert_eq!(due(&rules(&[("deleteWhen", "0;23")])), [0, 23]);
    assert!((0..24).all(|hour| at(&rules(&[]), hour) != Grounds::AnyAge));
}

#[test]
fn more_disk_in_use_is_reason_for_more() {
    let defaults = rules(&[]);
    assert_eq!(at_noon(&defaults, 0), Grounds::Nothing);
    assert_eq!(at_noon(&defaults, 75), Grounds::Nothing);
    assert_eq!(at_noon(&defaults, 76), Grounds::Expired);
    assert_eq!(at_noon(&defaults, 85), Grounds::Expired);
    assert_eq!(at_noon(&defaults, 86), Grounds::AnyAge);
    assert_eq!(at_noon(&defaults, 100), Grounds::AnyAge);
    let gentle = rules(&[("cleanFileForciblyEnable", "false")]);
    assert_eq!(at_noon(&gentle, 100), Grounds::Expired);
}

#[test]
fn force_needs_a_reason_to_delete_at_all() {
    let late = rules(&[("diskMaxUsedSpaceRatio", "95")]);
    let at =
        |hour, asked, percent| grounds(&late, DiskLevels::default(), hour, asked, disk(percent, percent));
    assert_eq!(at(12, false, 90), Grounds::Nothing);
    assert_eq!(at(4, false, 90), Grounds::AnyAge);
    assert_eq!(at(12, true, 90), Grounds::AnyAge);
    assert_eq!(at(12, false, 91), Grounds::AnyAge, "puts are refused: somebody has to clean");
    assert_eq!(grounds(&rules(&[]), DiskLevels::default(), 12, true, disk(10, 10)), Grounds::Expired);
}

#[test]
fn the_disk_of_the_queues_counts_by_itself() {
    let rules = rules(&[]);
    let at = |log, queues| grounds(&rules, DiskLevels::default(), 12, false, disk(log, queues));
    assert_eq!(at(10, 76), Grounds::Expired);
    assert_eq!(at(75, 86), Grounds::AnyAge);
    assert_eq!(at(76, 99), Grounds::Expired, "the log gives the reason, and none for force");
    assert_eq!(at(86, 10), Grounds::AnyAge);
}

#[test]
fn puts_are_refused_above_the_warning_level_of_either_disk() {
    let levels = DiskLevels::default();
    assert!(!refuses_puts(levels, disk(90, 90)));
    assert!(refuses_puts(levels, disk(91, 0)));
    assert!(refuses_puts(levels, disk(0, 91)));
    assert!(!refuses_puts(levels, DiskPercent::default()));
    assert!(!refuses_puts(DiskLevels { refuse_above: 1.0, ..levels }, disk(100, 100)));
}

#[test]
fn a_disk_that_cannot_be_measured_is_no_reason() {
    let unknown = DiskPercent::default();
    assert_eq!(grounds(&rules(&[]), DiskLevels::default(), 12, false, unknown), Grounds::Nothing);
    assert_eq!(grounds(&rules(&[]), DiskLevels::default(), 4, false, unknown), Grounds::Expired);
}

#[test]
fn a_file_expires_in_the_millisecond_in_which_it_is_old_enough() {
    let reserved = Duration::from_secs(3600);
    assert!(!may_go(Grounds::Expired, 3_599_999, reserved));
    assert!(may_go(Grounds::Expired, 3_600_000, reserved));
    assert!(may_go(Grounds::Expired, 0, Duration::ZERO));
    assert!(!may_go(Grounds::Expired, -1, Duration::ZERO), "written in the future");
    assert!(may_go(Grounds::AnyAge, i64::MIN, reserved));
    assert!(!may_go(Grounds::Nothing, i64::MAX, Duration::ZERO));
    assert!(!may_go(Grounds::Expired, i64::MAX - 1, Duration::MAX));
}

proptest! {
    #[test]
    fn what_is_young_goes_only_when_the_disk_presses(
        (log, queues) in (0_u32..=100, 0_u32..=100),
        (hour, asked, may_force) in (0_u8..24, any::<bool>(), any::<bool>()),
        space_percent in 10_u32..=95,
        age_ms in any::<i64>(),
    ) {
        let rules = RetentionRules { may_force, space_percent, ..RetentionRules::default() };
        let why = grounds(&rules, DiskLevels::default(), hour, asked, disk(log, queues));
        if may_go(why, age_ms, rules.reserved) && age_ms < 72 * 3_600_000 {
            prop_assert!(may_force && log.max(queues) > 85);
        }
        let is_due = hour == 4 || asked || log.max(queues) > space_percent.min(90);
        prop_assert_eq!(why != Grounds::Nothing, is_due);
        // Refused puts are never left alone with a disk that nobody cleans.
        if refuses_puts(DiskLevels::default(), disk(log, queues)) {
            prop_assert!(why != Grounds::Nothing);
        }
    }
}
