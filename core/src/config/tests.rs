use super::*;
use crate::error::ErrorKind;

/// The field of a key is the key in snake case; `DLeger` is one word.
fn snake(key: &str) -> String {
    let key = key.replace("dLeger", "dleger").replace("DLeger", "Dleger").replace("DLedger", "Dledger");
    let chars: Vec<char> = key.chars().collect();
    let mut snake = String::new();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| chars[before]);
        let after = chars.get(at + 1);
        let begins_word = c.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase())
            });
        if begins_word {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

#[test]
fn field_names_are_the_keys_in_snake_case() {
    let sections = [broker::FIELDS, store::FIELDS, net::server::FIELDS, net::client::FIELDS, namesrv::FIELDS];
    let own = [("frame_max_length", "frameMaxLength"), ("lock_max_live_time", "lockMaxLiveTime")];
    for (field, key) in own {
        assert!(system::FIELDS.iter().any(|(known, full)| *known == field && full.ends_with(key)), "{key}");
    }
    for (field, key) in sections.into_iter().flatten() {
        assert_eq!(*field, snake(key), "{key}");
    }
}

#[test]
fn every_default_is_taken_in_both_profiles() {
    for profile in [Profile::Server, Profile::Embedded] {
        let config = Config::new(Program::Broker, profile, &Machine::unknown());
        for row in table::all() {
            let expected = match (profile, row.embedded_default()) {
                (Profile::Embedded, Some(text)) => Some(text.to_owned()),
                _ => row.plain_default(),
            };
            if let Some(expected) = expected.filter(|_| row.key() != "haListenPort") {
                assert_eq!(row.get(&config).as_deref(), Some(expected.as_str()), "{}", row.key());
            }
        }
    }
}

fn golden(name: &str) -> String {
    let path = format!("{}/../tests/golden/config/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Loads `text` as the `-c` file of a program.
fn load_text(program: Program, text: &str) -> Result<Loaded, String> {
    let file = tempfile::Builder::new().suffix(".conf").tempfile().expect("file");
    std::fs::write(file.path(), text).expect("write");
    let machine = Machine::unknown();
    let mut sources = Sources::new(program, Profile::Server, &machine);
    sources.file(file.path());
    let shown = file.path().display().to_string();
    sources.load().map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string().replace(&shown, "FILE")
    })
}

fn refusal(text: &str) -> String {
    load_text(Program::Broker, text).map(|loaded| loaded.config).expect_err("must be refused")
}

fn broker(text: &str) -> Loaded {
    load_text(Program::Broker, text).expect("must be taken")
}

/// What the Java classes say about a key.
struct JavaKey {
    class: String,
    key: String,
    kind: String,
    default_kind: String,
    default: String,
    is_important: bool,
}

fn java_keys() -> Vec<JavaKey> {
    let table = golden("keys.tsv");
    let rows = table.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        JavaKey {
            class: cells[0].to_owned(),
            key: cells[1].to_owned(),
            kind: cells[2].to_owned(),
            default_kind: cells[3].to_owned(),
            default: cells[4].to_owned(),
            is_important: cells[5] == "important",
        }
    });
    rows.collect()
}

#[test]
fn the_table_has_every_java_key_and_no_other() {
    let java = java_keys();
    for class in
        ["BrokerConfig", "MessageStoreConfig", "NettyServerConfig", "NettyClientConfig", "NamesrvConfig"]
    {
        let section = Section::ALL.into_iter().find(|section| section.java_class() == class).expect(class);
        let mut expected: Vec<&str> =
            java.iter().filter(|key| key.class == class).map(|key| key.key.as_str()).collect();
        if section == Section::Broker {
            expected
                .extend(java.iter().filter(|key| key.class == "extraFileKeys").map(|key| key.key.as_str()));
        }
        let rows = section.rows().iter().filter(|row| !row.is_addition());
        assert_eq!(rows.map(Row::key).collect::<Vec<_>>(), expected, "{class}");
    }
    for key in java.iter().filter(|key| key.class == "systemProperties" || key.class == "tlsProperties") {
        let is_row = Section::System.rows().iter().any(|row| row.key() == key.key);
        let is_elsewhere = ELSEWHERE.iter().any(|elsewhere| elsewhere.key == key.key);
        assert!(is_row != is_elsewhere, "{} must be in exactly one place", key.key);
    }
}

