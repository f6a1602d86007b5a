"""What TLS here is not: old, weak or renegotiated. Whoever wants that is told by the right alert, and the log says why."""

import re
import signal
import subprocess
import threading

import clienthello
import harness
import rawws
from clienthello import SSL_3_0, TLS_1_0, TLS_1_1, Alert, hello, served_certificate

TLS_LISTENER = ({"address": "127.0.0.1:0", "tls": True},)
FATAL = 2


class RefusalsCase(harness.ServerCase):
    settings = {"listeners": TLS_LISTENER, "log": {"level": "debug"}}  # who leaves without a request is not worth a line above it

    def assert_refused(self, record, alert, detail):
        """With the alert, a clean end, and the detail in the log; others are served meanwhile and afterwards."""
        with self.server.session() as other, self.server.peer(tls=False) as peer:
            peer.log_key["tls"] = "true"
            with self.assertRaises(Alert) as caught:
                served_certificate(peer, record)
            self.assertEqual((caught.exception.level, caught.exception.description), (FATAL, alert))
            self.assertEqual(peer.read_end(), "fin")
            self.assertEqual(self.server.refusal(peer, "tls_failed")["detail"], detail)
            other.echo("meanwhile")
            other.finish()
        self.assert_served()


class Versions(RefusalsCase):
    def test_old_versions(self):
        """As the highest that a client speaks, in the old way and in the new one."""
        rows = (
            hello(version=TLS_1_0),
            hello(version=TLS_1_1),
            hello(supported=(TLS_1_1, TLS_1_0)),
            hello(supported=(0x7F17, 0x0305)),  # a draft, and what does not exist yet
        )
        for record in rows:
            with self.subTest(record[9:11].hex()):
                self.assert_refused(record, clienthello.PROTOCOL_VERSION, "unsupported protocol")

    def test_ssl_3(self):
        """It does not know that alert (RFC 6101 §5.4.2)."""
        self.assert_refused(hello(version=SSL_3_0), clienthello.HANDSHAKE_FAILURE, "version too low")


class Ciphers(RefusalsCase):
    def test_none_in_common(self):
        rows = (
            (clienthello.NULL_CIPHER,),
            (clienthello.RC4, clienthello.RSA_KEY_EXCHANGE),
            (0xC013, 0xC014, 0xC009, 0xC00A),  # forward-secret, but CBC
            (clienthello.RSA_AES_128,),  # the certificate is one of ECDSA
        )
        for ciphers in rows:
            with self.subTest(ciphers):
                self.assert_refused(hello(ciphers=ciphers), clienthello.HANDSHAKE_FAILURE, "no shared cipher")


class OnlyTls13(RefusalsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.sections["tls"]["min_version"] = "1.3"
        cls.server.write_config()
        mark = cls.server.mark()
        cls.server.signal(signal.SIGHUP)
        cls.server.wait_log("reloaded", after=mark)

    def test_older(self):
        self.assert_refused(hello(), clienthello.PROTOCOL_VERSION, "unsupported protocol")


class OpenSsl:
    """The openssl command as a client of TLS 1.2, which renegotiates when a line begins with R."""

    def __init__(self, address):
        command = ["openssl", "s_client", "-connect", "{}:{}".format(*address), "-tls1_2", "-msg"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.output = ""
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.output += line.decode("latin-1")
                self._changed.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdin.close()
        self.process.stdout.close()

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def wait_output(self, pattern):
        with self._changed:
            found = self._changed.wait_for(lambda: re.search(pattern, self.output), rawws.DEADLINE_S)
        if not found:
            raise AssertionError(f"no {pattern} in the client's output:\n{self.output[-3000:]}")


class Renegotiation(RefusalsCase):
    REFUSED = r"<<< TLS 1.2, Alert \[length 0002\], warning no_renegotiation"

    def test_on_a_session(self):
        """The server says no with a warning; this client then gives up with an alert of its own."""
        with self.server.session() as other, OpenSsl(self.server.address()) as client:
            client.wait_output("Verify return code")
            mark = self.server.mark()
            client.write(rawws.request("GET /echo HTTP/1.1"))
            start = self.server.wait_log("session_start", after=mark)
            client.wait_output("Sec-WebSocket-Accept")  # what it has not read yet, it would take for a break of TLS
            client.write(b"R\n")
            client.wait_output(self.REFUSED)
            end = self.server.wait_log("session_end", session=start["session"])
            self.assertEqual(end["cause"], "tls_failed", end["line"])
            other.echo("meanwhile")
            other.finish()
        self.assert_served()

    def test_before_the_request(self):
        with OpenSsl(self.server.address()) as client:
            client.wait_output("Verify return code")
            mark = self.server.mark()
            client.write(b"R\n")
            client.wait_output(self.REFUSED)
            self.server.wait_log("request_refused", after=mark)
        self.assert_served()


if __name__ == "__main__":
    harness.main()
