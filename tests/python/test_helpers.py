"""What tests of applications are given: faults, snapshots, a clean slate."""

import datetime
import json
import socket
import struct
import time

import pytest

import libbroker
from libbroker import Broker

SUCCESS = 0
HEART_BEAT = 34
GET_BROKER_CONFIG = 26
SEND_MESSAGE = 10


class Client:
    """A connection that asks for one thing after the other."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=20)

    def ask(self, code, body=b"", **fields):
        """The answer's code and remark; None when there is none."""
        header = {"code": code, "language": "PYTHON", "version": 401, "opaque": 1, "flag": 0, "extFields": fields}
        text = json.dumps(header).encode()
        self.socket.sendall(struct.pack(">II", 4 + len(text) + len(body), len(text)) + text + body)
        answer = self.socket.makefile("rb")
        length = answer.read(4)
        if not length:
            return None
        rest = answer.read(struct.unpack(">I", length)[0])
        answered = json.loads(rest[4 : 4 + (struct.unpack(">I", rest[:4])[0] & 0xFFFFFF)])
        return answered["code"], answered.get("remark")

    def send(self, topic):
        fields = dict(producerGroup="p", topic=topic, defaultTopic="TBW102", defaultTopicQueueNums="4", queueId="0")
        fields.update(sysFlag="0", bornTimestamp="0", flag="0", properties="", reconsumeTimes="0", unitMode="false")
        return self.ask(SEND_MESSAGE, b"body", **fields)[0]


@pytest.fixture
def broker():
    with Broker() as broker:
        broker.create_topic("T", queues=1)
        broker.create_topic("Other", queues=1)
        yield broker


def test_an_error_as_often_as_asked_for(broker):
    client = Client(broker.address)
    broker.fail_next("SEND_MESSAGE", times=2, error=14, remark="too busy")
    assert client.ask(HEART_BEAT, b'{"clientID":"c","producerDataSet":[],"consumerDataSet":[]}')[0] == SUCCESS
    assert [client.send("T") for _ in range(3)] == [14, 14, SUCCESS]
    assert broker.wait_for("T", 1) == 1


def test_a_fault_of_one_topic_leaves_the_others_alone(broker):
    client = Client(broker.address)
    broker.fail_next(SEND_MESSAGE, topic="Other")
    assert client.send("T") == SUCCESS
    assert client.send("Other") == 1
    assert client.send("Other") == SUCCESS


def test_delay_drop_and_disconnect(broker):
    client = Client(broker.address)
    broker.fail_next(delay=0.3)
    began = time.monotonic()
    assert client.ask(GET_BROKER_CONFIG)[0] == SUCCESS
    assert time.monotonic() - began >= 0.3
    broker.fail_next(delay=datetime.timedelta(milliseconds=1))
    assert client.ask(GET_BROKER_CONFIG)[0] == SUCCESS
    broker.fail_next("GET_BROKER_CONFIG", disconnect=True)
    assert client.ask(GET_BROKER_CONFIG) is None
    client = Client(broker.address)
    client.socket.settimeout(0.3)
    broker.fail_next(drop=True)
    with pytest.raises((TimeoutError, socket.timeout)):
        client.ask(GET_BROKER_CONFIG)
    assert Client(broker.address).ask(GET_BROKER_CONFIG)[0] == SUCCESS


def test_faults_are_forgotten(broker):
    broker.fail_next(times=5)
    broker.clear_faults()
    assert Client(broker.address).ask(GET_BROKER_CONFIG)[0] == SUCCESS


@pytest.mark.parametrize(
    "arguments",
    [
        {"code": "NO_SUCH_CODE"},
        {"times": 0},
        {"times": -1},
        {"drop": True, "disconnect": True},
        {"error": 1, "delay": 1},
        {"delay": -1},
        {"delay": float("nan")},
    ],
)
def test_faults_that_make_no_sense(broker, arguments):
    with pytest.raises(libbroker.InvalidArgument):
        broker.fail_next(**arguments)
    assert Client(broker.address).ask(GET_BROKER_CONFIG)[0] == SUCCESS


def test_calls_in_the_process_do_not_fail(broker):
    broker.fail_next(times=10)
    broker.send("T", "x")
    assert broker.message_count("T") == 1


def test_a_snapshot_is_a_store_of_its_own(broker, tmp_path):
    broker.send("T", "in it", keys="k")
    broker.set_offset("g", "T", 0, 1)
    broker.snapshot(tmp_path / "snapshot")
    broker.send("T", "after it")
    for _ in range(2):
        with Broker(snapshot=tmp_path / "snapshot") as copy:
            assert [message.text for message in copy.messages("T")] == ["in it"]
            assert copy.lag("g") == 0
            copy.send("T", "into the copy")
            assert copy.store_dir != tmp_path / "snapshot"
    with libbroker.start(tmp_path / "store", snapshot=tmp_path / "snapshot") as copy:
        assert copy.message_count("T") == 1
    with pytest.raises(libbroker.Error):
        libbroker.start(tmp_path / "store", snapshot=tmp_path / "snapshot")
    with pytest.raises(libbroker.InvalidArgument, match="not empty"):
        broker.snapshot(tmp_path / "snapshot")
    with pytest.raises(libbroker.Error):
        libbroker.start(snapshot=tmp_path / "no-such-snapshot")


def test_clear_leaves_nothing_of_a_test(broker):
    client = Client(broker.address)
    broker.send("T", "x")
    broker.send("Later", "x", delay_level=1)
    for message in broker.consume("T", "g", timeout=0.1):
        message.ack()
    broker.fail_next(times=5)
    broker.clear()
    assert {topic.name for topic in broker.topics() if not topic.system} <= {"TBW102"}
    assert [group.name for group in broker.groups() if group.name == "g"] == []
    assert client.ask(GET_BROKER_CONFIG)[0] == SUCCESS
    broker.create_topic("T", queues=1)
    assert broker.send("T", "anew").queue_offset == 0
    assert [message.text for message in broker.consume("T", "g", timeout=0.1)] == ["anew"]


def test_connected_clients_are_shown(broker):
    client = Client(broker.address)
    heartbeat = {"clientID": "me@1", "producerDataSet": [{"groupName": "makers"}], "consumerDataSet": []}
    assert client.ask(HEART_BEAT, json.dumps(heartbeat).encode())[0] == SUCCESS
    (connection,) = broker.connections()
    assert (connection.client_id, connection.producer_groups, connection.consumer_groups) == ("me@1", ["makers"], [])
    host, port = client.socket.getsockname()
    assert connection.address == f"{host}:{port}"
