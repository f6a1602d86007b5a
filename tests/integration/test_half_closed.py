"""Peers that end their sending side, and peers that never read."""

import time

import harness
import rawws
from rawws import binary, close, text

PLAIN, TLS = 0, 1
LISTENERS = ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})
SEND_QUEUE = 16 << 10  # bytes
BEHIND = 8  # messages
MEMORY_ALLOWED = 64 << 20  # bytes that the server may grow by, sanitizers' quarantines included
MESSAGE = 60_000


class HalfClosed(harness.ServerCase):
    settings = {
        "listeners": LISTENERS,
        "limits": {"handshake_timeout": "10m", "ping_interval": "0s"},
    }

    def test_before_a_byte(self):
        for listener in (PLAIN, TLS):
            with self.server.peer(listener, tls=False) as peer:
                peer.half_close()
                self.assertEqual(peer.read_all(), b"")

    def test_in_the_head(self):
        """A request that cannot become whole is over at once: the deadline is far."""
        for listener in (PLAIN, TLS):
            with self.server.peer(listener) as peer:
                peer.send(rawws.request()[:-2])
                peer.half_close()
                peer.read_all()

    def test_in_the_client_hello(self):
        with self.server.peer(TLS, tls=False) as peer:
            peer.send(rawws.client_hello()[:100])
            peer.half_close()
            peer.read_all()

    def test_behind_the_client_hello(self):
        with self.server.peer(TLS, tls=False) as peer:
            peer.send(rawws.client_hello())
            peer.half_close()
            peer.read_all()

    def test_behind_a_request(self):
        """The answer still comes: TCP lets a client say that it has said all."""
        with self.server.peer() as peer:
            peer.send(rawws.request("GET /nowhere HTTP/1.1"))
            peer.half_close()
            self.assertEqual(peer.read_answer()[0].status, 404)

    def test_behind_an_upgrade(self):
        with self.server.peer() as peer:
            peer.send(rawws.request("GET /echo HTTP/1.1") + text("last words"))
            peer.half_close()
            peer.read_upgrade(rawws.SAMPLE_KEY)
            self.assertEqual(peer.read_message().payload, b"last words")
            self.assertEqual(peer.read_end(), "fin")
            self.server.session_end(peer, cause="client_gone")

    def test_behind_messages(self):
        """What is owed is sent, then the server ends too."""
        for wire, replies in ((text("last"), [b"last"]), (text("a") + binary(b"b" * MESSAGE), [b"a", b"b" * MESSAGE])):
            with self.server.session() as peer:
                peer.send(wire)
                peer.half_close()
                for payload in replies:
                    self.assertEqual(peer.read_message().payload, payload)
                self.assertEqual(peer.read_end(), "fin")
                self.server.session_end(peer, cause="client_gone")

    def test_in_a_frame(self):
        with self.server.session() as peer:
            peer.send(text("cut short")[:9])
            peer.half_close()
            self.assertEqual(peer.read_all(), b"")
            self.server.session_end(peer, cause="client_gone")

    def test_behind_close(self):
        with self.server.session() as peer:
            peer.send(close(1000))
            peer.half_close()
            self.assertEqual(peer.read_close(), 1000)
            self.assertEqual(peer.read_end(), "fin")
            self.server.session_end(peer, cause="client_closed")

    def test_over_tls(self):
        """A FIN without close_notify: perhaps cut off by somebody else. The session ends."""
        with self.server.session(listener=TLS) as peer:
            peer.echo("hello")
            peer.half_close()
            peer.read_all()
            record = self.server.session_end(peer)
            self.assertIn(record["cause"], ("client_gone", "connection_lost", "tls_failed"))


class NeverReads(harness.ServerCase):
    settings = {
        "listeners": LISTENERS,
        "limits": {"send_queue": SEND_QUEUE, "send_timeout": "3s", "close_timeout": "1s", "ping_interval": "0s"},
    }

    def test_slow_consumer(self):
        """It is ended, its memory bounded meanwhile; another session notices nothing."""
        for listener in (PLAIN, TLS):
            with self.subTest(listener=listener), self.server.session() as other:
                before = self.server.memory()
                with self.server.session(listener=listener, receive_buffer=4096) as peer:
                    self.fill(peer, other)
                    self.server.session_end(peer, cause="slow_consumer", closed_by="server")
                    self.assertLess(self.server.memory() - before, MEMORY_ALLOWED)
                    other.echo("after")
                    other.finish()

    def fill(self, peer, other):
        """Sends messages and reads no reply, until the server ends it."""
        wire = memoryview(binary(b"x" * MESSAGE) * 16)
        at = 0
        session = self.server.wait_log("session_start", **peer.log_key)["session"]
        give_up = time.monotonic() + rawws.DEADLINE_S
        while not self.server.records("session_end", session=session):
            if time.monotonic() > give_up:
                self.fail(f"the server keeps a peer that does not read\n{self.server.tail()}")
            try:
                at += peer.sock.send(wire[at : at + MESSAGE])
                at %= len(wire)
            except (BlockingIOError, rawws.ssl.SSLWantWriteError, rawws.ssl.SSLWantReadError):
                other.echo("meanwhile")
            except (ConnectionError, rawws.ssl.SSLError):
                break

    def test_a_slow_reader_gets_everything(self):
        """Slow is not stuck: 8 MiB of replies arrive whole and in order at a peer that is always eight behind, though that is
        more than the server is willing to queue: it reads no further meanwhile."""
        count = (8 << 20) // MESSAGE
        for listener in (PLAIN, TLS):
            with self.subTest(listener=listener), self.server.session(listener=listener, receive_buffer=4096) as peer:
                for number in range(count):
                    peer.send(binary(number.to_bytes(4, "big") + b"x" * (MESSAGE - 4)))
                    if number >= BEHIND:
                        self.assertEqual(peer.read_message().payload[:4], (number - BEHIND).to_bytes(4, "big"))
                for number in range(count - BEHIND, count):
                    self.assertEqual(peer.read_message().payload[:4], number.to_bytes(4, "big"))
                peer.finish()


if __name__ == "__main__":
    harness.main()
