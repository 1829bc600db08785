//! `--check`, `-p` and `-m`: what would be started, without starting it.

use libbroker::embed::Resolved;
use libbroker::internals::config::{Section, lines};

/// What `--check` prints.
pub fn report(resolved: &Resolved) -> String {
    let config = resolved.config();
    let host = config.listen_host();
    let namesrv = match resolved.namesrv_elsewhere() {
        Some(list) => list.to_owned(),
        None => format!("{}, in this process", host.with_port(config.namesrv.namesrv_listen_port)),
    };
    let mut report = format!(
        "configuration ok\nbroker {} of {} listens on {}\nname server: {namesrv}\nstore: {}\n",
        config.broker.broker_name,
        config.broker.broker_cluster_name,
        host.with_port(config.server.listen_port),
        config.store.store_path_root_dir.display(),
    );
    for note in resolved.notes() {
        report.push_str(&format!("note: {note}\n"));
    }
    report
}

/// What `-p` prints.
pub fn every_property(resolved: &Resolved) -> String {
    lines(&resolved.config().items(&Section::ALL))
}

/// What `-m` prints.
pub fn important_properties(resolved: &Resolved) -> String {
    lines(&resolved.config().important(&Section::ALL))
}