#[test]
fn defaults_types_and_importance_are_those_of_java() {
    for java in java_keys() {
        for row in table::rows_of(&java.key).filter(|row| row.section().java_class() == java.class) {
            // brokerIP1, brokerIP2: unset here. listenPort: preset by the start class, and worth a place in `-m`.
            if java.default_kind == "fixed"
                && !matches!(row.key(), "listenPort")
                && !java.default.contains('$')
            {
                assert_eq!(row.default_text(), Some(java.default.as_str()), "{}", row.key());
            }
            assert_eq!(row.is_important(), java.is_important || row.key() == "listenPort", "{}", row.key());
            let expected = match (java.kind.as_str(), row.kind()) {
                ("int", "port") => "port",
                ("String", text) => text,
                (kind, _) => kind.trim_start_matches("enum "),
            };
            assert_eq!(row.kind(), expected, "{}", row.key());
        }
    }
}

/// Texts that lie at the edges of what a row takes.
fn samples(row: &Row, config: &Config) -> Vec<String> {
    let mut samples: Vec<String> = row.get(config).into_iter().collect();
    let more: &[&str] = match row.kind() {
        "boolean" => &["true", "false"],
        "text" | "secret" => &["x y", ""],
        "path" => &["some/dir"],
        "name" => &["broker-a.example"],
        "address" => &["10.1.2.3", "::1", "example.org"],
        "servers" => &["10.0.0.1:9876;[::1]:9877"],
        "list" => &["a;b"],
        "hours" => &["00;23"],
        "delays" => &["1s 2m 3h 4d"],
        "double" => &["0.50"],
        "BrokerRole" => &["ASYNC_MASTER"],
        "FlushDiskType" => &["ASYNC_FLUSH", "SYNC_FLUSH"],
        "SerializeType" => &["ROCKETMQ"],
        "TlsMode" => &["disabled"],
        "ClientAuth" => &["none"],
        _ => &[],
    };
    if !matches!(row.status(), Status::Refused { .. }) {
        samples.extend(more.iter().map(|text| (*text).to_owned()));
    }
    if let Some((min, max)) =
        row.allowed().strip_prefix("a whole number from ").and_then(|rest| rest.split_once(" to "))
    {
        samples.extend([min.to_owned(), max.to_owned()]);
    }
    samples
}

#[test]
fn every_row_gives_back_what_it_was_given() {
    for row in table::all() {
        let config = Config::default();
        let samples = samples(row, &config);
        assert!(!samples.is_empty() || row.get(&config).is_none(), "{} has no sample", row.key());
        for text in samples {
            let mut changed = config.clone();
            row.set(&mut changed, &format!(" {text}\t"))
                .unwrap_or_else(|allowed| panic!("{}={text}: {allowed}", row.key()));
            let shown = row.get(&changed);
            assert_eq!(shown.as_deref().unwrap_or(""), text, "{}", row.key());
            let mut again = config.clone();
            row.set(&mut again, shown.as_deref().unwrap_or("")).expect("what is shown is taken");
            assert_eq!(again, changed, "{}", row.key());
        }
    }
}

#[test]
fn every_number_is_refused_outside_its_bounds() {
    for row in table::all().filter(|row| matches!(row.kind(), "int" | "long" | "port")) {
        let allowed = row.allowed();
        let (min, max) = allowed
            .trim_start_matches("a whole number from ")
            .split_once(" to ")
            .map(|(min, max)| (min.parse::<i128>().expect("min"), max.parse::<i128>().expect("max")))
            .unwrap_or_else(|| panic!("{}: {allowed}", row.key()));
        for outside in
            [(min - 1).to_string(), (max + 1).to_string(), "1.5".to_owned(), "x".to_owned(), "1 2".to_owned()]
        {
            let mut config = Config::default();
            let taken = row.set(&mut config, &outside);
            assert_eq!(taken.is_ok(), row.is_clamped(&outside), "{}={outside}", row.key());
        }
    }
}

#[test]
fn an_accepted_row_says_why_and_a_refused_one_takes_its_default() {
    for row in table::all() {
        match row.status() {
            Status::Honoured => {}
            Status::Accepted(why) => assert!(!why.is_empty() && !row.is_live(), "{}", row.key()),
            Status::Refused { allowed, why } => {
                assert!(!why.is_empty(), "{}", row.key());
                assert!(allowed.contains(&row.default_text().unwrap_or("")), "{}", row.key());
            }
        }
        assert!(row.doc().ends_with('.'), "{}: {}", row.key(), row.doc());
    }
}

