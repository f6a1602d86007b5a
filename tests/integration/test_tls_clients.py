"""Certificates of clients: who is let in, who is told what, and what the log says of both."""

import json
import os
import signal
import ssl
import subprocess
import tempfile
import unittest

import certificates
import harness
import rawws

TLS_LISTENER = ({"address": "127.0.0.1:0", "tls": True},)
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
ENOUGH = 5  # refusals of one cause that the log writes out in a period


class ClientsCase(unittest.TestCase):
    mode = "required"

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="portcullis-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.root = certificates.make_authority(cls.folder, "root")
        cls.middle = certificates.make_authority(cls.folder, "middle", cls.root)
        cls.stranger = certificates.make_authority(cls.folder, "stranger")
        cls.own = certificates.make(cls.folder, "server", names=("DNS:localhost",))

    def start(self, mode="required", authorities=None):
        server = harness.Server(
            listeners=TLS_LISTENER,
            tls={**self.own.config, "client_verify": mode, "client_ca": (authorities or self.root).file},
            log={"audit_file": "audit.log"},
        )
        self.addCleanup(server.close)
        return server.start()

    def context(self, version, client=None, chain=()):
        context = rawws.client_context()
        context.minimum_version = context.maximum_version = version
        if client is not None:
            file = client.file
            if chain:
                file = os.path.join(self.folder, "chain.crt")
                with open(file, "w", encoding="ascii") as out:
                    for one in (client, *chain):
                        with open(one.file, encoding="ascii") as source:
                            out.write(source.read())
            context.load_cert_chain(file, client.key)
        return context

    def admit(self, server, context):
        """The line of the session that a client gets."""
        with server.session(tls=context) as peer:
            peer.echo("let in")
            record = server.wait_log("session_start", **peer.log_key)
            peer.finish()
        return record

    def refuse(self, server, context):
        """The alert that a client gets, in OpenSSL's words, and the log's detail."""
        mark = server.mark()
        sock = rawws.connect_socket(server.address())
        with self.assertRaises(ssl.SSLError) as caught:
            with context.wrap_socket(sock, server_hostname="localhost") as tls:
                tls.sendall(rawws.request())  # TLS 1.3: the client is done before the server has judged
                tls.recv(1)
        sock.close()
        return caught.exception.reason, server.wait_log("request_refused", after=mark, cause="tls_failed")["detail"]


