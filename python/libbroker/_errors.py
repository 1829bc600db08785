"""The exceptions of libbroker, one for each kind of failure."""

from __future__ import annotations

from typing import Dict, Type


class Error(Exception):
    """Base of every exception of this package. ``code`` is the same in Python, Node and C."""

    code = "INTERNAL"


class ConfigError(Error, ValueError):
    """An option or property is unknown, malformed or out of bounds."""

    code = "CONFIG"


class PortInUse(Error):
    """A port is taken, or the address is not one of this machine."""

    code = "PORT_IN_USE"


class StoreLocked(Error):
    """Another broker, of this or another process, holds the store directory."""

    code = "STORE_LOCKED"


class StoreCorrupt(Error):
    """The files of the store contradict each other; nothing was changed."""

    code = "STORE_CORRUPT"


class DiskFull(Error):
    """The file system has no room."""

    code = "DISK_FULL"


class IoError(Error):
    """Another failure of the operating system."""

    code = "IO"


class InvalidArgument(Error, ValueError):
    """An argument is not acceptable."""

    code = "INVALID_ARGUMENT"


class NotFound(Error, LookupError):
    """What was asked for does not exist."""

    code = "NOT_FOUND"


class Stopped(Error):
    """The broker is stopped, stopping, or not started."""

    code = "STOPPED"


class Forked(Stopped):
    """A forked child cannot use a broker of its parent, nor start one if one ran at the fork."""

    code = "FORKED"


class Timeout(Error, TimeoutError):
    """The call did not finish in its time."""

    code = "TIMEOUT"


class InternalError(Error):
    """A defect of this library. Please report it."""

    code = "INTERNAL"


class Refused(Error):
    """A rule of the broker forbids it: a permission, a switch, a limit."""

    code = "REFUSED"


BY_CODE: Dict[str, Type[Error]] = {
    kind.code: kind
    for kind in (
        ConfigError,
        PortInUse,
        StoreLocked,
        StoreCorrupt,
        DiskFull,
        IoError,
        InvalidArgument,
        NotFound,
        Stopped,
        Timeout,
        InternalError,
        Refused,
        Forked,
    )
}
