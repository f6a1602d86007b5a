"""The admin API: who may ask, what is refused and how it says so, and that nothing from outside holds it up."""

import concurrent.futures
import json
import os
import re
import stat
import unittest

import harness
import operating
from operating import READ, WRITE

JSON = ("Content-Type: application/json",)
SESSIONS = "/api/v1/sessions"
REVOCATIONS = "/api/v1/revocations"
SLOTS = 32  # of the front


class Admin(harness.ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.server = operating.AdminServer()
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        cls.baseline = cls.server.open_fds()

    def assert_error(self, answer, status, code=None):
        self.assertEqual(answer.status, status, answer.raw)
        self.assertEqual(set(answer.value), {"error"})
        self.assertLessEqual({"code", "message"}, set(answer.value["error"]))
        self.assertRegex(answer.code, r"\A[a-z_]+\Z")
        self.assertTrue(answer.value["error"]["message"])
        self.assertEqual(answer.fields["content-type"], "application/json")
        self.assertEqual(answer.fields["connection"], "close")
        self.assertEqual(answer.fields["cache-control"], "no-store")
        if code is not None:
            self.assertEqual(answer.code, code)

    # -- tokens ---------------------------------------------------------------------------------------------------

    def test_token_files(self):
        """Made at the first start: for their owner's eyes, and each another."""
        for name in (WRITE, READ):
            mode = os.stat(os.path.join(self.server.folder, name)).st_mode
            self.assertEqual(stat.S_IMODE(mode), 0o600)
            self.assertRegex(self.server.admin_token(name), r"\A[A-Za-z0-9_-]{43}\Z")
        self.assertNotEqual(self.server.admin_token(WRITE), self.server.admin_token(READ))

    def test_no_token(self):
        answer = self.server.ask("GET", SESSIONS, token=None)
        self.assertIn(answer.status, (401, 429))
        if answer.status == 401:
            self.assert_error(answer, 401, "missing_token")
            self.assertTrue(answer.fields["www-authenticate"].startswith("Bearer "))

    def test_wrong_tokens(self):
        """Each of them alike, whatever part of it is right."""
        token = self.server.admin_token().encode()
        wrong = (b"x", token[:-1], token + b"x", token[:-1] + b"!", b"a" * 5000, token.swapcase(), b"\xff" * 43)
        for value in wrong:
            with self.subTest(value=value):
                answer = self.server.ask("POST", "/api/v1/drain", token=value)
                self.assertIn(answer.status, (401, 429))

    def test_wrong_tokens_are_limited(self):
        """Past a few, a guesser is told to wait; whoever has the right token at the same address is not."""
        statuses = set()
        for _ in range(200):
            answer = self.server.ask("GET", SESSIONS, token=b"guess")
            statuses.add(answer.status)
            if answer.status == 429:
                self.assert_error(answer, 429, "too_many_attempts")
                self.assertEqual(answer.fields["retry-after"], "1")
                break
        self.assertIn(429, statuses)
        self.assertEqual(self.server.ask("GET", SESSIONS).status, 200)

    def test_other_schemes(self):
        for value in ("Basic YTpi", "Bearer", "Bearer ", "bearer" + "x" * 60):
            with self.subTest(value=value):
                answer = self.server.ask("GET", SESSIONS, token=None, fields=("Authorization: " + value,))
                self.assertIn(answer.status, (401, 429))

    def test_roles(self):
        self.assertEqual(self.server.ask("GET", SESSIONS, token=READ).status, 200)
        self.assertEqual(self.server.ask("GET", REVOCATIONS, token=READ).status, 200)
        for method, path in (
            ("DELETE", SESSIONS + "?user=a"),
            ("DELETE", SESSIONS + "/1"),
            ("DELETE", REVOCATIONS + "/1"),
            ("POST", "/api/v1/reload"),
            ("POST", "/api/v1/drain"),
        ):
            with self.subTest(path=path):
                self.assert_error(self.server.ask(method, path, token=READ), 403, "forbidden")

    # -- host -----------------------------------------------------------------------------------------------------

    def test_hosts(self):
        port = self.server.admin_port
        for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}"):
            with self.subTest(host=host):
                self.assertEqual(self.server.ask("GET", SESSIONS, host=host).status, 200)
        for host in (
            "127.0.0.1",
            "localhost",
            f"127.0.0.1:{port - 1}",
            f"127.0.0.2:{port}",
            f"[::1]:{port}",
            f"evil.example:{port}",
            f"localhost.evil.example:{port}",
            f"localhost.:{port}",
            f"127.0.0.1.evil.example:{port}",
            f"2130706433:{port}",
        ):
            with self.subTest(host=host):
                self.assert_error(self.server.ask("GET", SESSIONS, host=host), 421, "wrong_host")
                self.assert_error(self.server.ask("GET", "/healthz", host=host, token=None), 421, "wrong_host")

    # -- paths and methods ----------------------------------------------------------------------------------------

    def test_unknown_paths(self):
        for path in ("/", "/api", "/api/v1/", "/api/v1/sessions/", "/api/v1/sessions/1/2", "/API/v1/sessions", "/etc/passwd"):
            with self.subTest(path=path):
                self.assert_error(self.server.ask("GET", path), 404, "not_found")

    def test_methods(self):
        for method, path, allow in (
            ("PUT", SESSIONS, "GET, DELETE"),
            ("POST", SESSIONS, "GET, DELETE"),
            ("GET", "/api/v1/reload", "POST"),
            ("OPTIONS", REVOCATIONS, "GET, POST, DELETE"),
            ("BREW", REVOCATIONS + "/1", "DELETE"),
            ("GETGETGETGETGETGETGETGET", SESSIONS, "GET, DELETE"),
        ):
            with self.subTest(method=method, path=path):
                answer = self.server.ask(method, path)
                self.assert_error(answer, 405, "method_not_allowed")
                self.assertEqual(answer.fields["allow"], allow)

    def test_head(self):
        answer = self.server.ask("HEAD", SESSIONS)
        self.assertEqual(answer.status, 405)
        self.assertIsNone(answer.value)

    # -- parameters and bodies ------------------------------------------------------------------------------------

    def test_parameters(self):
        for query, code in (
            ("nonsense=1", "unknown_parameter"),
            ("user=a&user=b", "repeated_parameter"),
            ("user=", "invalid_parameter"),
            ("user", "invalid_query"),
            ("&", "invalid_query"),
            ("user=%ff", "invalid_query"),
            ("limit=0", "invalid_parameter"),
            ("limit=1001", "invalid_parameter"),
            ("limit=-1", "invalid_parameter"),
            ("limit=99999999999999999999", "invalid_parameter"),
            ("after=1x", "invalid_parameter"),
            ("ip=127.0.0.1/8", "invalid_parameter"),
            ("ip=localhost", "invalid_parameter"),
        ):
            with self.subTest(query=query):
                answer = self.server.ask("GET", f"{SESSIONS}?{query}")
                self.assert_error(answer, 400, code)
                if code in ("unknown_parameter", "repeated_parameter", "invalid_parameter"):
                    self.assertIn(f'"{query.partition("=")[0]}"', answer.value["error"]["message"])
        self.assert_error(self.server.ask("DELETE", SESSIONS), 400, "missing_parameter")
        self.assert_error(self.server.ask("DELETE", SESSIONS + "?endpoint=/"), 400, "unknown_parameter")

    def test_bad_bodies(self):
        for body, code in (
            (b"{", "invalid_json"),
            (b"[]", "invalid_json"),
            (b'"user"', "invalid_json"),
            (b"\xff", "invalid_json"),
            (b'{"user":"a\x00"}', "invalid_json"),
            (b'{"user":"a","user":"b"}', "invalid_json"),
            (b'{"user":1e400}', "invalid_json"),
            (b"[" * 60000, "invalid_json"),
            (b'{"user":' + b"[" * 30000 + b"]" * 30000 + b"}", "invalid_json"),
            (b'{"user":"a","nonsense":1}', "unknown_field"),
            (b"{}", "missing_field"),
            (b'{"user":"a","token_id":"b"}', "missing_field"),
            (b'{"user":1}', "invalid_field"),
            (b'{"user":""}', "invalid_field"),
            (b'{"user":"a\\u001b[31m"}', "invalid_field"),
            (b'{"user":"' + b"a" * 257 + b'"}', "invalid_field"),
            (b'{"user":"a","reason":5}', "invalid_field"),
            (b'{"issued_before":"yesterday"}', "invalid_field"),
            (b'{"issued_before":-1}', "invalid_field"),
            (b'{"issued_before":1.5}', "invalid_field"),
            (b'{"issued_before":"2999-01-01T00:00:00Z"}', "invalid_field"),
        ):
            with self.subTest(body=body[:60]):
                self.assert_error(self.server.ask("POST", REVOCATIONS, body=body, fields=JSON), 400, code)
        self.assertEqual(self.server.call("GET", REVOCATIONS)[1]["revocations"], [])

    def test_media_types(self):
        body = b'{"nonsense":1}'
        for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""):
            with self.subTest(kind=kind):
                fields = () if kind is None else (f"Content-Type: {kind}",)
                self.assert_error(self.server.ask("POST", REVOCATIONS, body=body, fields=fields), 415)
        for kind in ("application/json", "Application/JSON; charset=utf-8"):
            with self.subTest(kind=kind):
                answer = self.server.ask("POST", REVOCATIONS, body=body, fields=(f"Content-Type: {kind}",))
                self.assert_error(answer, 400, "unknown_field")

    def test_bodies_where_none_or_one_is_due(self):
        self.assert_error(self.server.ask("GET", SESSIONS, body=b"{}", fields=JSON), 400, "unexpected_body")
        self.assert_error(self.server.ask("POST", REVOCATIONS, fields=JSON), 400, "missing_body")
        self.assert_error(self.server.ask("POST", REVOCATIONS, body=b"", fields=JSON), 400, "missing_body")

    def test_lengths(self):
        """None is believed that is not plainly a number, and none is waited for that is too large."""
        head = f"POST {REVOCATIONS} HTTP/1.1\r\nHost: {self.server.host}\r\n"
        for fields, status in (
            ("Content-Length: 65537\r\n", 413),
            ("Content-Length: 9223372036854775807\r\n", 413),
            ("Content-Length: 99999999999999999999999999\r\n", 413),
            ("Content-Length: 5x\r\n", 400),
            ("Content-Length: +5\r\n", 400),
            ("Content-Length: -1\r\n", 400),
            ("Content-Length: 0x5\r\n", 400),
            ("Content-Length: 5, 5\r\n", 400),
            ("Content-Length: 5\r\nContent-Length: 5\r\n", 400),
            ("Transfer-Encoding: chunked\r\n", 400),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
            ("Content-Length: 5\r\nExpect: 100-continue\r\n", 417),
        ):
            with self.subTest(fields=fields):
                self.assert_error(self.server.raw(f"{head}{fields}\r\n".encode()), status)

    def test_largest_body(self):
        body = b'{"user":"a"' + b" " * (65536 - 12) + b"}"
        answer = self.server.ask("POST", REVOCATIONS, token=READ, body=body, fields=JSON)
        self.assert_error(answer, 403, "forbidden")
        answer = self.server.ask("POST", REVOCATIONS, body=body[:-1] + b",", fields=JSON)
        self.assert_error(answer, 400, "invalid_json")

    # -- heads ----------------------------------------------------------------------------------------------------

    def test_bad_heads(self):
        host = f"Host: {self.server.host}\r\n"
        token = f"Authorization: Bearer {self.server.admin_token()}\r\n"
        for head, status in (
            (f"\r\n\r\nGET {SESSIONS} HTTP/1.1\r\n{host}{token}\r\n", 400),
            (f"GET {SESSIONS} HTTP/1.0\r\n{host}{token}\r\n", 505),
            (f"GET {SESSIONS} HTTP/1.1\r\n{token}\r\n", 400),
            (f"GET {SESSIONS} HTTP/1.1\r\n{host}{host}{token}\r\n", 400),
            (f"GET {SESSIONS} HTTP/1.1\r\n{host}{token}{token}\r\n", 400),
            (f"GET {SESSIONS} HTTP/1.1\r\n{host}{token} folded\r\n\r\n", 400),
            (f"GET {SESSIONS} HTTP/1.1\n{host}{token}\r\n", 400),
            (f"GET /%00 HTTP/1.1\r\n{host}{token}\r\n", 400),
            (f"GET /a/../etc HTTP/1.1\r\n{host}{token}\r\n", 400),
            (f"GET * HTTP/1.1\r\n{host}{token}\r\n", 400),
            (f"GET {SESSIONS} HTTP/1.1\r\n{host}{token}" + "A: b\r\n" * 64 + "\r\n", 431),
            (f"GET {SESSIONS} HTTP/1.1\r\n{host}{token}A: " + "b" * 20000 + "\r\n\r\n", 431),
            (f"GET /{'a' * 20000} HTTP/1.1\r\n{host}{token}\r\n", 414),
            ("\x16\x03\x01\x02\x00\x01", 400),
        ):
            with self.subTest(head=head[:40], status=status):
                self.assert_error(self.server.raw(head.encode("latin-1")), status)

    def test_nothing_is_left_of_the_request_before(self):
        """A head without an end must not be completed by bytes that another connection has left behind."""
        for _ in range(3 * SLOTS):
            self.assertEqual(self.server.ask("GET", SESSIONS).status, 200)
            answer = self.server.raw(f"\r\n\r\nGET {SESSIONS} HTTP/1.1\r\nHost: {self.server.host}\r\n".encode())
            self.assert_error(answer, 400)

    def test_bytewise(self):
        """However the request is cut, and with more behind it."""
        body = b'{"nonsense":1}'
        request = (
            f"POST {REVOCATIONS} HTTP/1.1\r\nHost: {self.server.host}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.server.admin_token()}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        answer = self.server.raw(*(request[i : i + 1] for i in range(len(request))))
        self.assert_error(answer, 400, "unknown_field")
        self.assert_error(self.server.raw(request + b"GET / HTTP/1.1\r\n"), 400, "unknown_field")

    # -- slow and many --------------------------------------------------------------------------------------------

    def test_slow_requests(self):
        """Head or body: after a while it is told so."""
        head = f"POST {REVOCATIONS} HTTP/1.1\r\nHost: {self.server.host}\r\nContent-Length: 100\r\n\r\n".encode()
        socks = [self.server.connect_admin() for _ in range(2)]
        for sock, piece in zip(socks, (head[:20], head + b"{")):
            sock.sendall(piece)
        for sock in socks:
            with sock:
                self.assert_error(operating.read_answer(sock), 408, "timeout")

    def test_silent_peers_keep_nobody_out(self):
        """Of more than there is room for, the oldest goes; requests are answered all the while."""
        silent = [self.server.connect_admin() for _ in range(3 * SLOTS)]
        try:
            self.assertEqual(self.server.ask("GET", SESSIONS).status, 200)
            self.assertEqual(silent[0].recv(1), b"")
            self.assertEqual(self.server.ask("GET", SESSIONS).status, 200)
        finally:
            for sock in silent:
                sock.close()

    def test_peers_that_do_not_read(self):
        unread = [self.server.connect_admin() for _ in range(16)]
        request = f"GET {SESSIONS} HTTP/1.1\r\nHost: {self.server.host}\r\nAuthorization: Bearer x\r\n\r\n".encode()
        try:
            for sock in unread:
                sock.sendall(request)
            self.assertEqual(self.server.ask("GET", SESSIONS).status, 200)
        finally:
            for sock in unread:
                sock.close()

    def test_peers_that_do_not_close(self):
        """Their answers sent, in every slot: the oldest of them goes for whoever comes."""
        open_ones = [self.server.connect_admin() for _ in range(SLOTS)]
        try:
            for sock in open_ones:
                sock.sendall(b"X\r\n\r\n")
            for sock in open_ones:
                self.assert_error(operating.read_answer(sock), 400)
            for _ in range(3):
                self.assertEqual(self.server.ask("GET", SESSIONS).status, 200)
        finally:
            for sock in open_ones:
                sock.close()

    def test_concurrent_use(self):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(lambda _: self.server.call("GET", SESSIONS)[0], range(200)))
        self.assertEqual(set(statuses), {200})

    # -- health ---------------------------------------------------------------------------------------------------

    def test_health(self):
        for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
            answer = self.server.ask("GET", path, token=None)
            self.assertEqual((answer.status, answer.value), (200, {"status": status}))

    # -- logs -----------------------------------------------------------------------------------------------------

    def test_refusals_are_logged(self):
        mark = self.server.mark()
        self.server.ask("DELETE", SESSIONS + "?user=ann", token=READ)
        record = self.server.wait_log("admin_refused", after=mark, cause="forbidden", by="eye")
        self.assertEqual((record["method"], record["path"]), ("DELETE", SESSIONS))


