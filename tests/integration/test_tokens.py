"""Tokens: where they may come from, what each answer is, and that nothing of them is ever written down."""

import asyncio
import time

import websockets

import harness
import rawws
import tokens

CHAT = {"subprotocols": ["chat.v1", "chat.v2"]}
EVERYWHERE = {**tokens.ENDPOINT, **CHAT, "path": "/everywhere", "token_sources": tokens.ALL_SOURCES}
HEADER_ONLY = {**tokens.ENDPOINT, "path": "/header", "token_sources": ["header"]}
MESSAGE_ONLY = {**tokens.ENDPOINT, "path": "/message", "token_sources": ["message"]}
QUERY = {**tokens.ENDPOINT, "path": "/query", "token_sources": ["query"], "query_parameter": "access_token"}
CHALLENGE = 'Bearer realm="portcullis"'
INVALID = CHALLENGE + ', error="invalid_token"'


class Tokens(harness.ServerCase):
    endpoints = (tokens.ENDPOINT, EVERYWHERE, HEADER_ONLY, MESSAGE_ONLY, QUERY)

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        """A server for each test: the log tells of a few refusals of one kind only."""
        self.server = tokens.TokenServer(
            listeners=harness.DUAL_LISTENERS, endpoints=self.endpoints, log={"audit_file": "audit.log", "level": "debug"}
        )
        self.addCleanup(self.server.close)
        self.server.start()
        self.baseline = self.server.open_fds()

    def tearDown(self):
        super().tearDown()
        self.server.stop()

    def ask(self, path, *add, listener=0):
        """The answer to an opening handshake: (response, body, peer); of a 101 without body, and the peer is open."""
        peer = self.server.peer(listener)
        self.addCleanup(peer.drop)
        peer.send(rawws.request(f"GET {path} HTTP/1.1", add=add))
        response = peer.read_response()
        body = b""
        if response.status != 101:
            body = peer.read(int(response.headers["content-length"]))
            self.assertEqual(peer.read_end(), "fin")
            peer.drop()
        return response, body, peer

    def assert_opens(self, path, *add, user="ann", protocol=None):
        response, _, peer = self.ask(path, *add)
        self.assertEqual(response.status, 101)
        self.assertEqual(response.headers.get("sec-websocket-protocol"), protocol)
        peer.send(rawws.text("hello"))
        self.assertEqual(peer.read_message().payload.decode(), harness.PREFIX + "hello")
        start = self.server.wait_log("session_start", **peer.log_key)
        self.assertEqual((start["user"], start["key"]), (user, "test"))
        peer.finish()
        self.assertEqual(self.server.session_end(peer, cause="client_closed")["user"], user)

    def assert_refused(self, path, *add, status, cause, challenge=None, user="-"):
        response, body, peer = self.ask(path, *add)
        self.assertEqual(response.status, status, body)
        self.assertEqual(response.headers.get("www-authenticate"), challenge)
        record = self.server.refusal(peer, cause)
        self.assertEqual((record["path"], record["user"]), (path.partition("?")[0], user))
        return response, body

    def bearer(self, token):
        return f"Authorization: Bearer {token}"

    # -- the documented client --------------------------------------------------------------------------------------

    def test_python_client(self):
        """A token with user_id and exp, signed HS256, as the first message."""

        async def conversation(host):
            now = int(time.time())
            token = tokens.sign(self.server.secret, {"user_id": "ann", "exp": now + 600})
            expired = tokens.sign(self.server.secret, {"user_id": "ann", "exp": now - 1})
            async with websockets.connect(f"ws://{host}:{self.server.ports[0]}/secure") as client:
                await client.send(token)
                self.assertEqual(await client.recv(), "Authenticated!")
                await client.send("hello")
                self.assertEqual(await client.recv(), "Server received: hello")
            async with websockets.connect(f"ws://{host}:{self.server.ports[0]}/secure") as client:
                await client.send(expired)
                self.assertEqual(await client.recv(), "Token Expired")
                with self.assertRaises(websockets.ConnectionClosed) as raised:
                    await client.recv()
                self.assertEqual((raised.exception.rcvd.code, raised.exception.rcvd.reason), (4401, "Token Expired"))
            async with websockets.connect(f"ws://{host}:{self.server.ports[0]}/secure") as client:
                await client.send("no token at all")
                self.assertEqual(await client.recv(), "Authentication failed")
                with self.assertRaises(websockets.ConnectionClosed) as raised:
                    await client.recv()
                self.assertEqual(
                    (raised.exception.rcvd.code, raised.exception.rcvd.reason), (4401, "Authentication failed")
                )

        for host in ("127.0.0.1", "[::1]"):
            asyncio.run(asyncio.wait_for(conversation(host), harness.DEADLINE_S))

    # -- sources ----------------------------------------------------------------------------------------------------

    def test_header(self):
        token = self.server.token()
        for path in ("/secure", "/everywhere", "/header"):
            for scheme in ("Bearer", "bearer", "BEARER"):
                self.assert_opens(path, f"Authorization: {scheme} {token}")

    def test_subprotocol(self):
        token = self.server.token()
        offers = (
            (f"bearer.{token}", None),
            (f"chat.v2, bearer.{token}", "chat.v2"),
            (f"bearer.{token}, chat.v9, chat.v1", "chat.v1"),
        )
        for offer, protocol in offers:
            self.assert_opens("/everywhere", f"Sec-WebSocket-Protocol: {offer}", protocol=protocol)
        self.assert_opens("/secure", f"Sec-WebSocket-Protocol: bearer.{token}")

    def test_query(self):
        token = self.server.token()
        self.assert_opens(f"/everywhere?token={token}")
        self.assert_opens(f"/query?x=1&access_token={token.replace('.', '%2E')}&y")
        self.assert_refused(f"/query?token={token}", status=401, cause="token_missing", challenge=CHALLENGE)

    def test_over_tls(self):
        token = self.server.token()
        response, _, peer = self.ask("/header", self.bearer(token), listener=1)
        self.assertEqual(response.status, 101)
        peer.finish()

    def test_source_that_is_not_configured(self):
        token = self.server.token()
        for add in (f"Sec-WebSocket-Protocol: bearer.{token}", "X-Token: " + token):
            self.assert_refused("/header", add, status=401, cause="token_missing", challenge=CHALLENGE)
        # Here it may still come as a message.
        response, _, peer = self.ask("/message", self.bearer(token))
        self.assertEqual(response.status, 101)
        peer.send(rawws.text(token) + rawws.text("hello"))
        self.assertEqual(peer.read_message().payload, b"Authenticated!")
        self.assertEqual(peer.read_message().payload.decode(), harness.PREFIX + "hello")
        peer.finish()

    def test_several(self):
        token = self.server.token()
        other = self.server.token("bob")
        cases = (
            (f"/everywhere?token={token}", (self.bearer(token),)),
            ("/everywhere", (self.bearer(token), f"Sec-WebSocket-Protocol: bearer.{token}")),
            (f"/everywhere?token={token}", (f"Sec-WebSocket-Protocol: bearer.{token}",)),
            (f"/everywhere?token={token}&token={other}", ()),
            ("/everywhere", (f"Sec-WebSocket-Protocol: bearer.{token}, bearer.{other}",)),
        )
        for path, add in cases:
            self.assert_refused(path, *add, status=400, cause="several_tokens")

    def test_malformed(self):
        cases = (
            ("/header", "Authorization: Bearer", "bad_authorization"),
            ("/header", "Authorization: Bearer a b", "bad_authorization"),
            ("/everywhere", "Sec-WebSocket-Protocol: bearer.", "bad_bearer_protocol"),
            ("/everywhere?token=", "X: y", "bad_token_parameter"),
        )
        for path, add, cause in cases:
            self.assert_refused(path, add, status=400, cause=cause)
        self.assert_refused("/header", "Authorization: Basic YTpi", status=401, cause="token_missing", challenge=CHALLENGE)

    # -- refusals ---------------------------------------------------------------------------------------------------

    def refused_tokens(self):
        """(token, cause, what the peer is told)"""
        failed = "Authentication failed"
        secret = self.server.secret
        now = int(time.time())
        good = {"sub": "ann", "exp": now + 600}
        token = self.server.token()
        yield self.server.token(lifetime=-1), "token_expired", "Token Expired"
        yield tokens.sign("x" * 32, good), "token_signature", failed
        yield token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"), "token_signature", failed
        yield tokens.sign(secret, good, kid="other"), "key_unknown", failed
        yield self.server.token(nbf=now + 600), "token_not_yet", failed
        yield self.server.token(exp=None), "token_no_expiry", failed
        yield self.server.token(exp=str(now + 600)), "claim_type", failed
        yield self.server.token(sub=None), "token_user", failed
        yield self.server.token(exp=now + 10**9), "token_lifetime", failed
        yield "a.b", "token_syntax", failed
        yield "no-token", "token_syntax", failed

    def test_refused_at_the_upgrade(self):
        for token, cause, text in self.refused_tokens():
            with self.subTest(cause=cause):
                _, body = self.assert_refused(
                    "/header", self.bearer(token), status=401, cause=cause, challenge=INVALID
                )
                self.assertEqual(body.decode().strip(), text)

    def test_refused_as_message(self):
        for token, cause, text in self.refused_tokens():
            with self.subTest(cause=cause):
                with self.server.session("/message") as peer:
                    peer.send(rawws.text(token))
                    self.assertEqual(peer.read_message().payload.decode(), text)
                    tokens.expect_close(peer, 4401, text)
                    session = self.server.session_end(peer)
                    self.assertEqual(session["cause"], "token_expired" if cause == "token_expired" else "auth_failed")
                    self.server.wait_log("authentication_refused", session=session["session"], cause=cause)

    def test_endpoints_of_a_token(self):
        token = self.server.token(endpoints=["/header", "/elsewhere"])
        self.assert_opens("/header", self.bearer(token))
        self.assert_refused("/secure", self.bearer(token), status=403, cause="not_permitted", user="ann")
        with self.server.session("/message") as peer:
            peer.send(rawws.text(token))
            tokens.expect_close(peer, 4403)
            self.server.session_end(peer, cause="not_permitted", code_sent=4403)

    def test_handshake_is_judged_first(self):
        """A request that is no WebSocket does not tell whether its token is good."""
        for add in ((), (self.bearer(self.server.token()),)):
            peer = self.server.peer()
            self.addCleanup(peer.drop)
            peer.send(rawws.request("GET /header HTTP/1.1", drop=("Upgrade",), add=add))
            self.assertEqual(peer.read_answer()[0].status, 426)
            peer.drop()

    # -- the first message ------------------------------------------------------------------------------------------

    def test_newline(self):
        token = self.server.token()
        for end in ("", "\n", "\r\n"):
            with self.server.session("/message") as peer:
                tokens.authenticate(peer, token + end)
                peer.finish()
        for bent in ("\n" + token, token + "\n\n", " " + token, token + " ", ""):
            with self.server.session("/message") as peer:
                peer.send(rawws.text(bent))
                self.assertEqual(peer.read_message().payload, b"Authentication failed")
                tokens.expect_close(peer, 4401)

    def test_everything_in_one_write(self):
        """Behind the handshake, in the same segment: token, message, ping."""
        token = self.server.token()
        peer = self.server.peer()
        self.addCleanup(peer.drop)
        peer.upgrade("/message", early=rawws.text(token) + rawws.text("x" * 20000) + rawws.ping(b"p"))
        self.assertEqual(peer.read_message().payload, b"Authenticated!")
        self.assertEqual(peer.read_message().payload.decode(), harness.PREFIX + "x" * 20000)
        self.assertEqual(peer.read_message().opcode, rawws.PONG)
        peer.finish()

    def test_events(self):
        token = self.server.token("bob")
        with self.server.session("/message") as peer:
            start = self.server.wait_log("session_start", **peer.log_key)
            self.assertEqual((start["user"], start["key"]), ("-", "-"))
            tokens.authenticate(peer, token)
            record = self.server.wait_log("authenticated", session=start["session"])
            self.assertEqual((record["user"], record["key"]), ("bob", "test"))
            peer.finish()
            self.assertEqual(self.server.session_end(peer)["user"], "bob")

    def test_binary_is_no_token(self):
        with self.server.session("/message") as peer:
            peer.send(rawws.binary(self.server.token().encode()))
            self.assertEqual(peer.read_message().payload, b"Authentication failed")
            tokens.expect_close(peer, 4401)
            self.server.session_end(peer, cause="auth_failed")

    def test_fragments(self):
        token = self.server.token().encode()
        pieces = [token[at : at + 40] for at in range(0, len(token), 40)]
        self.assertLessEqual(len(pieces), 16)
        with self.server.session("/message") as peer:
            peer.send(rawws.fragments(rawws.TEXT, pieces))
            self.assertEqual(peer.read_message().payload, b"Authenticated!")
            peer.finish()
        with self.server.session("/message") as peer:
            peer.send(rawws.fragments(rawws.TEXT, [bytes([byte]) for byte in token]))
            tokens.expect_close(peer, 1008)
            self.server.session_end(peer, cause="too_many_fragments")

    def test_small_limits_before_the_token(self):
        with self.server.session("/message") as peer:
            peer.send(rawws.frame(rawws.TEXT, b"", declared=8192 + 3))
            tokens.expect_close(peer, 1009)
            self.server.session_end(peer, cause="message_too_big")
        with self.server.session("/message") as peer:
            peer.send(rawws.text("a" * (8192 + 2)))
            self.assertEqual(peer.read_message().payload, b"Authentication failed")
            tokens.expect_close(peer, 4401)
            session = self.server.session_end(peer, cause="auth_failed")
            self.server.wait_log("authentication_refused", session=session["session"], cause="token_too_large")
        with self.server.session("/message") as peer:
            peer.send(rawws.ping(b"a") * 8)
            for _ in range(8):
                self.assertEqual(peer.read_message().opcode, rawws.PONG)
            peer.send(rawws.pong(b"a"))
            tokens.expect_close(peer, 4429)
            self.server.session_end(peer, cause="rate_limited")
        with self.server.session("/message") as peer:
            peer.send(rawws.ping(b"a") * 8)
            for _ in range(8):
                self.assertEqual(peer.read_message().opcode, rawws.PONG)
            tokens.authenticate(peer, self.server.token())
            for _ in range(20):
                peer.send(rawws.ping(b"b"))
                self.assertEqual(peer.read_message().opcode, rawws.PONG)
            peer.finish()

    def test_compressed(self):
        token = self.server.token()
        with self.server.peer() as peer:
            peer.upgrade_compressed("permessage-deflate", "/message")
            peer.send(rawws.compressed(rawws.TEXT, peer.compressor.message(token.encode())))
            self.assertEqual(peer.read_message().payload, b"Authenticated!")
            peer.send(rawws.compressed(rawws.TEXT, peer.compressor.message(b"y" * 30000)))
            self.assertEqual(peer.read_message().payload.decode(), harness.PREFIX + "y" * 30000)
            peer.finish()
        with self.server.peer() as peer:  # 60 KB, which max_message would allow
            peer.upgrade_compressed("permessage-deflate", "/message")
            peer.send(rawws.compressed(rawws.TEXT, peer.compressor.message(b"a" * 60000)))
            tokens.expect_close(peer, 1009)
            self.server.session_end(peer, cause="message_too_big")

    # -- secrets ----------------------------------------------------------------------------------------------------

    def test_nothing_is_written_down(self):
        """Tokens in every place, good and bad, in requests that are served, refused and broken; then all output is looked through."""
        token = self.server.token("redacted")
        bent = token[:-2]
        for value in (token, bent):
            harness.register_secret(value)
            signature = value.rpartition(".")[2]
            harness.register_secret(signature)
            for path, add in (
                (f"/everywhere?token={value}", ()),
                ("/everywhere", (self.bearer(value),)),
                ("/everywhere", (f"Sec-WebSocket-Protocol: chat.v1, bearer.{value}",)),
                (f"/nowhere?token={value}", (self.bearer(value),)),
                (f"/?token={value}", (f"Sec-WebSocket-Protocol: bearer.{value}",)),
                (f"/query?access_token={value}", ("Origin: http://evil.example",)),
            ):
                _, body, peer = self.ask(path, *add)
                self.assertNotIn(value.encode(), body)
                peer.drop()
            for head in (
                f"GET /everywhere?token={value} HTTP/1.0\r\n\r\n",
                f"GET /everywhere?token={value} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                f"GET /every where?token={value} HTTP/1.1\r\nHost: a\r\n\r\n",
                f"GET /?token={value}%00 HTTP/1.1\r\nHost: a\r\n\r\n",
                f"{value} / HTTP/1.1\r\nHost: a\r\n\r\n",
            ):
                peer = self.server.peer()
                peer.send(head.encode())
                self.assertNotIn(value.encode(), peer.read_all())
                peer.drop()
            with self.server.session("/message") as peer:
                peer.send(rawws.text(value))
                peer.read_message()
        self.assert_served()
        self.server.check_secrets()
        for word in ("authenticated", "redacted"):  # what is written is found: an event, the user
            with self.assertRaises(AssertionError):
                self.server.check_secrets([word])


if __name__ == "__main__":
    harness.main()
