"""Consuming as a member of a group."""

from __future__ import annotations

from types import TracebackType
from typing import Optional, Type

from . import _native
from ._errors import Forked, Stopped
from ._types import Delivery
from ._waiting import first, first_async


class Consumer:
    """The messages of a topic that a group has not acknowledged yet; what ``Broker.consume`` returns.

    Iterate with ``for`` or with ``async for``. The iteration waits for messages and ends when none came for ``timeout``
    seconds; iterating again goes on behind it. It raises ``Stopped`` when the broker stops.

    It leaves the group at ``close()``, at the end of a ``with`` block, or when nothing refers to it any more, nor to a
    message that it delivered and that was not acknowledged. Such a message comes again then, to whoever has the queue next.
    """

    def __init__(self, native: _native.Consumer, timeout: Optional[float]) -> None:
        self._native = native
        self._timeout = timeout
        self._closed = False

    def close(self) -> None:
        """Leaves the group; an iteration ends. Closing twice is harmless."""
        self._closed = True
        self._native.close()

    def _take(self) -> Optional[Delivery]:
        taken = self._native.try_next()
        return None if taken is None else Delivery(**taken.message(), _native=taken)

    def __iter__(self) -> Consumer:
        return self

    def __next__(self) -> Delivery:
        try:
            taken = first(self._take, self._native.on_change, self._timeout)
        except Stopped as error:
            if not self._closed or isinstance(error, Forked):
                raise
            taken = None
        if taken is None:
            raise StopIteration
        return taken

    def __aiter__(self) -> Consumer:
        return self

    async def __anext__(self) -> Delivery:
        try:
            taken = await first_async(self._take, self._native.on_change, self._timeout)
        except Stopped as error:
            if not self._closed or isinstance(error, Forked):
                raise
            taken = None
        if taken is None:
            raise StopAsyncIteration
        return taken

    def __enter__(self) -> Consumer:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    async def __aenter__(self) -> Consumer:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
