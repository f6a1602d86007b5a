"""Which certificate a client gets for the name it asks for (SNI, RFC 6066 §3), and what becomes of names that are none."""

import subprocess
import tempfile
import unittest

import certificates
import clienthello
import harness
from clienthello import Alert, hello, served_certificate

TLS_LISTENER = ({"address": "127.0.0.1:0", "tls": True},)
BAD_NAME_ALERTS = (clienthello.UNRECOGNIZED_NAME, clienthello.DECODE_ERROR, clienthello.ILLEGAL_PARAMETER)


class NamesCase(harness.ServerCase):
    """The default certificate is the harness's own, for localhost."""

    more = {}  # to the section tls

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="portcullis-test-")
        cls.addClassCleanup(folder.cleanup)
        make = lambda title, *names, **options: certificates.make(folder.name, title, names=names, **options)
        cls.made = {
            "exact": make("exact", "DNS:a.example.com", "DNS:B.Example.COM", "DNS:xn--bcher-kva.example"),
            "wildcard": make("wildcard", "DNS:*.example.com", "DNS:*.wild.example.com", "DNS:f*.partial.test"),
            "rsa": make("rsa", "DNS:both.test", "DNS:rsa.test", kind="rsa"),
            "ec": make("ec", "DNS:both.test", "DNS:ec.test"),
            "common": make("common", subject="/CN=common.test"),
            "unused_common": make("unused_common", "DNS:alternative.test", subject="/CN=not.used.test"),
            "second": make("second", "DNS:a.example.com"),
            "default": make("default", "DNS:localhost"),
        }
        default = cls.made["default"]
        others = tuple(made.config for title, made in cls.made.items() if title != "default")
        cls.settings = {"listeners": TLS_LISTENER, "tls": {**default.config, "certificates": others, **cls.more}}
        super().setUpClass()

    def served(self, record):
        with self.server.peer(tls=False) as peer:
            return served_certificate(peer, record)

    def title(self, name, **options):
        der = self.served(hello(name, **options))
        return next(title for title, made in self.made.items() if made.der == der)

    def alert(self, record):
        """The alert that the server ends a handshake with."""
        with self.server.peer(tls=False) as peer:
            self.last = peer
            peer.log_key["tls"] = "true"
            with self.assertRaises(Alert) as caught:
                served_certificate(peer, record)
            peer.read_end()
            return caught.exception.description

    def detail(self):
        """The log's word on the last alert. It has one for the first few of a kind in a period."""
        return self.server.refusal(self.last, "tls_failed")["detail"]


