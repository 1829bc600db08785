"""The list of tests/scenarios/scenarios.tsv, through Python. The name of each test is that of its scenario."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

import libbroker
from libbroker import Broker

SCENARIOS = Path(__file__).parents[1] / "scenarios" / "scenarios.tsv"
CYCLES = 1000
WARM_UP = 50
START_P50_MAX = 0.050
RSS_GROWTH_MAX_BYTES = 24 << 20
DISK_BYTES = 48 << 20
BALLAST_BYTES = 8 << 20


def test_the_list_and_this_file_have_the_same_names():
    listed = {line.split("\t")[0] for line in SCENARIOS.read_text(encoding="utf-8").splitlines()}
    here = {name[len("test_") :] for name in globals() if name.startswith("test_")}
    assert here - {"the_list_and_this_file_have_the_same_names"} == listed


def child(script, *arguments, **options):
    """Starts a script in a Python of its own; what it prints can be read."""
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def bodies(broker, topic):
    return {message.text for message in broker.messages(topic)}


def test_start_send_consume_stop():
    broker = libbroker.start()
    for number in range(10):
        broker.send("Orders", f"order {number}")
    seen = []
    for message in broker.consume("Orders", "billing", timeout=0.2):
        seen.append(message.text)
        message.ack()
    assert sorted(seen) == [f"order {number}" for number in range(10)]
    assert broker.lag("billing") == 0
    assert list(broker.consume("Orders", "billing", timeout=0.1)) == []
    broker.stop()
    assert not broker.store_dir.exists()


def test_restart_with_data(tmp_path):
    with Broker(tmp_path) as broker:
        broker.create_topic("Orders", queues=3)
        sent = [broker.send("Orders", f"order {number}", queue=number % 3) for number in range(9)]
        with broker.consume("Orders", "billing") as consumer:
            for _ in range(4):
                next(consumer).ack()
        offsets = broker.offsets("billing")
    with Broker(tmp_path) as broker:
        (topic,) = [topic for topic in broker.topics() if topic.name == "Orders"]
        assert (topic.queues, topic.message_count) == (3, 9)
        assert {message.msg_id for message in broker.messages("Orders")} == {result.msg_id for result in sent}
        assert broker.offsets("billing") == offsets and broker.lag("billing") == 5
        assert len(list(broker.consume("Orders", "billing", timeout=0.2))) == 5


def test_port_in_use(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for option in ("port", "namesrv_port"):
            threads = threading.active_count(), len(os.listdir("/proc/self/task"))
            with pytest.raises(libbroker.PortInUse) as caught:
                libbroker.start(tmp_path / option, **{option: port})
            assert caught.value.code == "PORT_IN_USE"
            assert str(port) in str(caught.value) and re.search(r"\b0\b", str(caught.value))
            assert (threading.active_count(), len(os.listdir("/proc/self/task"))) == threads
            with Broker(tmp_path / option) as broker:
                broker.send("T", "x")


def test_store_locked_by_another_process(tmp_path):
    script = """
        import sys, libbroker
        with libbroker.Broker(sys.argv[1]) as broker:
            print("running", flush=True)
            sys.stdin.readline()
            broker.send("T", "goes on")
            print(broker.message_count("T"), flush=True)
    """
    other = child(script, tmp_path, stdin=subprocess.PIPE)
    assert other.stdout.readline() == "running\n"
    with pytest.raises(libbroker.StoreLocked) as caught:
        libbroker.start(tmp_path)
    assert caught.value.code == "STORE_LOCKED" and str(tmp_path) in str(caught.value)
    assert other.communicate("\n", timeout=60) == ("1\n", "")
    assert other.returncode == 0
    with Broker(tmp_path) as broker:
        assert broker.message_count("T") == 1


def test_bad_option():
    for options, named in [
        ({"properties": {"noSuchKey": 1}}, ["noSuchKey"]),
        ({"properties": {"fileReservedTime": "soon"}}, ["fileReservedTime", "soon"]),
        ({"properties": {"listenPort": 70000}}, ["listenPort", "70000", "65535"]),
        ({"port": 4711, "properties": {"listenPort": 4712}}, ["listenPort", "4711", "4712"]),
        ({"namesrv": ""}, ["namesrv"]),
    ]:
        with pytest.raises(libbroker.ConfigError) as caught:
            libbroker.start(**options)
        assert caught.value.code == "CONFIG"
        assert [word for word in named if word not in str(caught.value)] == []


def test_unwritable_directory(tmp_path):
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(libbroker.IoError) as caught:
        libbroker.start(tmp_path / "file" / "store")
    assert caught.value.code == "IO" and str(tmp_path / "file" / "store") in str(caught.value)
    assert (tmp_path / "file").read_text() == "no directory"


def test_full_disk(tmp_path):
    # In a mount namespace of its own, so the disk goes with the process.
    script = f"""
        import pathlib, sys, time, libbroker
        disk = pathlib.Path(sys.argv[1])
        ballast = disk / "ballast"
        ballast.write_bytes(bytes({BALLAST_BYTES}))
        body = "x" * 32768
        acknowledged = []

        def fill(broker):
            for number in range(100_000):
                try:
                    acknowledged.append(broker.send("T", f"{{len(acknowledged)}} " + body).msg_id)
                except (libbroker.DiskFull, libbroker.Refused) as error:
                    return error
            raise SystemExit("it never got full")

        properties = {{"mappedFileSizeCommitLog": 2 << 20}}
        with libbroker.Broker(disk / "store", properties=properties) as broker:
            error = fill(broker)
            print(type(error).__name__, error.code)
            before = len(acknowledged)
            ballast.unlink()
            deadline = time.monotonic() + 20
            while True:
                try:
                    acknowledged.append(broker.send("T", f"{{len(acknowledged)}} again").msg_id)
                    break
                except (libbroker.DiskFull, libbroker.Refused):
                    assert time.monotonic() < deadline, "no send goes on"
                    time.sleep(0.02)
            stored = {{message.msg_id for message in broker.messages("T")}}
            assert stored >= set(acknowledged) and before > 10
        with libbroker.Broker(disk / "store", properties=properties) as broker:
            assert {{message.msg_id for message in broker.messages("T")}} >= set(acknowledged)
        print("all there")
    """
    mount = f'mount -t tmpfs -o size={DISK_BYTES} tmpfs "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "-rm", "sh", "-c", mount, "sh", str(tmp_path), sys.executable, textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"(DiskFull DISK_FULL|Refused REFUSED)\nall there\n", done.stdout)


def test_two_brokers_in_one_process():
    with Broker() as one, Broker() as two:
        for broker, text in ((one, "one"), (two, "two")):
            broker.create_topic("Same")
            broker.send("Same", text)
        assert (bodies(one, "Same"), bodies(two, "Same")) == ({"one"}, {"two"})
        one.stop()
        two.send("Same", "still")
        assert bodies(two, "Same") == {"two", "still"}


def usage():
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), resident_bytes()


def resident_bytes():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_thousand_start_stop_cycles():
    script = f"""
        import sys
        sys.path.insert(0, sys.argv[1])
        from test_scenarios import cycle, usage
        for _ in range({WARM_UP}):
            cycle()
        before = usage()
        starts = sorted(cycle() for _ in range({CYCLES}))
        print(*before, *usage(), starts[len(starts) // 2])
    """
    cycles = child(script, Path(__file__).parent)
    output, errors = cycles.communicate(timeout=300)
    assert (cycles.returncode, errors) == (0, "")
    files, threads, memory, files_after, threads_after, memory_after, start_p50 = map(float, output.split())
    assert (files_after, threads_after) == (files, threads)
    assert memory_after - memory < RSS_GROWTH_MAX_BYTES
    assert start_p50 < START_P50_MAX


def cycle():
    """Starts and stops; answers how many seconds the start took."""
    began = time.perf_counter()
    broker = libbroker.start()
    took = time.perf_counter() - began
    broker.stop()
    return took


def test_stop_under_load(tmp_path):
    broker = libbroker.start(tmp_path)
    acknowledged, failures, busy = [], [], threading.Barrier(5)

    def send(name):
        busy.wait()
        for number in range(10**9):
            try:
                broker.send("Load", f"{name}-{number}")
            except libbroker.Stopped:
                return
            except BaseException as error:
                failures.append(error)
                return
            acknowledged.append(f"{name}-{number}")

    senders = [threading.Thread(target=send, args=(name,)) for name in "abcd"]
    for sender in senders:
        sender.start()
    busy.wait()
    broker.wait_for("Load", 500)
    began = time.monotonic()
    broker.stop(timeout=20)
    assert time.monotonic() - began < 20
    for sender in senders:
        sender.join(20)
        assert not sender.is_alive()
    assert failures == []
    with Broker(tmp_path) as broker:
        assert bodies(broker, "Load") >= set(acknowledged) and len(acknowledged) >= 400


def test_kill_9_and_restart(tmp_path):
    script = """
        import sys, libbroker
        broker = libbroker.start(sys.argv[1])
        for number in range(10**9):
            broker.send("Killed", str(number))
            print(number, flush=True)
    """
    killed = child(script, tmp_path)
    for _ in range(300):
        killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    rest = killed.stdout.read().split("\n")
    acknowledged = 299 if len(rest) < 2 else int(rest[-2])
    assert killed.wait(20) == -signal.SIGKILL
    killed.stdout.close()
    killed.stderr.close()
    with Broker(tmp_path) as broker:
        assert bodies(broker, "Killed") >= {str(number) for number in range(acknowledged + 1)}
        broker.send("Killed", "goes on")
        assert "goes on" in bodies(broker, "Killed")
