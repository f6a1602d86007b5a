"""Memory, descriptors and the kernel's buffers run out in the middle of everything: nobody is left hanging, and it passes.

The server runs on a C library whose calls fail when the test says so; see faults.py. What is shown is our code and how it uses
civetweb and OpenSSL, whose calls fail too. Not libconfig, which uses memory without asking whether it got any: its own
allocations are spared.
"""

import collections
import json
import os
import select
import signal
import ssl
import threading
import unittest

import deflate
import faults
import harness
import load
import rawws
from faults import ACCEPT, EPOLL_ADD, EVENTFD, LOBBY, MAIN, MALLOC, RECV, RELOAD, SEND, SESSIONS, SOCKETPAIR, UPGRADE

PLAIN, TLS = 0, 1
CLIENTS = 8
ATTEMPTS = 30  # of each client, in a row
RECOVERED = 20  # conversations that must work once nothing fails any more
LONG = "x" * 3000  # more than one small allocation has room for
SCHEMA = {
    "properties": {"a": {"pattern": "^[a-z]+$"}, "b": {"$ref": "#/$defs/b"}, "c": {"enum": [1, "x"]}},
    "required": ["a"],
    "unevaluatedProperties": False,
    "$defs": {"b": {"anyOf": [{"minimum": 0.5}, {"format": "email"}]}},
}


class ExhaustionCase(unittest.TestCase):
    SETTINGS = {
        "listeners": ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True}),
        "limits": {"ping_interval": 0},
        "compression": {"server_context_takeover": True, "client_context_takeover": True},
        "pool": {"lobby_threads": 2, "session_threads": 2, "upgrade_threads": 4},
    }

    def setUp(self):
        self.server = faults.FaultyServer(**self.SETTINGS)
        self.addCleanup(self.server.close)
        self.server.start()
        for listener in (PLAIN, TLS):  # what libraries open or keep from the first connection on
            self.assert_served(listener)
        self.baseline = self.server.open_fds()

    def assert_served(self, listener):
        with self.server.session(listener=listener) as peer:
            peer.echo("served")
            peer.finish()

    def assert_recovered(self):
        """Nothing fails any more: everything works, nothing is left open, and the server stops as it should."""
        for number in range(RECOVERED):
            self.assert_served(number % 2)
        self.server.wait_fds(self.baseline)
        self.server.stop()


class Storm:
    """Clients that come and go. `outcomes` counts how it went for them; `wrong` tells of what no client should see."""

    def __init__(self, server):
        self.server = server
        self.outcomes = collections.Counter()
        self.wrong = []
        self._lock = threading.Lock()

    def run(self):
        threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _client(self, number):
        for attempt in range(ATTEMPTS):
            try:
                outcome = self._visit((number + attempt) % 2, attempt % 4 < 2)
            except (rawws.Ended, ConnectionError, ssl.SSLError):
                outcome = "cut"
            except (AssertionError, OSError) as error:  # a TimeoutError above all
                outcome = "wrong"
                with self._lock:
                    self.wrong.append(f"client {number}, attempt {attempt}: {type(error).__name__}: {error}")
            with self._lock:
                self.outcomes[outcome] += 1

    def _visit(self, listener, compressed):
        with self.server.peer(listener) as peer:
            offer = [f"Sec-WebSocket-Extensions: {deflate.NAME}"] if compressed else []
            peer.send(rawws.request("GET /echo HTTP/1.1", add=offer))
            response = peer.read_response()
            if response.status == 503 and int(response.headers.get("retry-after", 0)) > 0:
                return "busy"
            if response.status != 101:
                raise rawws.Violation(f"answer {response.head!r}")
            if compressed:
                peer.agree(response)
            for size in (10, len(LONG)):
                text = LONG[:size].encode()
                packed = compressed and rawws.compressed(rawws.TEXT, peer.compressor.message(text))
                peer.send(packed or rawws.text(LONG[:size]))
                got = peer.read_message()
                if got.opcode == rawws.CLOSE and int.from_bytes(got.payload[:2], "big") == 1011:
                    return "ended"
                if got.payload != text:
                    raise rawws.Violation(f"reply {rawws.short(got)}")
            peer.send(rawws.close(1000))
            if (code := peer.read_close()) == 1011:
                return "ended"
            # The alert that ends TLS takes memory, too; without it there is a FIN all the same.
            if (code, end := peer.read_end()) not in ((1000, "fin"), (1000, "no close_notify")):
                raise rawws.Violation(f"close code {code}, then {end}")
            return "served"


