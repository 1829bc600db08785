//! Rules that need more than one key.

use super::load::Loaded;
use super::rejection::{Origin, Rejection};
use super::table::Status;
use super::{BrokerRole, Config, Host, Machine, Program, table};

/// Checks the rules between keys; sets and notes what follows from them.
pub(super) fn check(program: Program, loaded: &mut Loaded, rejections: &mut Vec<Rejection>) {
    if program == Program::Broker {
        rejections.extend(role(loaded));
        rejections.extend(combinations(&loaded.config).into_iter().map(|mut rejection| {
            rejection.origin = loaded.origin_of(&rejection.key);
            rejection
        }));
    }
    loaded.config.follow();
}

/// A slave needs a positive brokerId; a master always has 0, whatever is given (Java: `BrokerStartup`).
fn role(loaded: &mut Loaded) -> Option<Rejection> {
    let broker_id = loaded.config.broker.broker_id;
    // The role as it was given: while it is one that is refused, the configuration keeps the default.
    let role =
        loaded.given("brokerRole").unwrap_or_else(|| loaded.config.store.broker_role.as_str().to_owned());
    if role == BrokerRole::Slave.as_str() {
        let allowed = "expected a number above 0: Slave's brokerId must be > 0 (brokerRole=SLAVE)";
        return (broker_id <= 0).then(|| {
            Rejection::new(loaded.origin_of("brokerId"), "brokerId", &broker_id.to_string(), allowed)
        });
    }
    if broker_id != 0 {
        loaded.note(format!("brokerId={broker_id}: 0 is used, because brokerRole={role} is a master"));
        loaded.config.broker.broker_id = 0;
    }
    None
}

/// What is wrong with a broker's configuration although every single value is acceptable.
pub(super) fn combinations(config: &Config) -> Vec<Rejection> {
    let broker = &config.broker;
    let mut rejections = ports(config);
    rejections.extend(announced("brokerIP1", broker.broker_ip1.as_ref()));
    rejections.extend(announced("brokerIP2", broker.broker_ip2.as_ref()));
    rejections.extend(index_size(config));
    rejections
}

fn rejection(key: &str, value: impl ToString, allowed: impl Into<String>) -> Rejection {
    Rejection::new(Origin::Combination, key, &value.to_string(), allowed)
}

/// The broker also takes `listenPort`-2 (VIP channel) and keeps `listenPort`+1 for replication; its NameServer must not
/// want one of the first two.
fn ports(config: &Config) -> Vec<Rejection> {
    let listen = config.server.listen_port;
    let namesrv = config.namesrv.namesrv_listen_port;
    let mut rejections = Vec::new();
    if matches!(listen, 1 | 2 | u16::MAX) {
        let allowed = "expected 0 or a port from 3 to 65534, because listenPort-2 and listenPort+1 belong to the broker too";
        rejections.push(rejection("listenPort", listen, allowed));
    }
    let own_namesrv = config.broker.namesrv_addr.is_none();
    let collides = namesrv == listen || namesrv.checked_add(2) == Some(listen);
    if own_namesrv && namesrv != 0 && listen != 0 && collides {
        let allowed =
            format!("expected a port that the broker does not take: listenPort={listen} and listenPort-2");
        rejections.push(rejection("namesrvListenPort", namesrv, allowed));
    }
    rejections
}

/// 0.0.0.0 can be listened on, not announced.
fn announced(key: &str, host: Option<&Host>) -> Option<Rejection> {
    let allowed =
        "expected an address that clients can connect to; to listen on every address set bindAddress";
    host.filter(|host| host.is_unspecified()).map(|host| rejection(key, host, allowed))
}

/// An index file must fit the 2 GiB that Java's `int` can address (header 40, slot 4, entry 20 bytes).
fn index_size(config: &Config) -> Option<Rejection> {
    let store = &config.store;
    let bytes = 40 + 4 * u64::from(store.max_hash_slot_num) + 20 * u64::from(store.max_index_num);
    let bytes_max = i32::MAX as u64;
    let allowed =
        format!("expected 40 + 4 * maxHashSlotNum + 20 * maxIndexNum to be at most {bytes_max}, not {bytes}");
    (bytes > bytes_max).then(|| rejection("maxIndexNum", store.max_index_num, allowed))
}

/// Defaults that come from the environment must be acceptable too.
pub(super) fn check_environment(machine: &Machine, loaded: &Loaded, rejections: &mut Vec<Rejection>) {
    let mut scratch = loaded.config.clone();
    for row in table::all().filter(|row| loaded.given(row.key()).is_none()) {
        let Some(text) = row.computed_default(machine) else { continue };
        if let Err(allowed) = row.set(&mut scratch, &text) {
            let rejection = Rejection::not_taken(Origin::Environment, row.key(), &text, &allowed);
            if !rejections.contains(&rejection) {
                rejections.push(rejection);
            }
        }
    }
}

/// Notes every given key that has no effect here, unless it was given the value it has anyway.
pub(super) fn note_without_effect(defaults: &Config, loaded: &mut Loaded) {
    let mut notes = Vec::new();
    for row in table::all() {
        let (Some(value), Status::Accepted(why)) = (loaded.given(row.key()), row.status()) else { continue };
        let value = Some(value).filter(|value| !value.is_empty());
        let is_default = value == row.get(defaults);
        let is_ha_port = row.key() == "haListenPort" && value == row.get(&loaded.config);
        if !is_default && !is_ha_port {
            notes.push(format!("{} has no effect: {why}", row.key()));
        }
    }
    notes.into_iter().for_each(|note| loaded.note(note));
}
