use super::*;
use crate::config::Profile;

fn pairs(properties: &[(&str, &str)]) -> Vec<(String, String)> {
    properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn live(file: Option<PathBuf>) -> LiveConfig {
    let config = Config::with_properties(Profile::Server, &[("brokerName", "a")]).expect("config");
    LiveConfig::with_file(config, file)
}

fn shown(live: &LiveConfig, audience: Audience, key: &str) -> Option<String> {
    live.dump(audience).into_iter().find(|(known, _)| *known == key).map(|(_, value)| value)
}

#[test]
fn live_keys_apply_at_once_and_fixed_ones_after_restart() {
    let live = live(None);
    let before = live.snapshot();
    let properties = pairs(&[
        ("maxTransferCountOnMessageInDisk", "16"),
        ("flushDiskType", "SYNC_FLUSH"),
        ("noSuchKey", "1"),
    ]);
    let update = live.update(Audience::Broker, &properties).expect("update");
    assert_eq!(update.applied, ["maxTransferCountOnMessageInDisk"]);
    assert_eq!(update.after_restart, ["flushDiskType"]);
    assert_eq!(update.unknown, ["noSuchKey"]);
    assert_eq!(live.load().store.max_transfer_count_on_message_in_disk, 16);
    assert_eq!(live.load().store.flush_disk_type, crate::config::FlushDiskType::Async);
    assert_eq!(before.store.max_transfer_count_on_message_in_disk, 8, "a snapshot does not change");
    assert_eq!(
        shown(&live, Audience::Broker, "flushDiskType").as_deref(),
        Some("SYNC_FLUSH"),
        "as Java shows it"
    );
}

#[test]
fn one_bad_value_refuses_the_whole_update() {
    let live = live(None);
    let properties = pairs(&[("fileReservedTime", "1"), ("maxMessageSize", "big"), ("deleteWhen", "99")]);
    let Err(UpdateError::Rejected(error)) = live.update(Audience::Broker, &properties) else {
        panic!("must be refused")
    };
    let lines: Vec<&str> = error.context().lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("maxMessageSize=big: expected a whole number"), "{error}");
    assert_eq!(live.load().store.file_reserved_time, 72);
    let combination = live.update(Audience::Broker, &pairs(&[("maxIndexNum", "200000000")]));
    assert!(matches!(combination, Err(UpdateError::Rejected(_))));
    let not_built = live.update(Audience::Broker, &pairs(&[("enableDLegerCommitLog", "true")]));
    assert!(matches!(not_built, Err(UpdateError::Rejected(_))));
}

#[test]
fn black_listed_keys_are_forbidden() {
    let live = live(None);
    for key in ["brokerConfigPath", "rocketmqHome", "configBlackList"] {
        let update = live.update(Audience::Broker, &pairs(&[("fileReservedTime", "1"), (key, "x")]));
        assert_eq!(update, Err(UpdateError::Forbidden(key.to_owned())));
    }
    for key in ["configBlackList", "configStorePath", "kvConfigPath", "rocketmqHome"] {
        let update = live.update(Audience::Namesrv, &pairs(&[(key, "x")]));
        assert_eq!(update, Err(UpdateError::Forbidden(key.to_owned())));
    }
    assert_eq!(live.load().store.file_reserved_time, 72);
}

#[test]
fn keys_of_the_black_list_property_are_forbidden() {
    let config = Config::with_properties(Profile::Server, &[("configBlackList", "fileReservedTime;x")])
        .expect("config");
    let live = LiveConfig::with_file(config, None);
    let update = live.update(Audience::Broker, &pairs(&[("fileReservedTime", "1")]));
    assert_eq!(update, Err(UpdateError::Forbidden("fileReservedTime".to_owned())));
}

