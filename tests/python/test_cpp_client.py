"""The client in C++, as the package `rocketmq` of PyPI bundles it, against a broker inside of the same process.

Each test is a process of its own: the library writes a log below $HOME, and has threads that outlive its objects. Its batches
are left out: it writes ``batch=1`` into their header, where Java's broker and this one look for ``true``.
"""

import json
import os
import platform
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="the package bundles no library for this machine",
)

PRELUDE = """
import json, threading
import libbroker
from rocketmq.client import Message, Producer, PullConsumer, PushConsumer, SendStatus

def message(topic, body, tags="", keys="", properties={}):
    made = Message(topic)
    made.set_body(body)
    if tags:
        made.set_tags(tags)
    if keys:
        made.set_keys(keys)
    for key, value in properties.items():
        made.set_property(key, value)
    return made

class Collected:
    def __init__(self, count):
        self.messages, self.count, self.done = [], count, threading.Event()

    def __call__(self, message):
        self.messages.append([message.body.decode(), (message.tags or b"").decode(), message.queue_id])
        if len(self.messages) == self.count:
            self.done.set()

def started(client, broker):
    client.set_namesrv_addr(broker.namesrv_address)
    client.start()
    return client
"""


def run(script: str, home) -> object:
    """Runs the script in a Python of its own and answers what it printed, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_sync_send_and_push_consumer(tmp_path):
    script = """
        with libbroker.Broker() as broker:
            producer = started(Producer("producers"), broker)
            sent = [
                producer.send_sync(message("Orders", f"order {n}", "AB"[n % 2], f"key-{n}", {"number": str(n)}))
                for n in range(20)
            ]
            assert {result.status for result in sent} == {SendStatus.OK}
            assert len({result.msg_id for result in sent}) == 20
            only_a = Collected(10)
            consumer = PushConsumer("only-a")
            consumer.subscribe("Orders", only_a, "A")
            started(consumer, broker)
            assert only_a.done.wait(30)
            consumer.shutdown()
            producer.shutdown()
        print(json.dumps(sorted(only_a.messages, key=lambda message: int(message[0].split()[1]))))
    """
    got = run(script, tmp_path)
    assert [(body, tags) for body, tags, _ in got] == [(f"order {n}", "A") for n in range(0, 20, 2)]


def test_messages_that_come_while_the_push_consumer_waits(tmp_path):
    script = """
        with libbroker.Broker() as broker:
            producer = started(Producer("producers"), broker)
            producer.send_sync(message("Waiting", "first"))
            collected = Collected(4)
            consumer = PushConsumer("waiting")
            consumer.subscribe("Waiting", collected)
            started(consumer, broker)
            answered, failed = threading.Semaphore(0), []
            for n in range(2):
                producer.send_async(message("Waiting", f"async {n}"), lambda _: answered.release(), failed.append)
            for _ in range(2):
                assert answered.acquire(timeout=30)
            producer.send_oneway(message("Waiting", "oneway"))
            assert collected.done.wait(30)
            assert failed == []
            consumer.shutdown()
            producer.shutdown()
        print(json.dumps(sorted(body for body, _, _ in collected.messages)))
    """
    assert run(script, tmp_path) == ["async 0", "async 1", "first", "oneway"]


def test_orderly_sends_and_pull_consumer(tmp_path):
    script = """
        with libbroker.Broker() as broker:
            broker.create_topic("Ordered", queues=4)
            producer = started(Producer("producers"), broker)
            for n in range(12):
                producer.send_orderly(message("Ordered", str(n)), n % 3)
            consumer = started(PullConsumer("pullers"), broker)
            pulled = [[message.queue_id, int(message.body)] for message in consumer.pull("Ordered")]
            consumer.shutdown()
            producer.shutdown()
        print(json.dumps(pulled))
    """
    pulled = run(script, tmp_path)
    by_queue = {}
    for queue, number in pulled:
        by_queue.setdefault(queue, []).append(number)
    assert sorted(by_queue.values()) == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]


def test_a_group_shares_its_offsets_with_consumers_in_the_process(tmp_path):
    script = """
        with libbroker.Broker() as broker:
            broker.create_topic("Shared", queues=2)
            for n in range(6):
                broker.send("Shared", f"first {n}", tags="A", keys=f"key-{n}", properties={"number": str(n)})
            collected = Collected(6)
            consumer = PushConsumer("shared")
            consumer.subscribe("Shared", collected)
            started(consumer, broker)
            assert collected.done.wait(30)
            (group,) = [group for group in broker.groups() if group.name == "shared"]
            (member,) = group.members
            assert member.language == "CPP", member
            consumer.shutdown()
            broker.send("Shared", "second")
            texts = []
            for delivery in broker.consume("Shared", "shared", timeout=1):
                texts.append(delivery.text)
                delivery.ack()
            assert broker.lag("shared") == 0
        print(json.dumps([len(collected.messages), texts]))
    """
    assert run(script, tmp_path) == [6, ["second"]]
