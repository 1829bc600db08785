"""Fixtures for pytest; there as soon as pytest and libbroker are installed.

``rocketmq_broker``
    A broker with its NameServer, started once for all tests of the run.
``rocketmq_topic``
    The name of a topic of that broker that only this test has. It is deleted after the test.
``rocketmq_group``
    The name of a consumer group that only this test has. It is deleted after the test.
``rocketmq_broker_options``
    What the broker is started with; define a fixture of this name with ``scope="session"`` to say otherwise, e.g. in
    ``conftest.py``::

        @pytest.fixture(scope="session")
        def rocketmq_broker_options():
            return {"clock": "manual", "log": True}

The option ``rocketmq_properties`` of ``pytest.ini`` or ``pyproject.toml`` lists Java properties, such as
``flushDiskType=SYNC_FLUSH``.
"""

from __future__ import annotations

import itertools
import re
from typing import Any, Dict, Iterator

import pytest

from . import Broker, NotFound

_INI = "rocketmq_properties"
_NAME_LENGTH_MAX = 80
_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Makes the option known."""
    parser.addini(_INI, "Java properties of the fixture rocketmq_broker, as name=value", type="linelist")


@pytest.fixture(scope="session")
def rocketmq_broker_options(pytestconfig: pytest.Config) -> Dict[str, Any]:
    """The arguments of ``Broker`` for the fixture ``rocketmq_broker``."""
    return {"properties": dict(_property(line) for line in pytestconfig.getini(_INI))}


@pytest.fixture(scope="session")
def rocketmq_broker(rocketmq_broker_options: Dict[str, Any]) -> Iterator[Broker]:
    """A running broker, the same for all tests of the run."""
    with Broker(**rocketmq_broker_options) as broker:
        yield broker


@pytest.fixture
def rocketmq_topic(rocketmq_broker: Broker, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a new topic with 8 queues."""
    name = _name(request)
    rocketmq_broker.create_topic(name)
    yield name
    try:
        rocketmq_broker.delete_topic(name)
    except NotFound:
        pass  # The test has done so, or cleared the broker.


@pytest.fixture
def rocketmq_group(rocketmq_broker: Broker, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a new consumer group."""
    name = _name(request)
    rocketmq_broker.create_group(name)
    yield name
    try:
        rocketmq_broker.delete_group(name)
    except NotFound:
        pass


def _name(request: pytest.FixtureRequest) -> str:
    """Of the test's name what a topic's may have, and a number that no other has."""
    test = re.sub(r"[^a-zA-Z0-9_-]+", "-", request.node.name).strip("-")
    return f"{test[:_NAME_LENGTH_MAX]}-{next(_numbers)}"


def _property(line: str) -> "tuple[str, str]":
    name, equals, value = line.partition("=")
    if not equals:
        raise pytest.UsageError(f"{_INI}: {line!r} is not name=value")
    return name.strip(), value.strip()