#[test]
fn recorded_files_of_java_brokers_are_taken() {
    for name in ["main.conf", "ext.conf", "capture.conf"] {
        let text = golden(name);
        let loaded = broker(&text);
        assert_eq!(loaded.config.server.listen_port, 22_911, "{name}");
        assert_eq!(loaded.config.store.ha_listen_port, 22_912, "{name}");
        let document = properties::Document::parse(text.as_bytes()).expect(name);
        for entry in document.entries() {
            for row in table::rows_of(&entry.key) {
                assert_eq!(
                    row.get(&loaded.config).as_deref(),
                    Some(entry.value.as_str()),
                    "{name}: {}",
                    entry.key
                );
            }
        }
    }
}

#[test]
fn files_that_java_rewrote_are_taken() {
    let loaded = broker(&golden("broker-dump.properties"));
    let noted: Vec<&str> = loaded.notes.iter().filter_map(|note| note.split(' ').next()).collect();
    assert_eq!(
        noted,
        [
            "putMessageFutureThreadPoolNums",
            "pullMessageThreadPoolNums",
            "clientCallbackExecutorThreads",
            "bitMapLengthConsumeQueueExt",
            "osPageCacheBusyTimeOutMills",
        ],
        "sized for another machine, or without effect here"
    );
    let namesrv = load_text(Program::Namesrv, &golden("namesrv-dump.properties")).expect("namesrv");
    assert_eq!(namesrv.config.server.listen_port, 22_876);
}

#[test]
fn a_dump_has_the_keys_of_javas_dump() {
    let loaded = broker(&golden("broker-dump.properties"));
    let dump = loaded.config.dump(&Section::ALL);
    let document = properties::Document::parse(golden("broker-dump.properties").as_bytes()).expect("dump");
    for entry in document.entries() {
        let ours = dump.iter().find(|(key, _)| *key == entry.key).map(|(_, value)| value.as_str());
        assert_eq!(ours, Some(entry.value.as_str()), "{}", entry.key);
    }
    let keys: Vec<&str> = dump.iter().map(|(key, _)| *key).collect();
    let mut once = keys.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), keys.len(), "each key once");
}

#[test]
fn later_entries_and_given_properties_win() {
    let machine = Machine::unknown();
    let mut sources = Sources::new(Program::Broker, Profile::Server, &machine);
    let file = tempfile::NamedTempFile::new().expect("file");
    std::fs::write(file.path(), "fileReservedTime=1\nfileReservedTime=2\nmaxMessageSize=3\n").expect("write");
    sources.file(file.path());
    sources.give(Origin::Property, "maxMessageSize", "4");
    sources.give(Origin::Property, "maxMessageSize", "5");
    let config = sources.load().expect("sources").config;
    assert_eq!((config.store.file_reserved_time, config.store.max_message_size), (2, 5));
}

#[test]
fn one_file_feeds_every_object() {
    let config = broker("writeBufferHighWaterMark=7\nrocketmqHome=/r\n").config;
    assert_eq!(config.server.write_buffer_high_water_mark, 7);
    assert_eq!(config.client.write_buffer_high_water_mark, 7);
    assert_eq!(config.broker.rocketmq_home, config.namesrv.rocketmq_home);
    assert_eq!(config.home_dir(), Path::new("/r"));
}

#[test]
fn everything_wrong_is_told_at_once_with_key_value_and_what_is_allowed() {
    let text = refusal(
        "# c\nbrokerNmae=a\nfileReservedTime=ten\n\nbrokerRole=MASTER\nautoCreateTopicEnable=yes\nflushDiskType=sync_flush\n",
    );
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "FILE:2: brokerNmae=a: unknown key; did you mean brokerName?",
            "FILE:3: fileReservedTime=ten: expected a whole number from 0 to 2147483647",
            "FILE:5: brokerRole=MASTER: only ASYNC_MASTER is possible: replication is not part of this version",
            "FILE:6: autoCreateTopicEnable=yes: expected true or false",
            "FILE:7: flushDiskType=sync_flush: expected one of ASYNC_FLUSH, SYNC_FLUSH",
        ]
    );
    assert!(refusal("zzzzzzzzzz=1").contains("unknown key; `-p` prints every key"));
    assert!(refusal("user.home=/x").contains("use the environment variable HOME"));
    assert!(refusal("a=\\u12").starts_with("FILE:1: expected four hexadecimal digits"));
}

