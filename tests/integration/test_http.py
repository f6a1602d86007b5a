"""Requests that are no opening handshake, or a bad one, get a small and correct HTTP answer; none is left hanging."""

import harness
import rawws
from rawws import request

PLAIN, TLS = 0, 1
ECHO = "GET /echo HTTP/1.1"
FIELDS_MAX = 64
# Far past any head that the server may be configured to take.
HUGE = 1 << 20


def get(target, *lines):
    return "".join(line + "\r\n" for line in (f"GET {target} HTTP/1.1", "Host: portcullis.test", *lines, "")).encode()


class HttpCase(harness.ServerCase):
    settings = {"listeners": ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})}

    def assert_answer(self, wire, status, headers=None, *, bytewise=False):
        """On both ports. Returns the last answer's body."""
        for listener in (PLAIN, TLS):
            with self.subTest(listener=listener, status=status), self.server.peer(listener) as peer:
                (peer.send_bytewise if bytewise else peer.send)(wire)
                response, body = peer.read_answer()
                self.assertEqual(response.status, status, response.head)
                for name, value in (headers or {}).items():
                    self.assertEqual(response.headers.get(name), value, response.head)
        return body

    def assert_all(self, cases):
        for title, wire, status in cases:
            with self.subTest(case=title):
                self.assert_answer(wire, status)
        self.assert_served(PLAIN)
        self.assert_served(TLS)


