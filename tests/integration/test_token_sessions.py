"""Sessions with an identity: they last as long as their token, begin in time, and no user has more of them than he may."""

import asyncio
import time

import websockets

import harness
import rawws
import tokens

HEADER = {**tokens.ENDPOINT, "path": "/header", "token_sources": ["header"]}


def bearer(token):
    return [f"Authorization: Bearer {token}"]


class TokenSessions(harness.ServerCase):
    """Each test has a server of its own."""

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        self.server = None

    def tearDown(self):
        self.server.wait_fds(self.baseline)
        self.server.stop()

    def start(self, **settings):
        self.server = tokens.TokenServer(endpoints=(tokens.ENDPOINT, HEADER), **settings)
        self.addCleanup(self.server.close)
        self.server.start()
        self.baseline = self.server.open_fds()

    def open(self, token, path="/secure"):
        """A session whose token came as a message (/secure) or in the request (/header)."""
        peer = self.server.peer()
        self.addCleanup(peer.drop)
        if path == "/header":
            peer.upgrade(path, add=bearer(token))
            peer.echo("in", harness.PREFIX)
        else:
            peer.upgrade(path)
            tokens.authenticate(peer, token)
        return peer

    def open_briefly(self, path="/header"):
        """A session whose token expires soon, and when: as soon as this machine can be in time for."""
        for lifetime in (2, 4, 8, 16, 32):
            expires = int(time.time()) + lifetime
            token = self.server.token(exp=expires)
            peer = self.server.peer()
            self.addCleanup(peer.drop)
            if path == "/header":
                peer.send(rawws.request(f"GET {path} HTTP/1.1", add=bearer(token)))
                in_time = peer.read_response().status == 101
            else:
                peer.upgrade(path, early=rawws.text(token))
                in_time = peer.read_message().payload == b"Authenticated!"
            if in_time:
                return peer, expires
            peer.drop()
        raise AssertionError("no token was checked before it had expired")

    # -- expiry -----------------------------------------------------------------------------------------------------

    def test_closes_at_exp(self):
        self.start(limits={"auth_timeout": "10m"})  # or else its timer would be in time by chance
        for path in ("/secure", "/header"):
            peer, expires = self.open_briefly(path)
            tokens.expect_close(peer, 4401, "Token Expired")
            self.assertGreaterEqual(time.time(), expires)
            self.server.session_end(peer, cause="token_expired", code_sent=4401, closed_by="server", user="ann")

    def test_closes_at_exp_and_leeway(self):
        self.start(auth={"leeway": "2s"})
        peer, expires = self.open_briefly()
        tokens.expect_close(peer, 4401, "Token Expired")
        self.assertGreaterEqual(time.time(), expires + 2)

    def test_websockets_client_sees_the_end(self):
        self.start()

        async def conversation(lifetime):
            async with websockets.connect(f"ws://127.0.0.1:{self.server.ports[0]}/secure") as client:
                await client.send(self.server.token(lifetime=lifetime))
                if await client.recv() == "Token Expired" and lifetime < 32:
                    return await conversation(2 * lifetime)  # a slow machine
                with self.assertRaises(websockets.ConnectionClosed) as raised:
                    await client.recv()
            self.assertEqual((raised.exception.rcvd.code, raised.exception.rcvd.reason), (4401, "Token Expired"))

        asyncio.run(asyncio.wait_for(conversation(2), 2 * harness.DEADLINE_S))

    def test_without_exp_it_stays(self):
        self.start(auth={"require_expiry": False})
        peer = self.open(self.server.token(exp=None))
        peer.echo("hello", harness.PREFIX)
        peer.finish()

    def test_expiry_far_away(self):
        self.start(auth={"max_token_lifetime": "3650d"})
        peer = self.open(self.server.token(lifetime=3600 * 24 * 3600))
        peer.echo("hello", harness.PREFIX)
        peer.finish()

    # -- auth_timeout -----------------------------------------------------------------------------------------------

    def test_auth_timeout(self):
        self.start(limits={"auth_timeout": "300ms"})
        # What comes along with the request is there before the time begins.
        for early in (b"", rawws.ping(b"a"), rawws.text("a" * 100)[:20]):
            peer = self.server.peer()
            self.addCleanup(peer.drop)
            peer.upgrade("/secure", early=early)
            if early == rawws.ping(b"a"):
                self.assertEqual(peer.read_message().opcode, rawws.PONG)
            tokens.expect_close(peer, 4408)
            self.server.session_end(peer, cause="auth_timeout", code_sent=4408)

    def test_no_pings_before_the_token(self):
        """Each would be answered, and answers before the token are counted."""
        self.start(limits={"auth_timeout": "1s", "ping_interval": "50ms"})
        silent = self.server.session("/secure")
        self.addCleanup(silent.drop)
        tokens.expect_close(silent, 4408)
        peer = self.open(self.server.token())
        self.assertEqual(peer.read_message().opcode, rawws.PING)
        peer.drop()

    def test_authenticated_in_time_stays(self):
        self.start(limits={"auth_timeout": "2s"})
        silent = self.server.session("/secure")
        self.addCleanup(silent.drop)
        peer = self.server.peer()
        self.addCleanup(peer.drop)
        peer.upgrade("/secure", early=rawws.text(self.server.token()))
        self.assertEqual(peer.read_message().payload, b"Authenticated!")
        tokens.expect_close(silent, 4408)  # by then his time would be over, too
        peer.echo("hello", harness.PREFIX)
        peer.finish()

    # -- user_sessions ----------------------------------------------------------------------------------------------

    def test_refused_past_the_limit(self):
        self.start(limits={"user_sessions": 2})
        token = self.server.token()
        first, second = self.open(token), self.open(token, "/header")
        peer = self.server.peer()
        self.addCleanup(peer.drop)
        peer.send(rawws.request("GET /header HTTP/1.1", add=bearer(token)))
        self.assertEqual(peer.read_answer()[0].status, 429)
        record = self.server.refusal(peer, "user_sessions")
        self.assertEqual((record["user"], record["key"]), ("ann", "test"))
        peer.drop()
        with self.server.session("/secure") as peer:
            peer.send(rawws.text(token))
            tokens.expect_close(peer, 4429)
            self.server.session_end(peer, cause="user_sessions", code_sent=4429)
        self.open(self.server.token("bob")).finish()
        first.finish()
        self.server.session_end(first)
        self.open(token).finish()
        second.finish()

    def test_oldest_is_closed(self):
        self.start(limits={"user_sessions": 2, "user_excess": "close_oldest"}, pool={"session_threads": 3})
        token = self.server.token()
        peers = []
        for number in range(12):
            peers.append(self.open(token, "/header" if number % 2 else "/secure"))
            if number >= 2:
                oldest = peers[number - 2]
                tokens.expect_close(oldest, 4409)
                self.server.session_end(oldest, cause="replaced", code_sent=4409, user="ann")
        for peer in peers[-2:]:
            peer.echo("still here", harness.PREFIX)
            peer.finish()

    def test_oldest_is_closed_under_a_storm(self):
        """Many at once: in the end there are as many as there may be, and each other one was told."""
        self.start(limits={"user_sessions": 3, "user_excess": "close_oldest"}, pool={"session_threads": 2})
        token = self.server.token()
        peers = []
        for number in range(60):
            peer = self.server.peer()
            self.addCleanup(peer.drop)
            peer.send(rawws.request("GET /header HTTP/1.1", add=bearer(token)))
            peers.append(peer)
        for peer in peers:
            self.assertEqual(peer.read_response().status, 101)
        harness.wait_until(
            lambda: len(self.server.records("session_end", cause="replaced")) == len(peers) - 3, "all but three are ended"
        )
        alive = 0
        for peer in peers:
            if peer.readable(0):
                tokens.expect_close(peer, 4409)
            else:
                peer.echo("still here", harness.PREFIX)
                peer.drop()
                alive += 1
        self.assertEqual(alive, 3)


if __name__ == "__main__":
    harness.main()
