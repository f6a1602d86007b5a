"""Bytes of the wrong kind on a port: garbage, TLS where plain HTTP is spoken, and the reverse."""

import ssl

import harness
import rawws

PLAIN, TLS = 0, 1
GARBAGE = (
    ("zeros", b"\0" * 512),
    ("0xFF", b"\xff" * 512),
    ("all octets", bytes(range(256)) * 4),
    ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n"),
    ("CRLF", b"\r\n" * 10),
    ("LF", b"\n\n"),
    ("space", b" GET / HTTP/1.1\r\n\r\n"),
    ("a lone colon", b":"),
    ("SOCKS", b"\x05\x01\x00"),
    ("PROXY header", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
    ("PROXY v2 header", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12)),
    ("1 MiB", b"\x80" * (1 << 20)),
)
HELLO_TWICE = rawws.client_hello() * 2


class Ports(harness.ServerCase):
    settings = {"listeners": ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})}

    def assert_refused(self, answer, statuses=(400,)):
        """One HTTP answer with one of these statuses, or none at all."""
        if answer:
            self.assertRegex(answer, rb"^HTTP/1\.1 [45]\d\d ")
            self.assertIn(int(answer[9:12]), statuses)

    def tearDown(self):
        for listener in (PLAIN, TLS):
            self.assert_served(listener)
        super().tearDown()

    def test_garbage_on_the_plain_port(self):
        for title, wire in GARBAGE:
            with self.subTest(title), self.server.peer(PLAIN) as peer:
                peer.send(wire)
                peer.half_close()
                self.assert_refused(peer.read_all(), (400, 431, 501))

    def test_garbage_is_refused_without_waiting_for_more(self):
        for title, wire in (("zeros", b"\0" * 8), ("0xFF", b"\xff" * 8), ("CRLF", b"\r\n\r\n")):
            with self.subTest(title), self.server.peer(PLAIN) as peer:
                peer.send(wire)
                response, _ = peer.read_answer()
                self.assertEqual(response.status, 400)

    def test_garbage_on_the_tls_port(self):
        for title, wire in GARBAGE:
            with self.subTest(title), self.server.peer(TLS, tls=False) as peer:
                peer.send(wire)
                peer.half_close()
                self.assertNotIn(b"HTTP/1.1 2", peer.read_all())

    def test_garbage_behind_a_client_hello(self):
        for title, wire in GARBAGE:
            with self.subTest(title), self.server.peer(TLS, tls=False) as peer:
                peer.send(rawws.client_hello() + wire)
                peer.half_close()
                peer.read_all()

    def test_garbage_inside_tls(self):
        for title, wire in GARBAGE:
            with self.subTest(title), self.server.peer(TLS) as peer:
                peer.send(wire)
                peer.half_close()
                self.assert_refused(peer.read_all(), (400, 431, 501))

    def test_bent_client_hello(self):
        hello = rawws.client_hello()
        bent = {
            "length 0": hello[:3] + b"\0\0" + hello[5:],
            "length 65535": hello[:3] + b"\xff\xff" + hello[5:],
            "no ClientHello": hello[:5] + b"\x02" + hello[6:],
            "SSL 3.0": b"\x16\x03\x00" + hello[3:],
            "garbage inside": hello[:40] + b"\xff" * (len(hello) - 40),
            "cut short": hello[:-20],
            "twice": HELLO_TWICE,
            "an alert": b"\x15\x03\x01\x00\x02\x02\x28",
        }
        for title, wire in bent.items():
            with self.subTest(title), self.server.peer(TLS, tls=False) as peer:
                peer.send(wire)
                peer.half_close()
                peer.read_all()

    def test_tls_on_the_plain_port(self):
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.server.peer(PLAIN, tls=True).drop()
        with self.server.peer(PLAIN) as peer:
            peer.send(rawws.client_hello())
            response, body = peer.read_answer()
            self.assertEqual(response.status, 400)
            self.assertIn(b"TLS", body)

    def test_plain_http_on_the_tls_port(self):
        with self.server.peer(TLS, tls=False) as peer:
            peer.send(rawws.request())
            response, body = peer.read_answer()
            self.assertEqual(response.status, 400)
            self.assertIn(b"TLS", body)
            self.server.refusal(peer, "plain_on_tls_port")

    def test_old_tls_versions(self):
        context = rawws.client_context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.server.peer(TLS, tls=context).drop()

    def test_tls_versions(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = rawws.client_context()
            context.minimum_version = context.maximum_version = version
            with self.server.session(listener=TLS, tls=context) as peer:
                peer.echo("hello")
                peer.finish()

    def test_alpn(self):
        context = rawws.client_context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with self.server.session(listener=TLS, tls=context) as peer:
            self.assertEqual(peer.sock.selected_alpn_protocol(), "http/1.1")
            peer.finish()

    def test_tls_resumption(self):
        context = rawws.client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.server.session(listener=TLS, tls=context) as peer:
            peer.echo("first")
            ticket = peer.sock.session
            peer.finish()
        sock = rawws.connect_socket(self.server.address(TLS))
        with context.wrap_socket(sock, server_hostname="portcullis.test", session=ticket) as again:
            again.sendall(rawws.request("GET /nowhere HTTP/1.1"))
            self.assertTrue(again.recv(9).startswith(b"HTTP/1.1"))


if __name__ == "__main__":
    harness.main()
