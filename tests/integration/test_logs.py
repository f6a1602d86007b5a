"""What the logs say: every session's end, its cause, and nothing that a peer can forge."""

import json
import os
import unittest

import harness
import rawws
from rawws import binary, close, ping, text

PLAIN, TLS = 0, 1
FIELDS = (
    "peer endpoint user duration messages_in messages_out bytes_in bytes_out code_sent code_received closed_by cause detail"
).split()


class SessionEnds(harness.ServerCase):
    settings = {
        "listeners": ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True}),
        "log": {"audit_file": "audit.jsonl"},
    }

    def end_of(self, peer):
        return self.server.session_end(peer)

    def test_every_field(self):
        for listener in (PLAIN, TLS):
            with self.server.session("/", listener=listener) as peer:
                peer.send(text("four") + ping(b"not counted") + binary(b"12345678"))
                for _ in range(3):
                    peer.read_message()
                peer.finish(4242)
                record = self.end_of(peer)
            self.assertEqual([name for name in FIELDS if name not in record], [])
            expected = {
                "level": "info",
                "endpoint": "/",
                "user": "-",
                "messages_in": "2",
                "messages_out": "2",
                "bytes_in": "12",
                "bytes_out": str(12 + len(harness.PREFIX)),
                "code_sent": "4242",
                "code_received": "4242",
                "closed_by": "client",
                "cause": "client_closed",
            }
            self.assertEqual({name: record[name] for name in expected}, expected)
            self.assertGreaterEqual(float(record["duration"]), 0)

    def test_causes(self):
        cases = (
            (lambda peer: peer.finish(), "client_closed", "client"),
            (lambda peer: peer.half_close(), "client_gone", "client"),
            (lambda peer: peer.reset(), "connection_lost", "network"),
            (lambda peer: peer.send(text("bare", key=None)), "protocol_error", "server"),
            (lambda peer: peer.send(text(b"\xff")), "invalid_data", "server"),
            (lambda peer: peer.send(binary(b"", form=64, declared=1 << 40)), "message_too_big", "server"),
        )
        for end, cause, side in cases:
            with self.subTest(cause=cause):
                peer = self.server.session()
                end(peer)
                peer.drop()
                record = self.end_of(peer)
                self.assertEqual((record["cause"], record["closed_by"]), (cause, side))

    def test_one_end_each(self):
        mark = self.server.mark()
        peers = [self.server.session() for _ in range(20)]
        for peer in peers:
            peer.send(close(1000) + close(1001) + text("late"))
            peer.drop()
        for peer in peers:
            self.end_of(peer)
        ends = [record for record in self.server.records()[mark:] if record["event"] == "session_end"]
        self.assertEqual(len(ends), len(peers))

    def test_audit_file(self):
        with self.server.session() as peer:
            peer.finish()
            self.end_of(peer)

        def lines():
            with open(os.path.join(self.server.folder, "audit.jsonl"), encoding="utf-8") as audit:
                records = [json.loads(line) for line in audit if line.endswith("\n")]
            return [record for record in records if record.get("peer") == peer.name]

        harness.wait_until(lambda: len(lines()) == 2, "start and end in the audit file")
        self.assertEqual([record["event"] for record in lines()], ["session_start", "session_end"])
        self.assertIsInstance(lines()[1]["messages_in"], int)


class Forgery(harness.ServerCase):
    """Every line stays one event, whatever a peer sends; check_exit() looks at the form of all of them."""

    settings = {"log": {"level": "debug"}}

    def test_text_from_peers(self):
        forged = "\n2026-01-01T00:00:00.000Z error forged cause=none"
        wires = (
            rawws.request("GET /%0d%0a2026-01-01T00:00:00.000Z%20error%20forged HTTP/1.1"),
            rawws.request("GET /nowhere?a=\"b\\\x1b[31m HTTP/1.1"),
            rawws.request("GET /" + "%E2%80%AE" * 10 + " HTTP/1.1"),
            rawws.request("GET /echo HTTP/1.1", add=[f"X-Forged: {forged}"]),
            rawws.request("GET /echo HTTP/1.1", replace={"Host": "\x1b]0;title\x07"}),
        )
        for wire in wires:
            with self.server.peer() as peer:
                peer.send(wire)
                peer.read_answer()
        for reason in (forged.encode()[:120], b"\x1b[2J", "\u202e\u2028\u0085".encode(), b'" cause=forged'):
            with self.server.session() as peer:
                peer.send(close(1000, reason))
                peer.read_all()
                peer.drop()
                self.server.session_end(peer, cause="client_closed")
        self.assertEqual(self.server.records("forged"), [])
        for record in self.server.records():
            self.assertTrue(record["line"].isprintable(), record["line"])


class ErrorFile(unittest.TestCase):
    def test_is_opened_where_asked(self):
        with harness.Server(log={"error_file": "my_errors.log"}) as server:
            self.assertTrue(os.path.exists(os.path.join(server.folder, "my_errors.log")))

    def test_json(self):
        """Every line of a JSON log is a JSON object with time, level and event."""
        server = harness.Server(log={"format": "json", "file": "server.jsonl"})
        self.addCleanup(server.close)
        server.write_config()
        path = os.path.join(server.folder, "server.jsonl")
        server.launch()

        def ready():
            if not os.path.exists(path):
                return False
            with open(path, encoding="utf-8") as log:
                return '"event":"ready"' in log.read()

        harness.wait_until(ready, "ready in the JSON log")
        server.stop()
        with open(path, encoding="utf-8") as log:
            records = [json.loads(line) for line in log]
        for record in records:
            self.assertLessEqual({"time", "level", "event"}, set(record))
        self.assertEqual(records[-1]["event"], "stopped")


if __name__ == "__main__":
    harness.main()