#[test]
fn the_namesrv_knows_its_own_objects_only() {
    let live = live(None);
    let update =
        live.update(Audience::Namesrv, &pairs(&[("orderMessageEnable", "true"), ("brokerName", "b")]));
    let update = update.expect("update");
    assert_eq!((update.applied, update.unknown), (vec!["orderMessageEnable"], vec!["brokerName".to_owned()]));
    assert!(live.load().namesrv.order_message_enable);
    assert_eq!(shown(&live, Audience::Namesrv, "brokerName"), None);
    assert_eq!(
        shown(&live, Audience::Namesrv, "configBlackList").as_deref(),
        Some("configBlackList;configStorePath;kvConfigPath")
    );
    assert_eq!(
        shown(&live, Audience::Broker, "configBlackList").as_deref(),
        Some("configBlackList;brokerConfigPath")
    );
}

#[test]
fn persist_changes_lines_in_place_and_keeps_comments() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("broker.conf");
    std::fs::write(&path, "# mine\nfileReservedTime = 72\n\nbrokerName=a\n").expect("write");
    let live = live(Some(path.clone()));
    let properties =
        pairs(&[("fileReservedTime", "24"), ("flushDiskType", "SYNC_FLUSH"), ("noSuchKey", "1")]);
    let update = live.update(Audience::Broker, &properties).expect("update");
    live.persist(Audience::Broker, &update).expect("persist");
    let text = std::fs::read_to_string(&path).expect("read");
    assert_eq!(text, "# mine\nfileReservedTime=24\n\nbrokerName=a\nflushDiskType=SYNC_FLUSH\n");
    assert_eq!(std::fs::read_dir(dir.path()).expect("dir").count(), 1, "nothing is left beside it");
}

#[test]
fn persist_without_a_file_writes_below_the_store_root() {
    let dir = tempfile::tempdir().expect("dir");
    let root = dir.path().to_str().expect("path");
    let config = Config::with_properties(Profile::Embedded, &[("storePathRootDir", root)]).expect("config");
    let live = LiveConfig::with_file(config, None);
    let update = live.update(Audience::Broker, &pairs(&[("brokerPermission", "4")])).expect("update");
    live.persist(Audience::Broker, &update).expect("persist");
    let text = std::fs::read_to_string(dir.path().join("config/broker.properties")).expect("read");
    assert_eq!(text, "brokerPermission=4\n");
    let update = live.update(Audience::Namesrv, &pairs(&[("orderMessageEnable", "true")])).expect("update");
    live.persist(Audience::Namesrv, &update).expect("persist");
    assert!(dir.path().join("namesrv/namesrv.properties").exists());
}

#[test]
fn persist_says_what_it_could_not_write() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("file");
    std::fs::write(&path, "").expect("write");
    let live = live(Some(path.join("below-a-file")));
    let update = live.update(Audience::Broker, &pairs(&[("brokerPermission", "4")])).expect("update");
    let error = live.persist(Audience::Broker, &update).expect_err("cannot be written");
    assert!(error.context().contains("below-a-file"), "{error}");
}

#[test]
fn settled_values_are_seen_and_survive_updates() {
    let live = live(None);
    live.settle(|config| config.server.listen_port = 40_000);
    live.update(Audience::Broker, &pairs(&[("brokerPermission", "4")])).expect("update");
    assert_eq!(live.load().server.listen_port, 40_000);
    assert_eq!(live.load().broker.broker_permission, 4);
    assert_eq!(shown(&live, Audience::Broker, "listenPort").as_deref(), Some("40000"));
}

#[cfg(unix)]
#[test]
fn persist_through_a_symbolic_link_keeps_the_link() {
    let dir = tempfile::tempdir().expect("dir");
    let (file, link) = (dir.path().join("real.conf"), dir.path().join("broker.conf"));
    std::fs::write(&file, "brokerPermission=6\n").expect("write");
    std::os::unix::fs::symlink("real.conf", &link).expect("link");
    let live = live(Some(link.clone()));
    let update = live.update(Audience::Broker, &pairs(&[("brokerPermission", "4")])).expect("update");
    live.persist(Audience::Broker, &update).expect("persist");
    assert!(link.is_symlink());
    assert_eq!(std::fs::read_to_string(&file).expect("read"), "brokerPermission=4\n");
}
