"""Streams that break the rules end with the right code and a log line that says why, without effect on other sessions."""

import harness
import rawws
from rawws import BINARY, CONTINUATION, TEXT, binary, close, fragments, frame, ping, text

MEMORY_ALLOWED = 64 << 20  # bytes that the server may grow by, sanitizers' quarantines included, far below 2 GiB
PLAIN, TLS = 0, 1


class HostileFrames(harness.ServerCase):
    settings = {
        "listeners": ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True}),
        "limits": {"ping_interval": "0s"},
    }

    def setUp(self):
        self.bystander = self.server.session()
        self.addCleanup(self.bystander.drop)
        self.bystander.echo("before")

    def tearDown(self):
        self.bystander.echo("after")
        self.bystander.finish()
        super().tearDown()

    def assert_ended(self, wire, code, cause, *, replies=()):
        """On both ports."""
        for listener in (PLAIN, TLS):
            with self.subTest(listener=listener), self.server.session(listener=listener) as peer:
                peer.send(wire)
                for payload in replies:
                    self.assertEqual(peer.read_message().payload, payload)
                self.assertEqual(peer.read_close(), code)
                self.assertEqual(peer.read_end(), "fin")
                peer.drop()
                record = self.server.session_end(peer, cause=cause, code_sent=code, closed_by="server")
                self.assertTrue(record["detail"])

    def test_two_gigabytes_declared(self):
        before = self.server.memory()
        for declared in (2 << 30, (2 << 30) - 1, (1 << 63) - 1):
            wire = frame(BINARY, b"first bytes", form=64, declared=declared)
            self.assert_ended(wire, 1009, "message_too_big")
            self.assert_ended(frame(TEXT, b"", form=64, declared=declared), 1009, "message_too_big")
        self.assertLess(self.server.memory() - before, MEMORY_ALLOWED)

    def test_sum_of_fragments(self):
        wire = binary(b"x" * 60_000, fin=False) + frame(CONTINUATION, b"y" * 60_000)
        self.assert_ended(wire, 1009, "message_too_big")

    def test_a_hundred_thousand_fragments(self):
        self.assert_ended(fragments(TEXT, [b"x"] * 100_000), 1008, "too_many_fragments")
        self.assert_ended(fragments(BINARY, [b""] * 100_000), 1008, "too_many_fragments")

    def test_unmasked(self):
        self.assert_ended(text("bare", key=None), 1002, "protocol_error")
        self.assert_ended(text("fine") + text("bare", key=None), 1002, "protocol_error", replies=[b"fine"])
        self.assert_ended(close(1000, key=None), 1002, "protocol_error")

    def test_bad_utf8_over_frames(self):
        self.assert_ended(fragments(TEXT, [b"\xed", b"\xa0", b"\x80"]), 1007, "invalid_data")
        self.assert_ended(text(b"\xf4", fin=False) + frame(CONTINUATION, b"\x90", fin=False), 1007, "invalid_data")
        wire = text("€".encode()[:2], fin=False) + ping(b"") + frame(CONTINUATION, b"\xc3")
        self.assert_ended(wire, 1007, "invalid_data", replies=[b""])

    def test_http_where_frames_belong(self):
        self.assert_ended(rawws.request(), 1002, "protocol_error")

    def test_garbage(self):
        for wire in (b"\0" * 4096, b"\xff" * 4096, bytes(range(256)) * 16):
            self.assert_ended(wire, 1002, "protocol_error")

    def test_oversized_control_frames(self):
        self.assert_ended(ping(b"x" * 126), 1002, "protocol_error")
        self.assert_ended(frame(rawws.PING, b"", form=64, declared=1 << 40), 1002, "protocol_error")

    def test_gone_in_the_middle(self):
        """A peer that ends or breaks its connection inside a frame, a message or a header leaves nothing behind."""
        for wire in (b"", text("cut short")[:1], text("cut short")[:8], text("a", fin=False), binary(b"x" * 200)[:3]):
            with self.server.session() as peer:
                peer.send(wire)
                peer.drop()
                record = self.server.session_end(peer)
                self.assertIn(record["cause"], ("client_gone", "connection_lost"))
            with self.server.session() as peer:
                peer.send(wire)
                peer.reset()
                self.server.session_end(peer, cause="connection_lost")

    def test_replies_into_a_reset(self):
        """Much is owed to a peer that has gone."""
        for _ in range(20):
            with self.server.session() as peer:
                peer.send(binary(b"x" * 60_000) * 8)
                peer.reset()
                record = self.server.session_end(peer)
                self.assertIn(record["cause"], ("client_gone", "connection_lost"))


if __name__ == "__main__":
    harness.main()
