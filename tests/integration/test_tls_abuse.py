"""Peers that use what TLS and TCP allow against the server, and what must not harm those who speak TLS properly."""

import select
import signal
import socket
import threading
import time
import unittest

import harness
import rawws
from keyupdate import KeyUpdater
from rawws import binary, request, text
from test_lobby_pressure import cpu_seconds

PLAIN, TLS = 0, 1
LISTENERS = ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})
ONE_THREAD_EACH = {"lobby_threads": 1, "session_threads": 1}  # so that all peers of a test share the loop under attack

TIMEOUT_S = 3  # of the deadlines that end a peer which stalls
BUSY_S = 0.75  # far below what a spinning thread uses of the time above

FEW, MANY = 900, 5000  # KeyUpdates of a patient peer, and of a flood: the server's bound is 1,000
FLOOD_MAX = 400_000  # ends the flood where the server does not
BATCH = 2000


class TlsCase(harness.ServerCase):
    def updater(self, server=None, **options):
        """A KeyUpdater on the TLS listener."""
        mark = (server or self.server).mark()
        sock = rawws.connect_socket((server or self.server).address(TLS), **options)
        host, port = sock.getsockname()
        updater = KeyUpdater(sock)
        updater.log_key = {"after": mark, "peer": f"{host}:{port}", "tls": "true"}
        return updater

    def updater_session(self, **options):
        updater = self.updater(**options)
        updater.sock.sendall(updater.seal(request("GET /echo HTTP/1.1")))
        self.assertTrue(updater.read_head().startswith(b"HTTP/1.1 101 "))
        return updater

    def wait_session_end(self, updater):
        start = self.server.wait_log("session_start", **updater.log_key)
        return self.server.wait_log("session_end", session=start["session"])

    def assert_echoes(self, updater):
        updater.sock.sendall(updater.seal(text("hello")))
        self.assertEqual(updater.read(7), b"\x81\x05hello")


class Stalls(TlsCase):
    """A peer that stalls costs no time, only its place."""

    settings = {
        "listeners": LISTENERS,
        "pool": ONE_THREAD_EACH,
        "limits": {"handshake_timeout": f"{TIMEOUT_S}s", "send_timeout": f"{TIMEOUT_S}s", "ping_interval": 0},
    }

    def setUp(self):
        self.assert_served(TLS)
        self.cpu_before = cpu_seconds(self.server)

    def assert_idle(self):
        self.assertLess(cpu_seconds(self.server) - self.cpu_before, BUSY_S, "a busy loop")

    def test_urgent_byte_in_the_client_hello(self):
        """The kernel calls a socket readable whose next bytes it keeps behind an urgent one (tcp(7))."""
        hello = rawws.client_hello()
        for at in (1, 5, 14, len(hello) - 1):
            with self.subTest(at=at), self.server.peer(TLS, tls=False) as peer:
                self.cpu_before = cpu_seconds(self.server)
                peer.sock.send(hello[:at])
                peer.sock.send(b"!", socket.MSG_OOB)
                peer.send(hello[at:-1])
                peer.read_all()
                self.server.refusal(peer, "handshake_timeout")
                self.assert_idle()

    def test_key_updates_requested_in_the_lobby(self):
        with self.updater(receive_buffer=4096) as peer:
            peer.sock.sendall(peer.updates(FEW, requested=True))
            self.server.wait_log("request_refused", cause="handshake_timeout", **peer.log_key)
            self.assert_idle()

    def test_key_updates_requested_by_a_peer_that_never_reads(self):
        """Each asks for one in return. Between the replies that fill the socket, there is one that finds no room."""
        with self.updater_session(receive_buffer=4096) as peer:
            message = binary(b"x" * 1500)
            peer.sock.setblocking(False)
            poll = select.poll()
            poll.register(peer.sock, select.POLLOUT)
            for _ in range(FEW):
                wire = memoryview(peer.seal(message) + peer.updates(1, requested=True))
                while wire and poll.poll(TIMEOUT_S * 500):
                    wire = wire[peer.sock.send(wire) :]
                if wire:
                    break  # the server reads no more
            self.cpu_before = cpu_seconds(self.server)
            record = self.wait_session_end(peer)
            self.assertIn("send_timeout", record["line"])
            self.assert_idle()


