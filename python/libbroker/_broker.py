"""The class that users see."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from ._consumer import Consumer
from ._errors import InvalidArgument, Timeout
from ._lifecycle import Lifecycle, PropertyValue
from ._logging import Log
from ._types import (
    Body,
    ConnectionInfo,
    GroupInfo,
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
    body_bytes,
    key_list,
    millis,
    seconds,
)
from ._waiting import first, first_async

Moment = Union[int, datetime.datetime]


class Broker(Lifecycle):
    """A broker, a NameServer, or both. Several may run in one process; one may be started again after its stop.

    ``store_dir``
        Directory of the store. None: one of its own, which is removed at the stop.
    ``port``, ``namesrv_port``
        Ports of the broker and of the NameServer started with it. 0: free ones. None: the profile's, which are free
        ones, or 10911 and 9876 for ``"server"``.
    ``namesrv``
        True: start a NameServer here, too. ``"host:port;host:port"``: register with those.
    ``namesrv_only``
        Start a NameServer without a broker.
    ``profile``
        ``"embedded"`` (small files, few threads) or ``"server"``.
    ``properties``
        Java properties of broker.conf, e.g. ``{"flushDiskType": "SYNC_FLUSH"}``.

    ``clock``
        ``"system"``, or ``"manual"``: delays, transaction checks and expiry go by a time that ``advance`` moves.
    ``snapshot``
        Start from a copy of what ``snapshot()`` wrote. A ``store_dir`` must be empty or missing then.
    ``log``
        True, or a ``logging.Logger``: the broker's log goes to the logger ``libbroker`` and its children, or to yours. The
        logger's level at the start says what the broker writes at all.

    Every call may be made from any thread; those that wait let other threads run. After ``os.fork`` it stays in the
    parent: in the child its calls raise ``Forked``.
    """

    def create_topic(self, name: str, queues: int = 8) -> None:
        """Creates a topic, or changes its number of queues. Clients find it when this returns."""
        self._live.create_topic(name, queues)

    def delete_topic(self, name: str) -> None:
        """Deletes a topic and its messages. Raises ``NotFound``."""
        self._live.delete_topic(name)

    def create_group(self, name: str) -> None:
        """Creates a consumer group; one that is there stays as it is. Consumers mostly create theirs themselves."""
        self._live.create_group(name)

    def delete_group(self, name: str) -> None:
        """Deletes a consumer group and its offsets. Raises ``NotFound``."""
        self._live.delete_group(name)

    def send(
        self,
        topic: str,
        body: Body,
        *,
        tags: Optional[str] = None,
        keys: Union[str, Sequence[str], None] = None,
        properties: Optional[Mapping[str, str]] = None,
        delay_level: int = 0,
        queue: Optional[int] = None,
    ) -> SendResult:
        """Stores a message; it is readable when this returns, unless it is delayed.

        Text is stored as UTF-8. ``keys``: words to find it by. ``delay_level``: 1 to 18 for 1 s to 2 h. ``queue``: None
        leaves the choice to the broker.
        """
        message = NewMessage(topic, body, tags, keys, properties, delay_level, queue)
        return _sent(self._live.send(_given(message)))

    def send_many(self, messages: Iterable[NewMessage]) -> List[SendResult]:
        """Stores messages in their order; faster than one at a time.

        One that is refused does not keep the others out; the exception says which it was, and how many are stored.
        """
        return [_sent(sent) for sent in self._live.send_many([_given(message) for message in messages])]

    async def send_async(
        self,
        topic: str,
        body: Body,
        *,
        tags: Optional[str] = None,
        keys: Union[str, Sequence[str], None] = None,
        properties: Optional[Mapping[str, str]] = None,
        delay_level: int = 0,
        queue: Optional[int] = None,
    ) -> SendResult:
        """``send`` for asyncio: the event loop goes on should the disk be waited for."""
        message = NewMessage(topic, body, tags, keys, properties, delay_level, queue)
        return _sent(await asyncio.to_thread(self._live.send, _given(message)))

    def pull(self, topic: str, queue: int, offset: int, max_messages: int = 32, timeout: float = 0) -> Pulled:
        """Reads messages of a queue from an offset on, on behalf of no group.

        When there is none, waits up to ``timeout`` seconds for the first. An offset outside of the queue is moved: go on
        at ``next_offset``.
        """
        look = self._pull_look(topic, queue, offset, max_messages)
        return first(look, self._live.on_change, timeout) or self._pull(topic, queue, offset, max_messages)

    async def pull_async(
        self, topic: str, queue: int, offset: int, max_messages: int = 32, timeout: float = 0
    ) -> Pulled:
        """``pull`` for asyncio."""
        look = self._pull_look(topic, queue, offset, max_messages)
        found = await first_async(look, self._live.on_change, timeout)
        return found or self._pull(topic, queue, offset, max_messages)

    def consume(self, topic: str, group: str, tags: str = "*", timeout: Optional[float] = None) -> Consumer:
        """Consumes a topic as a member of a group, with ``for`` or ``async for``; see ``Consumer``.

        ``tags``: ``"a || b"``, or ``"*"`` for all. Consumers of the group in the network share queues and offsets with it.
        A new group begins at the first message. ``timeout``: seconds without a message after which the iteration ends;
        None: never.
        """
        return Consumer(self._live.consume(topic, group, tags), timeout)

    def messages(
        self,
        topic: str,
        queue: Optional[int] = None,
        start: Optional[Moment] = None,
        end: Optional[Moment] = None,
        key: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> List[Message]:
        """The stored messages of a topic, by queue and offset.

        ``start``, and ``end``, which is left out: offsets, or datetimes of the storing. ``key``: only those with that key
        or ``msg_id``.
        """
        (start_offset, start_ms), (end_offset, end_ms) = _moment("start", start), _moment("end", end)
        found = self._live.messages(topic, queue, (start_offset, end_offset), (start_ms, end_ms), key, limit)
        return [Message(**fields) for fields in found]

    def message(self, offset_msg_id: str) -> Message:
        """The message with this ``offset_msg_id``. Raises ``NotFound``."""
        return Message(**self._live.message(offset_msg_id))

    def message_count(self, topic: str) -> int:
        """How many messages a topic holds; 0 for one that does not exist."""
        return self._live.message_count(topic)

    def wait_for(self, topic: str, count: int, timeout: float = 30.0) -> int:
        """Waits until a topic holds ``count`` messages; answers how many it holds. Raises ``Timeout``.

        The topic need not exist yet. The time is real, also with a manual clock.
        """
        held = first(self._count_look(topic, count), self._live.on_change, timeout)
        return self._enough(topic, count, timeout, held)

    async def wait_for_async(self, topic: str, count: int, timeout: float = 30.0) -> int:
        """``wait_for`` for asyncio."""
        held = await first_async(self._count_look(topic, count), self._live.on_change, timeout)
        return self._enough(topic, count, timeout, held)

    def topics(self) -> List[TopicInfo]:
        """All topics, by name."""
        return [_topic(record) for record in json.loads(self._live.topics())]

    def groups(self) -> List[GroupInfo]:
        """All consumer groups, by name."""
        return [_group(record) for record in json.loads(self._live.groups())]

    def connections(self) -> List[ConnectionInfo]:
        """The clients that are connected. Consumers of this process are not: they need no connection."""
        return [_record(ConnectionInfo, record) for record in json.loads(self._live.connections())]

    def offsets(self, group: str) -> List[QueueProgress]:
        """Where a group is in every queue that it has an offset of."""
        return [_record(QueueProgress, record) for record in json.loads(self._live.offsets(group))]

    def lag(self, group: str) -> int:
        """Messages that a group has not acknowledged yet."""
        return self._live.lag(group)

    def set_offset(self, group: str, topic: str, queue: int, offset: int) -> None:
        """Sets where a group goes on in one queue."""
        self._live.set_offset(group, topic, queue, offset)

    def reset_offset(self, group: str, topic: str, to: Union[str, Moment]) -> None:
        """Sets where a group goes on in every queue of a topic, and tells its members.

        ``to``: ``"first"``, ``"last"``, an offset, or a datetime: the first message stored then or later.
        """
        if isinstance(to, str):
            self._live.reset_offset(group, topic, to, 0)
        else:
            offset, time_ms = _moment("to", to)
            kind, value = ("offset", offset) if time_ms is None else ("timestamp", time_ms)
            self._live.reset_offset(group, topic, kind, value or 0)

    def config(self) -> Dict[str, str]:
        """Every property with its value, by Java's names."""
        return self._live.config()

    def counters(self) -> Dict[str, int]:
        """What was counted since the start."""
        return self._live.counters()

    def store_state(self) -> Dict[str, str]:
        """Figures of the store, by the names of Java's runtime information."""
        return self._live.store_state()

    def now_ms(self) -> int:
        """The time that the broker goes by, in milliseconds since 1970."""
        return self._live.now_ms()

    def advance(self, duration: Union[float, datetime.timedelta]) -> None:
        """Moves a manual clock on by seconds: delays fire, transactions are checked, polls time out.

        That happens on the broker's threads, within milliseconds: wait for what you expect.
        """
        self._live.advance(seconds(duration))

    def fail_next(
        self,
        code: Union[str, int, None] = None,
        times: int = 1,
        *,
        error: Optional[int] = None,
        remark: str = "a fault that a test asked for",
        delay: Union[float, datetime.timedelta, None] = None,
        drop: bool = False,
        disconnect: bool = False,
        topic: Optional[str] = None,
        fields: Optional[Mapping[str, str]] = None,
    ) -> None:
        """Lets the next requests of clients fail. Calls in this process never do.

        ``code``
            Which: Java's name (``"SEND_MESSAGE"``, of any version or a batch; ``"PULL_MESSAGE"``) or number. None: any.
        ``topic``, ``fields``
            Only requests with this topic, with these header fields.
        ``times``
            How many.
        ``error``, ``delay``, ``drop``, ``disconnect``
            One of them: answer with that response code and ``remark``; answer so many seconds late; never answer; close
            the connection. None of them: the response code 1, a system error.
        """
        chosen = [name for name, on in _faults(error, delay, drop, disconnect) if on] or ["error"]
        if len(chosen) > 1:
            raise InvalidArgument(f"{' and '.join(chosen)} exclude each other")
        wanted = {**({} if topic is None else {"topic": topic}), **(fields or {})}
        self._live.fail_next(
            None if code is None else str(code),
            list(wanted.items()),
            times,
            chosen[0],
            (1 if error is None else error, remark),
            0.0 if delay is None else seconds(delay),
        )

    def clear_faults(self) -> None:
        """Forgets faults that were not used up."""
        self._live.clear_faults()

    def snapshot(self, dir: Union[str, os.PathLike[str]]) -> None:
        """Copies the store to ``dir``, which must be empty or missing, while the broker runs.

        Everything stored before the call is in it. ``Broker(snapshot=dir)`` starts from it.
        """
        self._live.snapshot(Path(dir))

    def clear(self) -> None:
        """A clean slate between tests.

        Deletes the topics and groups that are not the broker's own, with all messages and offsets, what is delayed and
        half, and faults. Connections stay.
        """
        self._live.clear()

    def _pull(self, topic: str, queue: int, offset: int, max_messages: int) -> Pulled:
        messages, next_offset, min_offset, max_offset = self._live.pull(topic, queue, offset, max_messages)
        return Pulled([Message(**fields) for fields in messages], next_offset, min_offset, max_offset)

    def _pull_look(
        self, topic: str, queue: int, offset: int, max_messages: int
    ) -> Callable[[], Optional[Pulled]]:
        def look() -> Optional[Pulled]:
            pulled = self._pull(topic, queue, offset, max_messages)
            return pulled if pulled.messages or pulled.next_offset != offset else None

        return look

    def _count_look(self, topic: str, count: int) -> Callable[[], Optional[int]]:
        def look() -> Optional[int]:
            held = self._live.message_count(topic)
            return held if held >= count else None

        return look

    def _enough(self, topic: str, count: int, timeout: float, held: Optional[int]) -> int:
        if held is None:
            held = self._live.message_count(topic)
            raise Timeout(f"{topic} has {held} messages, not {count}, after {timeout} s")
        return held


