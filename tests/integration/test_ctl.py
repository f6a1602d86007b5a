"""portcullisctl against the running server: what operators do, and that it holds."""

import contextlib
import http.server
import json
import os
import signal
import tempfile
import threading
import unittest
import urllib.parse

import harness
import operating
import rawws
import tokens
from operating import READ

KICKED = 4409


class Ctl(unittest.TestCase):
    def start(self, **settings):
        server = operating.AdminServer(**settings)
        self.addCleanup(server.close)
        return server.start()

    def secure(self, server, token):
        """A session with that token."""
        peer = server.peer()
        peer.upgrade("/secure", add=(f"Authorization: Bearer {token}",))
        return peer

    def refused(self, server, token):
        with server.peer() as peer:
            peer.send(rawws.request("GET /secure HTTP/1.1", add=(f"Authorization: Bearer {token}",)))
            return peer.read_response().status == 401

    # -- sessions -------------------------------------------------------------------------------------------------

    def test_sessions(self):
        server = self.start()
        ann, bob = self.secure(server, server.token("ann")), self.secure(server, server.token("bob"))
        plain = server.session()
        listed = server.ctl("sessions", "list", json_output=True)["sessions"]
        self.assertEqual(sorted(session["user"] for session in listed), ["", "ann", "bob"])
        lines = server.ctl("sessions", "list", "--user", "ann").splitlines()
        self.assertEqual(lines[0].split()[:4], ["ID", "USER", "IP", "ENDPOINT"])
        self.assertEqual([line.split()[1:4] for line in lines[1:]], [["ann", "127.0.0.1", "/secure"]])
        self.assertEqual(len(server.ctl("sessions", "list", "--limit", "2").splitlines()), 3)
        self.assertEqual(len(server.ctl("sessions", "list", "--endpoint", "/echo", token=READ).splitlines()), 2)

        number = lines[1].split()[0]
        self.assertEqual(server.ctl("sessions", "kick", number), "1 ended\n")
        tokens.expect_close(ann, KICKED)
        self.assertIn("no such session", server.ctl("sessions", "kick", number, expected=1))
        self.assertEqual(server.ctl("sessions", "kick", "--user", "bob"), "1 ended\n")
        tokens.expect_close(bob, KICKED)
        self.assertEqual(server.ctl("sessions", "kick", "--ip", "192.0.2.1"), "0 ended\n")
        self.assertEqual(server.ctl("sessions", "kick", "--ip", "127.0.0.0/8", json_output=True), {"ended": 1, "complete": True})
        tokens.expect_close(plain, KICKED)
        for peer in (ann, bob, plain):
            peer.drop()
        server.stop()

    def test_pages(self):
        """More than the API lists at once are asked for piece by piece."""
        server = self.start()
        peers = [server.session() for _ in range(5)]
        first = server.call("GET", "/api/v1/sessions?limit=3")[1]
        second = server.call("GET", f"/api/v1/sessions?limit=3&after={first['next']}")[1]
        numbers = [session["id"] for page in (first, second) for session in page["sessions"]]
        self.assertEqual(len(set(numbers)), 5)
        self.assertEqual(numbers, sorted(numbers))
        self.assertIsNone(second["next"])
        one = server.call("GET", f"/api/v1/sessions/{numbers[0]}")
        self.assertEqual((one[0], one[1]["id"]), (200, numbers[0]))
        self.assertEqual(server.call("GET", "/api/v1/sessions/0")[0], 404)
        for peer in peers:
            peer.drop()
        server.stop()

    def test_text_of_others(self):
        """What a token or another operator says does not reach the terminal as it is."""
        server = self.start()
        token = server.token("\u202eevil\u200b")
        with self.secure(server, token):
            out = server.ctl("sessions", "list")
            self.assertNotIn("\u202e", out)
            self.assertIn("\\u202e", out)
        server.ctl("revoke", "add", "--user", "x", "--reason", "\u202e\u2028 reason")
        out = server.ctl("revoke", "list")
        self.assertTrue(all(character >= " " or character == "\n" for character in out))
        self.assertNotIn("\u2028", out)
        server.stop()

    # -- revocations ----------------------------------------------------------------------------------------------

    def test_revoke_user(self):
        """His session ends, his tokens are refused: after a crash too, until it is taken back."""
        server = self.start()
        token, other = server.token("ann"), server.token("bob")
        with self.secure(server, token) as ann, self.secure(server, other) as bob:
            out = server.ctl("revoke", "add", "--user", "ann", "--reason", "lost phone")
            self.assertIn("1 sessions ended", out)
            tokens.expect_close(ann, KICKED)
            self.assertTrue(self.refused(server, token))
            bob.echo("still here", prefix=harness.PREFIX)
        server.process.kill()
        server.check_exit(expected=-signal.SIGKILL)
        server.restart()
        self.assertTrue(self.refused(server, token))
        self.assertFalse(self.refused(server, other))
        lines = server.ctl("revoke", "list").splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn("ann", lines[1])
        self.assertTrue(lines[1].endswith("operator  lost phone"), lines)
        self.assertEqual(server.ctl("revoke", "del", "--user", "ann"), "1 removed\n")
        self.assertFalse(self.refused(server, token))
        self.assertIn("no such revocation", server.ctl("revoke", "del", "--user", "ann", expected=1))
        server.stop()

    def test_revoke_token_and_time(self):
        server = self.start()
        first, second = server.token("ann", jti="one"), server.token("ann", jti="two")
        with self.secure(server, first) as peer:
            answer = server.ctl("revoke", "add", "--token-id", "one", json_output=True)
            self.assertEqual(answer["sessions_ended"], 1)
            tokens.expect_close(peer, KICKED)
        self.assertTrue(self.refused(server, first))
        self.assertFalse(self.refused(server, second))
        old = server.token("ann", iat=1000000000)
        server.ctl("revoke", "add", "--issued-before", "2005-01-01T00:00:00Z")
        self.assertTrue(self.refused(server, old))
        self.assertFalse(self.refused(server, second))
        self.assertEqual(server.ctl("revoke", "del", "--issued-before", "1104537600"), "1 removed\n")
        self.assertEqual(server.ctl("revoke", "del", str(answer["revocation"]["id"])), "1 removed\n")
        self.assertFalse(self.refused(server, first))
        server.stop()

    def test_revocations_of_tokens_without_end(self):
        """Kept for as long as a token may last."""
        server = self.start(auth={"require_expiry": False, "max_token_lifetime": "1m"})
        token = server.token("ann", exp=None)
        with self.secure(server, token) as peer:
            answer = server.ctl("revoke", "add", "--user", "ann", json_output=True)
            tokens.expect_close(peer, KICKED)
        self.assertIsNone(answer["revocation"]["until"])  # for ever
        server.stop()
        server.restart()
        self.assertTrue(self.refused(server, token))
        server.stop()

    # -- the server as a whole ------------------------------------------------------------------------------------

    def test_reload(self):
        server = self.start()
        good = harness.config_text(server.sections)
        self.assertEqual(server.ctl("reload"), "reloaded\n")
        server.write_config(good + "nonsense = 1;\n")
        self.assertIn("nonsense: unknown key", server.ctl("reload", expected=1))
        server.write_config("listeners = (")
        self.assertIn("portcullis.conf:1", server.ctl("reload", expected=1))
        server.write_config(good + "pool = { lobby_threads = 3; };\n")
        status, value = server.call("POST", "/api/v1/reload")
        self.assertEqual(status, 200)
        self.assertTrue(any("pool.lobby_threads" in line for line in value["warnings"]), value)
        server.stop()
        self.assertEqual(len(server.records("reloaded")), 2)

    def test_drain(self):
        server = self.start(limits={"drain_timeout": "60s", "close_timeout": "60s"})
        with server.session() as peer:
            self.assertEqual(server.ctl("drain"), "draining\n")
            self.assertEqual(peer.read_close(), 1001)
            answer = server.ask("GET", "/readyz", token=None)
            self.assertEqual((answer.status, answer.code), (503, "not_ready"))
            self.assertEqual(server.call("POST", "/api/v1/reload")[0], 422)
            self.assertEqual(server.ctl("drain"), "draining\n")
            peer.send(rawws.close(1001))
            peer.read_end()
        server.check_exit()

    # -- what can be wrong ----------------------------------------------------------------------------------------

    def test_roles(self):
        server = self.start()
        for command in (["reload"], ["drain"], ["sessions", "kick", "1"], ["revoke", "add", "--user", "a"]):
            with self.subTest(command=command):
                self.assertIn("may read", server.ctl(*command, token=READ, expected=1))
        value = server.ctl("reload", token=READ, json_output=True, expected=1)
        self.assertEqual(value["error"]["code"], "forbidden")
        server.stop()

    def test_usage(self):
        server = self.start()
        for command in (
            ["sessions"],
            ["sessions", "end"],
            ["sessions", "kick"],
            ["sessions", "kick", "x"],
            ["sessions", "kick", "1", "--user", "a"],
            ["sessions", "list", "1"],
            ["sessions", "list", "--limit", "0"],
            ["sessions", "list", "--nonsense"],
            ["revoke"],
            ["revoke", "add"],
            ["revoke", "add", "--user", "a", "--token-id", "b"],
            ["revoke", "add", "--issued-before", "yesterday"],
            ["revoke", "list", "--user", "a"],
            ["revoke", "del", "x"],
            ["reload", "now"],
            ["nonsense"],
        ):
            with self.subTest(command=command):
                self.assertTrue(server.ctl(*command, expected=2))
        server.stop()

    def run_ctl(self, *arguments):
        result = operating.run_ctl(*arguments)
        return result.returncode, result.stderr

    def test_no_server(self):
        with tempfile.TemporaryDirectory() as folder:
            token = os.path.join(folder, "token")
            with open(os.open(token, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
                file.write("x" * 43)
            code, text = self.run_ctl("--admin", "http://127.0.0.1:1", "--token-file", token, "reload")
            self.assertEqual((code, text), (3, "portcullisctl: cannot reach http://127.0.0.1:1: Connection refused; is the server running?\n"))
            for url in ("https://127.0.0.1:1", "ftp://127.0.0.1", "127.0.0.1:9090", "http://a@127.0.0.1", "http://127.0.0.1/x", "http://"):
                with self.subTest(url=url):
                    self.assertEqual(self.run_ctl("--admin", url, "--token-file", token, "reload")[0], 2)

    @contextlib.contextmanager
    def stand_in(self, answer):
        """Runs something else in the server's place: answer(path, parameters) is the bytes of the body. Gives a function that runs
        portcullisctl on it."""

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                body = answer(url.path, {name: values[0] for name, values in urllib.parse.parse_qs(url.query).items()})
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        with tempfile.TemporaryDirectory() as folder, http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            token = os.path.join(folder, "token")
            with open(os.open(token, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
                file.write("x" * 43)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                url = f"http://127.0.0.1:{server.server_address[1]}"
                yield lambda *arguments: operating.run_ctl("--admin", url, "--token-file", token, *arguments)
            finally:
                server.shutdown()
                thread.join()

    def test_long_lists(self):
        """Of any length, and the same with --json."""

        def answer(path, parameters):
            first, size = int(parameters.get("after", 0)) + 1, int(parameters["limit"])
            self.assertLessEqual(size, 1000)
            items = [{"id": number, "user": "u"} for number in range(first, min(first + size, 2501))]
            full = len(items) == size
            return json.dumps({path.rpartition("/")[2]: items, "next": items[-1]["id"] if full else None}).encode()

        with self.stand_in(answer) as ctl:
            for arguments, member, count, following in (
                (("revoke", "list"), "revocations", 2500, None),
                (("sessions", "list", "--limit", "10000"), "sessions", 2500, None),
                (("sessions", "list", "--limit", "1500"), "sessions", 1500, 1500),
                (("sessions", "list"), "sessions", 100, 100),
            ):
                with self.subTest(arguments=arguments):
                    result = ctl("--json", *arguments)
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    listed = json.loads(result.stdout)
                    self.assertEqual([item["id"] for item in listed[member]], list(range(1, count + 1)))
                    self.assertEqual(listed["next"], following)
                    result = ctl(*arguments)
                    self.assertEqual((result.returncode, len(result.stdout.splitlines())), (0, count + 1))
                    self.assertEqual("there are more" in result.stderr, following is not None)

    def test_strange_servers(self):
        """What answers otherwise is said to, and keeps nobody waiting."""
        for body in (
            b"",
            b"<html>",
            b"[" * 100 + b"]" * 100,
            b'{"sessions": []} x',
            b'{"sessions": [], "sessions": []}',
            b'{"sessions": [], "next": 5}',
            b'{"sessions": [{"id": 1}], "next": -5}',
            b'{"sessions": [{"id": 1}], "next": 1}',
            b'{"sessions": {}, "next": null}',
            b"{}",
        ):
            with self.subTest(body=body), self.stand_in(lambda *_, body=body: body) as ctl:
                result = ctl("sessions", "list")
                self.assertEqual((result.returncode, result.stdout), (1, ""))
                self.assertIn("as Portcullis does", result.stderr)

    def test_token_files(self):
        with tempfile.TemporaryDirectory() as folder:
            token = os.path.join(folder, "token")
            self.assertIn("does not exist", self.run_ctl("--token-file", token, "reload")[1])
            with open(os.open(token, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
                file.write("two\nlines\n")
            code, text = self.run_ctl("--token-file", token, "reload")
            self.assertEqual(code, 2)
            self.assertIn("holds no token", text)
            os.chmod(token, 0o640)
            self.assertIn("chmod 600", self.run_ctl("--token-file", token, "reload")[1])


if __name__ == "__main__":
    harness.main()
