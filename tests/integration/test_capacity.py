"""Four times as many clients as there may be sessions: as many as may be are in and served, all others are told to come again."""

import unittest

import harness
from crowd import Crowd

SESSIONS = 5000
PROCESSES = 4
SANITIZED_SHARE = 10  # a build with a sanitizer gets so many times fewer
LEAVERS = 100  # of each process


class Capacity(unittest.TestCase):
    def test_four_times_as_many(self):
        most = SESSIONS // SANITIZED_SHARE if harness.sanitized() else SESSIONS
        server = harness.Server(limits={"max_connections": most, "ping_interval": 0, "handshake_timeout": "10m"})
        self.addCleanup(server.close)
        server.start()
        baseline = server.open_fds()
        with Crowd(server.address(), PROCESSES) as crowd:
            results = crowd.try_to_open([most] * PROCESSES)
            inside = [got for got, _ in results]
            self.assertEqual(sum(inside), most)
            self.assertEqual(sum(refused for _, refused in results), (PROCESSES - 1) * most)
            server.wait_log("request_refused", cause="full", status=503)
            self.assertEqual(crowd.echo(inside), inside)

            leavers = [min(LEAVERS, count) for count in inside]
            crowd.close(leavers)
            newcomers = list(reversed(leavers))
            self.assertEqual(crowd.open(newcomers), newcomers)
            self.assertEqual(crowd.try_to_open([LEAVERS] * PROCESSES), [(0, LEAVERS)] * PROCESSES)
            inside = [count - left + came for count, left, came in zip(inside, leavers, newcomers)]
            self.assertEqual(sum(inside), most)
            self.assertEqual(crowd.echo(inside), inside)
        server.wait_fds(baseline)
        server.stop()


if __name__ == "__main__":
    harness.main()
