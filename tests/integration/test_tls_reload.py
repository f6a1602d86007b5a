"""SIGHUP and certificates: a good set is served from then on, a broken one refused whole, and no session notices either."""

import os
import shutil
import signal
import tempfile
import unittest

import certificates
import harness
from load import Load

PLAIN, TLS = 0, 1
LISTENERS = ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})
CLIENTS = 8
STORM = 120  # reloads


class ReloadCase(harness.ServerCase):
    @classmethod
    def setUpClass(cls):
        made = tempfile.TemporaryDirectory(prefix="portcullis-test-")
        cls.addClassCleanup(made.cleanup)
        cls.folder = made.name
        authority = certificates.make_authority(made.name, "authority")
        cls.one = certificates.make(made.name, "one", names=("DNS:localhost",))
        cls.other = certificates.make(made.name, "other", names=("DNS:localhost",))
        # What the config names: copies that the tests replace.
        cls.used = certificates.Certificate(os.path.join(made.name, "used.crt"), os.path.join(made.name, "used.key"))
        cls.named = certificates.make(made.name, "named", names=("DNS:named.test",))
        cls.authority = authority
        cls.use(cls.one)
        tls = {
            **cls.used.config,
            "certificates": (cls.named.config,),
            "client_verify": "optional",
            "client_ca": authority.file,
        }
        cls.settings = {"listeners": LISTENERS, "tls": tls}
        super().setUpClass()

    @classmethod
    def use(cls, certificate):
        shutil.copy(certificate.file, cls.used.file)
        shutil.copy(certificate.key, cls.used.key)

    def reload(self, event):
        mark = self.server.mark()
        self.server.signal(signal.SIGHUP)
        return self.server.wait_log(event, after=mark), self.server.records()[mark:]

    def served(self):
        with self.server.session(listener=TLS) as peer:
            seen = peer.sock.getpeercert(binary_form=True)
            peer.finish()
        return seen


