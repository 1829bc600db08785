use super::*;

fn text_of(options: &Options) -> String {
    options.resolve().expect_err("must be refused").to_string()
}

#[test]
fn default_options_give_free_ports_and_a_temporary_store() {
    let resolved = Options::new().resolve().expect("default options");
    assert_eq!(resolved.config().server.listen_port, 0);
    assert_eq!(resolved.config().namesrv.namesrv_listen_port, 0);
    assert_eq!(resolved.store_dir(), None);
    assert_eq!(resolved.namesrv_elsewhere(), None);
}

#[test]
fn options_become_properties() {
    let options = Options::new()
        .store_dir("data")
        .port(10_911)
        .namesrv(Namesrv::Embedded { port: Some(9_876) })
        .property("brokerName", "a");
    let resolved = options.resolve().expect("options");
    let config = resolved.config();
    assert_eq!(resolved.store_dir(), Some(Path::new("data")));
    assert_eq!((config.server.listen_port, config.namesrv.namesrv_listen_port), (10_911, 9_876));
    assert_eq!(config.store.ha_listen_port, 10_912);
    assert_eq!(config.broker.broker_name.as_str(), "a");
    assert_eq!(config.namesrv.kv_config_path, Path::new("data/namesrv/kvConfig.json"));
}

#[test]
fn an_embedded_namesrv_wins_over_the_address_in_the_file() {
    let mut file = tempfile::NamedTempFile::new().expect("file");
    std::io::Write::write_all(&mut file, b"namesrvAddr=10.0.0.1:9876\nlistenPort=11911\n").expect("write");
    let from_file = Options::server().file(file.path());
    assert_eq!(from_file.resolve().expect("file").namesrv_elsewhere(), Some("10.0.0.1:9876"));
    let embedded =
        from_file.namesrv(Namesrv::Embedded { port: None }).port(12_911).resolve().expect("embedded");
    assert_eq!(embedded.namesrv_elsewhere(), None);
    assert_eq!(embedded.config().server.listen_port, 12_911);
}

#[test]
fn contradictions_are_refused() {
    assert!(text_of(&Options::new().port(1_234).property("listenPort", "4321")).contains("listenPort=4321"));
    assert!(
        text_of(&Options::new().namesrv(Namesrv::At("nowhere".to_owned()))).contains("namesrvAddr=nowhere")
    );
    assert!(text_of(&Options::new().namesrv(Namesrv::At(" ".to_owned()))).contains("empty"));
    let alone = Options::new().namesrv_only().namesrv(Namesrv::At("a:1".to_owned()));
    assert!(text_of(&alone).contains("nothing to start"));
    let ports = Options::new().namesrv_only().port(1).namesrv(Namesrv::Embedded { port: Some(2) });
    assert!(text_of(&ports).contains("listenPort") || text_of(&ports).contains("both for the NameServer"));
}

#[test]
fn a_namesrv_alone_listens_on_its_port_and_keeps_its_files_apart() {
    let options =
        Options::new().namesrv_only().namesrv(Namesrv::Embedded { port: Some(9_999) }).store_dir("ns");
    let resolved = options.resolve().expect("options");
    assert_eq!(resolved.config().server.listen_port, 9_999);
    assert_eq!(resolved.config().namesrv.kv_config_path, Path::new("ns/namesrv/kvConfig.json"));
    assert_eq!(
        Options::server().namesrv_only().resolve().expect("default").config().server.listen_port,
        9_876
    );
}
