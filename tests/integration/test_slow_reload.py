"""A reload that takes its time holds up nobody: the main thread goes on answering signals and the watchdog, a signal for one more
reload is remembered, and one to stop is obeyed.

The thread that reloads stands still when the test says so; see faults.py.
"""

import os
import signal
import unittest

import faults
import harness
import test_systemd
from faults import LOBBY, RELOAD, SESSIONS

ASKED = 20  # keep-alive messages: more than the manager allows to be missed


class SlowReload(unittest.TestCase):
    def start(self, **settings):
        self.server = faults.FaultyServer(**settings)
        self.addCleanup(self.server.close)
        self.manager = test_systemd.Manager()
        self.addCleanup(self.manager.close)
        self.server.variables = {"NOTIFY_SOCKET": self.manager.path, "WATCHDOG_USEC": "1000000"}
        self.server.start()

    def begin_reload(self):
        self.server.signal(signal.SIGHUP)
        while "RELOADING" not in self.manager.read():
            pass

    def add_endpoint(self, path):
        self.server.sections["endpoints"] = (*self.server.sections["endpoints"], {"path": path, "handler": "echo"})
        self.server.write_config()

    def assert_alive(self):
        """Every thread goes on answering: a message comes when all have."""
        asked = 0
        while asked < ASKED:
            asked += "WATCHDOG" in self.manager.read()

    def threads(self):
        folder = f"/proc/{self.server.process.pid}/task"
        names = []
        for task in os.listdir(folder):
            with open(f"{folder}/{task}/comm", encoding="ascii") as comm:
                names.append(comm.read().strip())
        return names

    def test_watchdog(self):
        self.start()
        with self.server.stalled(RELOAD):
            self.begin_reload()
            harness.wait_until(lambda: "reload" in self.threads(), "a thread for it")
            self.assert_alive()
            with self.server.session() as peer:
                peer.echo("served meanwhile")
                peer.finish()
            self.assertEqual(self.server.records("reloaded"), [])
        self.server.wait_log("reloaded")
        self.server.stop()

    def test_another_signal_is_remembered(self):
        """The first reload may have read the file before it was changed again: another follows it, one for all signals."""
        self.start()
        with self.server.stalled(RELOAD):
            self.begin_reload()
            for _ in range(3):
                self.server.signal(signal.SIGHUP)
                self.assert_alive()  # it has been read
        first = self.server.wait_log("reloaded")
        mark = self.server.records().index(first) + 1
        self.server.wait_log("reloaded", after=mark)
        self.add_endpoint("/new")
        self.server.signal(signal.SIGHUP)
        harness.wait_until(lambda: len(self.server.records("reloaded")) >= 3, "a third reload")
        with self.server.session("/new") as peer:
            peer.echo("new")
            peer.finish()
        self.server.stop()
        self.assertEqual(len(self.server.records("reloaded")), 3)

    def test_stop(self):
        """Sessions are closed meanwhile; what has not been taken over by then never is."""
        self.start()
        with self.server.session() as peer:
            with self.server.stalled(RELOAD):
                self.begin_reload()
                self.server.signal(signal.SIGHUP)
                self.server.signal(signal.SIGTERM)
                self.assertEqual(peer.read_close(), 1001)
                self.server.wait_log("closing_sessions")
                peer.send(harness.rawws.close(1001))
                self.server.wait_log("drained")
                self.assertIsNone(self.server.process.poll())
        self.server.check_exit()
        self.server.wait_log("reload_refused", cause="the server is stopping")
        self.assertEqual(self.server.records("reloaded"), [])

    def test_impatient_stop(self):
        """Who does not want to wait for the disk either."""
        self.start()
        with self.server.stalled(RELOAD):
            self.begin_reload()
            self.server.signal(signal.SIGTERM)
            self.server.wait_log("drained")
            self.server.signal(signal.SIGTERM)
            self.server.check_exit(expected=1)

    def test_lobby_that_stands_still(self):
        """The reload waits for it, the main thread does not; and a stop that waits for it can be cut short."""
        self.start(pool={"lobby_threads": 2})
        with self.server.stalled(LOBBY):
            self.begin_reload()
            self.server.signal(signal.SIGTERM)
            self.server.wait_log("closing_sessions")
            self.server.signal(signal.SIGTERM)
            self.server.wait_log("drain_cut_short")
            self.server.signal(signal.SIGTERM)
            self.server.check_exit(expected=1)


class Stop(unittest.TestCase):
    INBOX = 4096  # INBOX_MAX of server/session/pool.c

    def test_full_inbox(self):
        """Sessions wait to be taken in when a stop comes, and a second signal: they, too, are let go at once.

        Their peers are asked, not the log: so many lines at a time may find nobody who reads, and are lost then.
        """
        settings = {"handshake_timeout": "10m", "drain_timeout": "1h", "drain_window": 0, "close_timeout": "10m"}
        server = faults.FaultyServer(pool={"session_threads": 1}, limits={**settings, "ping_interval": 0})
        self.addCleanup(server.close)
        server.start()
        inside = server.session()
        self.addCleanup(inside.drop)
        peers = []
        with server.stalled(SESSIONS):
            for _ in range(self.INBOX + 1):
                peer = server.peer()
                self.addCleanup(peer.drop)
                peers.append(peer)
                peer.send(harness.rawws.request("GET /echo HTTP/1.1"))
            server.wait_log("request_refused", cause="too_busy")
            server.signal(signal.SIGTERM)
            server.wait_log("closing_sessions")
            server.signal(signal.SIGTERM)
            server.wait_log("drain_cut_short")
        server.check_exit(expected=1)
        self.assertEqual(inside.read_close(), 1001)
        answers = [peer.read_response().status for peer in peers]
        self.assertEqual(set(answers), {101, 503})
        for peer, status in zip(peers, answers):
            if status == 101:
                self.assertEqual(peer.read_close(), 1001)


if __name__ == "__main__":
    harness.main()