def start(
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
) -> Broker:
    """Starts a broker. Same as ``Broker(…).start()``."""
    return Broker(
        store_dir,
        port=port,
        namesrv=namesrv,
        namesrv_port=namesrv_port,
        namesrv_only=namesrv_only,
        profile=profile,
        clock=clock,
        properties=properties,
        snapshot=snapshot,
        log=log,
    ).start()


_Given = Tuple[str, bytes, Optional[str], List[str], List[Tuple[str, str]], int, Optional[int]]


def _given(message: NewMessage) -> _Given:
    return (
        message.topic,
        body_bytes(message.body),
        message.tags,
        key_list(message.keys),
        list((message.properties or {}).items()),
        message.delay_level,
        message.queue,
    )


def _sent(sent: Tuple[str, str, int, int, str]) -> SendResult:
    return SendResult(*sent[:4], SendStatus(sent[4]))


def _moment(name: str, moment: Optional[Moment]) -> Tuple[Optional[int], Optional[int]]:
    """An offset or a time in milliseconds."""
    if moment is None or isinstance(moment, int):
        return moment, None
    if isinstance(moment, datetime.datetime):
        return None, millis(moment)
    raise TypeError(f"{name} is {type(moment).__name__}, not int or datetime")


def _faults(
    error: Optional[int], delay: Union[float, datetime.timedelta, None], drop: bool, disconnect: bool
) -> Tuple[Tuple[str, bool], ...]:
    return ("error", error is not None), ("delay", delay is not None), ("drop", drop), ("disconnect", disconnect)


_Record = TypeVar("_Record")


def _record(kind: Type[_Record], record: Dict[str, Any]) -> _Record:
    """An object of ``kind``, a named tuple, whatever else there is in the record."""
    return kind(**{name: record[name] for name in getattr(kind, "_fields")})


def _topic(record: Dict[str, Any]) -> TopicInfo:
    offsets = [_record(QueueInfo, queue) for queue in record["offsets"]]
    return _record(TopicInfo, {**record, "offsets": offsets})


def _group(record: Dict[str, Any]) -> GroupInfo:
    members = [_record(MemberInfo, member) for member in record["members"]]
    subscriptions = [_record(SubscriptionInfo, subscription) for subscription in record["subscriptions"]]
    return _record(GroupInfo, {**record, "members": members, "subscriptions": subscriptions})
