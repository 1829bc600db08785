//! Our servers next to Java ones, and brokers with several NameServers.

use std::io::Read;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use tests::harness::ports::free_port;
use tests::harness::remoting::{RawClient, eventually};
use tests::harness::servers::BROKER;
use tests::harness::{Broker, BrokerOptions, Cluster, Driver, Flavor, NameServer, Scratch, Serialization};

const TIMEOUT: Duration = Duration::from_secs(20);
/// A NameServer that lives must know the broker this soon after a dead one was first tried. The broker gives the dead one 6 s.
const PROMPT: Duration = Duration::from_secs(3);

#[test]
fn java_broker_registers_at_our_name_server() {
    send_and_consume(Cluster::start_mixed("java-broker", Flavor::namesrv_under_test(), Flavor::Java, &[]));
}

#[test]
fn our_broker_registers_at_java_name_server() {
    send_and_consume(Cluster::start_mixed("java-namesrv", Flavor::Java, Flavor::under_test(), &[]));
}

fn send_and_consume(mut cluster: Cluster) {
    for (name, form) in [("json", Serialization::Json), ("binary", Serialization::Rocketmq)] {
        let home = cluster.scratch.dir(name);
        let namesrv = cluster.namesrv.address();
        Driver::java(form, &namesrv, &home, &["send_and_consume", "push_orderly"], &json!({})).finish();
    }
    // The route goes away with the broker.
    let mut namesrv = RawClient::connect(&cluster.namesrv.address(), TIMEOUT).unwrap();
    assert!(namesrv.cluster_info().unwrap().contains(BROKER));
    cluster.broker.stop();
    eventually("the broker is unregistered", TIMEOUT, || {
        (!namesrv.cluster_info().unwrap().contains(BROKER)).then_some(())
    });
}

#[test]
fn a_dead_name_server_does_not_delay_the_others() {
    let flavor = Flavor::under_test();
    let scratch = Scratch::new("several-namesrv");
    let first = NameServer::start(Flavor::namesrv_under_test(), &scratch.dir("first"));
    let second = NameServer::start(Flavor::namesrv_under_test(), &scratch.dir("second"));
    let silent = SilentServer::start();
    let refusing = free_port();
    let list = format!("{};127.0.0.1:{refusing};{};{}", silent.address, first.address(), second.address());
    let mut broker = Broker::new(BrokerOptions {
        flavor,
        namesrv: list,
        store: scratch.dir("store"),
        home: scratch.dir("broker"),
        properties: Vec::new(),
    });
    broker.launch();
    let tried =
        silent.connected.recv_timeout(Duration::from_secs(60)).expect("the silent NameServer is tried");
    for namesrv in [&first, &second] {
        let mut client = RawClient::connect(&namesrv.address(), TIMEOUT).unwrap();
        eventually("registration at a NameServer that lives", TIMEOUT, || {
            client.cluster_info().unwrap().contains(BROKER).then_some(())
        });
        assert!(tried.elapsed() < PROMPT, "registered {:?} after the dead one was tried", tried.elapsed());
    }

    // A topic made later is announced as quickly, even while its maker still waits for the answer.
    broker.wait_ready();
    let address = broker.address();
    thread::scope(|scope| {
        let made = Instant::now();
        scope.spawn(|| RawClient::connect(&address, TIMEOUT).unwrap().create_topic("Later", 3).unwrap());
        for namesrv in [&first, &second] {
            let mut client = RawClient::connect(&namesrv.address(), TIMEOUT).unwrap();
            let route = eventually("the route of a new topic", TIMEOUT, || client.route("Later").unwrap());
            assert_eq!(route["queueDatas"][0]["writeQueueNums"], 3, "{route}");
            assert!(made.elapsed() < announced_within(flavor), "announced after {:?}", made.elapsed());
        }
    });
    broker.stop();
}

fn announced_within(flavor: Flavor) -> Duration {
    match flavor {
        Flavor::Ours => PROMPT,
        // Java registers under a lock: a registration on its way has to give up the dead one first.
        Flavor::Java => PROMPT + Duration::from_secs(6),
    }
}

/// Accepts connections and never answers: worse than a refused connection.
struct SilentServer {
    address: String,
    /// When the first connection came.
    connected: Receiver<Instant>,
}

impl SilentServer {
    fn start() -> SilentServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("a bound address").to_string();
        let (sender, connected) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = sender.send(Instant::now());
                // Kept open and read until the other side gives up.
                thread::spawn(move || std::io::copy(&mut stream.take(u64::MAX), &mut std::io::sink()));
            }
        });
        SilentServer { address, connected }
    }
}
