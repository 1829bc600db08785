"""The class that users see."""

from __future__ import annotations

import os
from typing import Mapping, Optional, Union

from ._lifecycle import Lifecycle, PropertyValue


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

    Every call may be made from any thread; those that wait let other threads run. After ``os.fork`` it stays in the
    parent: in the child its calls raise ``Forked``.
    """


def start(
    store_dir: Union[str, os.PathLike[str], None] = None,
    *,
    port: Optional[int] = None,
    namesrv: Union[bool, str] = True,
    namesrv_port: Optional[int] = None,
    namesrv_only: bool = False,
    profile: str = "embedded",
    properties: Optional[Mapping[str, PropertyValue]] = None,
) -> Broker:
    """Starts a broker. Same as ``Broker(…).start()``."""
    return Broker(
        store_dir,
        port=port,
        namesrv=namesrv,
        namesrv_port=namesrv_port,
        namesrv_only=namesrv_only,
        profile=profile,
        properties=properties,
    ).start()
