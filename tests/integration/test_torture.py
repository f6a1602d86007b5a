"""Many clients at once that send, pause, read and leave at random: every byte of every echo, in each way of io.

For longer than the bounded run: PORTCULLIS_TORTURE_SECONDS, and another PORTCULLIS_TORTURE_SEED.
"""

import os
import time
import unittest

import harness
import torture

SEED = int(os.environ.get("PORTCULLIS_TORTURE_SEED", "1"))
SECONDS = float(os.environ.get("PORTCULLIS_TORTURE_SECONDS", "0"))  # 0: a fixed number of clients
CLIENTS = 40
TOTAL = 120
BUDGET = 1 << 20  # bytes a client sends at most, about

LISTENERS = tuple({"address": "127.0.0.1:0", "tls": number == 0} for number in range(4))  # three of four are plain
LIMITS = {"max_message": 1 << 20, "send_queue": 16 << 20, "handshake_timeout": "60s"}


class Torture(unittest.TestCase):
    def torment(self, io):
        with harness.Server(listeners=LISTENERS, pool={"io": io, "session_threads": 1}, limits=LIMITS) as server:
            until = time.monotonic() + SECONDS if SECONDS else None
            ended = torture.run(
                server, seed=SEED, count=CLIENTS, budget=BUDGET, total=None if SECONDS else TOTAL, until=until
            )
            self.assertGreaterEqual(ended, 1 if SECONDS else TOTAL)
            if SECONDS:
                print(io, "clients ended:", ended, flush=True)

    def test_each_for_itself(self):
        self.torment("epoll")

    def test_together(self):
        self.torment("auto")


if __name__ == "__main__":
    harness.main()
