"""The broker's log in Python's ``logging``."""

import logging
import os
import subprocess
import sys
import threading
import time

import pytest

import libbroker
from libbroker import Broker


class Collected(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)

    def texts(self):
        return [record.getMessage() for record in self.records]


@pytest.fixture
def logger(request):
    logger = logging.getLogger(request.node.name)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    handler = Collected()
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


def log_threads():
    return [thread.name for thread in threading.enumerate() if thread.name == "libbroker-log"]


def test_records_come_with_level_name_and_time(logger):
    began = time.time()
    with Broker(log=logger) as broker:
        assert log_threads() == ["libbroker-log"]
        store = str(broker.store_dir)
    (handler,) = logger.handlers
    started = [record for record in handler.records if store in record.getMessage()]
    assert started and started[0].levelno == logging.INFO and started[0].name == logger.name
    assert {record.name for record in handler.records} >= {logger.name, f"{logger.name}.namesrv"}
    assert all(began - 1 <= record.created <= time.time() + 1 for record in handler.records)
    # The stop hands over everything: this is the last thing that is said.
    assert "stopped" in handler.texts()[-1]
    assert log_threads() == []


def test_true_is_the_logger_libbroker(caplog):
    caplog.set_level(logging.INFO, "libbroker")
    with Broker(log=True):
        pass
    assert "libbroker" in {record.name.split(".")[0] for record in caplog.records}


def test_the_level_of_the_logger_counts(logger):
    logger.setLevel(logging.WARNING)
    with Broker(log=logger):
        pass
    assert logger.handlers[0].records == []
    logging.getLogger(f"{logger.name}.namesrv").setLevel(logging.ERROR)
    logger.setLevel(logging.INFO)
    with Broker(log=logger):
        pass
    names = {record.name for record in logger.handlers[0].records}
    assert logger.name in names and f"{logger.name}.namesrv" not in names


def test_two_brokers_keep_their_logs_apart(logger):
    other = logger.getChild("other")
    other.propagate = False
    other.addHandler(Collected())
    with Broker(log=logger) as one, Broker(log=other) as two:
        stores = str(one.store_dir), str(two.store_dir)
    for handler, mine, not_mine in [(logger.handlers[0], *stores), (other.handlers[0], *reversed(stores))]:
        text = "\n".join(handler.texts())
        assert mine in text and not_mine not in text


@pytest.mark.parametrize("log", [None, False])
def test_without_it_there_is_no_thread(log):
    with Broker(log=log):
        assert log_threads() == []


def test_what_is_no_logger_is_refused():
    with pytest.raises(libbroker.InvalidArgument, match="'DEBUG'"):
        libbroker.start(log="DEBUG")


def test_a_start_that_fails_leaves_no_thread(logger):
    with pytest.raises(libbroker.ConfigError):
        libbroker.start(log=logger, properties={"noSuchKey": 1})
    assert log_threads() == []


def test_a_handler_may_use_the_broker_and_even_stop_it(logger):
    class Stops(logging.Handler):
        def emit(self, record):
            if "topic=" in record.getMessage() and not done.is_set():
                broker.send("FromTheHandler", "x")
                broker.stop()
                done.set()

    done = threading.Event()
    logger.addHandler(Stops())
    broker = libbroker.start(log=logger)
    broker.send("T", "x")
    assert done.wait(30)
    assert not broker.running


def test_a_slow_handler_does_not_hold_the_broker_up(logger):
    class Slow(logging.Handler):
        def emit(self, record):
            entered.set()
            released.wait(30)

    entered, released = threading.Event(), threading.Event()
    logger.addHandler(Slow())
    broker = libbroker.start(log=logger)
    assert entered.wait(30)
    for n in range(50):
        broker.send(f"T{n}", "creates the topic")
    released.set()
    broker.stop()
    assert len([text for text in logger.handlers[0].texts() if "topic created" in text]) >= 50


def test_a_log_that_nobody_reads_is_bounded_and_says_so(logger):
    from libbroker import _native

    class Stuck(logging.Handler):
        def emit(self, record):
            released.wait(60)

    released = threading.Event()
    logger.addHandler(Stuck())
    broker = libbroker.start(log=logger)
    assert isinstance(broker._log_thread.queue, _native.LogQueue)
    for _ in range(1100):
        broker.create_topic("T")
        broker.delete_topic("T")
    released.set()
    broker.stop()
    texts = logger.handlers[0].texts()
    assert any("records were dropped" in text for text in texts) and len(texts) < 1_100


@pytest.mark.parametrize("end", ["", "broker.stop()", "raise SystemExit(0)"])
def test_the_process_ends_with_everything_said(end):
    script = f"""
import logging, libbroker, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
broker = libbroker.start(log=True)
{end}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "stopped" in done.stdout.splitlines()[-1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_no_log_thread():
    script = """
import os, logging, libbroker
logging.basicConfig(level=logging.INFO, filename=os.devnull)
broker = libbroker.start(log=True)
child = os.fork()
if child == 0:
    raise SystemExit(0)
assert os.waitpid(child, 0)[1] == 0
broker.stop()
"""
    done = subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
