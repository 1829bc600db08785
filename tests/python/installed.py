"""What must work in an environment with nothing but the package. `cargo ci` runs it there."""

import asyncio
import importlib.util
import os
import socket
import sys

import libbroker

assert sys.prefix in os.path.abspath(libbroker.__file__), f"not the installed one: {libbroker.__file__}"
assert importlib.util.find_spec("pytest") is None, "the package must not need pytest"

with libbroker.Broker() as broker:
    for address in (broker.address, broker.namesrv_address):
        host, port = address.rsplit(":", 1)
        socket.create_connection((host, int(port)), timeout=10).close()
    sent = broker.send("Smoke", "body", keys="key")
    (message,) = broker.consume("Smoke", "group", timeout=1)
    message.ack()
    assert (message.text, message.keys, message.msg_id) == ("body", ("key",), sent.msg_id)
    assert broker.lag("group") == 0
    store = broker.store_dir
assert not store.exists()


async def main() -> None:
    async with libbroker.Broker() as broker:
        await broker.send_async("Smoke", "body")
        async for message in broker.consume("Smoke", "group"):
            message.ack()
            return


asyncio.run(main())
print(f"libbroker {libbroker.__version__} works, installed in {os.path.basename(sys.prefix)}")
