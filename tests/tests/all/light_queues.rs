//! Messages in several queues at once (`enableMultiDispatch`) and light queues (`enableLmq`), through frames as the MQTT proxy of
//! the reference sends them.

use std::time::Duration;

use tests::harness::Cluster;
use tests::harness::remoting::{RawClient, eventually};

const TIMEOUT: Duration = Duration::from_secs(20);
const ON: [(&str, &str); 2] = [("enableLmq", "true"), ("enableMultiDispatch", "true")];
const TWO: &str = "INNER_MULTI_DISPATCH\u{1}%LMQ%one,%LMQ%two";

fn bodies(client: &mut RawClient, topic: &str) -> Vec<String> {
    let messages = client.pull_queue(topic, 0).unwrap();
    messages.into_iter().map(|message| String::from_utf8(message.body).unwrap()).collect()
}

#[test]
fn one_message_is_read_from_every_queue_it_names_and_so_after_a_kill() {
    let mut cluster = Cluster::start_with("light-queues", &ON);
    let mut client = RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap();
    client.create_topic("Fanned", 1).unwrap();
    let mut expected = Vec::new();
    for number in 0..40 {
        let body = format!("body {number}");
        let sent = client.send("Fanned", 0, TWO, body.as_bytes()).unwrap();
        assert_eq!(sent.queue_offset, number);
        expected.push(body);
    }
    client.send("Fanned", 0, "INNER_MULTI_DISPATCH\u{1}%LMQ%two", b"for two").unwrap();
    eventually("the last message", TIMEOUT, || {
        (client.max_offset("%LMQ%two", 0).unwrap() == 41).then_some(())
    });
    client.commit("%LMQ%reader", "%LMQ%one", 0, 7).unwrap();
    client.commit("reader", "%LMQ%one", 0, 9).unwrap();

    // The commits reach the disk with a stop; what was sent survives a kill, too.
    cluster.broker.stop();
    cluster.broker.start_again();
    let mut client = RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap();
    client.send("Fanned", 0, TWO, b"after the stop").unwrap();
    cluster.broker.kill9();
    cluster.broker.start_again();
    let mut client = RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap();
    client.send("Fanned", 0, TWO, b"after the kill").unwrap();
    eventually("the last message", TIMEOUT, || {
        (client.max_offset("%LMQ%two", 0).unwrap() == 43).then_some(())
    });
    expected.extend(["after the stop".to_owned(), "after the kill".to_owned()]);
    assert_eq!(bodies(&mut client, "%LMQ%one"), expected);
    expected.insert(40, "for two".to_owned());
    assert_eq!(bodies(&mut client, "%LMQ%two"), expected);
    assert_eq!(bodies(&mut client, "Fanned"), expected);
    assert_eq!(client.committed("%LMQ%reader", "%LMQ%one", 0).unwrap(), Some(7));
    assert_eq!(client.committed("reader", "%LMQ%one", 0).unwrap(), Some(9));
    cluster.broker.stop();
}
