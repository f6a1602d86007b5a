"""Peers that are silent, slow or stuck are ended at a deadline that their trickle does not move."""

import time

import harness
import rawws
from rawws import CONTINUATION, TEXT, frame, request, text

PLAIN, TLS = 0, 1
LISTENERS = ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})
TIMEOUT_S = 2  # of every deadline here
BYTE_EVERY_S = 0.2  # a trickle well inside the deadline
CLOCK_SLACK_S = 0.1  # the server's clock may have started a little before ours


def ping_until_close(peer):
    """Pings until the server's Close."""
    give_up = time.monotonic() + rawws.DEADLINE_S
    while time.monotonic() < give_up:
        if not peer.readable(BYTE_EVERY_S):
            peer.send(rawws.ping(b"still here"))
        elif (got := peer.read_message()).opcode == rawws.CLOSE:
            return got
    raise TimeoutError("the server does not close")


class DeadlineCase(harness.ServerCase):
    def assert_closed(self, peer, cause, got=None):
        """By a Close frame (`got`, or the next one) with 4408, answered here; and the log tells the cause."""
        got = got or peer.read_message()
        self.assertEqual((got.opcode, got.payload[:2]), (rawws.CLOSE, (4408).to_bytes(2, "big")))
        peer.send(rawws.close(4408))
        self.assertEqual(peer.read_end(), "fin")
        peer.drop()
        record = self.server.session_end(peer)
        self.assertEqual(record["cause"], cause)


class TrickleCase(DeadlineCase):
    def trickle(self, peer, wire, since):
        """A byte now and then until the server answers or hangs up; it must do so long before the bytes run out, and not before the
        deadline, which began at `since` or later."""
        for index in range(len(wire)):
            peer.send(wire[index : index + 1])
            if peer.readable(BYTE_EVERY_S):
                break
        else:
            self.fail(f"no end after {len(wire)} bytes in {time.monotonic() - since:.0f} s")
        self.assertGreaterEqual(time.monotonic() - since, TIMEOUT_S - CLOCK_SLACK_S, "ended before its time")


class Handshakes(TrickleCase):
    settings = {"listeners": LISTENERS, "limits": {"handshake_timeout": f"{TIMEOUT_S}s"}}

    def assert_timed_out(self, peer):
        """408, or a plain end; and a log line."""
        answer = peer.read_all()
        peer.drop()
        if answer:
            self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)
        self.server.refusal(peer, "handshake_timeout")

    def test_silence(self):
        for listener in (PLAIN, TLS):
            with self.subTest(listener=listener), self.server.peer(listener, tls=False) as peer:
                self.assert_timed_out(peer)

    def test_silence_behind_the_tls_handshake(self):
        with self.server.peer(TLS) as peer:
            self.assert_timed_out(peer)

    def test_trickle_in_the_tls_handshake(self):
        with self.server.peer(TLS, tls=False) as peer:
            self.trickle(peer, rawws.client_hello(), peer.since)
            self.assert_timed_out(peer)

    def test_stall_behind_the_client_hello(self):
        with self.server.peer(TLS, tls=False) as peer:
            peer.send(rawws.client_hello())
            self.assertTrue(peer.read(1), "the server's flight comes")
            peer.read_all()
            self.server.refusal(peer, "handshake_timeout")

    def test_trickle_in_the_head(self):
        for listener in (PLAIN, TLS):
            with self.subTest(listener=listener), self.server.peer(listener) as peer:
                self.trickle(peer, request(add=["X-Long: " + "x" * 1000]), peer.since)
                self.assert_timed_out(peer)

    def test_trickle_in_the_target(self):
        with self.server.peer() as peer:
            self.trickle(peer, b"GET /" + b"a" * 1000, peer.since)
            self.assert_timed_out(peer)


class Messages(TrickleCase):
    settings = {
        "listeners": LISTENERS,
        "limits": {"message_timeout": f"{TIMEOUT_S}s", "ping_interval": 0, "idle_timeout": 0},
    }

    def test_trickle_in_a_frame(self):
        for listener in (PLAIN, TLS):
            with self.subTest(listener=listener), self.server.session(listener=listener) as peer:
                self.trickle(peer, text("x" * 1000), time.monotonic())
                self.assert_closed(peer, "message_timeout")

    def test_stall_in_a_header(self):
        with self.server.session() as peer:
            peer.send(text("x" * 300)[:3])
            self.assert_closed(peer, "message_timeout")

    def test_stall_between_fragments(self):
        with self.server.session() as peer:
            peer.send(text("begun", fin=False))
            self.assert_closed(peer, "message_timeout")

    def test_trickle_of_fragments(self):
        """Whole frames, and never the last."""
        with self.server.session() as peer:
            peer.send(frame(TEXT, b"x", fin=False))
            since = time.monotonic()
            while not peer.readable(BYTE_EVERY_S):
                self.assertLess(time.monotonic() - since, rawws.DEADLINE_S)
                peer.send(frame(CONTINUATION, b"x", fin=False))
            self.assert_closed(peer, "message_timeout")

    def test_pings_do_not_prolong_a_message(self):
        with self.server.session() as peer:
            peer.send(frame(TEXT, b"x", fin=False))
            self.assert_closed(peer, "message_timeout", ping_until_close(peer))

    def test_a_fresh_message_has_a_fresh_deadline(self):
        """Many messages in a row, each in time, may together take longer than one may."""
        with self.server.session() as peer:
            since = time.monotonic()
            peer.send(frame(TEXT, b"a", fin=False))
            while time.monotonic() - since < 2 * TIMEOUT_S:
                self.assertFalse(peer.readable(BYTE_EVERY_S))
                # The rest of this message and the beginning of the next in one write: never at rest between two.
                peer.send(frame(CONTINUATION, b"b") + frame(TEXT, b"a", fin=False))
                self.assertEqual(peer.read_message().payload, b"ab")
            peer.send(frame(CONTINUATION, b"c"))
            self.assertEqual(peer.read_message().payload, b"ac")
            peer.finish()


class KeepAlive(DeadlineCase):
    settings = {"limits": {"ping_interval": "1s", "pong_timeout": "1s", "idle_timeout": "0s"}}

    def test_silent_peer(self):
        """Pinged, and when nothing comes back, closed."""
        with self.server.session() as peer:
            self.assertEqual(peer.read_message().opcode, rawws.PING)
            self.assert_closed(peer, "pong_timeout")

    def test_answering_peer(self):
        with self.server.session() as peer:
            for _ in range(3):
                got = peer.read_message()
                self.assertEqual(got.opcode, rawws.PING)
                peer.send(rawws.pong(got.payload))
            peer.finish()


class Idle(DeadlineCase):
    settings = {"limits": {"ping_interval": "0s", "idle_timeout": "2s"}}

    def test_idle_peer(self):
        """Pings are no messages."""
        with self.server.session() as peer:
            self.assert_closed(peer, "idle_timeout", ping_until_close(peer))


if __name__ == "__main__":
    harness.main()
