"""An echo with the package websockets, until its input ends: python3 server.py. Prints its port. The path says what it does."""

import asyncio
import sys
from urllib.parse import parse_qs, urlsplit

import websockets

last = "none"  # how an echo was closed by its client


async def echo(socket, query):
    """Sends every message back."""
    global last
    try:
        async for message in socket:
            await socket.send(message)
    except websockets.ConnectionClosed:
        pass
    last = f"{socket.close_code} {socket.close_reason}"


async def close(socket, query):
    """Closes with a code and a reason."""
    await socket.close(int(query["code"][0]), query.get("reason", [""])[0])


async def tell(socket, query):
    """Tells how an echo was closed."""
    await socket.send(last)


async def serve(socket):
    # It moved in version 13.
    target = urlsplit(socket.path if hasattr(socket, "path") else socket.request.path)
    await {"/echo": echo, "/close": close, "/last": tell}[target.path](socket, parse_qs(target.query))


async def main():
    size = 64 * 1024 * 1024
    async with websockets.serve(serve, "127.0.0.1", 0, max_size=size, subprotocols=["v2"]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
