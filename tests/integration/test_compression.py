"""Compressed messages that mean harm end their own session, with the cause in the log, and no other; compression as
configured; real clients."""

import asyncio
import os
import random
import zlib

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

import freeze
import harness
import rawws
from deflate import NAME, Compressor
from rawws import BINARY, CONTINUATION, PING, TEXT, compressed, frame, pong, text

PLAIN, TLS = 0, 1
LISTENERS = ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})
MAX_MESSAGE = 64 << 20
BOMB_SIZE = 96 << 20  # more than MAX_MESSAGE, and compressed more than a message of the default size may be
MEMORY_ALLOWED = 32 << 20  # bytes that the server may grow by while a bomb of twice that goes off
HELLO = b"\xf2\x48\xcd\xc9\xc9\x07\x00"


def bomb(size=BOMB_SIZE):
    """Zeros, more than 1,000 to 1."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    block = bytes(1 << 20)
    payload = b"".join(stream.compress(block) for _ in range(size >> 20)) + stream.flush(zlib.Z_SYNC_FLUSH)
    assert size > 1000 * len(payload)
    return payload[:-4]


class Hostile(harness.ServerCase):
    settings = {"listeners": LISTENERS, "limits": {"ping_interval": "0s"}}

    def setUp(self):
        self.bystander = self.server.peer()
        self.addCleanup(self.bystander.drop)
        self.bystander.upgrade_compressed(NAME, "/echo")
        self.echo("before")

    def tearDown(self):
        self.echo("after")
        self.bystander.finish()
        super().tearDown()

    def echo(self, word):
        message = (word * 1000).encode()
        self.bystander.send(compressed(TEXT, self.bystander.compressor.message(message)))
        got = self.bystander.read_message()
        self.assertEqual(got, rawws.Frame(TEXT, message))
        self.assertTrue(got.compressed)

    def assert_ended(self, wire, code, cause, detail=None, offer=NAME, server=None):
        """On both ports. detail: part of the log's."""
        server = server or self.server
        for listener in (PLAIN, TLS):
            with self.subTest(listener=listener, cause=cause), server.peer(listener) as peer:
                peer.upgrade_compressed(offer, "/echo")
                peer.send(wire)
                self.assertEqual(peer.read_close(), code)
                self.assertEqual(peer.read_end(), "fin")
                peer.drop()
                record = server.session_end(peer, cause=cause, code_sent=code, closed_by="server", messages_in=0)
                self.assertIn(detail or "", record["detail"])

    def test_bomb(self):
        before = self.server.memory()
        self.assert_ended(compressed(BINARY, bomb(64 << 20)), 1009, "message_too_big", "inflated message is too big")
        self.assertLess(self.server.memory() - before, MEMORY_ALLOWED)

    def test_bomb_in_fragments(self):
        payload = bomb(32 << 20)
        self.assert_ended(compressed(BINARY, payload, [50] * (len(payload) // 50)), 1009, "message_too_big")
        self.assert_ended(compressed(TEXT, payload, [100] * 300, pong(b"")), 1009, "message_too_big")

    def test_bomb_larger_than_any_message(self):
        """Its compressed form alone is too large."""
        self.assert_ended(compressed(BINARY, bomb()), 1009, "message_too_big", "message is too big")

    def test_reserved_bits(self):
        first = frame(TEXT, HELLO[:3], fin=False, rsv=4)
        for wire in (
            first + frame(CONTINUATION, HELLO[3:], rsv=4),
            first + frame(PING, b"", rsv=4),
            frame(PING, b"", rsv=4),
            text("x", rsv=2),
            text(HELLO, rsv=6),
        ):
            self.assert_ended(wire, 1002, "protocol_error", "reserved bit is set")

    def test_corrupt_and_cut(self):
        good = Compressor().message(os.urandom(2000).hex().encode())
        flipped = bytearray(good)
        flipped[0] |= 6  # a reserved kind of block
        for payload in (good[:-1], good[: len(good) // 2], good + b"\x00", bytes(flipped), b"plain text"):
            self.assert_ended(compressed(TEXT, payload), 1007, "bad_compression", "corrupt or cut")
            self.assert_ended(compressed(TEXT, payload, [1, 2]), 1007, "bad_compression", offer=f"{NAME}; server_max_window_bits=9")

    def test_text(self):
        payload = Compressor().message(b"good" * 100 + b"\xed\xa0\x80")
        self.assert_ended(compressed(TEXT, payload), 1007, "invalid_data", "inflated text is not UTF-8")

    def test_noise(self):
        """Whatever bytes: an answer or an end, and the server goes on."""
        chance = random.Random(7692)
        for _ in range(60):
            with self.server.peer() as peer:
                peer.upgrade_compressed(NAME, "/echo")
                peer.send(compressed(BINARY, chance.randbytes(chance.randint(1, 200))))
                got = peer.read_message()
                self.assertIn(got.opcode, (BINARY, rawws.CLOSE))
                if got.opcode == rawws.CLOSE:
                    self.assertIn(int.from_bytes(got.payload[:2], "big"), (1007, 1009))

    def test_malformed_offers(self):
        for value in (f"{NAME};", f'{NAME}; a="b', f"{NAME}; =", ",,", f"{NAME}, ;"):
            with self.subTest(value=value), self.server.peer() as peer:
                peer.send(rawws.request("GET /echo HTTP/1.1", add=[f"Sec-WebSocket-Extensions: {value}"]))
                response, _ = peer.read_answer()
                self.assertEqual(response.status, 400)
                record = self.server.refusal(peer, "bad_handshake")
                self.assertIn("Sec-WebSocket-Extensions", record["detail"])


class LargeMessages(Hostile):
    """Where messages may be large, it is the ratio that stops a bomb."""

    settings = {
        "listeners": LISTENERS,
        "limits": {"ping_interval": "0s", "max_message": MAX_MESSAGE, "max_fragments": 100000, "send_queue": "128M"},
        "compression": {"server_context_takeover": True, "client_context_takeover": True},
    }

    def test_bomb(self):
        self.assert_ended(compressed(BINARY, bomb(48 << 20)), 1009, "compression_ratio", "compressed too well")

    def test_bomb_in_fragments(self):
        payload = bomb(48 << 20)
        self.assert_ended(compressed(BINARY, payload, [1] * 40000), 1009, "compression_ratio")

    def test_bomb_larger_than_any_message(self):
        noise = Compressor().message(os.urandom(400_000))  # so that the ratio is good
        self.assert_ended(compressed(BINARY, bomb() + b"\0\0\xff\xff" + noise), 1009, "message_too_big", "inflated")

    def test_a_large_message_that_is_honest(self):
        message = os.urandom(1 << 20).hex().encode() * 4
        for listener in (PLAIN, TLS):
            with self.server.peer(listener) as peer:
                peer.upgrade_compressed(NAME, "/echo")
                peer.send(compressed(TEXT, peer.compressor.message(message)))
                got = peer.read_message()
                self.assertEqual(got.payload, message)
                self.assertTrue(got.compressed)
                peer.finish()
                record = self.server.session_end(peer, cause="client_closed")
                self.assertEqual(record["bytes_in"], str(len(message)))
                self.assertEqual(record["bytes_out"], str(len(message)))

    def test_memory_of_what_does_not_get_smaller_is_given_back(self):
        with self.server.peer() as peer:
            peer.upgrade_compressed(f"{NAME}; server_no_context_takeover", "/echo")
            before = self.server.memory()
            message = os.urandom(MAX_MESSAGE)
            peer.send(frame(BINARY, message))
            got = peer.read_message()
            self.assertEqual(got.payload, message)
            self.assertFalse(got.compressed)
            peer.finish()
            self.server.session_end(peer)
            if not harness.sanitized():  # its allocator keeps what was freed
                harness.wait_until(lambda: self.server.memory() - before < MAX_MESSAGE // 2, "the memory is free again")

    def test_memory_of_takeover_is_given_back(self):
        for _ in range(30):
            with self.server.peer() as peer:
                peer.upgrade_compressed(NAME, "/echo")
                message = b"takeover " * 100
                peer.send(compressed(TEXT, peer.compressor.message(message)))
                self.assertEqual(peer.read_message().payload, message)
                peer.reset()
                self.server.session_end(peer)  # LeakSanitizer has the last word when the server stops


class Rates(harness.ServerCase):
    settings = {"limits": {"bytes_per_second": 10000, "ping_interval": "0s"}}

    def test_counted_as_inflated(self):
        with self.server.peer() as peer:
            peer.upgrade_compressed(NAME, "/echo")
            peer.send(compressed(BINARY, peer.compressor.message(bytes(60000))) * 2)
            self.assertEqual(len(peer.read_message().payload), 60000)
            self.assertEqual(peer.read_close(), 4429)
            self.server.session_end(peer, cause="rate_limited", messages_in=1, bytes_in=60000)

    def test_empty_blocks_count(self):
        """Nothing comes out of them, but they came all the same."""
        with self.server.peer() as peer:
            peer.upgrade_compressed(NAME, "/echo")
            padding = b"\0\0\0\xff\xff" * 6000 + b"\0"
            peer.send(compressed(BINARY, padding) * 2)
            self.assertEqual(peer.read_message().payload, b"")
            self.assertEqual(peer.read_close(), 4429)
            self.server.session_end(peer, cause="rate_limited", messages_in=1, bytes_in=0)


class Turns(harness.ServerCase):
    """What takes a few bytes to send and a long time to inflate and compress is not done at one go."""

    settings = {"pool": {"session_threads": 1}, "log": {"level": "debug"}}
    MESSAGES = 300  # 25 KiB on the wire, 20 MB of messages

    def close_order(self, greedy, modest):
        """Both have all that they send in their sockets, the greedy one first, before the loop looks."""
        wire = compressed(BINARY, greedy.compressor.message(bytes(65000))) * self.MESSAGES
        mark = self.server.mark()
        with freeze.Frozen(freeze.find_thread(self.server.process.pid, "sessions-0")):
            greedy.send(wire + rawws.close(4001))
            modest.send(text("hello") + rawws.close(4002))
        self.assertEqual(modest.read_message().payload, b"hello")
        for _ in range(self.MESSAGES):
            self.assertEqual(len(greedy.read_message().payload), 65000)
        self.assertEqual((modest.read_close(), greedy.read_close()), (4002, 4001))
        for code in (4001, 4002):
            self.server.wait_log("close_received", after=mark, code=code)
        return [int(record["code"]) for record in self.server.records("close_received")]

    def test_others_get_their_turn(self):
        with self.server.peer() as greedy, self.server.peer() as modest:
            greedy.upgrade_compressed(NAME, "/echo")
            modest.upgrade("/echo")
            self.assertEqual(self.close_order(greedy, modest), [4002, 4001])


class Settings(harness.ServerCase):
    """A reload takes over what new sessions agree to."""

    settings = {"compression": {"enabled": False}}

    def answer(self, offer):
        with self.server.peer() as peer:
            response = peer.upgrade("/echo", add=[f"Sec-WebSocket-Extensions: {offer}"])
            peer.finish()
            return response.headers.get("sec-websocket-extensions")

    def reload(self, **settings):
        mark = self.server.mark()
        self.server.sections["compression"] = settings
        self.server.write_config()
        self.server.signal(harness.signal.SIGHUP)
        self.server.wait_log("reloaded", after=mark)

    def test_reload(self):
        self.assertIsNone(self.answer(NAME))
        self.assertNotIn("window_bits", self.server.wait_log("session_start", compression="false")["line"])
        self.reload(level=9, min_size=0)
        keeps = self.server.peer()
        self.addCleanup(keeps.drop)
        keeps.upgrade_compressed(NAME, "/echo")
        self.assertEqual(self.answer(NAME), f"{NAME}; server_no_context_takeover; client_no_context_takeover")
        self.reload(server_context_takeover=True, server_max_window_bits=10, client_max_window_bits=9, memory_level=1)
        self.assertEqual(
            self.answer(f"{NAME}; client_max_window_bits"),
            f"{NAME}; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9",
        )
        self.assertEqual(self.answer(NAME), f"{NAME}; client_no_context_takeover; server_max_window_bits=10")
        told = {"server_context_takeover": "true", "client_context_takeover": "false", "server_window_bits": 10}
        for bits in (9, 15):
            self.server.wait_log("session_start", compression="true", client_window_bits=bits, **told)
        message = b"as it was agreed upon " * 100
        for _ in range(3):
            keeps.send(compressed(TEXT, keeps.compressor.message(message)))
            self.assertTrue(keeps.read_message().compressed)
        keeps.finish()


class PythonClient(harness.ServerCase):
    settings = {
        "listeners": LISTENERS,
        "compression": {"server_context_takeover": True, "client_context_takeover": True, "min_size": 1},
    }

    def test_every_setting(self):
        async def converse(factory):
            options = {"compression": None, "extensions": [factory], "max_size": None}
            async with websockets.connect(f"ws://127.0.0.1:{self.server.ports[PLAIN]}/echo", **options) as client:
                self.assertEqual([extension.name for extension in client.extensions], [NAME])
                for message in ("hello", "", "µ€\U0001f600" * 3000, "", bytes(60000), os.urandom(60000), b"", "hello") * 3:
                    await client.send(message)
                    self.assertEqual(await client.recv(), message)
                await client.send(["frag", "", "ment", "ed"])
                self.assertEqual(await client.recv(), "fragmented")

        for bits in (None, 9, 12, 15):
            for server_resets in (False, True):
                for client_resets in (False, True):
                    settings = {"server_max_window_bits": bits, "client_max_window_bits": bits or True}
                    with self.subTest(bits=bits, server_resets=server_resets, client_resets=client_resets):
                        factory = ClientPerMessageDeflateFactory(server_resets, client_resets, **settings)
                        asyncio.run(asyncio.wait_for(converse(factory), harness.DEADLINE_S))


if __name__ == "__main__":
    harness.main()
