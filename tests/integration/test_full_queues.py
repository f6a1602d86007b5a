"""Queues between threads fill up while a thread does not get on: newcomers get an honest answer, and afterwards all goes on.

Threads stand still when the test says so; see faults.py.
"""

import select
import unittest

import faults
import harness
import rawws
from faults import LOBBY, SESSIONS, UPGRADE

INBOX = 4096  # INBOX_MAX of server/session/pool.c
HANDED = 80  # LOBBY_HANDED_MAX of server/lobby/lobby.h
UPGRADE_REQUEST = rawws.request("GET /echo HTTP/1.1")


class QueueCase(unittest.TestCase):
    def start(self, **settings):
        server = faults.FaultyServer(**settings)
        self.addCleanup(server.close)
        server.start()
        self.assert_served(server)
        self.baseline = server.open_fds()
        return server

    def assert_served(self, server):
        with server.session() as peer:
            peer.echo("served")
            peer.finish()

    def peers(self, server, count, request=UPGRADE_REQUEST):
        """So many connections, each with its request on the way."""
        peers = []
        for _ in range(count):
            peer = rawws.Peer(server.address())
            self.addCleanup(peer.drop)
            peer.send(request)
            peers.append(peer)
        return peers

    def wait_answered(self, peers, count):
        """Waits until `count` of them have got something; returns those, and the others."""
        poll = select.poll()
        waiting = {peer.sock.fileno(): peer for peer in peers}
        for number in waiting:
            poll.register(number, select.POLLIN)
        answered = []

        def enough():
            for number, _ in poll.poll(0):
                poll.unregister(number)
                answered.append(waiting.pop(number))
            return len(answered) >= count

        harness.wait_until(enough, lambda: f"{count} answers; there are {len(answered)}")
        return answered, list(waiting.values())

    def assert_busy(self, peer):
        response, _ = peer.read_answer()
        self.assertEqual(response.status, 503)
        self.assertGreater(int(response.headers["retry-after"]), 0)

    def assert_session(self, peer):
        peer.read_upgrade(rawws.SAMPLE_KEY)
        peer.echo("at last")
        peer.finish()

    def assert_recovered(self, server):
        self.assert_served(server)
        server.wait_fds(self.baseline)
        server.stop()


class Inboxes(QueueCase):
    MORE = 100

    def test_of_a_session_loop(self):
        """While the loop that owns all sessions does not take any more, so many wait for it and the others are told 503."""
        server = self.start(
            pool={"session_threads": 1}, limits={"handshake_timeout": "10m", "ping_interval": 0, "send_timeout": 0}
        )
        with server.session() as inside:
            with server.stalled(SESSIONS):
                inside.send(rawws.text("held"))
                peers = self.peers(server, INBOX + self.MORE)
                refused, waiting = self.wait_answered(peers, self.MORE)
                self.assertEqual(len(refused), self.MORE)
                for peer in refused:
                    self.assert_busy(peer)
                server.wait_log("request_refused", cause="too_busy")
                self.assertFalse(inside.readable(0))
            self.assertEqual(inside.read_message().payload, b"held")
            for peer in waiting:
                self.assert_session(peer)
            inside.finish()
        self.assert_recovered(server)


class Workers(QueueCase):
    WORKERS = 2

    def test_all_busy(self):
        """Requests that wait for a worker get 503 when their time is up; those that a worker has are answered when it goes on."""
        server = self.start(
            pool={"lobby_threads": 1, "upgrade_threads": self.WORKERS},
            limits={"handshake_timeout": "1s", "ping_interval": 0},
        )
        with server.session() as inside:
            with server.stalled(UPGRADE):
                peers = self.peers(server, 3 * HANDED)
                refused, handed = self.wait_answered(peers, 2 * HANDED)
                self.assertEqual(len(handed), HANDED)
                for peer in refused:
                    self.assert_busy(peer)
                server.wait_log("request_refused", cause="busy")
                inside.echo("undisturbed")
            for peer in handed:
                self.assert_session(peer)
            inside.finish()
        self.assert_recovered(server)

    def test_impatient(self):
        """Those who leave while they wait for a worker leave nothing behind."""
        server = self.start(pool={"lobby_threads": 1, "upgrade_threads": self.WORKERS})
        with server.stalled(UPGRADE):
            for peer in self.peers(server, 3 * HANDED):
                peer.reset()
        self.assert_recovered(server)


class Lobbies(QueueCase):
    def test_all_stand_still(self):
        """Whoever comes waits in the kernel's backlog, and is served when the lobby goes on."""
        server = self.start(pool={"lobby_threads": 2})
        with server.session() as inside:
            with server.stalled(LOBBY):
                peers = self.peers(server, 50)
                inside.echo("undisturbed")
                self.assertEqual(self.wait_answered(peers, 0)[0], [])
            for peer in peers:
                self.assert_session(peer)
            inside.finish()
        self.assert_recovered(server)


if __name__ == "__main__":
    harness.main()