class KeyUpdateFlood(TlsCase):
    settings = {
        "listeners": LISTENERS,
        "pool": ONE_THREAD_EACH,
        "limits": {"handshake_timeout": "10m", "ping_interval": 0},
        "log": {"level": "debug"},  # who leaves without a word of HTTP is not worth a line above it
    }

    def test_a_few_are_fine(self):
        with self.updater() as peer:
            peer.sock.sendall(peer.updates(FEW // 2) + peer.seal(request("GET /echo HTTP/1.1")))
            self.assertTrue(peer.read_head().startswith(b"HTTP/1.1 101 "))
            peer.sock.sendall(peer.updates(FEW // 2, requested=True))
            self.assert_echoes(peer)

    def test_many_before_the_request(self):
        with self.updater() as peer:
            peer.sock.sendall(peer.updates(MANY))
            peer.wait_end()
            self.server.wait_log("request_refused", **peer.log_key)

    def test_many_on_a_session(self):
        with self.updater_session() as peer:
            self.assert_echoes(peer)
            peer.sock.sendall(peer.updates(MANY))
            peer.wait_end()
            self.assertEqual(self.wait_session_end(peer)["cause"], "tls_failed")

    def test_many_between_messages(self):
        """The bound is on all of them together, not on those in a row."""
        with self.updater_session() as peer:
            wire = b"".join(peer.updates(100) + peer.seal(text("hello")) for _ in range(MANY // 100))
            peer.sock.sendall(wire)
            peer.wait_end()
            self.assertEqual(self.wait_session_end(peer)["cause"], "tls_failed")


class Flood(threading.Thread):
    """Sends KeyUpdates as fast as they can be made, until the server ends the connection."""

    def __init__(self, updater):
        super().__init__()
        self.updater = updater
        self.sent = 0
        self.begun = threading.Event()

    def run(self):
        try:
            while self.sent < FLOOD_MAX:
                self.updater.sock.sendall(self.updater.updates(BATCH))
                self.sent += BATCH
                self.begun.set()
        except OSError:
            pass
        self.begun.set()


class ServedMeanwhile(TlsCase):
    settings = {"listeners": LISTENERS, "pool": ONE_THREAD_EACH, "limits": {"ping_interval": 0}}

    def test_flood(self):
        """Others on the same threads are served, and the flood is over as soon as its bound is reached."""
        for make in (self.updater, self.updater_session):
            with self.subTest(make.__name__), make() as peer, self.server.session(listener=TLS) as other:
                flood = Flood(peer)
                flood.start()
                self.assertTrue(flood.begun.wait(rawws.DEADLINE_S))
                other.echo("meanwhile")
                self.assert_served(PLAIN)
                self.assert_served(TLS)
                flood.join(rawws.DEADLINE_S)
                self.assertLess(flood.sent, FLOOD_MAX, "the server took all of it")
                other.finish()


class StopUnderFlood(unittest.TestCase):
    def test_flood(self):
        server = harness.Server(listeners=LISTENERS, pool=ONE_THREAD_EACH, limits={"drain_timeout": "1s"})
        self.addCleanup(server.close)
        server.start()
        with KeyUpdater(rawws.connect_socket(server.address(TLS))) as peer:
            flood = Flood(peer)
            flood.start()
            self.assertTrue(flood.begun.wait(rawws.DEADLINE_S))
            since = time.monotonic()
            server.stop()
            self.assertLess(time.monotonic() - since, rawws.DEADLINE_S / 2)
            flood.join(rawws.DEADLINE_S)
            self.assertLess(flood.sent, FLOOD_MAX)


class Ends(TlsCase):
    settings = {"listeners": LISTENERS}

    def test_fin_without_close_notify(self):
        """Many clients end like this; nothing went wrong in TLS, so nothing is said to have."""
        with self.server.session(listener=TLS) as peer:
            peer.echo("hello")
            peer.half_close()
            peer.read_all()
            self.server.session_end(peer, cause="client_gone")


class ReloadWithoutTls(TlsCase):
    settings = {"listeners": LISTENERS}

    def test_listeners_that_are_open_keep_their_certificate(self):
        """Which listeners there are is decided at start: a file without the TLS one does not leave it without TLS."""
        with self.server.session(listener=TLS) as before:
            listeners = self.server.sections["listeners"]
            self.server.sections["listeners"] = listeners[:TLS]
            self.server.write_config()
            self.server.sections["listeners"] = listeners  # those that are open
            mark = self.server.mark()
            self.server.signal(signal.SIGHUP)
            self.server.wait_log("reloaded", after=mark)
            self.assert_served(TLS)
            self.assert_served(PLAIN)
            before.echo("still here")
            before.finish()


if __name__ == "__main__":
    harness.main()
