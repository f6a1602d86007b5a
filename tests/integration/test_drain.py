"""A stop under load: readiness falls first, then sessions are told bit by bit, and nobody is told to come back at once."""

import select
import signal
import unittest

import harness
import rawws

PLAIN, TLS = 0, 1
LISTENERS = ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})
SESSIONS = 500
TLS_EVERY = 10  # one in so many
RETRY_AFTER = set(range(5, 16))  # seconds
LONG = {"drain_timeout": "1h", "close_timeout": "10m", "ping_interval": 0}


class Drain(unittest.TestCase):
    def start(self, **limits):
        server = harness.Server(listeners=LISTENERS, limits={**LONG, **limits}, pool={"session_threads": 1})
        self.addCleanup(server.close)
        self.server = server.start()

    def sessions(self, count):
        self.peers = []
        self.addCleanup(lambda: [peer.drop() for peer in self.peers])
        for number in range(count):
            self.peers.append(self.server.session("/echo", TLS if number % TLS_EVERY == 0 else PLAIN))

    def told(self):
        """Those who have something to read."""
        poll = select.poll()
        peers = {peer.sock.fileno(): peer for peer in self.peers}
        for number in peers:
            poll.register(number, select.POLLIN)
        return [peers[number] for number, _ in poll.poll(0)]

    def assert_turned_away(self, line="GET /echo HTTP/1.1", listener=PLAIN):
        """503, and when to come again."""
        with self.server.peer(listener) as peer:
            peer.send(rawws.request(line))
            response, body = peer.read_answer()
            self.assertEqual((response.status, body), (503, b"The server is shutting down.\n"))
            return int(response.headers["retry-after"])

    def assert_all_told(self):
        for peer in self.peers:
            self.assertEqual(peer.read_close(), 1001)

    def test_readiness_falls_first(self):
        self.start(drain_delay="1h", drain_window="1h")
        self.sessions(SESSIONS)
        self.server.signal(signal.SIGTERM)
        self.server.wait_log("draining", sessions=SESSIONS, delay="3600.000", window="3600.000")
        after = [self.assert_turned_away() for _ in RETRY_AFTER]
        self.assertEqual(set(after), RETRY_AFTER, "no two in a row come back in the same second")
        for listener in (PLAIN, TLS):
            self.assert_turned_away(listener=listener)
            self.assert_turned_away("GET /nowhere HTTP/1.1", listener)
        self.server.wait_log("request_refused", cause="shutting_down", status=503, path="/echo")
        self.server.signal(signal.SIGHUP)
        self.server.wait_log("reload_refused", cause="the server is stopping")
        self.assertEqual(self.told(), [])
        for peer in self.peers:
            peer.echo("as before")
        self.assertEqual(self.server.records("closing_sessions") + self.server.records("session_end"), [])
        self.server.signal(signal.SIGINT)
        self.assert_all_told()
        self.server.check_exit(expected=1)
        events = [record["event"] for record in self.server.records()]
        order = ["draining", "request_refused", "drain_cut_short", "closing_sessions", "session_end", "drained"]
        self.assertEqual(sorted(order, key=events.index), order)
        ends = self.server.records("session_end", cause="server_stopping", code_sent=1001)
        self.assertEqual(len(ends), SESSIONS)

    def test_sessions_are_told_one_by_one(self):
        """Every 7.2 seconds: what is seen here is the first few of them, unless this machine stands still for minutes."""
        self.start(drain_window="1h")
        self.sessions(SESSIONS)
        self.server.signal(signal.SIGTERM)
        self.server.wait_log("closing_sessions", sessions=SESSIONS)
        harness.wait_until(self.told, "the first is told at once")
        self.assertLess(len(self.told()), SESSIONS // 10)
        first = self.told()
        self.assert_turned_away()
        harness.wait_until(lambda: len(self.told()) > len(first), "the next is told")
        self.assertLess(len(self.told()), SESSIONS // 10)
        told = self.told()
        for peer in self.peers:
            if peer not in told:
                peer.send(rawws.text("as before"))
        self.assertLess(len([peer for peer in self.peers if peer.read_message().opcode == rawws.CLOSE]), SESSIONS // 10)
        self.server.signal(signal.SIGTERM)
        for peer in self.peers:
            if peer not in told:
                self.assertIn(peer.read_all()[2:4], ((1001).to_bytes(2, "big"), b""))
        self.server.check_exit(expected=1)
        self.assertEqual(len(self.server.records("session_end", cause="server_stopping", code_sent=1001)), SESSIONS)

    def test_all_are_told_in_the_end(self):
        self.start(drain_window="1s")
        self.sessions(SESSIONS)
        self.server.signal(signal.SIGTERM)
        self.assert_all_told()
        self.assert_turned_away()
        for peer in self.peers:
            peer.send(rawws.close(1001))
            self.assertEqual(peer.read_end(), "fin")
        self.server.check_exit()
        self.assertEqual(len(self.server.records("session_end", cause="server_stopping", code_sent=1001)), SESSIONS)
        self.server.wait_log("drained", messages_dropped=0)

    def test_few_do_not_wait(self):
        """The window is for many: with one session an hour of it is nothing."""
        self.start(drain_window="1h")
        self.sessions(1)
        self.server.signal(signal.SIGTERM)
        self.assert_all_told()
        self.peers[0].send(rawws.close(1001))
        self.server.check_exit()

    def test_the_delay_ends_by_itself(self):
        self.start(drain_delay="100ms")
        self.sessions(2)
        self.server.signal(signal.SIGTERM)
        self.assert_all_told()
        for peer in self.peers:
            peer.send(rawws.close(1001))
        self.server.check_exit()

    def test_nobody_inside(self):
        self.start(drain_window="1h")
        self.server.stop()


if __name__ == "__main__":
    harness.main()
