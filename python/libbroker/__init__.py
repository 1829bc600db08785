"""The Apache RocketMQ 4.9.8 broker and NameServer inside your Python process.

    from libbroker import Broker

    with Broker() as broker:
        print(broker.namesrv_address)  # give this to any RocketMQ client
"""

from __future__ import annotations

import atexit
import os
import warnings
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Mapping, Optional, Type, Union

from . import _native
from ._errors import (
    ConfigError,
    DiskFull,
    Error,
    InternalError,
    InvalidArgument,
    IoError,
    NotFound,
    PortInUse,
    Refused,
    Stopped,
    StoreCorrupt,
    StoreLocked,
    Timeout,
)
from ._native import __version__

__all__ = [
    "Broker",
    "ConfigError",
    "DiskFull",
    "Error",
    "InternalError",
    "InvalidArgument",
    "IoError",
    "NotFound",
    "PortInUse",
    "Refused",
    "Stopped",
    "StoreCorrupt",
    "StoreLocked",
    "Timeout",
    "__version__",
    "start",
]

_STOP_TIMEOUT = 30.0
_STOP_TIMEOUT_MAX = 86_400.0

PropertyValue = Union[str, int, bool]


class Broker:
    """A broker, a NameServer, or both. Several may run in one process; one may be started again after its stop.

    ``store_dir``
        Directory of the store. None: one of its own, which is removed at the stop.
    ``port``, ``namesrv_port``
        Ports of the broker and of the NameServer started with it. 0: free ones. None: the profile's, which are free
        ones, or 10911 and 9876 for ``"server"``.
    ``namesrv``
        ``"host:port;host:port"`` of NameServers to register with. None: start one here.
    ``namesrv_only``
        Start a NameServer without a broker.
    ``profile``
        ``"embedded"`` (small files, few threads) or ``"server"``.
    ``properties``
        Java properties of broker.conf, e.g. ``{"flushDiskType": "SYNC_FLUSH"}``.
    """

    def __init__(
        self,
        *,
        store_dir: Union[str, os.PathLike[str], None] = None,
        port: Optional[int] = None,
        namesrv: Optional[str] = None,
        namesrv_port: Optional[int] = None,
        namesrv_only: bool = False,
        profile: str = "embedded",
        properties: Optional[Mapping[str, PropertyValue]] = None,
    ) -> None:
        self._handle: Optional[_native.Handle] = None
        self._running = False
        self._options = {
            "store_dir": store_dir,
            "port": port,
            "namesrv": namesrv,
            "namesrv_port": namesrv_port,
            "namesrv_only": namesrv_only,
            "profile": profile,
            "properties": [(key, _text(value)) for key, value in (properties or {}).items()],
        }

    def start(self) -> Broker:
        """Starts it and returns it, when it can be used: the ports are open, the store is recovered."""
        if self._running:
            raise InvalidArgument("the broker is started already")
        self._handle = _native.start(self._options)
        self._running = True
        _started.add(self)
        return self

    def stop(self, timeout: float = _STOP_TIMEOUT) -> None:
        """Stops it and returns when nothing of it runs. Stopping twice is harmless.

        No more requests are taken, those under way have ``timeout`` seconds to be answered, the store is synced, threads
        are joined. An exception says that the store could not be closed cleanly; it has stopped all the same.
        """
        if self._running:
            if not 0 <= timeout <= _STOP_TIMEOUT_MAX:
                raise InvalidArgument(f"timeout is {timeout}, not within 0 to {_STOP_TIMEOUT_MAX} seconds")
            self._running = False
            _started.discard(self)
            self._live.stop(timeout)

    @property
    def running(self) -> bool:
        """True from the start to the stop."""
        return self._running

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
    def _live(self) -> _native.Handle:
        if self._handle is None:
            raise Stopped("the broker was not started")
        return self._handle

    def __enter__(self) -> Broker:
        return self if self._running else self.start()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"on {self.store_dir}" if self._running else "stopped"
        return f"<libbroker.Broker {state}>"

    def __del__(self) -> None:
        # An __init__ that raised leaves no attributes.
        if getattr(self, "_running", False):
            warnings.warn(f"{self!r} was not stopped", ResourceWarning, stacklevel=2)
            self.stop()


def start(**options: Any) -> Broker:
    """Starts a broker. Same as ``Broker(**options).start()``."""
    return Broker(**options).start()


def _text(value: PropertyValue) -> str:
    """A property value as Java would read it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


_started: weakref.WeakSet[Broker] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """A process that ends leaves its stores closed, as if each broker had been stopped."""
    for broker in list(_started):
        try:
            broker.stop()
        except Error:
            pass  # Nobody is left to be told; the next start recovers the store.


def _forget_all() -> None:
    """In a forked child: the threads stayed in the parent, so there is nothing to stop here."""
    for broker in list(_started):
        broker._live.forget()
        broker._running = False
        _started.discard(broker)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
