"""Thousands of slow peers do not keep well-behaved ones out.

2,000 silent connections, 2,000 that trickle a request head and 2,000 that stall behind their ClientHello are open at once;
honest clients, plain and TLS, are served while every one of them is still there.
"""

import select
import threading

import harness
import rawws

COUNT = 2000
TRICKLE_EVERY_S = 0.5  # a byte on each trickling connection
PLAIN, TLS = 0, 1
HONEST_CONVERSATIONS = 20
HEAD = rawws.request(add=["X-Long: " + "x" * 4000])
LISTENERS = ({"address": "127.0.0.1:0", "backlog": 4096}, {"address": "127.0.0.1:0", "tls": True, "backlog": 4096})


class Flood:
    """Connections that are never served. Close it to end them."""

    def __init__(self, server):
        self.server = server
        self.sockets = []
        self.stalled = []
        self._trickling = []
        self._sent = 0
        self._stop = threading.Event()
        self._trickler = threading.Thread(target=self._trickle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop.set()
        if self._trickler.is_alive():
            self._trickler.join()
        for sock in self.sockets:
            sock.close()

    def _open(self, listener):
        sock = rawws.connect_socket(self.server.address(listener))
        self.sockets.append(sock)
        return sock

    def open_silent(self, count):
        for number in range(count):
            self._open(number % 2)

    def open_trickling(self, count):
        self._trickling = [self._open(PLAIN) for _ in range(count)]
        self._trickler.start()

    def open_stalled(self, count):
        hello = rawws.client_hello()
        for _ in range(count):
            sock = self._open(TLS)
            sock.sendall(hello)
            self.stalled.append(sock)

    def _trickle(self):
        while not self._stop.is_set() and self._sent < len(HEAD) - 1:
            for sock in self._trickling:
                try:
                    sock.send(HEAD[self._sent : self._sent + 1])
                except OSError:  # ended by the server: ended() tells
                    pass
            self._sent += 1
            self._stop.wait(TRICKLE_EVERY_S)

    def ended(self):
        """How many of them the server has answered or ended; what it says in the TLS handshake is no answer."""
        return sum(1 for sock in self.sockets if _ended(sock))


def _ended(sock):
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLRDHUP)
    events = poll.poll(0)
    return bool(events) and bool(events[0][1] & (select.POLLRDHUP | select.POLLHUP | select.POLLERR))


class FloodCase(harness.ServerCase):
    @classmethod
    def setUpClass(cls):
        limit = harness.raise_open_files()
        if limit < 3 * COUNT + 1000:
            raise RuntimeError(f"this test needs {3 * COUNT + 1000} open files, {limit} are allowed (ulimit -Hn)")
        super().setUpClass()

    def open_all(self, flood):
        flood.open_silent(COUNT)
        flood.open_trickling(COUNT)
        flood.open_stalled(COUNT)

    def serve_honest(self):
        for _ in range(HONEST_CONVERSATIONS):
            self.assert_served(PLAIN)
            self.assert_served(TLS)


class DoorStaysOpen(FloodCase):
    """There is room for all: nobody is evicted, and nobody has to wait for it."""

    settings = {
        "listeners": LISTENERS,
        "limits": {
            "handshake_timeout": "10m",
            "max_lobby": 4 * COUNT,
            "max_tls_handshakes": 2 * COUNT,
            "max_connections": 8 * COUNT,
        },
        "firewall": {"exempt": ["127.0.0.0/8", "::1"]},
    }

    def assert_all_there(self, flood):
        ended = flood.ended()
        self.assertEqual(ended, 0, f"slow peers were ended while the honest ones were served\n{self.server.tail()}")

    def test_served_before_any_of_them_ends(self):
        with self.server.session() as early, Flood(self.server) as flood:
            self.open_all(flood)
            early.echo("an open session goes on")
            self.serve_honest()
            self.assert_all_there(flood)
            early.finish()

    def test_answers_too(self):
        with Flood(self.server) as flood:
            self.open_all(flood)
            for listener in (PLAIN, TLS):
                with self.server.peer(listener) as peer:
                    peer.send(rawws.request("GET /nowhere HTTP/1.1"))
                    self.assertEqual(peer.read_answer()[0].status, 404)
            self.assert_all_there(flood)


class FullLobby(FloodCase):
    """There is not room for all: the oldest make way."""

    settings = {
        "listeners": LISTENERS,
        "limits": {"handshake_timeout": "10m", "max_lobby": 1000, "max_tls_handshakes": 100},
        "firewall": {"exempt": ["127.0.0.0/8", "::1"]},
    }

    def test_silent_peers_make_way(self):
        with Flood(self.server) as flood:
            flood.open_silent(COUNT)
            self.serve_honest()
            self.assertGreater(flood.ended(), 0)
            self.assertLess(flood.ended(), COUNT, "only as many as had to were ended")
        self.server.wait_log(None, cause="evicted")

    def test_stalled_peers_make_way(self):
        with Flood(self.server) as flood:
            flood.open_stalled(400)
            self.assert_served(TLS)
            self.assert_served(PLAIN)
        self.server.wait_log(None, cause="tls_evicted")


class OneSource(FloodCase):
    """As configured by default, one ordinary address cannot take the places of others."""

    settings = {"listeners": LISTENERS}

    def test_caps_a_source(self):
        refused = 0
        peers = []
        try:
            for _ in range(COUNT):
                try:
                    peers.append(rawws.connect_socket(self.server.address(PLAIN), source="127.0.0.9"))
                except ConnectionError:
                    refused += 1
            harness.wait_until(lambda: refused + sum(map(_ended, peers)) > 0, "somebody is refused")
            for source in (None, "127.0.0.10"):
                self.assert_served(PLAIN, source=source)
                self.assert_served(TLS, source=source)
        finally:
            for sock in peers:
                sock.close()


if __name__ == "__main__":
    harness.main()
