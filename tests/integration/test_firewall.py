"""The gate at the door: denied addresses get no byte on any port, and one source cannot take what is for all."""

import harness
import rawws

PLAIN, TLS = 0, 1
DENIED, ALLOWED, OTHER = "127.66.0.1", "127.66.0.2", "127.0.0.7"
LISTENERS = ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})
# The first bytes of every kind of client; a denied one must not get an answer to any.
OPENINGS = (b"", rawws.request(), rawws.request("GET /nowhere HTTP/1.1"), b"\0garbage", rawws.client_hello())


class Denied(harness.ServerCase):
    settings = {
        "listeners": LISTENERS,
        "firewall": {"deny": ["127.66.0.0/16", "::ffff:127.77.0.1"], "allow": [f"{ALLOWED}/32"]},
    }

    def received(self, listener, source, opening):
        """Every byte that a client from this address gets, and how the connection ended."""
        try:
            with self.server.peer(listener, tls=False, source=source) as peer:
                peer.send(opening)
                return peer.read_all(), peer.end
        except ConnectionResetError:
            return b"", "reset"

    def test_not_a_byte(self):
        for source in (DENIED, "127.77.0.1"):
            for listener in (PLAIN, TLS):
                for opening in OPENINGS:
                    with self.subTest(source=source, listener=listener, opening=opening[:20]):
                        self.assertEqual(self.received(listener, source, opening), (b"", "reset"))

    def test_no_worker_saw_it(self):
        """The log knows of no request and no session from that address, only of refusals, in a sum over a period."""
        count = 20
        for _ in range(count):
            for listener in (PLAIN, TLS):
                self.received(listener, DENIED, rawws.request())
        self.assert_served(PLAIN)
        self.assert_served(TLS)

        def refused():
            return sum(int(record.get("denied", 0)) for record in self.server.records("refusals"))

        harness.wait_until(lambda: refused() >= 2 * count, "every refusal is counted")
        for record in self.server.records():
            self.assertNotIn(f"{DENIED}:", record["line"], "an event of its own")

    def test_longest_prefix_wins(self):
        for listener in (PLAIN, TLS):
            self.assert_served(listener, source=ALLOWED)

    def test_others_are_served(self):
        for listener in (PLAIN, TLS):
            self.assert_served(listener, source=OTHER)


class CapCase(harness.ServerCase):
    def assert_reset(self, source):
        try:
            with self.server.peer(source=source) as peer:
                self.assertEqual(peer.read_end(), "reset")
        except ConnectionError:
            pass

    def wait_served(self, source):
        """A place is free again once the server has noticed that its holder has moved on."""

        def served():
            try:
                self.assert_served(source=source)
            except (ConnectionError, rawws.Ended):
                return False
            return True

        harness.wait_until(served, "a place is free again")


class Connections(CapCase):
    settings = {"listeners": LISTENERS, "firewall": {"source_connections": 4}}

    def test_connections_of_a_source(self):
        peers = [self.server.session(source=OTHER) for _ in range(4)]
        self.assert_reset(OTHER)
        self.assert_served(source="127.0.0.8")
        self.assert_served()
        peers.pop().finish()
        self.wait_served(OTHER)
        for peer in peers:
            peer.echo("undisturbed")
            peer.finish()

    def test_exempt(self):
        """127.0.0.1 is, by default."""
        peers = [self.server.session() for _ in range(10)]
        for peer in peers:
            peer.echo("hello")
            peer.finish()


class Handshakes(CapCase):
    settings = {
        "listeners": LISTENERS,
        "firewall": {"source_lobby": 2},
        "pool": {"lobby_threads": 1},  # which accepts in the order of connecting: the third is the one too many
        "limits": {"handshake_timeout": "10m", "ping_interval": "0s"},
    }

    def test_handshakes_of_a_source(self):
        silent = [self.server.peer(source=OTHER) for _ in range(2)]
        self.assert_reset(OTHER)
        self.assert_served(source="127.0.0.8")
        for peer in silent:
            peer.upgrade("/echo")
        self.wait_served(OTHER)
        for peer in silent:
            peer.finish()


class TlsHandshakes(CapCase):
    settings = {"listeners": LISTENERS, "firewall": {"source_tls": 2}, "limits": {"handshake_timeout": "10m"}}

    def test_tls_handshakes_of_a_source(self):
        """Two that stall are two too many for a third; its plain connections, and others, are not affected."""
        stalled = [self.server.peer(TLS, tls=False, source=OTHER) for _ in range(2)]
        for peer in stalled:
            peer.send(rawws.client_hello())
            peer.read(1)
        with self.assertRaises((ConnectionError, rawws.ssl.SSLError)):
            self.server.peer(TLS, source=OTHER).drop()
        self.assert_served(PLAIN, source=OTHER)
        self.assert_served(TLS, source="127.0.0.8")
        for peer in stalled:
            peer.drop()


class Rate(harness.ServerCase):
    # Slow enough that a slow machine cannot be slower.
    settings = {"listeners": LISTENERS, "firewall": {"connection_rate": {"rate": 0.5, "burst": 5}}}

    def test_burst_then_refill(self):
        outcomes = [self.outcome("127.0.0.20") for _ in range(30)]
        self.assertEqual(outcomes[:5], [True] * 5, "the burst is admitted")
        self.assertIn(False, outcomes, "and then the rate rules")
        self.assertTrue(self.outcome("127.0.0.21"), "another source has its own bucket")
        harness.wait_until(lambda: self.outcome("127.0.0.20"), "the bucket is refilled")

    def outcome(self, source):
        """Whether a connection is admitted."""
        try:
            with self.server.session(source=source) as peer:
                peer.finish()
        except (ConnectionError, rawws.Ended):
            return False
        return True


class Mapped(harness.ServerCase):
    """On a dual-stack listener an IPv4 peer is an IPv4 peer."""

    settings = {"listeners": harness.DUAL_LISTENERS, "firewall": {"deny": ["127.66.0.0/16"]}}

    def test_denied_through_ipv6(self):
        for listener in (PLAIN, TLS):
            with self.assertRaises((ConnectionError, rawws.Ended, rawws.ssl.SSLError)):
                self.server.session(listener=listener, source=DENIED).drop()
            self.assert_served(listener, source=OTHER)
            self.assert_served(listener, host="::1")

    def test_log_shows_ipv4(self):
        with self.server.session(source=OTHER) as peer:
            peer.finish()
            self.server.session_end(peer)


if __name__ == "__main__":
    harness.main()
