"""Conversations with Python's websockets: ws and wss, IPv4 and IPv6."""

import asyncio
import ssl

import websockets

import harness

PLAIN, TLS = 0, 1
BINARY = bytes(range(256)) * 64
TEXTS = ("hello", "", "µ€\U0001f600" * 100, "x" * 60_000)
TOGETHER = 50  # sessions at once


class PythonClient(harness.ServerCase):
    settings = {
        "listeners": harness.DUAL_LISTENERS,
        "endpoints": (
            *harness.DEFAULT_ENDPOINTS,
            {"path": "/chat", "handler": "echo", "auth": "none", "subprotocols": ["chat.v1", "chat.v2"]},
        ),
    }

    def connect(self, listener, host, path="/", **options):
        scheme = "wss" if listener == TLS else "ws"
        if listener == TLS:
            # The certificate is checked: it names 127.0.0.1 and ::1.
            options["ssl"] = ssl.create_default_context(cafile=self.server.certificate)
        return websockets.connect(f"{scheme}://{host}:{self.server.ports[listener]}{path}", **options)

    def for_all(self, conversation):
        for listener in (PLAIN, TLS):
            for host in ("127.0.0.1", "[::1]"):
                with self.subTest(listener=listener, host=host):
                    asyncio.run(asyncio.wait_for(conversation(listener, host), harness.DEADLINE_S))

    def test_conversation(self):
        async def conversation(listener, host):
            mark = self.server.mark()
            async with self.connect(listener, host) as client:
                for text in TEXTS:
                    await client.send(text)
                    self.assertEqual(await client.recv(), harness.PREFIX + text)
                await client.send(BINARY)
                self.assertEqual(await client.recv(), BINARY)
                await (await client.ping(b"are you there?"))
                local, port = client.local_address[:2]
                await client.close(1000, "bye")
                self.assertEqual(client.close_code, 1000)
            peer = f"[{local}]:{port}" if ":" in local else f"{local}:{port}"
            record = self.server.wait_log("session_end", after=mark, peer=peer)
            self.assertEqual(record["cause"], "client_closed")
            self.assertEqual(record["messages_in"], str(len(TEXTS) + 1))
            self.assertEqual(record["messages_out"], str(len(TEXTS) + 1))
            self.assertEqual(record["code_received"], "1000")

        self.for_all(conversation)

    def test_fragments(self):
        async def conversation(listener, host):
            async with self.connect(listener, host, "/echo") as client:
                await client.send(["frag", "ment", "ed"])
                self.assertEqual(await client.recv(), "fragmented")
                await client.send([b"\x00", b"\xff"])
                self.assertEqual(await client.recv(), b"\x00\xff")

        self.for_all(conversation)

    def test_with_and_without_compression(self):
        async def conversation(listener, host):
            for compression in ("deflate", None):
                async with self.connect(listener, host, "/echo", compression=compression) as client:
                    agreed = [extension.name for extension in client.extensions]
                    self.assertEqual(agreed, ["permessage-deflate"] if compression else [])
                    await client.send("compress me " * 100)
                    self.assertEqual(await client.recv(), "compress me " * 100)

        self.for_all(conversation)

    def test_subprotocol(self):
        async def conversation(listener, host):
            async with self.connect(listener, host, "/chat", subprotocols=["other", "chat.v2", "chat.v1"]) as client:
                self.assertEqual(client.subprotocol, "chat.v2")

        self.for_all(conversation)

    def test_refusal(self):
        async def conversation(listener, host):
            with self.assertRaises(websockets.InvalidStatusCode) as caught:
                async with self.connect(listener, host, "/nowhere"):
                    pass
            self.assertEqual(caught.exception.status_code, 404)

        self.for_all(conversation)

    def test_message_too_big(self):
        async def conversation(listener, host):
            async with self.connect(listener, host, "/echo") as client:
                await client.send(b"x" * 70_000)
                with self.assertRaises(websockets.ConnectionClosedError) as caught:
                    await client.recv()
                self.assertEqual(caught.exception.rcvd.code, 1009)

        self.for_all(conversation)

    def test_many_at_once(self):
        async def one(listener, host, number):
            async with self.connect(listener, host, "/echo") as client:
                for count in range(20):
                    await client.send(f"{number}:{count}")
                    self.assertEqual(await client.recv(), f"{number}:{count}")

        async def conversation(listener, host):
            await asyncio.gather(*(one(listener, host, number) for number in range(TOGETHER)))

        self.for_all(conversation)


if __name__ == "__main__":
    harness.main()
