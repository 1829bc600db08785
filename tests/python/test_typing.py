"""An application with types. `mypy --strict` reads this file; an ignore that ignores nothing is an error for it."""

from __future__ import annotations

import asyncio
import datetime
import logging
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import pytest

import libbroker
from libbroker import Broker, Consumer, Delivery, Message, NewMessage, SendResult, SendStatus, TopicInfo


def test_calls_have_types(tmp_path: Path) -> None:
    options: Dict[str, str] = {"brokerName": "typed"}
    with Broker(tmp_path / "store", port=0, namesrv=True, properties=options, log=logging.getLogger("x")) as broker:
        address: str = broker.address
        store: Path = broker.store_dir
        broker.create_topic("T", queues=1)
        sent: SendResult = broker.send("T", b"x", tags="a", keys=["k"], properties={"p": "v"})
        status: SendStatus = sent.status
        many: List[SendResult] = broker.send_many([NewMessage("T", "y"), NewMessage("T", memoryview(b"z"), keys="k")])
        consumer: Consumer = broker.consume("T", "g", timeout=0.1)
        delivery: Delivery = next(consumer)
        delivery.ack()
        tags: Optional[str] = delivery.tags
        keys: Tuple[str, ...] = delivery.keys
        as_message: Message = delivery
        messages: List[Message] = broker.messages("T", start=datetime.datetime(2000, 1, 1), limit=2)
        topics: List[TopicInfo] = broker.topics()
        broker.reset_offset("g", "T", "first")
        broker.reset_offset("g", "T", 0)
        broker.fail_next("SEND_MESSAGE", delay=datetime.timedelta(seconds=1))
        assert (tags, keys, as_message.body) == ("a", ("k",), b"x")
        assert address and store.is_dir() and status == "SEND_OK" and len(many) == 2
        assert len(messages) == 2 and topics


def test_awaits_have_types() -> None:
    async def main() -> int:
        async with Broker() as broker:
            result: SendResult = await broker.send_async("T", "x")
            count: int = await broker.wait_for_async("T", 1)
            async for message in broker.consume("T", "g", timeout=0.1):
                text: str = message.text
                assert text == "x" and message.msg_id == result.msg_id
            return count

    assert asyncio.run(main()) == 1


def test_wrong_types_are_seen() -> None:
    with pytest.raises(TypeError):
        libbroker.start(port="10911")  # type: ignore[arg-type]
    with Broker() as broker:
        with pytest.raises(TypeError):
            broker.send("T", 7)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            broker.send("T", "x", tag="a")  # type: ignore[call-arg]
        with pytest.raises(AttributeError):
            broker.no_such_call()  # type: ignore[attr-defined]


def test_a_class_of_ones_own_keeps_its_type() -> None:
    class Mine(Broker):
        extra = 7

    with Mine() as mine:
        assert mine.extra == 7
    again: Mine = Mine().start()
    again.stop()
