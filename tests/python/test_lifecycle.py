"""Starts and stops brokers through the Python package: once, twice, two at a time, wrongly, and not at all."""

import gc
import inspect
import socket
import threading
import time
import warnings

import pytest

import libbroker
from libbroker import Broker


def accepts(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def test_starts_and_stops():
    broker = Broker()
    assert not broker.running
    assert broker.start() is broker
    assert broker.running
    assert accepts(broker.address)
    assert accepts(broker.namesrv_address)
    assert broker.store_dir.is_dir()
    broker.stop()
    assert not broker.running
    assert not accepts(broker.address)
    assert not broker.store_dir.exists()


def test_stopping_twice_is_harmless():
    broker = libbroker.start()
    broker.stop()
    broker.stop()
    Broker().stop()


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf")])
def test_a_timeout_that_is_none_stops_nothing(timeout):
    with Broker() as broker:
        with pytest.raises(libbroker.InvalidArgument):
            broker.stop(timeout)
        assert accepts(broker.address)


def test_with_block_stops_also_on_an_exception():
    with pytest.raises(ZeroDivisionError):
        with Broker() as broker:
            assert accepts(broker.address)
            1 / 0
    assert not broker.running
    with libbroker.start() as broker:
        assert broker.running
    assert not broker.running


def test_starts_again_after_a_stop():
    broker = Broker()
    for _ in range(2):
        with broker:
            assert accepts(broker.address)


def test_starting_twice_is_refused():
    with Broker() as broker:
        with pytest.raises(libbroker.InvalidArgument):
            broker.start()
        assert accepts(broker.address)


def test_threads_that_start_and_stop_the_same_broker_get_in_nobodys_way():
    broker = Broker()
    refused = []

    def work():
        for _ in range(10):
            try:
                broker.start()
            except libbroker.InvalidArgument as error:
                refused.append(error)
            broker.stop()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not broker.running
    with broker:
        assert accepts(broker.address)


def test_two_brokers_live_side_by_side():
    with Broker() as one, Broker() as two:
        assert one.address != two.address
        assert one.namesrv_address != two.namesrv_address
        assert one.store_dir != two.store_dir
        one.stop()
        assert accepts(two.address)


def test_keeps_a_store_that_was_named(tmp_path):
    for _ in range(2):
        with Broker(store_dir=tmp_path / "store", properties={"brokerName": "named"}) as broker:
            assert broker.store_dir == tmp_path / "store"
    assert (tmp_path / "store").is_dir()


def test_a_taken_port_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(libbroker.PortInUse, match=str(port)) as caught:
            libbroker.start(port=port)
    assert caught.value.code == "PORT_IN_USE"
    assert isinstance(caught.value, libbroker.Error)


@pytest.mark.parametrize(
    "options, error",
    [
        ({"properties": {"noSuchKey": 1}}, libbroker.ConfigError),
        ({"profile": "huge"}, libbroker.InvalidArgument),
        ({"port": 65536}, libbroker.InvalidArgument),
        ({"namesrv_port": -1}, libbroker.InvalidArgument),
        ({"namesrv": "127.0.0.1:9876", "namesrv_port": 9876}, libbroker.InvalidArgument),
        ({"port": "10911"}, TypeError),
        ({"store_dir": 7}, TypeError),
        ({"namesrv": False}, libbroker.InvalidArgument),
    ],
)
def test_wrong_options_are_refused(options, error):
    with pytest.raises(error):
        libbroker.start(**options)


def test_unknown_options_are_refused():
    with pytest.raises(TypeError, match="no_such_option"):
        Broker(no_such_option=1)


def test_a_nameserver_alone_has_no_broker_address():
    with Broker(namesrv_only=True) as namesrv:
        assert accepts(namesrv.namesrv_address)
        with pytest.raises(libbroker.NotFound):
            namesrv.address
        with Broker(namesrv=namesrv.namesrv_address) as broker:
            assert accepts(broker.address)
            with pytest.raises(libbroker.NotFound):
                broker.namesrv_address


def test_addresses_need_a_start():
    with pytest.raises(libbroker.Stopped):
        Broker().address


def test_every_kind_of_error_has_a_class():
    from libbroker import _errors, _native

    assert sorted(_errors.BY_CODE) == sorted(_native.error_codes())
    for code, kind in _errors.BY_CODE.items():
        assert kind.code == code
        assert getattr(libbroker, kind.__name__) is kind
        assert str(kind("text")) == "text"


def test_other_threads_run_while_it_starts_and_stops():
    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    broker = Broker()
    try:
        for call in (broker.start, broker.stop):
            began = time.monotonic()
            call()
            ended = time.monotonic()
            inside = [moment for moment in ticks if began < moment < ended]
            assert inside or ended - began < 0.02
    finally:
        done.set()
        ticker.join()


def test_a_forgotten_broker_is_stopped_with_a_warning():
    broker = libbroker.start()
    address = broker.address
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del broker
        gc.collect()
    assert [str(warning.category.__name__) for warning in caught] == ["ResourceWarning"]
    assert "was not stopped" in str(caught[0].message)
    assert not accepts(address)


def test_version():
    assert libbroker.__version__.count(".") == 2
    assert Broker().version == libbroker.__version__


def test_warnings_as_errors_do_not_keep_a_forgotten_broker(recwarn):
    broker = libbroker.start()
    address = broker.address
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.unraisablehook", lambda unraisable: None)
            del broker
            gc.collect()
    assert not accepts(address)


def test_the_arguments_of_start_are_those_of_the_class():
    options = dict(inspect.signature(Broker).parameters)
    assert options == dict(inspect.signature(libbroker.start).parameters)


def test_the_first_argument_is_the_store_directory(tmp_path):
    with libbroker.start(tmp_path / "store") as broker:
        assert broker.store_dir == tmp_path / "store"
