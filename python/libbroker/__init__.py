"""The Apache RocketMQ 4.9.8 broker and NameServer inside your Python process.

    from libbroker import Broker

    with Broker() as broker:
        print(broker.namesrv_address)  # give this to any RocketMQ client
"""

from ._broker import Broker, start
from ._consumer import Consumer
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
from ._types import (
    ConnectionInfo,
    Delivery,
    GroupInfo,
    Health,
    MemberInfo,
    Message,
    NewMessage,
    Pulled,
    QueueInfo,
    QueueProgress,
    SendResult,
    SendStatus,
    SubscriptionInfo,
    TopicInfo,
)

__all__ = [
    "Broker",
    "ConfigError",
    "ConnectionInfo",
    "Consumer",
    "Delivery",
    "DiskFull",
    "Error",
    "Forked",
    "GroupInfo",
    "Health",
    "InternalError",
    "InvalidArgument",
    "IoError",
    "MemberInfo",
    "Message",
    "NewMessage",
    "NotFound",
    "PortInUse",
    "Pulled",
    "QueueInfo",
    "QueueProgress",
    "Refused",
    "SendResult",
    "SendStatus",
    "Stopped",
    "StoreCorrupt",
    "StoreLocked",
    "SubscriptionInfo",
    "Timeout",
    "TopicInfo",
    "__version__",
    "start",
]