class Answers(HttpCase):
    def test_unknown_path(self):
        body = self.assert_answer(get("/nowhere"), 404)
        self.assertTrue(body, "an answer for people has a body")
        self.assert_answer(request("GET /nowhere HTTP/1.1"), 404)

    def test_plain_get_of_an_endpoint(self):
        self.assert_answer(get("/"), 426, {"upgrade": "websocket", "sec-websocket-version": "13"})

    def test_other_methods(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"):
            with self.subTest(method=method):
                self.assert_answer(request(f"{method} / HTTP/1.1"), 405, {"allow": "GET"})
        self.assert_answer(request("BREW / HTTP/1.1"), 501)

    def test_head_has_no_body(self):
        for listener in (PLAIN, TLS):
            with self.server.peer(listener) as peer:
                peer.send(request("HEAD / HTTP/1.1"))
                response = peer.read_response()
                self.assertEqual(response.status, 405)
                self.assertEqual(peer.read_end(), "fin")

    def test_only_the_first_request_is_answered(self):
        self.assert_answer(get("/nowhere") + get("/") + request(ECHO), 404)

    def test_bytewise(self):
        self.assert_answer(get("/nowhere"), 404, bytewise=True)

    def test_versions(self):
        self.assert_all(
            (version, request(f"GET /echo {version}"), status)
            for version, status in (("HTTP/1.0", 505), ("HTTP/2.0", 505), ("HTTP/11", 400), ("HTTP/1.10", 400), ("ICY", 400))
        )

    def test_http2_preface(self):
        self.assert_answer(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)


class Targets(HttpCase):
    def test_bad_targets(self):
        targets = ("*", "echo", "//echo", "/./echo", "/x/../echo", "/echo%", "/echo%4", "/echo%zz", "/%00", "/echo%00")
        targets += ("/echo%0d%0aX:1", "/%0a", "/a%2fb", "/a\\b", "/%c0%af", "/%ff", "/%ed%a0%80", "/\x7f", "/a\x01b")
        targets += ('/"', "/<x>", "/^", "/{}", "/echo#x", "ftp://portcullis.test/echo", "http://", "http:///echo")
        self.assert_all((target, request(f"GET {target} HTTP/1.1"), 400) for target in targets)

    def test_options_of_everything(self):
        with self.server.peer() as peer:
            peer.send(request("OPTIONS * HTTP/1.1"))
            response, _ = peer.read_answer()
            self.assertIn(response.status, (400, 405), response.head)
        self.assert_served()

    def test_long_targets(self):
        self.assert_all(
            (
                ("2,000 bytes of path", request(f"GET /{'a' * 2000} HTTP/1.1"), 414),
                ("1 MiB of path", request(f"GET /{'a' * HUGE} HTTP/1.1"), 414),
                ("a path without end", b"GET /" + b"a" * HUGE, 414),
            )
        )


class Fields(HttpCase):
    def test_too_many(self):
        lines = [f"X-{number}: {number}" for number in range(100)]
        self.assert_all((("100 more", request(ECHO, add=lines), 431),))

    def test_the_most(self):
        lines = [f"X-{number}: {number}" for number in range(FIELDS_MAX - 5)]
        for listener in (PLAIN, TLS):
            with self.server.peer(listener) as peer:
                peer.send(request(ECHO, add=lines))
                peer.read_upgrade(rawws.SAMPLE_KEY)
                peer.finish()
        self.assert_answer(request(ECHO, add=[*lines, "X-More: 1"]), 431)

    def test_too_large(self):
        self.assert_all(
            (
                ("a value of 1 MiB", request(ECHO, add=["X-Huge: " + "a" * HUGE]), 431),
                ("a value without end", request(ECHO)[:-2] + b"X-Huge: " + b"a" * HUGE, 431),
                ("a name of 1 MiB", request(ECHO, add=["X" * HUGE + ": 1"]), 431),
                ("a name without end", request(ECHO)[:-2] + b"X" * HUGE, 431),
                ("1 MiB of white space", request(ECHO, add=["X-Space:" + " " * HUGE + "1"]), 431),
            )
        )

    def test_syntax(self):
        self.assert_all(
            (title, request(ECHO, add=lines), 400)
            for title, lines in (
                ("obs-fold", ["X-Folded: one", " two"]),
                ("obs-fold that hides a field", ["X-Folded: one", " Host: other.test"]),
                ("obs-fold first", [" X: 1"]),
                ("space before the colon", ["X : 1"]),
                ("no colon", ["X"]),
                ("no name", [": 1"]),
                ("NUL", ["X: a\0b"]),
                ("ESC", ["X: \x1b[31m"]),
                ("bare CR", ["X: 1\rY: 2"]),
                ("bare LF", ["X: 1\nY: 2"]),
            )
        )

    def test_duplicates(self):
        lines = ("Host: portcullis.test", "host: other.test", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
        lines += (f"Sec-WebSocket-Key: {rawws.SAMPLE_KEY}",)
        self.assert_all((line, request(ECHO, add=[line]), 400) for line in lines)
        pairs = (["Origin: http://a.test"] * 2, ["Authorization: Bearer a"] * 2, ["Content-Length: 0"] * 2)
        pairs += (["Sec-WebSocket-Protocol: a", "sec-websocket-protocol: a"],)  # the same name twice, as in one field
        self.assert_all((pair[0], request(ECHO, add=pair), 400) for pair in pairs)

    def test_lists_in_several_fields(self):
        """As many as fit: each list may be split (RFC 6455 §11.3.2, §11.3.4; RFC 9110 §5.3), up to 1 KiB where it is."""
        for name, first in (("Sec-WebSocket-Protocol", "a"), ("Sec-WebSocket-Extensions", "a"), ("Connection", "Upgrade")):
            most = 1024 - len(f"{first}, ") - 1
            lines = lambda size: ([] if name == "Connection" else [f"{name}: {first}"]) + [f"{name}: {'b' * size}"]
            with self.subTest(name=name), self.server.peer() as peer:
                peer.upgrade("/echo", add=lines(most))
                peer.finish()
            self.assert_all([(name, request(ECHO, add=lines(most + 1)), 431)])
        with self.server.peer() as peer:
            response = peer.upgrade("/echo", add=["Sec-WebSocket-Extensions: x", "Sec-WebSocket-Extensions: permessage-deflate"])
            self.assertTrue(response.headers["sec-websocket-extensions"].startswith("permessage-deflate"))
            peer.finish()

    def test_bodies(self):
        self.assert_all(
            (title, request(ECHO, add=lines) + b"5\r\nhello\r\n0\r\n\r\n", status)
            for title, lines, status in (
                ("chunked", ["Transfer-Encoding: chunked"], 400),
                ("identity", ["Transfer-Encoding: identity"], 400),
                ("chunked and a length", ["Transfer-Encoding: chunked", "Content-Length: 5"], 400),
                ("a length", ["Content-Length: 5"], 413),
                ("a length of 2^63", ["Content-Length: 9223372036854775808"], 413),
                ("a length that is no number", ["Content-Length: 9223372036854775807x"], 400),
                ("a negative length", ["Content-Length: -1"], 400),
                ("two lengths in one", ["Content-Length: 0, 0"], 400),
                ("an empty length", ["Content-Length:"], 400),
            )
        )

    def test_bytes_behind_the_head_are_frames(self):
        """Content-Length: 0 is let through; what follows the head belongs to the session."""
        with self.server.peer() as peer:
            peer.send(request(ECHO, add=["Content-Length: 0"]) + rawws.text("early") + rawws.text("bird"))
            peer.read_upgrade(rawws.SAMPLE_KEY)
            self.assertEqual(peer.read_message().payload, b"early")
            self.assertEqual(peer.read_message().payload, b"bird")
            peer.finish()


class Refusals(HttpCase):
    def test_are_logged_with_their_rule(self):
        with self.server.peer() as peer:
            peer.send(request(ECHO, add=["X-Odd: a\0b"]))
            self.assertEqual(peer.read_answer()[0].status, 400)
            self.assertEqual(self.server.refusal(peer, "bad_request")["detail"], "field_value")

    def test_are_summed_up(self):
        """However many come, the log has a few of them and a number for the rest."""
        mark = self.server.mark()
        count = 200
        for _ in range(count):
            with self.server.peer() as peer:
                peer.send(b"\0")
                peer.read_all()
        summed = self.server.wait_log("refusals", after=mark)
        self.assertGreater(int(summed["bad_request"]), 0)
        self.assertLess(len(self.server.records("request_refused")), count / 2)


class Capacity(harness.ServerCase):
    settings = {"limits": {"max_connections": 3}}

    def test_full(self):
        """With as many sessions as there may be, the next is told when to come back, and the others notice nothing."""
        with self.server.session() as first, self.server.session() as second, self.server.session() as third:
            with self.server.peer() as late:
                late.send(request(ECHO))
                response, _ = late.read_answer()
                self.assertEqual(response.status, 503, response.head)
                self.assertGreater(int(response.headers["retry-after"]), 0)
            for peer in (first, second, third):
                peer.echo("undisturbed")
                peer.finish()
        self.assert_served_again()

    def assert_served_again(self):
        self.server.wait_fds(self.baseline)
        self.assert_served()


if __name__ == "__main__":
    harness.main()
