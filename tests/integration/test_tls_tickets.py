"""Session tickets: they resume across reloads, under their own name and rules alone, and not for longer than they should."""

import os
import re
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
ROTATION_S = 1


def context_for(version):
    context = rawws.client_context()
    context.minimum_version = context.maximum_version = version
    return context


def visit(server, context, session=None, name="portcullis.test"):
    """One WebSocket session. Whether TLS was resumed, and the TLS session to resume."""
    sock = context.wrap_socket(rawws.connect_socket(server.address()), server_hostname=name, session=session)
    with sock:
        sock.sendall(rawws.request("GET /echo HTTP/1.1"))
        if not sock.recv(4096).startswith(b"HTTP/1.1 101 "):
            raise AssertionError("no session")
        return sock.session_reused, sock.session


def reload(server, **tls):
    server.sections["tls"] = {**server.sections["tls"], **tls}
    server.write_config()
    mark = server.mark()
    server.signal(signal.SIGHUP)
    server.wait_log("reloaded", after=mark)


class TicketCase(unittest.TestCase):
    def start(self, **tls):
        folder = tempfile.TemporaryDirectory(prefix="portcullis-test-")
        self.addCleanup(folder.cleanup)
        self.authority = certificates.make_authority(folder.name, "authority")
        self.made = certificates.make(folder.name, "server", names=("DNS:localhost",))
        named = certificates.make(folder.name, "named", names=("DNS:*.named.test",))
        tls = {**self.made.config, "certificates": (named.config,), **tls}
        server = harness.Server(listeners=TLS_LISTENER, tls=tls)
        self.addCleanup(server.close)
        return server.start()


class Resumption(TicketCase):
    def test_resumes(self):
        server = self.start()
        for version in VERSIONS:
            with self.subTest(version.name):
                context = context_for(version)
                reused, session = visit(server, context)
                self.assertFalse(reused)
                self.assertTrue(session.has_ticket)
                self.assertEqual(session.ticket_lifetime_hint, 2 * 3600)
                for _ in range(3):
                    reused, session = visit(server, context, session)
                    self.assertTrue(reused)
        server.stop()

    def test_resumes_after_a_reload(self):
        """With the same certificate and with another: it is not what the ticket hangs on."""
        server = self.start()
        for version in VERSIONS:
            with self.subTest(version.name):
                context = context_for(version)
                _, session = visit(server, context)
                reload(server)
                reused, session = visit(server, context, session)
                self.assertTrue(reused)
                other = certificates.make(server.folder, "other" + version.name, names=("DNS:localhost",))
                reload(server, **other.config)
                reused, session = visit(server, context, session)
                self.assertTrue(reused)
        server.stop()

    def test_switched_off(self):
        server = self.start(ticket_rotation=0)
        for version in VERSIONS:
            with self.subTest(version.name):
                context = context_for(version)
                _, session = visit(server, context)
                self.assertFalse(session.has_ticket)
                reused, _ = visit(server, context, session)
                self.assertFalse(reused)
        server.stop()

    def test_switched_off_by_a_reload(self):
        server = self.start()
        sessions = [(context, visit(server, context)[1]) for context in map(context_for, VERSIONS)]
        reload(server, ticket_rotation=0)
        for context, session in sessions:
            self.assertFalse(visit(server, context, session)[0])
        reload(server, ticket_rotation="1h")
        for context, _ in sessions:
            self.assertTrue(visit(server, context, visit(server, context)[1])[0])
        server.stop()

    def test_other_name(self):
        """A ticket of one name is not good for another, be it of the same certificate."""
        server = self.start()
        for version in VERSIONS:
            with self.subTest(version.name):
                context = context_for(version)
                _, session = visit(server, context, name="a.named.test")
                self.assertFalse(visit(server, context, session, name="b.named.test")[0])
                self.assertFalse(visit(server, context, session, name="localhost")[0])
                _, session = visit(server, context, name="a.named.test")
                self.assertTrue(visit(server, context, session, name="A.named.test")[0])
        server.stop()

    def test_other_rules_for_clients(self):
        """What was granted without a certificate does not resume where one is required, nor under other authorities."""
        server = self.start()
        client = certificates.make_client(server.folder, "client", self.authority)
        for version in VERSIONS:
            with self.subTest(version.name):
                context = context_for(version)
                _, session = visit(server, context)
                reload(server, client_verify="optional", client_ca=self.authority.file)
                context.load_cert_chain(client.file, client.key)
                reused, session = visit(server, context, session)
                self.assertFalse(reused)
                mark = server.mark()
                reused, session = visit(server, context, session)
                self.assertTrue(reused)
                # Who it is, is known all the same.
                self.assertEqual(server.wait_log("session_start", after=mark)["client_subject"], "CN=client")
                reload(server, client_verify="required")
                reused, session = visit(server, context, session)
                self.assertFalse(reused)
                other = certificates.make_authority(server.folder, "second" + version.name)
                reload(server, client_ca=other.file)
                with self.assertRaises((OSError, AssertionError)):
                    visit(server, context, session)
                reload(server, client_verify="none", client_ca="")
        server.stop()

    def test_short_lived(self):
        """Past its life a ticket ends in a full handshake, and a new one comes of it."""
        server = self.start(ticket_rotation=f"{ROTATION_S}s")
        for version in VERSIONS:
            with self.subTest(version.name):
                context = context_for(version)
                _, session = visit(server, context)
                self.assertEqual(session.ticket_lifetime_hint, 2 * ROTATION_S)
                first = session
                harness.wait_until(lambda: not visit(server, context, first)[0], "the ticket is no longer taken")
        server.stop()

    def test_exchanged_for_ever(self):
        """Each visit gets a new ticket, but the life of all of them counts from the full handshake."""
        server = self.start(ticket_rotation=f"{ROTATION_S}s")
        for version in VERSIONS:
            with self.subTest(version.name):
                context = context_for(version)
                _, session = visit(server, context)

                def is_full(kept=[session]):
                    reused, kept[0] = visit(server, context, kept[0])
                    return not reused

                harness.wait_until(is_full, "a full handshake is due")
        server.stop()


