"""The lobby's places are for those who still have something to say: full, or without descriptors, it serves on."""

import os
import resource
import select
import unittest

import harness
import rawws
from rawws import request

OTHER = "127.0.0.9"  # not in firewall.exempt: the limits of a source are for it
PLAIN, TLS = 0, 1
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(server):
    """The processor time that the server has used (proc(5): utime and stime are fields 14 and 15)."""
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


class PressureCase(unittest.TestCase):
    def start(self, **settings):
        server = harness.Server(**settings)
        self.addCleanup(server.close)
        return server.start()

    def keep(self, peer):
        """It stays open until the test is over."""
        self.addCleanup(peer.drop)
        return peer


class SourceLobby(PressureCase):
    PLACES = 4

    def test_sessions_leave_the_lobby(self):
        """firewall.source_lobby is about those who are not answered yet: a source may have more sessions than that."""
        server = self.start(
            listeners=({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True}),
            firewall={"source_lobby": self.PLACES},
            pool={"lobby_threads": 1},  # which accepts in the order of connecting
        )
        sessions = [self.keep(server.session(listener=n % 2, source=OTHER)) for n in range(4 * self.PLACES)]
        for session in sessions:
            session.echo("still here")
        for _ in range(self.PLACES):
            self.keep(server.peer(source=OTHER))
        with self.assertRaises(ConnectionResetError, msg="the limit is in force"):
            with rawws.connect_socket(server.address(), OTHER) as sock:
                sock.recv(1)
        for session in sessions:
            session.finish()
        server.stop()


class FullLobby(PressureCase):
    PLACES = 16
    SESSIONS = 2

    def start(self, **limits):
        limits = {"max_lobby": self.PLACES, "handshake_timeout": "10m", "ping_interval": 0, **limits}
        return super().start(limits=limits, pool={"lobby_threads": 1})

    def test_the_answered_make_room_first(self):
        """Whoever was answered and does not close has no claim on the place of one who is still sending its request."""
        server = self.start()
        honest = self.keep(server.peer())
        head = request("GET /echo HTTP/1.1")
        honest.send(head[:40])
        for _ in range(10 * self.PLACES):
            idler = self.keep(server.peer())
            idler.send(request("GET /nowhere HTTP/1.1"))
            self.assertEqual(idler.read_response().status, 404)
        honest.send(head[40:])
        honest.read_upgrade(rawws.SAMPLE_KEY)
        honest.echo("through")
        honest.finish()
        server.stop()

    def test_a_full_server_still_says_so(self):
        """With every session taken and silent peers in every place of the lobby, a newcomer is told 503: the oldest silent
        peer makes room for it."""
        server = self.start(max_connections=self.SESSIONS)
        sessions = [self.keep(server.session()) for _ in range(self.SESSIONS)]
        silent = [self.keep(server.peer()) for _ in range(3 * self.PLACES)]
        for newcomer in range(3):
            with server.peer() as peer:
                peer.send(request())
                self.assertEqual(peer.read_answer()[0].status, 503, f"newcomer {newcomer}")
        self.assertEqual(silent[0].read_end(), "reset")
        server.refusal(silent[0], "evicted")
        for session in sessions:
            session.echo("undisturbed")
            session.finish()
        server.stop()


class NoDescriptors(PressureCase):
    ROOM = 12  # descriptors left for connections
    BURST = 200  # at once, so that all lobby threads run into the limit together
    IDLE_S = 2.0
    BUSY_S = 0.5  # far below what one spinning thread uses of the time above

    def burst(self, server):
        sockets = []
        for _ in range(self.BURST):
            sock = rawws.socket.socket()
            self.addCleanup(sock.close)
            sock.setblocking(False)
            sock.connect_ex(server.address())
            sockets.append(sock)
        return sockets

    @staticmethod
    def refused(sockets, seconds):
        """Those that the server ends, once it ends no more of them for so long."""
        poll = select.poll()
        waiting = {sock.fileno(): sock for sock in sockets}
        for number in waiting:
            poll.register(number, select.POLLRDHUP)
        ended = []
        while events := poll.poll(seconds * 1000):
            for number, _ in events:
                poll.unregister(number)
                ended.append(waiting.pop(number))
        return ended

    @staticmethod
    def served_again(server):
        """The session of a newcomer who tries again while it is turned away: what had not been accepted before is in front of it,
        and more than there are descriptors for, so that for a moment there may be none again."""

        def attempt():
            try:
                return server.session()
            except (rawws.Ended, ConnectionError):
                return None

        return harness.wait_until(attempt, "a newcomer is served")

    def test_exhausted(self):
        """Nobody new comes in, and no thread spins over those at the door; when descriptors are free again, they come in."""
        server = self.start(
            limits={"handshake_timeout": "10m", "ping_interval": 0},
            pool={"lobby_threads": 4, "session_threads": 1},
        )
        session = self.keep(server.session())
        highest = max(int(name) for name in os.listdir(f"/proc/{server.process.pid}/fd"))
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (highest + 1 + self.ROOM, hard))

        sockets = self.burst(server)
        server.wait_log("no_files")
        ended = self.refused(sockets, self.IDLE_S)
        self.assertTrue(ended, "without a descriptor the door is shut, not left ajar")
        before = cpu_seconds(server)
        self.assertFalse(session.readable(self.IDLE_S))
        self.assertLess(cpu_seconds(server) - before, self.BUSY_S, "a busy loop")
        session.echo("undisturbed")

        for sock in sockets:
            sock.close()
        baseline = [None] * (highest + 1)
        server.wait_fds(baseline)
        with self.served_again(server) as newcomer:
            newcomer.echo("open again")
            newcomer.finish()
        server.wait_fds(baseline)
        session.finish()
        server.stop()


if __name__ == "__main__":
    harness.main()
