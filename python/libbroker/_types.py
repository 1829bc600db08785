"""What goes into a broker and what comes out of it."""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from . import _native

Body = Union[bytes, bytearray, memoryview, str]


class SendStatus(str, enum.Enum):
    """How safe a message is that was stored. Only with other than the default settings is it not ``SEND_OK``."""

    SEND_OK = "SEND_OK"
    FLUSH_DISK_TIMEOUT = "FLUSH_DISK_TIMEOUT"
    FLUSH_SLAVE_TIMEOUT = "FLUSH_SLAVE_TIMEOUT"
    SLAVE_NOT_AVAILABLE = "SLAVE_NOT_AVAILABLE"

    def __str__(self) -> str:
        return self.value


class SendResult(NamedTuple):
    """Where a message was stored."""

    msg_id: str
    """Made by the producer; what most clients call the message's id."""
    offset_msg_id: str
    """Made by the broker, of its address and the place in its log."""
    queue_id: int
    queue_offset: int
    status: SendStatus


@dataclass(frozen=True)
class NewMessage:
    """A message for ``send_many``. The fields are the arguments of ``send``."""

    topic: str
    body: Body
    tags: Optional[str] = None
    keys: Union[str, Sequence[str], None] = None
    properties: Optional[Mapping[str, str]] = field(default=None, hash=False)
    delay_level: int = 0
    queue: Optional[int] = None


@dataclass(frozen=True)
class Message:
    """A stored message."""

    topic: str
    body: bytes
    """As the producer gave it: what a client compressed is inflated."""
    tags: Optional[str]
    keys: Tuple[str, ...]
    properties: Dict[str, str] = field(hash=False)
    """The application's and the system's."""
    queue_id: int
    queue_offset: int
    msg_id: str
    offset_msg_id: str
    born_timestamp_ms: int
    """When the producer made it, by its clock; since 1970, as all timestamps."""
    store_timestamp_ms: int
    reconsume_times: int
    """How often a consumer of the group sent it back."""
    born_host: str

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.body.decode("utf-8")


@dataclass(frozen=True)
class Delivery(Message):
    """A message for a consumer of a group, which acknowledges it or takes it later."""

    _native: _native.Delivery = field(repr=False, compare=False)

    def ack(self) -> None:
        """It is done. The group's offset moves on when everything before it in its queue is done, too."""
        self._native.ack()

    def retry(self, delay_level: int = 0) -> None:
        """It failed: the group gets it again, later. Its ``reconsume_times`` tells how often that was.

        ``delay_level``: 0 for a delay that grows with every time, -1 for the dead letter queue at once.
        """
        self._native.retry(delay_level)


class Pulled(NamedTuple):
    """What ``pull`` found."""

    messages: List[Message]
    next_offset: int
    """Where to go on."""
    min_offset: int
    max_offset: int


class Health(NamedTuple):
    """How a broker is."""

    status: str
    """``"ok"``, ``"degraded"`` or ``"stopped"``."""
    problem: Optional[str]
    """What does not work, and why, when it is degraded."""


class QueueInfo(NamedTuple):
    """A queue of a topic."""

    queue_id: int
    min_offset: int
    max_offset: int
    last_store_timestamp_ms: int


class TopicInfo(NamedTuple):
    """A topic."""

    name: str
    queues: int
    """Queues to send to."""
    read_queues: int
    perm: str
    """``"RW-"``"""
    system: bool
    """The broker's own."""
    message_count: int
    offsets: List[QueueInfo]


class MemberInfo(NamedTuple):
    """A consumer of a group."""

    client_id: str
    address: str
    language: str
    version: str


class SubscriptionInfo(NamedTuple):
    """What a group wants."""

    topic: str
    expression: str
    expression_type: str


class GroupInfo(NamedTuple):
    """A consumer group."""

    name: str
    lag: int
    """Messages that it has not acknowledged."""
    retry_max_times: int
    consume_enable: bool
    members: List[MemberInfo]
    subscriptions: List[SubscriptionInfo]


class ConnectionInfo(NamedTuple):
    """A client."""

    address: str
    client_id: str
    language: str
    version: str
    producer_groups: List[str]
    consumer_groups: List[str]


class QueueProgress(NamedTuple):
    """How far a group is with a queue."""

    topic: str
    queue_id: int
    offset: int
    min_offset: int
    max_offset: int
    lag: int


def body_bytes(body: Body) -> bytes:
    """Text is stored as UTF-8."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode("utf-8")
    if isinstance(body, (bytearray, memoryview)):
        return bytes(body)
    raise TypeError(f"body is {type(body).__name__}, not bytes, bytearray, memoryview or str")


def key_list(keys: Union[str, Sequence[str], None]) -> List[str]:
    """In a message keys are split by spaces, so in a text they may be, too."""
    if keys is None:
        return []
    return keys.split() if isinstance(keys, str) else list(keys)


def millis(moment: datetime.datetime) -> int:
    """Milliseconds since 1970. A datetime without a zone is local time."""
    return round(moment.timestamp() * 1000)


def seconds(duration: Union[float, datetime.timedelta]) -> float:
    """A duration in seconds."""
    return duration.total_seconds() if isinstance(duration, datetime.timedelta) else float(duration)
