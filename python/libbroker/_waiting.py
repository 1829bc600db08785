"""Waiting for something to change in the broker.

The native half makes a file readable at a change. A thread waits for it with ``poll``, which Ctrl-C interrupts, and a
coroutine through its event loop. What is waited for is only ever taken by the waiting thread or coroutine itself, right
before it returns it: being cancelled or interrupted loses nothing.
"""

from __future__ import annotations

import asyncio
import select
import time
from typing import Callable, Optional, TypeVar

from . import _native

T = TypeVar("T")

Look = Callable[[], Optional[T]]
Subscribe = Callable[[], _native.Wake]


def first(look: Look[T], subscribe: Subscribe, timeout: Optional[float]) -> Optional[T]:
    """The first thing that ``look`` finds; None after ``timeout`` seconds."""
    found = look()
    if found is not None or timeout == 0:
        return found
    deadline = _Deadline(timeout)
    wake = subscribe()
    try:
        readable = select.poll()
        readable.register(wake.fileno(), select.POLLIN)
        while True:
            wake.arm()
            found = look()
            if found is not None or deadline.passed():
                return found
            readable.poll(deadline.left_ms())
    finally:
        wake.close()


async def first_async(look: Look[T], subscribe: Subscribe, timeout: Optional[float]) -> Optional[T]:
    """``first`` for a coroutine."""
    # Others have their turn, and a cancellation its chance, also when there is always something.
    await asyncio.sleep(0)
    found = look()
    if found is not None or timeout == 0:
        return found
    deadline = _Deadline(timeout)
    wake = subscribe()
    try:
        while True:
            wake.arm()
            found = look()
            if found is not None or deadline.passed():
                return found
            await _readable(wake.fileno(), deadline.left())
    finally:
        wake.close()


async def _readable(file: int, timeout: Optional[float]) -> None:
    """Returns when ``file`` can be read or the time is up."""
    loop = asyncio.get_running_loop()
    changed: asyncio.Future[None] = loop.create_future()

    def done() -> None:
        if not changed.done():
            changed.set_result(None)

    loop.add_reader(file, done)
    timer = None if timeout is None else loop.call_later(timeout, done)
    try:
        await changed
    finally:
        loop.remove_reader(file)
        if timer is not None:
            timer.cancel()


class _Deadline:
    def __init__(self, timeout: Optional[float]) -> None:
        self._at = None if timeout is None else time.monotonic() + timeout

    def left(self) -> Optional[float]:
        return None if self._at is None else max(0.0, self._at - time.monotonic())

    def left_ms(self) -> Optional[int]:
        left = self.left()
        # Rounded up: poll waits whole milliseconds, and must not return before the time.
        return None if left is None else min(int(left * 1000) + 1, 2**31 - 1)

    def passed(self) -> bool:
        return self.left() == 0