class Storms(ExhaustionCase):
    def storm(self, calls, roles, one_in, expected, events):
        """expected: outcomes that must have been seen; events: (event, cause) of which one must be in the log."""
        storm = Storm(self.server)
        with self.server.faults(calls, roles, one_in=one_in):
            storm.run()
        self.assertEqual(storm.wrong, [])
        self.assertGreater(self.server.failed, 0, "nothing has failed")
        for outcome in expected:
            self.assertGreater(storm.outcomes[outcome], 0, f"{outcome}: {storm.outcomes}")
        self.assert_recovered()
        seen = {(record["event"], record.get("cause")) for record in self.server.records()}
        self.assertTrue(seen & set(events), f"the log does not say why: {seen}")

    def test_accept(self):
        """Those who cannot be accepted wait in the backlog or are refused; no listener is lost."""
        self.storm(ACCEPT, LOBBY, 2, ["served"], [("no_files", None)])

    def test_watching(self):
        self.storm(EPOLL_ADD, LOBBY, 3, ["served", "cut"], [("request_refused", "busy")])

    def test_hand_over(self):
        self.storm(SOCKETPAIR, LOBBY, 2, ["served", "busy"], [("request_refused", "busy")])

    def test_adoption(self):
        self.storm(EPOLL_ADD, SESSIONS, 2, ["served", "cut"], [("session_end", "out_of_memory")])

    def test_lobby_memory(self):
        self.storm(MALLOC, LOBBY, 30, ["served"], [("request_refused", "busy"), ("request_refused", "tls_failed")])

    def test_upgrade_memory(self):
        self.storm(MALLOC, UPGRADE, 4, ["served", "busy"], [("request_refused", "too_busy")])

    def test_session_memory(self):
        self.storm(MALLOC, SESSIONS, 4, ["served"], [("session_end", "out_of_memory"), ("session_end", "tls_failed")])

    def test_receiving(self):
        self.storm(RECV, LOBBY | SESSIONS, 4, ["served", "cut"], [("session_end", "connection_lost")])

    def test_sending(self):
        self.storm(SEND, LOBBY | SESSIONS, 4, ["served"], [("session_end", "connection_lost")])

    def test_everything(self):
        """But for RECV: civetweb takes a socketpair that fails, which none does for want of anything, for a bad request."""
        everything = MALLOC | ACCEPT | SOCKETPAIR | EPOLL_ADD | SEND
        self.storm(everything, LOBBY | SESSIONS | UPGRADE, 20, ["served"], [("request_refused", "busy")])


