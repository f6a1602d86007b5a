"""SIGTERM and SIGINT: no more sessions, 1001 to every session, a bounded wait, exit code 0."""

import signal
import unittest

import harness
import rawws
from load import Load

CLIENTS = 32
PLAIN, TLS = 0, 1
LISTENERS = ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})


class Shutdown(unittest.TestCase):
    def start(self, **settings):
        server = harness.Server(listeners=LISTENERS, **settings)
        self.addCleanup(server.close)
        return server.start()

    def test_under_load(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                server = self.start()
                with Load(server, CLIENTS, (PLAIN, TLS)) as load:
                    server.signal(number)
                    load.join()
                server.check_exit()
                self.assertEqual(load.errors, [])
                self.assertEqual(load.codes, [1001] * CLIENTS)
                ends = server.records("session_end")
                self.assertEqual(len(ends), CLIENTS)
                self.assertEqual({record["cause"] for record in ends}, {"server_stopping"})

    def test_idle(self):
        self.start().stop()

    def test_idle_sessions(self):
        server = self.start()
        peers = [server.session(listener=listener) for listener in (PLAIN, TLS)]
        server.signal(signal.SIGTERM)
        for peer in peers:
            self.assertEqual(peer.read_close(), 1001)
            peer.send(rawws.close(1001))
            self.assertEqual(peer.read_end(), "fin")
            peer.drop()
        server.check_exit()

    def test_peers_that_do_not_answer(self):
        """Neither a session that ignores the Close nor a connection in the lobby holds the server up."""
        server = self.start(limits={"drain_timeout": "1s", "close_timeout": "1s"})
        peers = [server.session(), server.session(listener=TLS)]
        peers += [server.peer(), server.peer(TLS, tls=False), server.peer(TLS)]
        peers[2].send(rawws.request()[:20])
        peers[3].send(rawws.client_hello())
        server.signal(signal.SIGTERM)
        for peer in peers[:2]:
            self.assertEqual(peer.read_close(), 1001)
        server.check_exit()
        for peer in peers:
            peer.drop()

    def test_no_more_admission(self):
        """While it drains, requests are answered with 503; once the last session has ended, nothing listens any more."""
        server = self.start(limits={"drain_timeout": "60s", "close_timeout": "60s"})
        with server.session() as last:
            server.signal(signal.SIGTERM)
            self.assertEqual(last.read_close(), 1001)
            for listener in (PLAIN, TLS):
                with server.peer(listener) as late:
                    late.send(rawws.request())
                    self.assertEqual(late.read_answer()[0].status, 503)
            self.assertIsNone(server.process.poll(), "the session's peer has its time to answer")
            last.send(rawws.close(1001))
            last.read_end()
        server.check_exit()
        with self.assertRaises(ConnectionRefusedError):
            server.peer()

    def test_second_signal(self):
        """Whoever asks twice does not want to wait for the last session: the end is at once, and says so."""
        server = self.start(limits={"drain_timeout": "1h", "close_timeout": "10m", "ping_interval": "0s"})
        with server.session() as peer:
            server.signal(signal.SIGTERM)
            self.assertEqual(peer.read_close(), 1001)
            server.signal(signal.SIGTERM)
            peer.read_all()
            server.check_exit(expected=1)
            server.wait_log("drain_cut_short", sessions=1)

    def test_second_signal_under_load(self):
        """Threads that are still at work when the end comes at once do no harm."""
        server = self.start(limits={"drain_timeout": "1h", "close_timeout": "10m", "ping_interval": "0s"})
        with server.session() as silent, Load(server, CLIENTS, (PLAIN, TLS)) as load:
            server.signal(signal.SIGTERM)
            self.assertEqual(silent.read_close(), 1001)
            server.signal(signal.SIGTERM)
            silent.read_all()
            load.join()
        server.check_exit(expected=1)


if __name__ == "__main__":
    harness.main()
