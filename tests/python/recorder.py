"""A server with the package websockets that tells what it was sent, until its input ends: python3 recorder.py. Prints its port, then a line
for each connection that has ended: the end of its target, and each message as kind, length and the beginning of its SHA-256."""

import asyncio
import hashlib
import logging
import sys

import websockets

logging.disable()


def describe(message):
    kind, data = ("T", message.encode()) if isinstance(message, str) else ("B", message)
    return f"{kind}{len(data)}:{hashlib.sha256(data).hexdigest()[:16]}"


async def record(socket):
    # It moved in version 13.
    target = socket.path if hasattr(socket, "path") else socket.request.path
    told = [target.rsplit("/", 1)[-1]]
    try:
        while True:
            told.append(describe(await socket.recv()))
    except websockets.ConnectionClosed:
        pass
    print(*told, flush=True)


async def main():
    options = {"max_size": 65_536, "max_queue": None, "ping_interval": None, "close_timeout": 1}
    async with websockets.serve(record, "127.0.0.1", 0, **options) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
