//! Every scenario of `tests/scenarios/scenarios.tsv`, through the server binary: its process, its exit codes, what it says on
//! standard error, its commands, and raw frames. C, Python and Node go through the same list.
//!
//! What the list says of a process of its own (two brokers in one, a thousand starts) goes through `libbroker::embed` in the
//! process of the test.

mod cycles;
mod data;
mod full_disk;
mod load;
mod refusals;
mod server;

use std::collections::BTreeSet;
use std::time::Duration;

use tests::harness::dirs::tests_dir;

const TIMEOUT: Duration = Duration::from_secs(20);

/// A test for each name, and the names.
macro_rules! scenarios {
    ($($module:ident::$name:ident,)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                $module::$name();
            }
        )*
    };
}

scenarios! {
    data::start_send_consume_stop,
    data::restart_with_data,
    refusals::port_in_use,
    refusals::store_locked_by_another_process,
    refusals::bad_option,
    refusals::unwritable_directory,
    full_disk::full_disk,
    cycles::two_brokers_in_one_process,
    cycles::thousand_start_stop_cycles,
    load::stop_under_load,
    load::kill_9_and_restart,
}

#[test]
fn the_list_is_that_of_all_doors() {
    let list = std::fs::read_to_string(tests_dir().join("scenarios/scenarios.tsv")).unwrap();
    let listed: BTreeSet<&str> = list.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(listed, NAMES.iter().copied().collect());
}