class Audit(unittest.TestCase):
    def start(self, **settings):
        server = operating.AdminServer(**settings)
        self.addCleanup(server.close)
        return server.start()

    def audit(self, server):
        with open(os.path.join(server.folder, "audit.log"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def test_changes_and_refusals(self):
        server = self.start(log={"audit_file": "audit.log"})
        self.assertEqual(server.call("POST", REVOCATIONS, {"user": "ann", "reason": "lost"})[0], 201)
        self.assertEqual(server.call("DELETE", SESSIONS + "?ip=192.0.2.0/24")[0], 200)
        self.assertEqual(server.ask("POST", "/api/v1/drain", token=READ).status, 403)
        self.assertEqual(server.ask("POST", "/api/v1/drain", token=b"wrong").status, 401)
        server.stop()
        changes = [(line["by"], line["what"], line["subject"]) for line in self.audit(server) if line["event"] == "admin_change"]
        self.assertEqual(changes, [("operator", "revoke", "user ann"), ("operator", "kick", "ip 192.0.2.0/24")])
        refusals = [(line["by"], line["cause"]) for line in self.audit(server) if line["event"] == "admin_refused"]
        self.assertEqual(refusals, [("eye", "forbidden"), (None, "wrong_token")])

    def test_wrong_hosts_are_limited(self):
        """Whoever needs no token to be refused does not fill the audit log."""
        server = self.start(log={"audit_file": "audit.log"})
        asked = 100
        for _ in range(asked):
            self.assertEqual(server.ask("GET", SESSIONS, host="evil.example").status, 421)
        server.stop()
        causes = [line["cause"] for line in self.audit(server) if line["event"] == "admin_refused"]
        self.assertEqual(set(causes), {"wrong_host"})
        self.assertLess(len(causes), asked)

    def test_open_to(self):
        """Without a token health is for those in admin.open_to; with one for everybody."""
        server = self.start(admin={"open_to": ["192.0.2.1"]})
        self.assertEqual(server.ask("GET", "/healthz", token=None).status, 401)
        self.assertEqual(server.ask("GET", "/healthz", token=READ).status, 200)
        server.stop()

    def test_switched_off(self):
        server = operating.tokens.TokenServer(admin={"address": "", "tokens": operating.TOKENS})
        with server:
            self.assertEqual(server.records("admin_listening"), [])
            self.assertFalse(os.path.exists(os.path.join(server.folder, WRITE)))

    def test_public_side_full(self):
        """As many sessions as may be, and a crowd in front of the door: operators are answered."""
        server = self.start(limits={"max_connections": 4, "max_lobby": 16})
        peers = [server.session() for _ in range(4)]
        crowd = [server.peer() for _ in range(16)]
        status, value = server.call("GET", SESSIONS)
        self.assertEqual((status, len(value["sessions"])), (200, 4))
        for peer in (*peers, *crowd):
            peer.drop()
        server.stop()


class Start(unittest.TestCase):
    """What keeps the server from starting, and a reload from being taken over."""

    def refuse(self, server):
        self.addCleanup(server.close)
        server.write_config()
        server.launch()
        server.check_exit(expected=1)
        return server.stderr_text

    def test_bad_token_files(self):
        for content, mode, text in (
            (b"x" * 43, 0o644, "chmod 600"),
            (b"short\n", 0o600, "holds no token"),
            (b"x" * 43 + b"\n" + b"y" * 43, 0o600, "holds no token"),
            (b"\xff" * 43, 0o600, "holds no token"),
            (b"x" * 5000, 0o600, "too large"),
            (b"", 0o600, "empty"),
        ):
            with self.subTest(text=text, size=len(content)):
                server = operating.AdminServer()
                path = os.path.join(server.folder, WRITE)
                with open(path, "wb") as file:
                    file.write(content)
                os.chmod(path, mode)
                self.assertIn(text, self.refuse(server))

    def test_address_in_use(self):
        with operating.AdminServer() as first:
            text = self.refuse(operating.AdminServer(admin={"address": first.host}))
        self.assertRegex(text, re.escape(first.host) + ".*in use")

    def test_other_addresses(self):
        for address in ("0.0.0.0:0", "192.0.2.1:0"):
            with self.subTest(address=address):
                self.assertIn("not a loopback address", self.refuse(operating.AdminServer(admin={"address": address})))

    def test_reload_changes_tokens_and_names(self):
        """All of it, or nothing: a token that cannot be used leaves the old ones in force."""
        server = operating.AdminServer()
        self.addCleanup(server.close)
        server.start()
        path = os.path.join(server.folder, "new.token")
        new = {"name": "new", "token_file": "new.token", "role": "write"}
        server.sections["admin"] = {"address": "127.0.0.1:0", "tokens": (new,), "names": ["portcullis.example"]}
        server.write_config()
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write("short")
        status, value = server.call("POST", "/api/v1/reload")
        self.assertEqual((status, value["error"]["code"]), (422, "config_refused"))
        self.assertTrue(any("new.token" in line for line in value["error"]["details"]), value)
        os.unlink(path)
        self.assertEqual(server.call("POST", "/api/v1/reload")[0], 200)
        self.assertEqual(server.ask("GET", SESSIONS).status, 401)
        self.assertEqual(server.ask("GET", SESSIONS, token="new.token").status, 200)
        host = f"portcullis.example:{server.admin_port}"
        self.assertEqual(server.ask("GET", SESSIONS, token="new.token", host=host).status, 200)
        host = f"localhost:{server.admin_port}"
        self.assertEqual(server.ask("GET", SESSIONS, token="new.token", host=host).status, 421)
        server.stop()


if __name__ == "__main__":
    harness.main()
