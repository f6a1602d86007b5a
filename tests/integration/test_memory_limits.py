"""What sessions hold is bounded: one by limits.session_memory, all together by limits.memory. Whoever wants more ends with a
cause of its own, newcomers are told 503, and a session that needs little notices nothing."""

import unittest

import harness
import rawws
from rawws import TEXT, binary, frame
from test_backpressure import NARROW, push

PLAIN, TLS = 0, 1
LISTENERS = ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})
ENDPOINTS = ({"path": "/echo", "handler": "echo", "reply_prefix": ""},)
QUIET = {"ping_interval": 0, "send_timeout": 0, "message_timeout": 0}
KIB, MIB = 1 << 10, 1 << 20
RETRY_AFTER = range(5, 16)  # seconds


class MemoryCase(unittest.TestCase):
    def start(self, **limits):
        server = harness.Server(listeners=LISTENERS, endpoints=ENDPOINTS, limits={**QUIET, **limits})
        self.addCleanup(server.close)
        self.server = server.start()
        self.peers = []
        self.addCleanup(lambda: [peer.drop() for peer in self.peers])

    def sessions(self, count, **options):
        self.peers += [self.server.session("/echo", number % 2, **options) for number in range(count)]
        return self.peers

    def ended(self):
        return self.server.records("session_end")


class HalfSentMessages(MemoryCase):
    SESSIONS = 200
    MEMORY = 8 * MIB
    SIZE = 256 * KIB
    SENT = 200 * KIB

    def assert_turned_away(self):
        with self.server.peer() as peer:
            peer.send(rawws.request("GET /echo HTTP/1.1"))
            response, body = peer.read_answer()
            self.assertEqual(response.status, 503)
            self.assertIn(int(response.headers["retry-after"]), RETRY_AFTER)
            self.assertIn(b"memory", body)
            self.server.refusal(peer, "memory")

    def assert_let_in(self):
        try:
            self.server.session("/echo").drop()
        except rawws.Violation:
            return False
        return True

    def test_all_sessions_together(self):
        """An eighth of what they want is there: the rest of them are told to try again, whole Close and FIN."""
        self.start(max_message=self.SIZE, send_queue="64K", memory=self.MEMORY, close_timeout="10m")
        honest = [self.server.session("/echo", listener) for listener in (PLAIN, TLS)]
        peers = self.sessions(self.SESSIONS)
        half = frame(TEXT, b"x" * self.SENT, fin=False)
        for peer in peers:
            peer.send(half)
        most = self.MEMORY // self.SENT
        harness.wait_until(lambda: len(self.ended()) >= self.SESSIONS - most, "those who do not fit are ended")
        for peer in honest:
            peer.echo("undisturbed")
        self.assert_turned_away()
        for level in ("ended", "turned away"):
            told = [record for record in self.server.records("memory_limit") if level in record.get("detail", "")]
            self.assertTrue(told)
            self.assertLess(len(told), 10)
            self.assertEqual((told[0]["level"], told[0]["limit"]), ("warning", str(self.MEMORY)))
        alive = 0
        for peer in peers:
            peer.send(rawws.ping(b"alive?"))
            got = peer.read_message()
            if got.opcode == rawws.PONG:
                alive += 1
                continue
            self.assertEqual((got.opcode, got.payload[:2]), (rawws.CLOSE, (1013).to_bytes(2, "big")))
            self.assertEqual(peer.read_end(), "fin")
            peer.drop()
            self.server.session_end(peer, cause="server_memory", code_sent=1013, closed_by="server")
        self.assertLessEqual(alive, most)
        self.assertGreaterEqual(alive, most // 4, "a block is at most twice as large as what is in it")
        for peer in peers:
            peer.drop()
        harness.wait_until(self.assert_let_in, "newcomers are let in once the memory is free")
        for peer in honest:
            peer.finish()
        self.server.stop()


class UnsentOutput(MemoryCase):
    SESSIONS = 20
    MEMORY = 4 * MIB
    MESSAGE = binary(b"x" * (16 * KIB))

    def test_all_sessions_together(self):
        self.start(slow_consumer="drop", send_queue="1M", memory=self.MEMORY)
        honest = [self.server.session("/echo", listener) for listener in (PLAIN, TLS)]
        flood = memoryview(self.MESSAGE * 256)
        for peer in self.sessions(self.SESSIONS, receive_buffer=NARROW):
            try:
                push(peer, flood)
            except OSError:  # ended already
                pass
        least = self.SESSIONS - self.MEMORY // MIB
        harness.wait_until(lambda: len(self.ended()) >= least, "those who do not fit are ended")
        for peer in honest:
            peer.echo("undisturbed")
        for record in self.ended():
            self.assertEqual(record["cause"], "server_memory")
        self.assertLess(len(self.ended()), self.SESSIONS, "what one of them gave back is there for others")
        for peer in honest:
            peer.finish()
        for peer in self.peers:
            peer.drop()
        self.server.stop()

    def test_the_least_a_session_may_have(self):
        """Is enough for the largest message and its reply, again and again."""
        self.start(max_message=MIB, send_queue="64K", session_memory=2 * MIB + 64 * KIB, memory=2 * MIB + 64 * KIB)
        for listener in (PLAIN, TLS):
            with self.server.session("/echo", listener, receive_buffer=NARROW) as peer:
                for _ in range(3):
                    peer.send(binary(b"y" * MIB))
                    self.assertEqual(len(peer.read_message().payload), MIB)
                peer.finish()
        self.server.stop()


if __name__ == "__main__":
    harness.main()
