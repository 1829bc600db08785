"""Start, stop, and what a broker knows about itself."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, Mapping, Optional, Type, TypeVar, Union

from . import _native, _process
from ._errors import InvalidArgument, Stopped
from ._logging import Log, LogThread, log_thread
from ._types import Health

STOP_TIMEOUT = 30.0
_STOP_TIMEOUT_MAX = 86_400.0

PropertyValue = Union[str, int, bool]
_Self = TypeVar("_Self", bound="Lifecycle")


class Lifecycle:
    """See ``Broker``."""

    def __init__(
        self,
        store_dir: Union[str, os.PathLike[str], None] = None,
        *,
        port: Optional[int] = None,
        namesrv: Union[bool, str] = True,
        namesrv_port: Optional[int] = None,
        namesrv_only: bool = False,
        profile: str = "embedded",
        clock: str = "system",
        properties: Optional[Mapping[str, PropertyValue]] = None,
        snapshot: Union[str, os.PathLike[str], None] = None,
        log: Log = None,
    ) -> None:
        # Re-entrant: a signal handler may stop what is being started.
        self._changing = threading.RLock()
        self._handle: Optional[_native.Handle] = None
        self._running = False
        self._log = log
        self._log_thread: Optional[LogThread] = None
        self._options: Dict[str, Any] = {
            "store_dir": store_dir,
            "port": port,
            "namesrv": _namesrv(namesrv),
            "namesrv_port": namesrv_port,
            "namesrv_only": namesrv_only,
            "profile": profile,
            "clock": clock,
            "snapshot": snapshot,
            "properties": [(key, _text(value)) for key, value in (properties or {}).items()],
        }

    def start(self: _Self) -> _Self:
        """Starts it and returns it, when it can be used: the ports are open, the store is recovered."""
        log = log_thread(self._log)
        try:
            with self._changing:
                if self._running:
                    raise InvalidArgument("the broker is started already")
                self._handle = _native.start({**self._options, "log": None if log is None else log.queue})
                self._running, self._log_thread = True, log
                _process.started(self)
        except BaseException:
            # Not under the lock: a handler of the log may wait for it.
            if log is not None and self._log_thread is not log:
                log.close()
            raise
        return self

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Stops it and returns when nothing of it runs. Stopping twice is harmless.

        No more requests are taken, those under way have ``timeout`` seconds to be answered, the store is synced, threads
        are joined. An exception says that the store could not be closed cleanly; it has stopped all the same.
        """
        with self._changing:
            if not self._running:
                return
            if not 0 <= timeout <= _STOP_TIMEOUT_MAX:
                raise InvalidArgument(f"timeout is {timeout}, not within 0 to {_STOP_TIMEOUT_MAX} seconds")
            self._running = False
            handle, log, self._log_thread = self._live, self._log_thread, None
            _process.stopped(self)
        try:
            handle.stop(timeout)
        finally:
            if log is not None:
                log.close()

    async def start_async(self: _Self) -> _Self:
        """``start`` for asyncio: the event loop goes on meanwhile. When it is cancelled, nothing is left running."""
        starting = asyncio.ensure_future(asyncio.to_thread(self.start))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait([starting])
            if starting.exception() is None:
                await self.stop_async()
            raise

    async def stop_async(self, timeout: float = STOP_TIMEOUT) -> None:
        """``stop`` for asyncio. It also ends, in its own time, when it is cancelled."""
        await asyncio.shield(asyncio.to_thread(self.stop, timeout))

    def health(self) -> Health:
        """Whether everything works. Before the start and after the stop it is ``"stopped"``."""
        if self._handle is None:
            return Health("stopped", None)
        return Health(*self._handle.health())

    @property
    def running(self) -> bool:
        """True from the start to the stop."""
        return self._running

    @property
    def version(self) -> str:
        """The version of this library."""
        return _native.__version__

    @property
    def address(self) -> str:
        """``"host:port"`` of the broker. Raises ``NotFound`` when a NameServer alone was started."""
        return self._live.address

    @property
    def namesrv_address(self) -> str:
        """``"host:port"`` of the NameServer started here; what RocketMQ clients are configured with.

        Raises ``NotFound`` when ``namesrv`` said that it is elsewhere.
        """
        return self._live.namesrv_address

    @property
    def store_dir(self) -> Path:
        """The directory of the store."""
        return self._live.store_dir

    @property
    def broker_name(self) -> str:
        """The broker's name among others (``brokerName``)."""
        return self._live.broker_name

    @property
    def _live(self) -> _native.Handle:
        if self._handle is None:
            raise Stopped("the broker was not started: call start() first, or use it in a with block")
        return self._handle

    def _forget(self) -> None:
        """In a forked child: whatever is asked of the handle from now on raises ``Forked``."""
        self._changing = threading.RLock()
        self._running = False
        self._log_thread = None

    def __enter__(self: _Self) -> _Self:
        return self if self._running else self.start()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()

    async def __aenter__(self: _Self) -> _Self:
        return self if self._running else await self.start_async()

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.stop_async()

    def __repr__(self) -> str:
        state = f"on {self.store_dir}" if self._running else "stopped"
        return f"<libbroker.Broker {state}>"

    def __del__(self) -> None:
        # An __init__ that raised leaves no attributes.
        if getattr(self, "_running", False):
            try:
                _process.warn(self)
            finally:
                self.stop()


def _namesrv(choice: Union[bool, str]) -> Optional[str]:
    if choice is False:
        raise InvalidArgument(
            "namesrv is False: a broker without a NameServer cannot be found by clients;"
            ' use True for one in this process, or "host:port;…" for one elsewhere'
        )
    if choice is None or choice is True:
        return None
    return choice


def _text(value: PropertyValue) -> str:
    """A property value as Java would read it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
