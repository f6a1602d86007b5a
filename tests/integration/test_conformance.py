"""The conformance table against the running server: over plain TCP, and part of it over TLS."""

import unittest

import conformance
import conformance_compression
import conformance_frames
import conformance_handshake
import harness
import rawws

CHAT = {"path": "/chat", "handler": "echo", "auth": "none", "subprotocols": conformance_handshake.SUBPROTOCOLS}
PLAIN, TLS = 0, 1
LISTENERS = ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})
SERVERS = {
    "raised": {"limits": conformance.RAISED_LIMITS},
    "default": {"limits": {"ping_interval": "0s"}},
    "takeover": {"limits": conformance.RAISED_LIMITS, "compression": conformance.TAKEOVER},
}
ROWS_WANTED = 700


def all_rows():
    return conformance_handshake.rows() + conformance_frames.rows() + conformance_compression.rows()


class Conformance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = {}
        cls.baselines = {}
        for name, sections in SERVERS.items():
            server = harness.Server(
                listeners=LISTENERS, endpoints=(*harness.DEFAULT_ENDPOINTS, CHAT), **sections
            )
            cls.addClassCleanup(server.close)
            cls.servers[name] = server.start()
            cls.baselines[name] = server.open_fds()

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers.values():
            server.stop()

    def tearDown(self):
        for name, server in self.servers.items():
            server.wait_fds(self.baselines[name])

    def _play(self, rows, listener):
        results = []
        for row in rows:
            with self.subTest(row=row.id, title=row.title):
                passed = False
                try:
                    with self.servers[row.server].peer(listener) as peer:
                        conformance.run_row(row, peer)
                    passed = True
                except (rawws.Violation, rawws.Ended, TimeoutError) as error:
                    self.fail(f"RFC {row.rfc} §{row.section}, {row.title}: {error}")
                finally:
                    results.append((row, passed))
        print("\n" + conformance.summary(results), flush=True)

    def test_handshake(self):
        self._play(conformance_handshake.rows(), PLAIN)

    def test_frames(self):
        self._play(conformance_frames.rows(), PLAIN)

    def test_compression(self):
        self._play(conformance_compression.rows(), PLAIN)

    def test_over_tls(self):
        self._play([row for row in all_rows() if row.tls], TLS)

    def test_table_is_whole(self):
        rows = all_rows()
        self.assertGreaterEqual(len(rows), ROWS_WANTED)
        identities = [(row.rfc, row.section, row.title) for row in rows]
        self.assertEqual(len(identities), len(set(identities)), "two rows with the same name")


if __name__ == "__main__":
    harness.main()
