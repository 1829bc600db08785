"""Consuming in groups: with ``for`` and ``async for``, with Ctrl-C, cancellation and stops in between."""

import asyncio
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import libbroker
from libbroker import Broker, NewMessage


@pytest.fixture
def broker():
    with Broker() as broker:
        broker.create_topic("T", queues=2)
        yield broker


def fill(broker, count):
    broker.send_many([NewMessage("T", str(n)) for n in range(count)])


def test_what_is_acknowledged_does_not_come_again(broker):
    fill(broker, 6)
    with broker.consume("T", "g", timeout=0.2) as consumer:
        taken = [message for message in consumer]
        assert sorted(message.text for message in taken) == [str(n) for n in range(6)]
        for message in taken:
            message.ack()
        assert [message.text for message in consumer] == []
    assert broker.lag("g") == 0
    assert list(broker.consume("T", "g", timeout=0.1)) == []


def test_a_list_of_messages_can_be_acknowledged_after_the_iteration(broker):
    fill(broker, 4)
    for message in list(broker.consume("T", "g", timeout=0.1)):
        message.ack()
    assert broker.lag("g") == 0


def test_what_is_not_acknowledged_comes_again_after_the_close(broker):
    fill(broker, 4)
    consumer = broker.consume("T", "g", timeout=0.1)
    first = next(consumer)
    first.ack()
    next(consumer)
    consumer.close()
    consumer.close()
    assert list(consumer) == []
    again = [message.text for message in broker.consume("T", "g", timeout=0.1)]
    assert len(again) == 3 and first.text not in again


def test_a_retry_comes_again_with_a_count():
    with Broker(clock="manual") as broker:
        sent = broker.send("T", "again")
        consumer = broker.consume("T", "g", timeout=5)
        next(consumer).retry(delay_level=3)
        broker.advance(11)
        again = next(consumer)
        assert (again.topic, again.text, again.reconsume_times, again.msg_id) == ("T", "again", 1, sent.msg_id)
        again.retry(-1)
        assert broker.wait_for("%DLQ%g", 1) == 1


def test_tags_choose(broker):
    for tag in "abc":
        broker.send("T", tag, tags=tag)
    assert sorted(message.text for message in broker.consume("T", "g", "a || c", timeout=0.1)) == ["a", "c"]


def test_members_share_the_queues(broker):
    with broker.consume("T", "g", timeout=0.2) as one, broker.consume("T", "g", timeout=0.2) as two:
        (group,) = [group for group in broker.groups() if group.name == "g"]
        assert len(group.members) == 2
        fill(broker, 20)
        by_one, by_two = list(one), list(two)
        assert {message.queue_id for message in by_one}.isdisjoint({message.queue_id for message in by_two})
        assert len(by_one) + len(by_two) == 20
    (group,) = [group for group in broker.groups() if group.name == "g"]
    assert group.members == []


def test_the_iteration_waits_for_messages_and_lets_other_threads_run(broker):
    threading.Timer(0.2, lambda: broker.send("T", "late")).start()
    began = time.monotonic()
    message = next(broker.consume("T", "g"))
    assert message.text == "late" and time.monotonic() - began < 10


def test_a_stop_ends_the_waiting(broker):
    threading.Timer(0.2, broker.stop).start()
    with pytest.raises(libbroker.Stopped):
        next(broker.consume("T", "g"))
    for call in (lambda: broker.pull("T", 0, 0, timeout=60), lambda: broker.wait_for("T", 1, timeout=60)):
        with Broker() as other:
            broker = other
            broker.create_topic("T")
            threading.Timer(0.1, broker.stop).start()
            with pytest.raises(libbroker.Stopped):
                call()


def test_closing_from_another_thread_ends_the_waiting(broker):
    consumer = broker.consume("T", "g")
    threading.Timer(0.2, consumer.close).start()
    assert list(consumer) == []


def test_many_threads_send_and_consume(broker):
    done = []

    def consume():
        for message in broker.consume("T", "g", timeout=1):
            message.ack()
            done.append(message.text)

    consumers = [threading.Thread(target=consume) for _ in range(2)]
    senders = [
        threading.Thread(target=lambda name=name: [broker.send("T", f"{name}-{n}") for n in range(200)])
        for name in "abc"
    ]
    for thread in consumers + senders:
        thread.start()
    for thread in consumers + senders:
        thread.join()
    assert len(done) >= 600 and len(set(done)) == 600
    assert broker.lag("g") == 0


