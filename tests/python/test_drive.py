"""Topics, groups, sends, reads and offsets through the Python package."""

import datetime

import pytest

import libbroker
from libbroker import Broker, NewMessage, SendStatus


@pytest.fixture
def broker():
    with Broker() as broker:
        yield broker


def test_a_message_comes_back_as_it_was_sent(broker):
    broker.create_topic("Orders", queues=2)
    sent = broker.send(
        "Orders", b"\x00\xffbytes", tags="paid", keys=["order-7", "eu"], properties={"Größe": "groß 🚀"}, queue=1
    )
    assert sent.status is SendStatus.SEND_OK and sent.status == "SEND_OK" and str(sent.status) == "SEND_OK"
    assert (sent.queue_id, sent.queue_offset) == (1, 0)
    (message,) = broker.messages("Orders")
    assert (message.topic, message.body, message.tags, message.keys) == (
        "Orders",
        b"\x00\xffbytes",
        "paid",
        ("order-7", "eu"),
    )
    assert message.properties["Größe"] == "groß 🚀"
    assert (message.queue_id, message.queue_offset, message.reconsume_times) == (1, 0, 0)
    assert (message.msg_id, message.offset_msg_id) == (sent.msg_id, sent.offset_msg_id)
    assert abs(message.store_timestamp_ms - broker.now_ms()) < 60_000
    assert abs(message.born_timestamp_ms - message.store_timestamp_ms) < 60_000
    assert message.born_host.startswith("127.0.0.1:")
    assert broker.message(sent.offset_msg_id) == message
    assert hash(message) == hash(broker.message(sent.offset_msg_id))
    with pytest.raises(AttributeError):
        message.body = b"frozen"


@pytest.mark.parametrize(
    "body, stored",
    [("Maß", "Maß".encode()), (b"x", b"x"), (bytearray(b"yz"), b"yz"), (memoryview(b"0123")[1:3], b"12")],
)
def test_bodies(broker, body, stored):
    broker.send("Bodies", body)
    (message,) = broker.messages("Bodies")
    assert type(message.body) is bytes and message.body == stored
    assert message.text == stored.decode()


@pytest.mark.parametrize("body", [None, 7, ["x"]])
def test_what_is_no_body_is_refused(broker, body):
    with pytest.raises(TypeError, match=type(body).__name__):
        broker.send("Bodies", body)


def test_keys_in_a_text_are_split_by_spaces(broker):
    broker.send("Keys", "x", keys="one two")
    broker.send("Keys", "y", keys="three")
    assert [message.keys for message in broker.messages("Keys", key="two")] == [("one", "two")]


def test_send_many_and_every_way_to_look(broker):
    broker.create_topic("Many", queues=1)
    sent = broker.send_many(NewMessage("Many", f"body {n}", keys=f"k{n}") for n in range(10))
    assert [result.queue_offset for result in sent] == list(range(10))
    assert broker.message_count("Many") == 10 and broker.message_count("Other") == 0

    def texts(**query):
        return [message.text for message in broker.messages("Many", **query)]

    assert texts(queue=0, start=2, end=4) == ["body 2", "body 3"]
    assert texts(start=8) == ["body 8", "body 9"]
    assert texts(limit=1) == ["body 0"]
    assert texts(key="k5") == ["body 5"]
    assert texts(key=sent[6].msg_id) == ["body 6"]
    now = datetime.datetime.now()
    assert len(texts(start=now - datetime.timedelta(hours=1), end=now + datetime.timedelta(hours=1))) == 10
    assert texts(start=now + datetime.timedelta(hours=1)) == []
    with pytest.raises(TypeError, match="start is str"):
        texts(start="yesterday")


def test_pull_reads_what_is_there_and_waits_for_what_is_not(broker):
    broker.create_topic("Pull", queues=1)
    empty = broker.pull("Pull", 0, 0)
    assert empty.messages == [] and (empty.next_offset, empty.min_offset, empty.max_offset) == (0, 0, 0)
    assert broker.pull("Pull", 0, 0, timeout=0.05).messages == []
    for n in range(5):
        broker.send("Pull", str(n))
    pulled = broker.pull("Pull", 0, 1, max_messages=2)
    assert [message.text for message in pulled.messages] == ["1", "2"]
    assert (pulled.next_offset, pulled.min_offset, pulled.max_offset) == (3, 0, 5)
    assert broker.pull("Pull", 0, 99, timeout=30).next_offset == 5
    with pytest.raises(libbroker.NotFound):
        broker.pull("Pull", 1, 0)
    with pytest.raises(libbroker.NotFound):
        broker.pull("None", 0, 0)


def test_a_delayed_message_comes_when_its_time_has_come():
    with Broker(clock="manual") as broker:
        broker.send("Later", "not yet", delay_level=3)
        assert broker.message_count("Later") == 0
        broker.advance(9)
        with pytest.raises(libbroker.Timeout, match="Later has 0 messages, not 1, after 0.05 s"):
            broker.wait_for("Later", 1, timeout=0.05)
        broker.advance(datetime.timedelta(seconds=2))
        assert broker.wait_for("Later", 1) == 1


