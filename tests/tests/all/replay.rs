//! What Java clients once said to Java servers, said to ours: every answer is Java's, or it is listed with a reason.

use std::collections::BTreeMap;

use tests::harness::replay::compare::{Differences, differences, told};
use tests::harness::replay::{Kind, Listed, Recording, play};
use tests::harness::{Broker, BrokerOptions, Flavor, NameServer, Scratch};

/// Fewer answers than this that agree, and the list explains away too much.
const AGREEING_MIN: usize = 250;

/// What the recorded broker was configured with. Ports and directories are the test's own; answers are compared without them.
const CONFIGURATION: [(&str, &str); 24] = [
    ("brokerClusterName", "GoldenCluster"),
    ("brokerName", "golden-a"),
    ("brokerId", "0"),
    ("brokerIP1", "127.0.0.1"),
    ("brokerIP2", "127.0.0.1"),
    ("autoCreateTopicEnable", "true"),
    ("defaultTopicQueueNums", "4"),
    ("brokerRole", "ASYNC_MASTER"),
    ("flushDiskType", "ASYNC_FLUSH"),
    ("mappedFileSizeCommitLog", "1048576"),
    ("mappedFileSizeConsumeQueue", "6000"),
    ("maxHashSlotNum", "100"),
    ("maxIndexNum", "400"),
    ("maxMessageSize", "262144"),
    ("enablePropertyFilter", "true"),
    ("transactionTimeOut", "1000"),
    ("transactionCheckInterval", "2000"),
    ("registerNameServerPeriod", "10000"),
    ("waitTimeMillsInSendQueue", "8000"),
    ("osPageCacheBusyTimeOutMills", "8000"),
    ("deleteWhen", "03"),
    ("fileReservedTime", "72"),
    // The first level was 1 s. What was recorded in this second has to happen before the message arrives, also on a slow machine.
    ("messageDelayLevel", "3s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h"),
    // Not the harness's own value: the recorded broker had the default.
    ("diskMaxUsedSpaceRatio", "75"),
];

/// The Java servers under test are 4.9.7. The recorded ones were 4.9.8, which added the key `configBlackList`.
const NEW_IN_4_9_8: [&str; 4] = [
    "bk_get_config/26/1",
    "bk_update_config_black/25/1",
    "ns_get_config/319/1",
    "ns_update_config_forbidden/318/1",
];

#[test]
fn recorded_traffic_with_json_headers() {
    replay("json");
}

#[test]
fn recorded_traffic_with_binary_headers() {
    replay("rocketmq");
}

fn replay(name: &str) {
    let recording = Recording::load(name);
    let scratch = Scratch::new(&format!("replay-{name}"));
    let namesrv = NameServer::start(Flavor::namesrv_under_test(), &scratch.dir("namesrv"));
    let mut broker = broker(&namesrv, &scratch);
    let played = play(&recording, &namesrv.address(), &broker.address());
    broker.stop();

    let exchanges = played.exchanges.iter().map(|exchange| {
        let request = exchange.request;
        let recorded = request.answer.as_ref().map(|answer| &answer.frame);
        let found = differences(request.frame.code, recorded, exchange.given.as_ref());
        (request.key.as_str(), found)
    });
    let answers: BTreeMap<&str, Differences> =
        exchanges.filter(|(key, _)| !recording.unstable.contains(*key)).collect();
    eprintln!(
        "replay {name}: the broker's own requests by code {:?}, recorded {:?}",
        played.server_requests, recording.server_requests
    );
    judge(name, answers);
}

fn broker(namesrv: &NameServer, scratch: &Scratch) -> Broker {
    let store = scratch.dir("store");
    let home = scratch.dir("broker");
    let mut options = BrokerOptions {
        flavor: Flavor::under_test(),
        namesrv: namesrv.address(),
        store: store.clone(),
        home: home.clone(),
        properties: Vec::new(),
    };
    for (key, value) in CONFIGURATION {
        options = options.with(key, value);
    }
    let options = options.with("storePathCommitLog", store.join("commitlog").display());
    Broker::start(options.with("rocketmqHome", home.display()))
}

fn judge(name: &str, mut answers: BTreeMap<&str, Differences>) {
    let mut list = Listed::load(name);
    if Flavor::under_test() == Flavor::Java {
        list.retain(|_, listed| listed.kind == Kind::Race);
        answers.retain(|key, _| !NEW_IN_4_9_8.contains(key));
    }
    let mut objections: Vec<String> = list
        .keys()
        .filter(|key| !answers.contains_key(key.as_str()))
        .map(|key| format!("{key}: listed, but there is no such request"))
        .collect();
    let mut as_listed = 0;
    for (key, found) in &answers {
        match list.get(*key).map(|listed| listed.objection(found)) {
            None if found.is_empty() => {}
            None => objections.push(format!("{key}: differs and is not listed:{}", told(found))),
            Some(None) => as_listed += usize::from(!found.is_empty()),
            Some(Some(objection)) => objections.push(format!("{objection}: {key}")),
        }
    }
    let agreeing = answers.values().filter(|found| found.is_empty()).count();
    let all = answers.len();
    eprintln!("replay {name}: {agreeing} of {all} answers agree, {as_listed} differ as listed");
    assert!(agreeing >= AGREEING_MIN, "replay {name}: only {agreeing} of {all} answers agree");
    assert!(
        objections.is_empty(),
        "replay {name}: tests/golden/wire/replay-differences.tsv is not true:\n{}",
        objections.join("\n")
    );
}
