"""The broker in an asyncio program: the loop is never blocked, and cancelling leaves nothing behind."""

import asyncio
import time

import pytest

import libbroker
from libbroker import Broker


def test_starts_and_stops():
    async def main():
        broker = Broker()
        assert await broker.start_async() is broker
        assert broker.running and broker.address
        await broker.stop_async()
        await broker.stop_async()
        assert not broker.running
        assert not broker.store_dir.exists()

    asyncio.run(main())


def test_async_with_stops_also_on_an_exception():
    async def main():
        with pytest.raises(ZeroDivisionError):
            async with Broker() as broker:
                assert broker.running
                1 / 0
        assert not broker.running
        async with await Broker().start_async() as broker:
            assert broker.running

    asyncio.run(main())


def test_errors_come_out_of_the_await():
    async def main():
        async with Broker() as taken:
            port = int(taken.address.rsplit(":", 1)[1])
            with pytest.raises(libbroker.PortInUse):
                await Broker(port=port).start_async()
        with pytest.raises(libbroker.InvalidArgument):
            async with Broker() as broker:
                await broker.stop_async(-1)

    asyncio.run(main())


def test_brokers_start_side_by_side_while_the_loop_goes_on():
    async def main():
        ticks = []

        async def tick():
            while True:
                ticks.append(time.monotonic())
                await asyncio.sleep(0)

        ticker = asyncio.create_task(tick())
        began = time.monotonic()
        brokers = await asyncio.gather(*(Broker().start_async() for _ in range(3)))
        await asyncio.gather(*(broker.stop_async() for broker in brokers))
        ended = time.monotonic()
        ticker.cancel()
        gaps = [later - earlier for earlier, later in zip(ticks, ticks[1:])]
        assert max(gaps) < max(0.05, (ended - began) / 2)

    asyncio.run(main())


def test_a_cancelled_start_leaves_nothing_running():
    async def main():
        broker = Broker()
        starting = asyncio.create_task(broker.start_async())
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert not broker.running

    asyncio.run(main())
