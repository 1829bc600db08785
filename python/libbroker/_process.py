"""What the process does to brokers: it ends, or it is forked."""

from __future__ import annotations

import atexit
import os
import threading
import warnings
import weakref
from typing import TYPE_CHECKING, Any

from ._errors import Error, Stopped

if TYPE_CHECKING:
    from ._lifecycle import Lifecycle

_started: weakref.WeakSet[Lifecycle] = weakref.WeakSet()


def started(broker: Lifecycle) -> None:
    """Remembers to stop ``broker`` when the interpreter ends."""
    _started.add(broker)


def stopped(broker: Lifecycle) -> None:
    """Takes that back."""
    _started.discard(broker)


def warn(broker: Lifecycle) -> None:
    """Says that ``broker`` was forgotten, as Python says of files."""
    warnings.warn(f"{broker!r} was not stopped", ResourceWarning, stacklevel=3, source=broker)


@atexit.register
def _stop_all() -> None:
    """A process that ends leaves its stores closed, as if each broker had been stopped."""
    forgotten = list(_started)
    if forgotten:
        _silence_daemons()
    for broker in forgotten:
        try:
            broker.stop()
        except Error:
            pass  # Nobody is left to be told; the next start recovers the store.
    for broker in forgotten:
        warn(broker)


def _silence_daemons() -> None:
    """A daemon thread may use a broker to the very end. That the end stops it is no failure of the thread."""
    report = threading.excepthook

    def unless_stopped(failure: Any) -> None:
        daemon = failure.thread is not None and failure.thread.daemon
        if not (daemon and isinstance(failure.exc_value, Stopped)):
            report(failure)

    threading.excepthook = unless_stopped


def _forget_all() -> None:
    """In a forked child: the threads stayed in the parent, so there is nothing to stop here."""
    for broker in list(_started):
        broker._forget()
        _started.discard(broker)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