#[test]
fn bad_addresses_are_refused() {
    for (key, value) in [
        ("brokerIP1", "10.0.0.256"),
        ("brokerIP1", "0.0.0.0"),
        ("brokerIP1", "10.0.0.1:10911"),
        ("brokerIP2", "::"),
        ("bindAddress", "no such host"),
        ("bindAddress", "-a.example"),
        ("namesrvAddr", "10.0.0.1"),
        ("namesrvAddr", "10.0.0.1:0"),
        ("namesrvAddr", "10.0.0.1:9876,10.0.0.2:9876"),
        ("namesrvAddr", "10.0.0.1:9876;;10.0.0.2:9876"),
        ("namesrvAddr", ";"),
        ("namesrvAddr", ":9876"),
        ("listenPort", "2"),
    ] {
        let text = refusal(&format!("{key}={value}"));
        assert!(text.starts_with(&format!("FILE:1: {key}={value}: expected ")), "{text}");
    }
}

#[test]
fn the_listening_address_follows_bind_address_then_broker_ip1() {
    let hosts = |text: &str| {
        let config = broker(text).config;
        (config.listen_host().to_string(), config.announced_host().map(|host| host.to_string()))
    };
    assert_eq!(hosts(""), ("127.0.0.1".to_owned(), None));
    assert_eq!(hosts("brokerIP1=10.0.0.1"), ("10.0.0.1".to_owned(), Some("10.0.0.1".to_owned())));
    assert_eq!(hosts("bindAddress=0.0.0.0"), ("0.0.0.0".to_owned(), None));
    assert_eq!(hosts("bindAddress=10.0.0.2"), ("10.0.0.2".to_owned(), Some("10.0.0.2".to_owned())));
    let both = hosts("bindAddress=0.0.0.0\nbrokerIP1=example.org");
    assert_eq!(both, ("0.0.0.0".to_owned(), Some("example.org".to_owned())));
    let config = broker("brokerIP1=[::1]").config;
    assert_eq!(config.listen_host().with_port(10_911), "[::1]:10911");
}

#[test]
fn a_server_list_keeps_its_text_and_gives_its_entries() {
    let config = broker("namesrvAddr = ns1.example:9876;[::1]:9877; \n").config;
    let list = config.broker.namesrv_addr.expect("list");
    assert_eq!(list.as_str(), "ns1.example:9876;[::1]:9877;");
    let entries: Vec<String> = list.endpoints().iter().map(Endpoint::to_string).collect();
    assert_eq!(entries, ["ns1.example:9876", "[::1]:9877"]);
}

#[test]
fn roles_force_the_broker_id() {
    assert!(refusal("brokerRole=SLAVE").contains("brokerId=0: expected a number above 0"));
    assert!(!refusal("brokerRole=SLAVE\nbrokerId=1").contains("above 0"));
    let loaded = broker("brokerId=3");
    assert_eq!(loaded.config.broker.broker_id, 0);
    assert_eq!(loaded.notes, ["brokerId=3: 0 is used, because brokerRole=ASYNC_MASTER is a master"]);
}

#[test]
fn what_is_not_built_is_refused_and_what_is_harmless_is_noted() {
    for text in
        ["enableDLegerCommitLog=true", "messageStorePlugIn=a.B", "clusterTest=true", "storePathCommitLog=a,b"]
    {
        assert!(refusal(text).starts_with("FILE:1: "), "{text}");
    }
    let loaded =
        broker("filterServerNums=2\nhaListenPort=1\nhighSpeedMode=false\ndiskMaxUsedSpaceRatio=99\n");
    assert_eq!(
        loaded.notes,
        [
            "diskMaxUsedSpaceRatio=99: 95 is used",
            "filterServerNums has no effect: filter servers were removed before 4.9.8",
            "haListenPort has no effect: it is always listenPort+1, as in Java",
        ]
    );
    assert_eq!(loaded.config.store.disk_max_used_space_ratio, 95);
    assert_eq!(loaded.config.store.ha_listen_port, 10_912);
}

#[test]
fn key_material_is_never_shown() {
    let loaded = broker("tls.server.keyPassword=geheim");
    let password = loaded.config.system.tls_server_key_password.as_ref().expect("password");
    assert_eq!(password.reveal(), "geheim");
    let shown = [
        format!("{loaded:?}{:?}", loaded.config),
        lines(&loaded.config.items(&Section::ALL)),
        lines(&loaded.config.important(&Section::ALL)),
        loaded.notes.join("\n"),
        refusal("tls.server.keyPasswort=geheim\nsecretKeey=geheim"),
        format!("{:?}", crate::embed::Options::new().property("tls.server.keyPassword", "geheim")),
    ];
    for (at, text) in shown.iter().enumerate() {
        assert!(!text.contains("geheim"), "{at}");
    }
}