class Names(NamesCase):
    def test_exact_and_wildcard(self):
        rows = {
            b"a.example.com": "exact",
            b"A.EXAMPLE.com": "exact",
            b"b.example.com": "exact",
            b"xn--bcher-kva.example": "exact",
            b"c.example.com": "wildcard",
            b"C.Example.Com": "wildcard",
            b"x.wild.example.com": "wildcard",
            b"wild.example.com": "wildcard",
            b"common.test": "common",
            b"alternative.test": "unused_common",
            b"localhost": "default",
        }
        for name, title in rows.items():
            with self.subTest(name):
                self.assertEqual(self.title(name), title)

    def test_unknown_names_get_the_default(self):
        rows = (
            None,
            b"",
            b"unknown.test",
            b"example.com",  # a wildcard stands for a label, not for none
            b"x.y.example.com",  # nor for two
            b"not.used.test",  # a common name beside alternative ones
            b"foo.partial.test",
            b"f*.partial.test",
            b"a.example.com.",
            b".example.com",
            b"127.0.0.1",
            "bücher.example".encode(),
            b"\xff\xfe\x80.example.com",
            b"a.example.com\r\nforged log line",
            b"x" * 64 + b".example.com",
            b"x" * 255,
        )
        for name in rows:
            with self.subTest(name):
                self.assertEqual(self.title(name), "default")

    def test_both_kinds_of_key(self):
        both = {"ciphers": (clienthello.RSA_AES_128,)}, {"ciphers": (clienthello.ECDSA_AES_128,)}
        self.assertEqual([self.title(b"both.test", **one) for one in both], ["rsa", "ec"])
        self.assertEqual(self.title(b"rsa.test", **both[0]), "rsa")
        self.assertEqual(self.title(b"ec.test", **both[1]), "ec")
        self.assertEqual(self.alert(hello(b"rsa.test", **both[1])), clienthello.HANDSHAKE_FAILURE)

    def test_names_that_are_no_names(self):
        rows = {
            "256 bytes": hello(b"x" * 256),
            "65,000 bytes": hello(b"x" * 16000),
            "NUL": hello(b"a.example.com\0.evil.test"),
            "NUL alone": hello(b"\0"),
            "two": hello(extensions=b"\0\0\0\x10\0\x0e\0\0\4a.tt\0\0\4b.tt"),
            "cut off": hello(extensions=b"\0\0\0\7\0\5\0\0\x09ab"),
            "given twice": hello(b"a.example.com", extensions=clienthello.server_name(b"c.example.com")),
        }
        for title, record in rows.items():
            with self.subTest(title):
                self.assertIn(self.alert(record), BAD_NAME_ALERTS)

    def test_real_clients(self):
        for version in ("-tls1_2", "-tls1_3"):
            for name, title in (("c.example.com", "wildcard"), ("a.example.com", "exact"), ("unknown.test", "default")):
                with self.subTest(name=name, version=version):
                    host, port = self.server.address()
                    command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", name, version]
                    done = subprocess.run(command, input=b"", capture_output=True, timeout=harness.rawws.DEADLINE_S)
                    self.assertIn(f"subject=CN = {title}", done.stdout.decode())
        self.assert_served()

    def test_shared_name_is_told(self):
        """Two certificates of one kind have a.example.com: the first has it, and the log says so."""
        lines = [record["detail"] for record in self.server.records("config", level="warning")]
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0], r"second\.crt: a\.example\.com is served with the certificate of .*/exact\.crt")


class SecondHello(NamesCase):
    def test_second_hello(self):
        """Behind a HelloRetryRequest: the name must be that of the first, since the certificate was chosen by it."""
        key = clienthello.key_share(clienthello.X25519, bytes([9]) + bytes(31))
        options = {"ciphers": (clienthello.TLS13_AES_128,), "supported": (clienthello.TLS_1_3,)}
        names = None, b"unknown.test", b"localhost", b"a.example.com", b"c.example.com"
        for first in names:
            for second in names:
                with self.subTest(first=first, second=second), self.server.peer(tls=False) as peer:
                    peer.log_key["tls"] = "true"
                    hellos = (
                        hello(first, extensions=clienthello.key_share(), **options),
                        hello(second, extensions=key, **options),
                    )
                    if first == second:
                        self.assertTrue(clienthello.retried(peer, *hellos))
                        continue
                    with self.assertRaises(Alert) as caught:
                        clienthello.retried(peer, *hellos)
                    self.assertEqual(caught.exception.description, clienthello.ILLEGAL_PARAMETER)
        self.server.wait_log("request_refused", cause="tls_failed", detail="the second ClientHello asks for another name")


class StrictNames(NamesCase):
    more = {"strict_sni": True}

    def test_known_names(self):
        self.assertEqual(self.title(b"c.example.com"), "wildcard")
        self.assertEqual(self.title(b"localhost"), "default")
        self.assertEqual(self.title(None), "default")

    def test_unknown_names_are_refused(self):
        rows = {
            b"unknown.test": "no certificate for the name unknown.test",
            b"x.y.example.com": "no certificate for the name x.y.example.com",
            b"portcullis.test\n": r"no certificate for the name portcullis.test\n",
            "bücher.example".encode(): "no certificate for the name bücher.example",
            b"x" * 300: "no certificate for the name " + "x" * 256,
        }
        for name, wanted in rows.items():
            with self.subTest(name):
                self.assertEqual(self.alert(hello(name)), clienthello.UNRECOGNIZED_NAME)
                self.assertEqual(self.detail(), wanted)
        with self.server.session(server_name="c.example.com") as peer:
            peer.echo("an honest client")
            peer.finish()


if __name__ == "__main__":
    harness.main()
