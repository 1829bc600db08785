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
    let empty = text_of(&Options::new().namesrv(Namesrv::At(" ".to_owned())));
    assert!(empty.contains("empty; name one as host:port, or leave the option out"), "{empty}");
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

mod log {
    use std::io::Write;
    use std::net::TcpStream;
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::sync::{Arc, OnceLock, Weak};
    use std::time::Duration;

    use super::*;
    use crate::embed::{Embedded, Health, Level, LogRecord, LogSink, start};

    const WAIT: Duration = Duration::from_secs(10);

    /// A broker whose sink asks the handle how it is, and the lines it logs.
    fn logging(level: Level) -> (Arc<Embedded>, Receiver<String>) {
        let (sender, lines) = sync_channel(1024);
        let handle: Arc<OnceLock<Weak<Embedded>>> = Arc::default();
        let known = handle.clone();
        let write = move |record: &LogRecord<'_>| {
            if let Some(broker) = known.get().and_then(Weak::upgrade) {
                assert!(broker.address().is_some());
                let _ = broker.health();
                assert!(broker.stop(WAIT).unwrap_err().context().contains("log function"));
            }
            let _ = sender.try_send(format!("{} {}", record.level.name(), record.message));
        };
        let started = start(Options::new().log(LogSink::new(level, Arc::new(write)))).expect("start");
        let started = Arc::new(started);
        handle.set(Arc::downgrade(&started)).expect("once");
        (started, lines)
    }

    fn wait_for(lines: &Receiver<String>, text: &str) {
        while !lines.recv_timeout(WAIT).expect(text).contains(text) {}
    }

    /// Says something that is not the protocol; the I/O thread that reads it says so.
    fn say_nonsense(broker: &Embedded) {
        let mut stream = TcpStream::connect(broker.address().expect("address")).expect("connect");
        stream.write_all(&[0xff; 16]).expect("write");
    }

    #[test]
    fn each_broker_logs_to_its_own_sink_from_all_its_threads() {
        let silent = start(Options::new()).expect("start");
        let (first, of_first) = logging(Level::Info);
        let (second, of_second) = logging(Level::Warn);
        wait_for(&of_first, "INFO started");
        for broker in [&silent, &second, &first] {
            say_nonsense(broker);
        }
        wait_for(&of_first, "INFO connection ended");
        silent.stop(WAIT).expect("stop");
        second.stop(WAIT).expect("stop");
        assert_eq!(of_second.try_iter().find(|line| line.starts_with("INFO")), None);
        assert_eq!(second.health(), Health::Stopped);
        say_nonsense(&first);
        wait_for(&of_first, "INFO connection ended");
        first.stop(WAIT).expect("stop");
        let rest: Vec<String> = of_first.iter().collect();
        assert_eq!(
            rest.last().map(String::as_str),
            Some("INFO stopped"),
            "the sink, and its sender, is released"
        );
    }

    #[test]
    fn notes_are_logged_and_a_failed_start_releases_the_sink() {
        let (sender, lines) = sync_channel(64);
        let write = move |record: &LogRecord<'_>| {
            let _ = sender.try_send(record.message.to_owned());
        };
        let sink = LogSink::new(Level::Info, Arc::new(write));
        let noted =
            Options::new().property("brokerRole", "ASYNC_MASTER").property("brokerId", "3").log(sink.clone());
        start(noted).expect("start").stop(WAIT).expect("stop");
        let all: Vec<String> = lines.try_iter().collect();
        assert!(all.iter().any(|line| line.contains("brokerId=3: 0 is used")), "{all:?}");
        start(Options::new().property("listenPort", "none").log(sink)).expect_err("must be refused");
        assert_eq!(lines.iter().count(), 0);
    }
}