def test_only_a_manual_clock_is_moved(broker):
    with pytest.raises(libbroker.InvalidArgument):
        broker.advance(1)
    with pytest.raises(libbroker.InvalidArgument):
        broker.advance(-1)


def test_topics_and_groups(broker):
    broker.create_topic("Shown", queues=3)
    broker.create_group("watchers")
    broker.send("Shown", "x", queue=2)
    (topic,) = [topic for topic in broker.topics() if topic.name == "Shown"]
    assert (topic.queues, topic.read_queues, topic.perm, topic.system, topic.message_count) == (3, 3, "RW-", False, 1)
    assert [(queue.queue_id, queue.min_offset, queue.max_offset) for queue in topic.offsets] == [
        (0, 0, 0),
        (1, 0, 0),
        (2, 0, 1),
    ]
    assert any(topic.system for topic in broker.topics())
    (group,) = [group for group in broker.groups() if group.name == "watchers"]
    assert (group.lag, group.consume_enable, group.members) == (0, True, [])
    assert broker.connections() == []
    broker.delete_group("watchers")
    broker.delete_topic("Shown")
    assert "Shown" not in [topic.name for topic in broker.topics()]
    with pytest.raises(libbroker.NotFound):
        broker.delete_topic("Shown")
    with pytest.raises(libbroker.NotFound):
        broker.delete_group("watchers")


def test_offsets_are_set_and_reset(broker):
    broker.create_topic("Offsets", queues=1)
    before = datetime.datetime.now()
    broker.send_many([NewMessage("Offsets", str(n)) for n in range(4)])
    for to, offset in [("first", 0), ("last", 4), (2, 2), (before - datetime.timedelta(days=1), 0)]:
        broker.reset_offset("readers", "Offsets", to)
        assert [(progress.offset, progress.lag) for progress in broker.offsets("readers")] == [(offset, 4 - offset)]
        assert broker.lag("readers") == 4 - offset
    broker.set_offset("readers", "Offsets", 0, 3)
    (progress,) = broker.offsets("readers")
    assert progress == ("Offsets", 0, 3, 0, 4, 1)
    with pytest.raises(libbroker.InvalidArgument, match="middle"):
        broker.reset_offset("readers", "Offsets", "middle")
    with pytest.raises(libbroker.NotFound):
        broker.reset_offset("readers", "None", "first")
    with pytest.raises(libbroker.NotFound):
        broker.set_offset("readers", "Offsets", 5, 0)


def test_config_counters_and_health(broker):
    assert broker.config()["listenPort"] == broker.address.rsplit(":", 1)[1] or broker.config()["listenPort"] == "0"
    assert broker.config()["brokerName"] == broker.broker_name
    broker.send("Counted", "x")
    assert all(isinstance(number, int) for number in broker.counters().values())
    assert broker.store_state()
    assert broker.health() == ("ok", None)
    broker.stop()
    assert broker.health() == ("stopped", None)
    assert Broker().health().status == "stopped"


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"topic": "no spaces", "body": "x"}, libbroker.InvalidArgument),
        ({"topic": "Big", "body": bytes(5 << 20)}, libbroker.InvalidArgument),
        ({"topic": "Queue", "body": "x", "queue": 99}, libbroker.Refused),
        ({"topic": "Property", "body": "x", "properties": {"a": "\x01"}}, libbroker.InvalidArgument),
        ({"topic": "Key", "body": "x", "keys": ["a b"]}, libbroker.InvalidArgument),
    ],
)
def test_sends_that_cannot_be(broker, arguments, error):
    with pytest.raises(error):
        broker.send(**arguments)


def test_numbers_that_cannot_be(broker):
    broker.create_topic("T")
    for call in [
        lambda: broker.create_topic("T", queues=-1),
        lambda: broker.create_topic("T", queues=0),
        lambda: broker.send("T", "x", queue=-1),
        lambda: broker.send("T", "x", delay_level=-1),
        lambda: broker.send_many([NewMessage("T", "x", delay_level=2**40)]),
        lambda: broker.pull("T", -1, 0),
        lambda: broker.pull("T", 0, 0, max_messages=-1),
        lambda: broker.messages("T", queue=-1),
        lambda: broker.messages("T", limit=-1),
        lambda: broker.set_offset("g", "T", 0, -1),
    ]:
        with pytest.raises(libbroker.InvalidArgument):
            call()
    assert broker.message_count("T") == 0


def test_every_call_says_that_the_broker_stopped(broker, tmp_path):
    broker.stop()
    for call in [
        lambda: broker.create_topic("T"),
        lambda: broker.send("T", "x"),
        lambda: broker.send_many([]),
        lambda: broker.pull("T", 0, 0, timeout=30),
        lambda: broker.consume("T", "g"),
        lambda: broker.messages("T"),
        lambda: broker.wait_for("T", 1),
        lambda: broker.topics(),
        lambda: broker.config(),
        lambda: broker.snapshot(tmp_path),
        lambda: broker.clear(),
    ]:
        with pytest.raises(libbroker.Stopped):
            call()


def test_a_nameserver_alone_has_no_messages():
    with Broker(namesrv_only=True) as namesrv:
        with pytest.raises(libbroker.NotFound):
            namesrv.send("T", "x")
        assert namesrv.health().status == "ok"
