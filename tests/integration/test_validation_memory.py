"""Memory runs out while a message is checked: nobody is told anything wrong of it, and it is held against nobody.

Each allocation of a session loop fails once, from the first message on that is checked at all; see faults.py. So do those of what a
loop keeps for its checks, and of what a session keeps of its violations.
"""

import collections
import json
import unittest

import faults
import harness
import rawws
from faults import MALLOC, SESSIONS

SCHEMA = {
    "properties": {
        "room": {"type": "string", "pattern": "^[a-z]+$"},
        "tags": {"uniqueItems": True},
        "sent": {"format": "date-time"},
    },
    "patternProperties": {"^n[0-9]+$": {"type": "integer"}},
    "unevaluatedProperties": False,
}
# jansson's buffer for a token grows at the byte that ends these: where that is lost, it reads on, or ends the process.
EDGES = [123456789012345, "abcdefghijklmn"]
NUMBERS = {f"n{number}": number for number in range(100)}
GOOD = json.dumps({"room": "lobby", "tags": [*range(100), *EDGES], "sent": "2026-03-01T12:00:00Z", **NUMBERS})
BAD = json.dumps({"room": "lobby", "tags": [*range(100), *EDGES, 1]})
ENDED = ("cut", 1011)


def endpoint(path, **rules):
    rules = {"schema": "schema.json", "messages_per_second": 1000000, "max_violations": 0, **rules}
    return {"path": path, "handler": "echo", "reply_prefix": "", "auth": "none", "rules": rules}


class ValidationMemory(unittest.TestCase):
    def setUp(self):
        self.server = faults.FaultyServer(
            endpoints=(endpoint("/reject"), endpoint("/close", on_violation="close"), endpoint("/report", on_violation="report")),
            pool={"session_threads": 1},
            limits={"ping_interval": 0},
        )
        self.addCleanup(self.server.close)
        with open(f"{self.server.folder}/schema.json", "w", encoding="utf-8") as file:
            json.dump(SCHEMA, file)
        self.server.start()
        self.baseline = self.server.open_fds()

    def answer(self, peer, message):
        """The code of an error, "echo", the code of a Close frame, or "cut"."""
        try:
            peer.send(rawws.text(message))
            got = peer.read_message()
        except (rawws.Ended, ConnectionError):
            return "cut"
        if got.opcode == rawws.CLOSE:
            return int.from_bytes(got.payload[:2], "big")
        if got.payload == message.encode():
            return "echo"
        return json.loads(got.payload)["error"]["code"]

    def walk(self, path, message, right):
        """Each allocation fails once while that message is checked, in a session of its own. Returns how often it was answered
        how: rightly, or not at all."""
        outcomes = collections.Counter()
        at = 0
        reached = True
        while reached:
            at += 1
            with self.server.session(path) as peer:
                with self.server.faults(MALLOC, SESSIONS, at=at):
                    outcome = self.answer(peer, message)
                    reached = self.server.seen >= at
                self.assertIn(outcome, (right, *ENDED), f"{path}, allocation {at}")
                outcomes[outcome] += 1
                if outcome not in ENDED and right != 1008:
                    self.assertEqual(self.answer(peer, message), right, f"{path}, behind allocation {at}")
                    peer.finish()
        self.assertEqual(outcome, right, "in the end nothing failed")
        return outcomes

    def check_log(self, ended):
        """As many sessions ended for want of memory, and for nothing else; of two kinds: what a session keeps, what a check takes."""
        self.server.wait_fds(self.baseline)
        self.server.stop()
        records = self.server.records("session_end", cause="out_of_memory")
        self.assertEqual(len(records), ended)
        self.assertEqual({record["code_sent"] for record in records}, {"0", "1011"})
        self.assertTrue(self.server.records("message_invalid", violation="no_memory", path="", keyword="-"))

    def test_good_ones(self):
        outcomes = self.walk("/reject", GOOD, "echo")
        self.assertGreater(outcomes["cut"], 0, outcomes)
        self.assertGreater(outcomes[1011], 20, outcomes)
        self.check_log(sum(outcomes[how] for how in ENDED))
        self.assertFalse([record for record in self.server.records("refusals") if "invalid_messages" in record])

    def test_bad_ones(self):
        outcomes = self.walk("/reject", BAD, "schema")
        self.assertGreater(outcomes[1011], 20, outcomes)
        self.check_log(sum(outcomes[how] for how in ENDED))
        self.assertFalse([record for record in self.server.records("refusals") if "invalid_messages" in record])

    def test_close(self):
        outcomes = self.walk("/close", BAD, 1008)
        self.assertGreater(outcomes[1011], 20, outcomes)
        self.check_log(sum(outcomes[how] for how in ENDED))

    def test_report(self):
        """What cannot be checked is delivered; only a session that has no memory for itself ends."""
        outcomes = self.walk("/report", GOOD, "echo")
        self.assertEqual(outcomes[1011], 0, outcomes)
        self.assertEqual(outcomes["cut"], 1, outcomes)
        self.server.wait_fds(self.baseline)
        self.server.stop()
        self.assertTrue(self.server.records("message_invalid", violation="no_memory", action="report"))


if __name__ == "__main__":
    harness.main()
