"""The Apache RocketMQ 4.9.8 broker and NameServer inside your Python process.

    from libbroker import Broker

    with Broker() as broker:
        print(broker.namesrv_address)  # give this to any RocketMQ client
"""

from ._broker import Broker, start
from ._errors import (
    ConfigError,
    DiskFull,
    Error,
    Forked,
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
    "Forked",
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