class Windows(ExhaustionCase):
    def test_nobody_can_be_accepted(self):
        """As long as it lasts, those who are inside are served on, and who came meanwhile is served then."""
        with load.Load(self.server, clients=4, listeners=(PLAIN, TLS)) as talkers:
            with self.server.faults(ACCEPT, LOBBY, one_in=1):
                waiting = [rawws.Peer(self.server.address(PLAIN)) for _ in range(10)]
                for peer in waiting:
                    self.addCleanup(peer.drop)
                    peer.send(rawws.request("GET /echo HTTP/1.1"))
                self.server.wait_log("no_files")
                harness.wait_until(lambda: self.server.failed > 20, "threads try again")
                poll = select.poll()
                for peer in waiting:
                    poll.register(peer.sock, select.POLLIN)
                self.assertEqual(poll.poll(0), [])
        for peer in waiting:
            peer.read_upgrade(rawws.SAMPLE_KEY)
            peer.echo("at last")
            peer.finish()
        self.assertEqual(talkers.errors, [])
        self.assert_recovered()

    def test_no_memory_at_all(self):
        """Whoever comes is turned away at once; those who are inside have what they need and are served on."""
        with self.server.session() as inside:
            inside.echo("before")
            with self.server.faults(MALLOC, LOBBY | SESSIONS | UPGRADE, one_in=1):
                storm = Storm(self.server)
                storm.run()
                inside.echo("meanwhile")
            inside.finish()
        self.assertEqual(storm.wrong, [])
        self.assertEqual(storm.outcomes["served"], 0)
        self.server.wait_log("request_refused", cause="busy")
        self.assert_recovered()


class Reload(ExhaustionCase):
    STEP_MAX = 40  # every allocation of so many first ones, then fewer and fewer

    def reload(self):
        mark = self.server.mark()
        self.server.signal(signal.SIGHUP)
        return self.server.wait_log(("reloaded", "reload_refused"), after=mark)["event"]

    def status(self, path):
        with self.server.peer() as peer:
            peer.send(rawws.request(f"GET {path} HTTP/1.1"))
            return peer.read_response().status

    def test_each_allocation(self):
        """Whichever allocation of a reload fails, the new config is in force or the old one is, and nobody notices. Each new one
        has an endpoint of its own, and compiles a schema."""
        outcomes = collections.Counter()
        with open(os.path.join(self.server.folder, "schema.json"), "w", encoding="utf-8") as file:
            json.dump(SCHEMA, file)
        endpoints = self.server.sections["endpoints"]
        with load.Load(self.server, clients=4, listeners=(PLAIN, TLS)) as talkers:
            at = 1
            while True:
                new = {"path": f"/{at}", "handler": "echo", "auth": "none", "rules": {"schema": "schema.json"}}
                self.server.sections["endpoints"] = (*endpoints, new)
                self.server.write_config()
                with self.server.faults(MALLOC, MAIN | RELOAD, at=at):
                    outcome = self.reload()
                    if self.server.seen < at:
                        break
                outcomes[outcome] += 1
                self.assertEqual(self.status(new["path"]), 101 if outcome == "reloaded" else 404)
                self.assert_served(at % 2)
                at += 1 + at // self.STEP_MAX
        self.assertEqual(talkers.errors, [])
        self.assertGreater(outcomes["reload_refused"], self.STEP_MAX // 2, outcomes)
        self.assertEqual(self.reload(), "reloaded")
        self.assert_recovered()


class Start(unittest.TestCase):
    """A server that cannot get all it needs says so and ends; it never runs with a part of it missing."""

    DENSE = 20  # each of so many first calls fails once, and then fewer and fewer

    def outcome(self, calls, at):
        """How the start ended when that call failed, and whether it was reached."""
        server = faults.FaultyServer(**ExhaustionCase.SETTINGS)
        try:
            server.write_config()
            server.launch(calls, MAIN, at)
            events = [server.wait_end_of_start(), server.seen >= at]
            server.check_exit(expected=0 if events[0] == "ready" else 1)
            if events[0] != "ready":
                self.assertTrue(server.stderr_text, "it says why")
            return events
        finally:
            server.close()

    def walk(self, calls):
        outcomes = collections.Counter()
        at = 1
        reached = True
        while reached:
            ended, reached = self.outcome(calls, at)
            outcomes[ended] += 1
            at += 1 + at // self.DENSE
        self.assertGreater(outcomes["ended"], 2, outcomes)
        self.assertEqual(ended, "ready", "in the end nothing failed")

    def test_descriptors(self):
        self.walk(EVENTFD | EPOLL_ADD)

    def test_memory(self):
        self.walk(MALLOC)


if __name__ == "__main__":
    harness.main()