class Required(ClientsCase):
    def test_good_clients(self):
        server = self.start()
        direct = certificates.make_client(self.folder, "direct", self.root, subject="/O=Example/CN=meter 7")
        below = certificates.make_client(self.folder, "below", self.middle)
        for version in VERSIONS:
            with self.subTest(version.name):
                record = self.admit(server, self.context(version, direct))
                self.assertEqual(record["client_subject"], "CN=meter 7,O=Example")
                record = self.admit(server, self.context(version, below, [self.middle]))
                self.assertEqual(record["client_subject"], "CN=below")
        server.stop()

    def test_refused(self):
        make = lambda title, issuer, **options: certificates.make_client(self.folder, title, issuer, **options)
        with_usage = lambda usage: {"extra": (f"extendedKeyUsage = {usage}",)}
        rows = (
            ("no certificate", None, "peer did not return a certificate",
             {"TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_HANDSHAKE_FAILURE"}),
            ("another authority's", make("foreign", self.stranger), "unable to get local issuer certificate",
             {"TLSV1_ALERT_UNKNOWN_CA"}),
            ("its own", make("own", None), "self-signed certificate", {"TLSV1_ALERT_UNKNOWN_CA"}),
            ("a part of the chain", make("partial", self.middle), "unable to get local issuer certificate",
             {"TLSV1_ALERT_UNKNOWN_CA"}),
            ("expired", make("expired", self.root, ends=certificates.PAST), "certificate has expired",
             {"SSLV3_ALERT_CERTIFICATE_EXPIRED"}),
            ("not yet valid", make("early", self.root, begins="20990101000000Z"), "certificate is not yet valid",
             {"SSLV3_ALERT_BAD_CERTIFICATE"}),
            ("a server's", make("serving", self.root, **with_usage("serverAuth")), "unsuitable certificate purpose",
             {"SSLV3_ALERT_UNSUPPORTED_CERTIFICATE"}),
        )  # fmt: skip
        for version in VERSIONS:
            server = self.start()  # one each: the log writes the first few refusals of a period
            for number, (title, client, why, alerts) in enumerate(rows):
                with self.subTest(title=title, version=version.name):
                    if number == ENOUGH:
                        server.stop()
                        server = self.start()
                    alert, detail = self.refuse(server, self.context(version, client))
                    self.assertIn(alert, alerts)
                    self.assertIn(why, detail)
            honest = make("honest", self.root)
            self.admit(server, self.context(version, honest))
            server.stop()

    def test_forged_chain(self):
        """A client's own certificate cannot issue others."""
        server = self.start()
        client = certificates.make_client(self.folder, "mighty", self.root)
        forged = certificates.make_client(self.folder, "forged", client)
        for version in VERSIONS:
            with self.subTest(version.name):
                _, detail = self.refuse(server, self.context(version, forged, [client]))
                self.assertTrue(detail.startswith("client certificate: "), detail)
        server.stop()

    def test_intermediate_as_authority(self):
        """What the file names is trusted, be it no root: those below it come in, those beside it do not."""
        server = self.start(authorities=self.middle)
        below = certificates.make_client(self.folder, "below", self.middle)
        beside = certificates.make_client(self.folder, "beside", self.root)
        self.admit(server, self.context(VERSIONS[1], below))
        _, detail = self.refuse(server, self.context(VERSIONS[1], beside))
        self.assertIn("unable to get local issuer certificate", detail)
        server.stop()

    def test_many_authorities(self):
        """Their names are sent to each client, and fit until they are refused."""
        subject = "".join(f"/OU={number:060}" for number in range(20))  # 1.4 KB
        made = certificates.Certificate(os.path.join(self.folder, "long.crt"), os.path.join(self.folder, "long.key"))
        certificates.run("openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                         "-days", "9", "-subj", subject, "-keyout", made.key, "-out", made.file, folder=self.folder)  # fmt: skip
        with open(self.root.file, encoding="ascii") as root, open(made.file, encoding="ascii") as long:
            first, other = root.read(), long.read()
        many = certificates.Certificate(os.path.join(self.folder, "many.crt"), None)
        with open(many.file, "w", encoding="ascii") as out:
            out.write(first + 44 * other)
        server = self.start(authorities=many)
        client = certificates.make_client(self.folder, "one of many", self.root)
        for version in VERSIONS:
            self.admit(server, self.context(version, client))
        with open(many.file, "a", encoding="ascii") as out:
            out.write(2 * other)
        mark = server.mark()
        server.signal(signal.SIGHUP)
        server.wait_log("reload_refused", after=mark)
        self.assertIn("the names of its 47 authorities are too much to send", server.wait_log("config", after=mark)["detail"])
        self.admit(server, self.context(VERSIONS[1], client))
        server.stop()

    def test_authorities_are_exchanged(self):
        """By a reload: who is in stays, who comes is judged anew."""
        server = self.start()
        old = certificates.make_client(self.folder, "old", self.root)
        new = certificates.make_client(self.folder, "new", self.stranger)
        with server.session(tls=self.context(VERSIONS[1], old)) as before:
            before.echo("hello")
            server.sections["tls"]["client_ca"] = self.stranger.file
            server.write_config()
            mark = server.mark()
            server.signal(signal.SIGHUP)
            server.wait_log("reloaded", after=mark)
            self.refuse(server, self.context(VERSIONS[1], old))
            self.assertEqual(self.admit(server, self.context(VERSIONS[1], new))["client_subject"], "CN=new")
            before.echo("still here")
            before.finish()
        server.stop()


class Optional(ClientsCase):
    def test_with_and_without(self):
        server = self.start("optional")
        client = certificates.make_client(self.folder, "client", self.root)
        foreign = certificates.make_client(self.folder, "foreign", self.stranger)
        for version in VERSIONS:
            with self.subTest(version.name):
                self.assertNotIn("client_subject", self.admit(server, self.context(version)))
                self.assertEqual(self.admit(server, self.context(version, client))["client_subject"], "CN=client")
                self.refuse(server, self.context(version, foreign))  # a bad one is not none
        server.stop()

    def test_hostile_names(self):
        """An authority signed it, but still a name may not forge a line, nor fill the log."""
        server = self.start("optional")
        title = 'x\n2026-01-01T00:00:00.000Z info ready a="\u202e\x1b[31m,CN=admin'
        subject = "/O=" + "o" * 60 + "/CN=" + title.replace("/", "\\/")
        names = [f"DNS:{number:040}.example" for number in range(100)]
        hostile = certificates.make_client(
            self.folder, "hostile", self.root, subject=subject, names=["email:a b.test", *names]
        )
        record = self.admit(server, self.context(VERSIONS[1], hostile))
        self.assertIn(r"\\,CN=admin", record["client_subject"])
        self.assertNotIn("\n", record["line"])
        self.assertNotIn("\x1b", record["line"])
        self.assertTrue(record["client_names"].startswith("email:a?b.test,dns:000"))
        self.assertLess(len(record["line"]), 1200)
        server.stop()
        with open(os.path.join(server.folder, "audit.log"), encoding="utf-8") as audit:
            starts = [line for line in map(json.loads, audit) if line["event"] == "session_start"]
        self.assertEqual(len(starts), 1)
        self.assertTrue(starts[0]["client_subject"].startswith("CN=x"))

    def test_not_asked_for(self):
        """A client that has a certificate is let in where none is verified, and nothing is said of it."""
        server = harness.Server(listeners=TLS_LISTENER, tls=self.own.config)
        self.addCleanup(server.close)
        server.start()
        client = certificates.make_client(self.folder, "client", self.root)
        self.assertNotIn("client_subject", self.admit(server, self.context(VERSIONS[1], client)))
        server.stop()


class Config(ClientsCase):
    def check(self, **tls):
        server = harness.Server(listeners=TLS_LISTENER, tls={**self.own.config, **tls})
        self.addCleanup(server.close)
        server.write_config()
        command = [harness.program(), "-c", server.config_file, "--check-config"]
        done = subprocess.run(command, capture_output=True, env=harness.environment(), timeout=rawws.DEADLINE_S)
        return done.returncode, done.stderr.decode()

    def test_combinations(self):
        code, errors = self.check(client_verify="required")
        self.assertEqual(code, 1)
        self.assertIn("tls.client_ca: missing; tls.client_verify asks for certificates", errors)
        code, errors = self.check(client_ca=self.root.file)
        self.assertEqual(code, 0)
        self.assertIn('tls.client_ca: not used: tls.client_verify is "none"', errors)
        self.assertEqual(self.check(client_verify="optional", client_ca=self.root.file), (0, ""))
        code, errors = self.check(client_verify="optional", client_ca=self.own.key)
        self.assertEqual(code, 1)
        self.assertIn(f"{self.own.key}: there is no certificate in it", errors)
        code, errors = self.check(ticket_rotation="500ms")
        self.assertEqual(code, 1)
        self.assertIn("tls.ticket_rotation: expected 0 or a second at least", errors)


if __name__ == "__main__":
    harness.main()