class Reload(ReloadCase):
    def setUp(self):
        self.use(self.one)
        self.reload("reloaded")

    def broken(self, spoil, file, why):
        """With `file` spoilt by spoil(file) a reload is refused, for that reason, and the old set stays."""
        with open(file, "rb") as source:
            good = source.read()
        mode = os.stat(file).st_mode
        try:
            self.use(self.other) if file not in (self.used.file, self.used.key) else None
            spoil(file)
            _, records = self.reload("reload_refused")
        finally:
            with open(file, "wb") as out:
                out.write(good)
            os.chmod(file, mode)
        reasons = [record["detail"] for record in records if record["event"] == "config"]
        self.assertTrue(any(file in reason and why in reason for reason in reasons), reasons)
        self.assertEqual(self.served(), self.one.der)

    def write(self, data):
        def spoil(file):
            with open(file, "wb") as out:
                out.write(data)

        return spoil

    def test_broken_sets(self):
        with open(self.other.key, "rb") as source:
            foreign_key = source.read()
        with open(self.one.file, "rb") as source:
            pem = source.read()
        weak = certificates.make(self.folder, "small", names=("DNS:localhost",), kind="small")
        with open(weak.file, "rb") as source:
            small_certificate = source.read()
        rows = (
            ("certificate gone", os.remove, self.used.file, "No such file"),
            ("certificate empty", self.write(b""), self.used.file, "no certificate in it"),
            ("certificate is garbage", self.write(os.urandom(2000)), self.used.file, "no certificate in it"),
            ("certificate cut", self.write(pem[: len(pem) // 2]), self.used.file, "certificate 1 is broken"),
            ("certificate of bad base64", self.write(pem.replace(b"M", b"!")), self.used.file, "certificate 1 is broken"),
            ("garbage behind it", self.write(pem + pem[:-40]), self.used.file, "certificate 2 is broken"),
            ("a bundle", self.write(pem * 40), self.used.file, "39 certificates behind the first"),
            ("a folder", lambda file: (os.remove(file), os.mkdir(file)), self.named.file, "it is a folder"),
            ("key gone", os.remove, self.used.key, "does not exist"),
            ("key empty", self.write(b""), self.used.key, "is empty"),
            ("key is garbage", self.write(b"no key"), self.used.key, "no private key in it"),
            ("key of another", self.write(foreign_key), self.used.key, "does not belong to the certificate"),
            ("key for all to read", lambda file: os.chmod(file, 0o644), self.used.key, "open to group or others"),
            ("another's certificate", self.write(small_certificate), self.named.file, self.named.key),
            ("second key of another", self.write(foreign_key), self.named.key, "does not belong to the certificate"),
            ("authorities gone", os.remove, self.authority.file, "No such file"),
            ("authorities are garbage", self.write(b"none"), self.authority.file, "no certificate in it"),
        )
        with Load(self.server, CLIENTS, (PLAIN, TLS)) as load:
            for title, spoil, file, why in rows:
                with self.subTest(title):
                    if title == "a folder":
                        self.folder_instead(file, why)
                    elif title == "another's certificate":
                        self.broken(spoil, file, "")
                    else:
                        self.broken(spoil, file, why)
            load.stop()
            self.assertEqual(load.errors, [])
            self.assertEqual(load.codes, [1000] * CLIENTS)

    def folder_instead(self, file, why):
        os.rename(file, file + ".away")
        os.mkdir(file)
        try:
            _, records = self.reload("reload_refused")
        finally:
            os.rmdir(file)
            os.rename(file + ".away", file)
        self.assertTrue(any(why in record.get("detail", "") for record in records), records)

    def test_encrypted_key(self):
        """It is refused; nobody is asked for a passphrase."""
        def spoil(file):
            certificates.run("openssl", "pkcs8", "-topk8", "-in", self.one.key, "-out", file, "-passout", "pass:secret",
                             folder=self.folder)  # fmt: skip

        self.broken(spoil, self.used.key, "or an encrypted one")

    def test_weak_key(self):
        """OpenSSL would refuse it in each handshake; so the config is refused."""
        small = certificates.make(self.folder, "small", names=("DNS:localhost",), kind="small")

        def spoil(file):
            shutil.copy(small.file, self.used.file)
            shutil.copy(small.key, self.used.key)

        self.broken(spoil, self.used.file, "ee key too small")

    def test_all_errors_are_told(self):
        for file in (self.used.key, self.named.key):
            os.chmod(file, 0o640)
        try:
            _, records = self.reload("reload_refused")
        finally:
            for file in (self.used.key, self.named.key):
                os.chmod(file, 0o600)
        told = " ".join(record["detail"] for record in records if record["event"] == "config")
        self.assertIn(self.used.key, told)
        self.assertIn(self.named.key, told)


class Storm(ReloadCase):
    def test_reloads_under_load(self):
        """Each handshake gets one of the two certificates, and at the end the last; no session ends."""
        seen = set()
        with Load(self.server, CLIENTS, (PLAIN, TLS)) as load:
            with self.server.session(listener=TLS) as before:
                for number in range(STORM):
                    self.use((self.one, self.other)[number % 2])
                    mark = self.server.mark()
                    self.server.signal(signal.SIGHUP)
                    seen.add(self.served())  # meanwhile
                    self.server.wait_log("reloaded", after=mark)
                    if number % 20 == 0:
                        before.echo("still here")
                self.assertEqual(self.served(), self.other.der)
                before.echo("still here")
                before.finish()
            load.stop()
            self.assertEqual(load.errors, [])
            self.assertEqual(load.codes, [1000] * CLIENTS)
            self.assertGreater(load.echoes, 0)
        self.assertLessEqual(seen, {self.one.der, self.other.der})
        self.assertEqual(len(seen), 2)
        self.assertEqual(self.server.records("reload_refused"), [])


class Signals(ReloadCase):
    def test_signals_without_waiting(self):
        """Signals that arrive faster than reloads are done may fall together; the last file is what counts."""
        with Load(self.server, CLIENTS, (PLAIN, TLS)) as load:
            self.use(self.other)
            mark = self.server.mark()
            for _ in range(STORM):
                self.server.signal(signal.SIGHUP)
                self.assertIn(self.served(), (self.one.der, self.other.der))
            self.server.wait_log("reloaded", after=mark)
            self.assertEqual(self.served(), self.other.der)
            load.stop()
            self.assertEqual(load.errors, [])


if __name__ == "__main__":
    harness.main()