class Forged(TicketCase):
    """The openssl command keeps sessions in files, where a ticket's bytes can be changed."""

    def visit(self, server, version, *, save=None, resume=None):
        host, port = server.address()
        command = ["openssl", "s_client", "-connect", f"{host}:{port}", version, "-ign_eof"]
        command += ["-sess_out", save] if save else []
        command += ["-sess_in", resume] if resume else []
        request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"  # no upgrade: it is answered, and the connection closed
        done = subprocess.run(command, input=request, capture_output=True, timeout=rawws.DEADLINE_S)
        text = done.stdout.decode("latin-1")
        self.assertIn("HTTP/1.1 426", text)
        return re.search(r"^(New|Reused), TLSv1", text, re.MULTILINE)[1] == "Reused"

    @staticmethod
    def bend(file, at, bent):
        """Writes the session in `file` with one byte of its ticket changed: [10] EXPLICIT OCTET STRING in its DER."""
        der = bytearray(certificates.run("openssl", "sess_id", "-in", file, "-outform", "DER", folder="/").stdout)
        found = re.search(rb"\xaa(?:\x81.|\x82..)\x04(?:\x81(.)|\x82(..))", der, re.DOTALL)
        size = int.from_bytes(found[1] or found[2], "big")
        der[found.end() + (at if at >= 0 else size + at)] ^= 1
        pem = ssl.DER_cert_to_PEM_cert(bytes(der)).replace("CERTIFICATE", "SSL SESSION PARAMETERS")
        with open(bent, "w", encoding="ascii") as out:
            out.write(pem)

    def test_changed_byte(self):
        server = self.start()
        for version in ("-tls1_2", "-tls1_3"):
            saved, bent = (os.path.join(server.folder, name) for name in ("saved" + version, "bent"))
            self.assertFalse(self.visit(server, version, save=saved))
            for at in (0, 15, 16, 31, 32, 100, -33, -32, -1):  # key name, IV, ciphertext, MAC
                with self.subTest(version=version, at=at):
                    self.bend(saved, at, bent)
                    self.assertFalse(self.visit(server, version, resume=bent))
            self.assertTrue(self.visit(server, version, resume=saved))
        server.stop()

    def test_of_another_server(self):
        server, other = self.start(), self.start()
        for version in ("-tls1_2", "-tls1_3"):
            with self.subTest(version):
                saved = os.path.join(server.folder, "saved" + version)
                self.assertFalse(self.visit(server, version, save=saved))
                self.assertFalse(self.visit(other, version, resume=saved))
        server.stop()
        other.stop()


if __name__ == "__main__":
    harness.main()
