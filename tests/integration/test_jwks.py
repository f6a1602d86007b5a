"""Key sets over HTTPS, from servers that are good, rotate, hang, flood, redirect, lie, fail and vanish."""

import os
import ssl
import subprocess
import tempfile
import threading
import unittest

import certificates
import harness
from harness import wait_until
from key_server import KeyServer, answer, key_set
from rawws import DEADLINE_S

HOUR_MS = 3600 * 1000


class Probe:
    def __init__(self, folder):
        self.folder = folder
        # A proxy that is not there: whoever asked it would get nothing.
        environment = {**harness.environment(), "https_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}
        self._process = subprocess.Popen(
            [os.environ["JWKS_PROBE"]], cwd=folder, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._timer = threading.Timer(4 * DEADLINE_S, self._process.kill)
        self._timer.start()

    def ask(self, *words):
        self._process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().rstrip("\n")

    def set(self, *sources):
        assert self.ask("set", *[word or "-" for source in sources for word in map(str, source)]) == "ok"

    def keys(self):
        return self.ask("keys").split()

    def states(self):
        """Keys, failures, whether ever fetched, and error of each source."""
        texts = [text.split(" ", 3) for text in self.ask("state").split(";")[:-1]]
        return [(int(keys), int(failures), fetched == "1", error) for keys, failures, fetched, error in texts]

    def miss(self, count=1):
        return int(self.ask("miss", "unheard-of", count))

    def events(self):
        with open(os.path.join(self.folder, "events.log"), encoding="utf-8") as log:
            return log.read()

    def stop(self):
        """Milliseconds."""
        took = int(self.ask("stop"))
        _, errors = self._process.communicate(timeout=DEADLINE_S)
        self._timer.cancel()
        assert self._process.returncode == 0, errors
        return took

    def close(self):
        self._timer.cancel()
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


class KeySets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.files.cleanup)
        cls.authority = certificates.make_authority(cls.files.name, "authority")
        stranger = certificates.make_authority(cls.files.name, "stranger")

        def make(title, issuer, name="IP:127.0.0.1"):
            return certificates.make(cls.files.name, title, issuer=issuer, names=(name,))

        cls.good = make("good", cls.authority)
        cls.other_name = make("other", cls.authority, "DNS:elsewhere.test")
        cls.unknown = make("unknown", stranger)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.probe = Probe(folder.name)
        self.addCleanup(self.probe.close)

    def serve(self, certificate="good", **options):
        server = KeyServer(getattr(self, certificate) if certificate else None, **options)
        self.addCleanup(server.close)
        server.says(answer(key_set("a")))
        return server

    def source(self, server, issuer="iss", ttl=HOUR_MS, cooldown=0, max_age=HOUR_MS):
        url = server if isinstance(server, str) else server.url
        return url, issuer, self.authority.file, ttl, cooldown, max_age

    def wait_keys(self, *keys):
        wait_until(lambda: self.probe.keys() == list(keys), f"keys {keys}")

    def wait_failure(self, text, index=0):
        wait_until(lambda: self.probe.states()[index][1] > 0, f"failure: {text}")
        self.assertIn(text, self.probe.states()[index][3])

    def fetch_good(self, **options):
        server = self.serve()
        self.probe.set(self.source(server, **options))
        self.wait_keys("a/iss")
        self.assertEqual(self.probe.states(), [(1, 0, True, "")])
        return server

    def test_keys_come_and_rotate(self):
        server = self.fetch_good()
        server.says(answer(key_set("b", "c")))
        self.assertEqual(self.probe.miss(), 1)
        self.wait_keys("b/iss", "c/iss")
        self.assertEqual(server.requests, 2)

    def test_ttl(self):
        server = self.serve()
        self.probe.set(self.source(server, ttl=100, cooldown=HOUR_MS))
        wait_until(lambda: server.requests > 3, "fetches without a miss")

    def test_flood_of_unknown_keys_is_one_fetch(self):
        server = self.fetch_good(cooldown=HOUR_MS)
        self.assertEqual(self.probe.miss(100000), 0)
        server.says(answer(key_set("b")))
        self.probe.set(self.source(server, cooldown=0))
        self.assertEqual(self.probe.miss(1), 1)
        self.probe.set(self.source(server, cooldown=HOUR_MS))
        self.probe.miss(100000)
        self.wait_keys("b/iss")
        self.assertEqual(self.probe.miss(100000), 0)
        self.assertEqual(server.requests, 2)

    def test_flood_while_a_fetch_hangs(self):
        server = self.serve()
        server.hangs()
        self.probe.set(self.source(server, cooldown=0))
        wait_until(lambda: server.requests == 1, "request")
        self.assertEqual(self.probe.miss(100000), 100000)  # told to come again
        self.assertEqual(server.requests, 1)

    def test_last_good_set_stays(self):
        plain = self.serve(certificate=None)
        server = self.fetch_good()
        cases = {
            "500": lambda: server.says(answer(b"", "500 Internal Server Error")),
            "404": lambda: server.says(answer(key_set("b"), "404 Not Found")),
            "redirects are not followed": lambda: server.says(
                answer(b"", "302 Found", f"Location: http://127.0.0.1:{plain.port}/")
            ),
            "not JSON": lambda: server.says(answer(b"<html>\x1b[2J</html>")),
            "no key in it": lambda: server.says(answer(key_set())),
            "not UTF-8": lambda: server.says(answer(b"\xff")),
            "larger": lambda: server.says(answer(b" " * (1 << 20))),
            "key set may be": lambda: server.floods(b"HTTP/1.1 200 OK\r\n\r\n", b"[" * 65536),
            "than a key set": lambda: server.floods(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 4096 + b"\r\n"),
            "": lambda: server.says(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + key_set("b")),
        }
        for text, misbehave in cases.items():
            with self.subTest(text):
                misbehave()
                wait_until(lambda: self.probe.miss() and self.probe.states()[0][1] > 0, f"failure: {text}")
                self.assertIn(text, self.probe.states()[0][3])
                self.assertEqual(self.probe.keys(), ["a/iss"])
                server.says(answer(key_set("a")))
                wait_until(lambda: self.probe.miss() and self.probe.states()[0][1] == 0, "good again")
        self.assertEqual(plain.requests, 0)
        self.assertNotIn("\x1b", self.probe.events())

    def test_retries_by_itself(self):
        server = self.serve()
        server.says(answer(b"", "503 Service Unavailable"))
        self.probe.set(self.source(server, cooldown=HOUR_MS))
        self.wait_failure("503")
        server.says(answer(key_set("a")))
        self.wait_keys("a/iss")

    def test_too_old_a_set_goes(self):
        server = self.fetch_good()
        server.close()
        self.probe.miss()
        self.wait_failure("")
        self.assertEqual(self.probe.keys(), ["a/iss"])
        self.probe.set(self.source(server, max_age=1))
        self.wait_keys()
        self.probe.stop()
        self.assertIn("jwks_dropped", self.probe.events())

    def test_servers_that_nobody_vouches_for(self):
        for certificate in ("unknown", "other_name"):
            with self.subTest(certificate):
                server = self.serve(certificate)
                self.probe.set(self.source(server))
                self.wait_failure("SSL")
                self.assertEqual(server.requests, 0)

    def test_old_tls_and_none(self):
        old = self.serve(version=ssl.TLSVersion.TLSv1_1)
        plain = self.serve(certificate=None)
        self.probe.set(
            self.source(old), self.source(plain), self.source(f"http://127.0.0.1:{plain.port}/"), self.source("file:///etc/passwd")
        )
        for index in range(4):
            self.wait_failure("", index)
        self.assertEqual((old.requests, plain.requests, self.probe.keys()), (0, 0, []))

    def test_one_that_hangs_delays_no_other(self):
        hanging, good = self.serve(), self.serve()
        hanging.hangs(b"HTTP/1.1 200 OK\r\n")
        self.probe.set(self.source(hanging, "slow"), self.source("https://hangs.test/", "lost"), self.source(good))
        wait_until(lambda: hanging.requests == 1, "request")
        self.wait_keys("a/iss")
        slow, lost, _ = self.probe.states()
        self.assertEqual((slow[0], slow[2], lost[0], lost[2]), (0, False, 0, False))
        self.assertTrue(lost[3] == "" or "timed out" in lost[3], lost)
        good.says(answer(key_set("b")))
        self.probe.miss()
        self.wait_keys("b/iss")

    def test_stops_whatever_a_server_does(self):
        silent, hanging, flooding = self.serve(certificate=None), self.serve(), self.serve()
        silent.talk = None
        hanging.hangs(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        flooding.floods(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")
        self.probe.set(*map(self.source, (silent, hanging, flooding, "https://hangs.test/")))
        wait_until(lambda: silent.requests and hanging.requests and flooding.requests, "requests")
        self.assertLess(self.probe.stop(), 5000)  # half of a fetch's own timeout

    def test_new_config(self):
        server, other = self.fetch_good(), self.serve()
        server.close()
        self.probe.set(self.source(server, ttl=2 * HOUR_MS), self.source(other, "new"))
        self.assertEqual(self.probe.keys()[0], "a/iss")  # what was fetched is kept
        self.wait_keys("a/iss", "a/new")
        self.probe.set(self.source(other, "new"), self.source(server))
        self.assertEqual(self.probe.keys(), ["a/new", "a/iss"])
        self.probe.set(self.source(other, "new"), self.source(server, "renamed"))
        self.assertEqual(self.probe.keys(), ["a/new"])  # whose tokens a key may sign is part of what was asked for
        self.probe.set()
        self.assertEqual((self.probe.keys(), self.probe.states(), self.probe.miss()), ([], [], 0))
        self.probe.set(self.source(other, "new"))
        self.wait_keys("a/new")

    def test_dropped_while_it_is_fetched(self):
        hanging = self.serve()
        hanging.hangs()
        self.probe.set(self.source(hanging))
        wait_until(lambda: hanging.requests == 1, "request")
        self.probe.set()
        self.assertEqual(self.probe.keys(), [])
        self.probe.stop()

    def test_none(self):
        self.probe.set()
        self.assertEqual((self.probe.keys(), self.probe.miss()), ([], 0))
        self.probe.stop()


if __name__ == "__main__":
    unittest.main()
