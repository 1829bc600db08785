"""The broker's log in Python's ``logging``.

The threads of the broker never run Python: they put records into a queue of the native half, which drops what comes when it
is full, and says how much. One Python thread reads the queue and hands the records to ``logging``. It starts with the broker,
and the stop joins it after everything was handed over.
"""

from __future__ import annotations

import logging
import threading
import traceback
from typing import Optional, Union

from . import _native
from ._errors import InvalidArgument

Log = Union[bool, logging.Logger, None]


class LogThread:
    """Hands the records of one broker to a logger."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self.queue = _native.LogQueue(logger.getEffectiveLevel())
        # A daemon: the interpreter waits for other threads before it stops forgotten brokers.
        self._thread = threading.Thread(target=self._run, name="libbroker-log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Returns when everything was handed over."""
        self.queue.close()
        # A handler may stop the broker.
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while True:
            records = self.queue.take()
            if records is None:
                return
            for record in records:
                try:
                    self._hand_over(*record)
                except Exception:
                    # What logging does with handlers that fail.
                    if logging.raiseExceptions:
                        traceback.print_exc()

    def _hand_over(self, level: int, target: str, message: str, timestamp_ms: int) -> None:
        logger = self._child(target)
        if logger.isEnabledFor(level):
            logger.handle(_record(logger.name, level, message, timestamp_ms))

    def _child(self, target: str) -> logging.Logger:
        """``broker`` is the logger itself, ``broker::store`` its child ``store``."""
        name = target.replace("::", ".")
        name = name[len("broker.") :] if name.startswith("broker.") else name
        return self._logger if name == "broker" else self._logger.getChild(name)


def log_thread(log: Log) -> Optional[LogThread]:
    """What the option ``log`` asks for."""
    if log is None or log is False:
        return None
    if log is True:
        return LogThread(logging.getLogger("libbroker"))
    if isinstance(log, logging.Logger):
        return LogThread(log)
    raise InvalidArgument(f"log is {log!r}, not True, False or a logging.Logger")


def _record(name: str, level: int, message: str, timestamp_ms: int) -> logging.LogRecord:
    record = logging.LogRecord(name, level, "", 0, message, None, None)
    record.created = timestamp_ms / 1000
    record.msecs = timestamp_ms % 1000
    record.threadName = "libbroker"
    return record
