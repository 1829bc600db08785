"""Runs scenarios with the C++ client inside the package rocketmq 0.4.4.

driver.py <namesrv> <name,name,...> <json arguments>. Prints one JSON line per scenario; ends with 1 when one failed. The
protocol is described in tests/src/harness/driver.rs.
"""

import json
import os
import sys
import threading
import time
import traceback

from rocketmq.client import Message, Producer, PushConsumer, SendStatus

# Longer than anything takes that works, also on a busy machine. The client rebalances every 10 s.
LONG_S = 90


class Inbox:
    """What a consumer received, copied: a message lives only as long as its callback."""

    def __init__(self):
        self.messages = []
        self.changed = threading.Condition()

    def add(self, message):
        copy = {
            "topic": message.topic,
            "tag": (message.tags or b"").decode(),
            "keys": (message.keys or b"").decode(),
            "body": message.body.decode(),
            "properties": Properties(message),
        }
        with self.changed:
            self.messages.append(copy)
            self.changed.notify_all()

    def await_all(self, field, wanted):
        """Waits until exactly the wanted values of a field have come, each at least once."""
        wanted = set(wanted)
        with self.changed:
            done = self.changed.wait_for(lambda: wanted <= self.values(field), LONG_S)
            missing = sorted(wanted - self.values(field))
            assert done, f"{len(missing)} of {len(wanted)} messages are missing after {LONG_S} s: {missing[:10]}"
            extra = sorted(self.values(field) - wanted)
            assert not extra, f"received but not sent: {extra[:10]}"

    def values(self, field):
        return {message[field] for message in self.messages}


class Properties(dict):
    """The user properties of a message, read while it lives."""

    NAMES = set()

    def __init__(self, message):
        for name in self.NAMES:
            value = message.get_property(name)
            if value:
                self[name] = value.decode()


class Run:
    """One scenario: its clients are closed at its end."""

    def __init__(self, namesrv, arguments):
        self.namesrv = namesrv
        self.arguments = arguments
        self.topic = arguments.get("topic")
        self.open = []

    def producer(self, group):
        producer = Producer(group, timeout=10_000, max_message_size=4 << 20)
        producer.set_namesrv_addr(self.namesrv)
        producer.start()
        self.open.append(producer)
        return producer

    def consumer(self, group, expression="*", orderly=False):
        consumer = PushConsumer(group, orderly=orderly)
        consumer.set_namesrv_addr(self.namesrv)
        consumer.set_instance_name(group)
        inbox = Inbox()
        consumer.subscribe(self.topic, inbox.add, expression)
        consumer.start()
        self.open.append(consumer)
        return inbox

    def close(self):
        while self.open:
            self.open.pop().shutdown()


def send_kinds(run):
    """Every way to send that works with this package; consumed with and without a tag, and in order.

    Not send_batch: it does not mark its frame as a batch, so that the Java broker, too, stores all of it as one message.
    """
    everything = run.consumer("cpp-all")
    tagged = run.consumer("cpp-tagged", "even || none")
    ordered = run.consumer("cpp-ordered", "ordered", orderly=True)
    producer = run.producer("cpp-sender")
    sent, even = set(), set()

    def message(kind, number, tag=None):
        text = f"{kind} {number}"
        made = Message(run.topic)
        made.set_keys(text)
        made.set_body(text)
        made.set_tags(tag or ("even" if number % 2 == 0 else "odd"))
        sent.add(text)
        if number % 2 == 0 and tag is None:
            even.add(text)
        return made

    ids = set()
    for number in range(20):
        result = producer.send_sync(message("sync", number))
        assert result.status == SendStatus.OK, result
        ids.add(result.msg_id)
    assert len(ids) == 20, "message ids repeat"
    for number in range(20):
        producer.send_oneway(message("oneway", number))
    sequence = []
    for number in range(20):
        result = producer.send_orderly(message("ordered", number, "ordered"), 7)
        assert result.status == SendStatus.OK, result
        sequence.append(f"ordered {number}")

    everything.await_all("body", sent)
    tagged.await_all("body", even)
    ordered.await_all("body", sequence)
    bodies = [each["body"] for each in ordered.messages]
    assert list(dict.fromkeys(bodies)) == sequence, f"order of first deliveries: {bodies}"
    return {"sent": len(sent)}


def entries(run):
    with open(run.arguments["messages"], encoding="utf-8") as file:
        return json.load(file)


def text(entry):
    return entry["body"] * entry.get("repeat", 1)


def exchange_send(run):
    producer = run.producer("cpp-exchange")
    for entry in entries(run):
        message = Message(run.topic)
        message.set_keys("cpp-" + entry["name"])
        if "tag" in entry:
            message.set_tags(entry["tag"])
        message.set_body(text(entry))
        message.set_property("from", "cpp")
        for name, value in entry["properties"].items():
            message.set_property(name, value)
        result = producer.send_sync(message)
        assert result.status == SendStatus.OK, result


def exchange_receive(run):
    expected = {f"{source}-{entry['name']}": entry for source in run.arguments["from"] for entry in entries(run)}
    Properties.NAMES = {"from"}.union(*(entry["properties"] for entry in expected.values()))
    inbox = run.consumer("cpp-receivers")
    inbox.await_all("keys", expected)
    for message in inbox.messages:
        key, properties = message["keys"], message["properties"]
        entry = expected[key]
        assert key.startswith(properties.get("from", "?") + "-"), f"property from of {key}: {properties}"
        assert message["body"] == text(entry), f"body of {key}: {len(message['body'])} characters"
        assert message["tag"] == entry.get("tag", ""), f"tag of {key}: {message['tag']}"
        for name, value in entry["properties"].items():
            assert properties.get(name) == value, f"property {name} of {key}: {properties}"
    return {"received": len(inbox.messages)}


SCENARIOS = {scenario.__name__: scenario for scenario in (send_kinds, exchange_send, exchange_receive)}


def perform(namesrv, name, arguments):
    begin = time.monotonic()
    record = {"scenario": name, "result": "passed"}
    run = Run(namesrv, arguments)
    try:
        record["output"] = SCENARIOS[name](run)
        run.close()
    except Exception:  # noqa: BLE001 - whatever it is, it is the result
        record["result"] = "failed"
        record["reason"] = traceback.format_exc()
    record["ms"] = round((time.monotonic() - begin) * 1000)
    print(json.dumps(record), flush=True)
    return record["result"] == "passed"


def main():
    namesrv, names, arguments = sys.argv[1:]
    passed = [perform(namesrv, name, json.loads(arguments)) for name in names.split(",")]
    # Destructors of the C++ library at interpreter exit are not what is tested here.
    sys.stdout.flush()
    os._exit(0 if all(passed) else 1)


main()