@pytest.mark.parametrize(
    "waiting",
    ["next(broker.consume('T', 'g'))", "broker.pull('T', 0, 0, timeout=60)", "broker.wait_for('T', 9, timeout=60)"],
)
def test_ctrl_c_interrupts_the_waiting(waiting):
    script = f"""
        import libbroker, signal
        # Whoever started the tests in the background has Ctrl-C ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with libbroker.Broker() as broker:
            broker.create_topic("T")
            try:
                print("waiting", flush=True)
                {waiting}
            except KeyboardInterrupt:
                broker.send("T", "goes on")
                print("interrupted", flush=True)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "waiting\n"
    # Whether it waits already or is about to: it is interrupted in either case.
    child.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert child.communicate(timeout=20)[0] == "interrupted\n"
    assert child.returncode == 0 and time.monotonic() - began < 10


def test_async_for():
    async def main():
        async with Broker() as broker:
            broker.create_topic("T", queues=1)

            async def produce():
                for n in range(20):
                    await broker.send_async("T", str(n))
                    await asyncio.sleep(0.001)

            producing = asyncio.create_task(produce())
            seen = []
            async with broker.consume("T", "g") as consumer:
                async for message in consumer:
                    message.ack()
                    seen.append(message.text)
                    if len(seen) == 20:
                        break
            await producing
            assert seen == [str(n) for n in range(20)]
            assert broker.lag("g") == 0
            assert [message async for message in broker.consume("T", "g", timeout=0.1)] == []

    asyncio.run(main())


def test_several_tasks_may_share_a_consumer():
    async def main():
        async with Broker() as broker:
            broker.create_topic("T", queues=1)
            consumer = broker.consume("T", "g")
            waiting = [asyncio.create_task(consumer.__anext__()) for _ in range(3)]
            await asyncio.sleep(0.05)
            fill(broker, 3)
            messages = await asyncio.wait_for(asyncio.gather(*waiting), 20)
            assert sorted(message.text for message in messages) == ["0", "1", "2"]

    asyncio.run(main())


def test_cancelling_loses_no_message():
    async def main():
        async with Broker() as broker:
            broker.create_topic("T", queues=1)
            consumer = broker.consume("T", "g")
            seen = []
            for n in range(200):
                waiting = asyncio.create_task(consumer.__anext__())
                await asyncio.sleep(0)
                await asyncio.to_thread(broker.send, "T", str(n))
                if n % 3:
                    await asyncio.sleep(0)
                waiting.cancel()
                try:
                    seen.append((await waiting).text)
                except asyncio.CancelledError:
                    pass
            consumer._timeout = 0.2
            seen.extend([message.text async for message in consumer])
            assert seen == [str(n) for n in range(200)]

    asyncio.run(main())


def test_a_stop_ends_the_tasks_that_wait():
    async def main():
        broker = await Broker().start_async()
        broker.create_topic("T")
        tasks = [
            asyncio.create_task(broker.consume("T", "g").__anext__()),
            asyncio.create_task(broker.pull_async("T", 0, 0, timeout=60)),
            asyncio.create_task(broker.wait_for_async("T", 1, timeout=60)),
        ]
        await asyncio.sleep(0.05)
        await broker.stop_async()
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
        assert [type(result) for result in results] == [libbroker.Stopped] * 3

    asyncio.run(main())


def test_waiting_tasks_are_woken_by_messages():
    async def main():
        async with Broker() as broker:
            broker.create_topic("T", queues=1)
            pulling = asyncio.create_task(broker.pull_async("T", 0, 0, timeout=60))
            counting = asyncio.create_task(broker.wait_for_async("T", 2))
            await asyncio.sleep(0.05)
            broker.send("T", "1")
            assert [message.text for message in (await pulling).messages] == ["1"]
            assert not counting.done()
            broker.send("T", "2")
            assert await counting == 2
            with pytest.raises(libbroker.Timeout):
                await broker.wait_for_async("T", 3, timeout=0.05)

    asyncio.run(main())


def test_a_busy_consumer_lets_other_tasks_run():
    async def main():
        async with Broker() as broker:
            broker.create_topic("T", queues=1)
            fill(broker, 500)
            turns = 0

            async def other():
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            task = asyncio.create_task(other())
            async for message in broker.consume("T", "g"):
                if message.text == "499":
                    break
            task.cancel()
            assert turns > 100

    asyncio.run(main())