#[test]
fn ports_of_broker_and_its_namesrv_must_differ() {
    assert!(refusal("namesrvListenPort=10911").contains("namesrvListenPort=10911: expected a port"));
    assert!(refusal("namesrvListenPort=10909").contains("listenPort-2"));
    broker("namesrvListenPort=10911\nnamesrvAddr=10.0.0.1:9876");
    broker("namesrvListenPort=0\nlistenPort=0");
}

#[test]
fn the_environment_gives_defaults_and_is_checked() {
    let mut machine = Machine::unknown();
    machine.namesrv_addr = Some("10.0.0.9:9876".to_owned());
    machine.rocketmq_home = Some("/r".to_owned());
    let sources = Sources::new(Program::Broker, Profile::Server, &machine);
    let config = sources.load().expect("environment").config;
    assert_eq!(config.broker.namesrv_addr.map(|list| list.to_string()), Some("10.0.0.9:9876".to_owned()));
    assert_eq!(config.broker.rocketmq_home.as_deref(), Some(Path::new("/r")));
    machine.namesrv_addr = Some("nowhere".to_owned());
    let mut sources = Sources::new(Program::Broker, Profile::Server, &machine);
    let text = sources.load().expect_err("environment").to_string();
    assert!(text.starts_with("environment: namesrvAddr=nowhere: expected"), "{text}");
    sources.give(Origin::Property, "namesrvAddr", "");
    assert_eq!(sources.load().expect("unset").config.broker.namesrv_addr, None);
}

#[test]
fn the_index_must_fit_a_java_file() {
    assert!(refusal("maxIndexNum=200000000").contains("not 4020000040"));
}

#[test]
fn values_have_their_meaning() {
    let config = broker("deleteWhen=04;16\nmessageDelayLevel=1s 1d\nconfigBlackList=a; b\n").config;
    assert!(config.store.delete_when.contains(16) && !config.store.delete_when.contains(5));
    assert_eq!(config.store.message_delay_level.as_str(), "1s 1d");
    assert!(config.broker.config_black_list.contains("b") && !config.broker.config_black_list.contains(""));
    assert_eq!(config.store.commit_log_dir(), Path::new("./store/commitlog"));
    for bad in [
        "deleteWhen=24",
        "deleteWhen=",
        "messageDelayLevel=1x",
        "messageDelayLevel=",
        "messageDelayLevel=s",
        "messageDelayLevel=1s  2s",
    ] {
        assert!(refusal(bad).contains("expected"), "{bad}");
    }
}

#[test]
fn delays_that_are_taken_have_a_meaning() {
    for text in
        ["1s", "1s 5m 2h 1d", "0s", "4294967295d", "+1s", "1s  2s", "1", "s", "-1s", "1x", "1s\t2s", ""]
    {
        let taken = Config::with_properties(Profile::Server, &[("messageDelayLevel", text)]);
        let meaning = crate::format::record::tags::DelayLevels::parse(text);
        assert_eq!(taken.is_ok(), meaning.is_ok(), "{text:?}");
    }
}

/// Every source file of the crate outside `config/`, tests left out.
fn sources_outside_config(dir: &Path, text: &mut String) {
    for entry in std::fs::read_dir(dir).expect("source folder") {
        let path = entry.expect("entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "config" && name != "tests" {
            sources_outside_config(&path, text);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            text.push_str(&std::fs::read_to_string(&path).expect("source file"));
        }
    }
}

/// A key that is called honoured and that nothing reads would silently give something else.
#[test]
fn every_honoured_key_is_read_somewhere() {
    let mut text = String::new();
    sources_outside_config(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
    let fields = [
        broker::FIELDS,
        store::FIELDS,
        net::server::FIELDS,
        net::client::FIELDS,
        namesrv::FIELDS,
        system::FIELDS,
    ];
    let unread: Vec<&str> = fields
        .into_iter()
        .flatten()
        .filter(|(field, _)| !text.contains(&format!(".{field}")))
        .map(|(_, key)| *key)
        .filter(|key| table::rows_of(key).any(|row| row.status() == Status::Honoured))
        // Read in config itself: the listening address, the shared home, the files of updates.
        .filter(|key| {
            !matches!(
                *key,
                "bindAddress" | "brokerIP1" | "rocketmqHome" | "configBlackList" | "configStorePath"
            )
        })
        .collect();
    assert_eq!(unread, [""; 0]);
}

#[test]
fn config_page_is_current() {
    let path = format!("{}/../docs/CONFIG.md", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, page()).expect("write the page");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page(),
        "docs/CONFIG.md differs; run BLESS=1 cargo test -p libbroker --lib config::"
    );
}
