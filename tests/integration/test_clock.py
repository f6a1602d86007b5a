"""The wall clock is set while sessions are open: each ends when its token has expired by the new time, and not before."""

import clock
import harness
import rawws
import tokens

DAY_S = 24 * 3600


class ClockSteps(harness.ServerCase):
    def setUp(self):
        self.server = clock.ClockServer()
        self.addCleanup(self.server.close)
        self.server.start()
        self.baseline = self.server.open_fds()

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def tearDown(self):
        self.server.stop()

    def open(self, lifetime):
        peer = self.server.session("/secure")
        self.addCleanup(peer.drop)
        tokens.authenticate(peer, self.server.token(lifetime=lifetime))
        return peer

    def test_forward(self):
        soon, late = self.open(3600), self.open(2 * DAY_S)
        self.server.shift(DAY_S)
        tokens.expect_close(soon, 4401, "Token Expired")
        self.server.session_end(soon, cause="token_expired", code_sent=4401)
        self.server.wait_log("clock_stepped")
        late.echo("still here", harness.PREFIX)
        self.server.shift(3 * DAY_S)
        tokens.expect_close(late, 4401, "Token Expired")
        self.server.session_end(late, cause="token_expired")

    def test_back(self):
        """A timer set before the step fires and finds that the token is still good."""
        peer = self.open(5)
        self.server.shift(-DAY_S)
        self.server.wait_log("clock_stepped")
        self.assertFalse(peer.readable(6))
        peer.echo("still here", harness.PREFIX)
        self.server.shift(20)
        tokens.expect_close(peer, 4401, "Token Expired")

    def test_refused_by_the_new_time(self):
        token = self.server.token(lifetime=3600)
        self.server.shift(DAY_S)
        with self.server.session("/secure") as peer:
            peer.send(rawws.text(token))
            self.assertEqual(peer.read_message().payload, b"Token Expired")
            tokens.expect_close(peer, 4401)


if __name__ == "__main__":
    harness.main()
