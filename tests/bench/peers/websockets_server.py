"""An echo server on Python's websockets: websockets_server.py PORT WORKERS [CERTIFICATE KEY].

One process a worker, sharing the port with SO_REUSEPORT; no compression and no limits."""

import asyncio
import os
import platform
import ssl
import sys

import websockets
import websockets.version


async def echo(socket):
    try:
        async for message in socket:
            await socket.send(message)
    except websockets.ConnectionClosed:
        pass


async def serve(port, context):
    async with websockets.serve(echo, "127.0.0.1", port, ssl=context, compression=None, max_size=None,
                                reuse_port=True, backlog=4096):
        await asyncio.Future()


def main():
    port, workers, *files = sys.argv[1:]
    context = None
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
    print(f"websockets {websockets.version.version}, Python {platform.python_version()}", flush=True)
    children = []
    for _ in range(int(workers) - 1):
        child = os.fork()
        if child == 0:
            break
        children.append(child)
    asyncio.run(serve(int(port), context))


if __name__ == "__main__":
    main()
