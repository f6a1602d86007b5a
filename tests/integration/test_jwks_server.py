"""Tokens of an identity provider whose keys the server fetches, rotates and gives up."""

import json
import tempfile
import time
import unittest

from cryptography.hazmat.primitives.asymmetric import ed25519
import jwt

import certificates
import harness
import key_server
import rawws
import tokens
from harness import wait_until

ISSUER = "https://id.test"
ENDPOINT = {**tokens.ENDPOINT, "token_sources": ["header"]}


class Provider:
    """Keys by name, and the server that publishes some of them."""

    def __init__(self, folder):
        authority = certificates.make_authority(folder, "authority")
        certificate = certificates.make(folder, "id", issuer=authority, names=("IP:127.0.0.1",))
        self.ca_file = authority.file
        self.server = key_server.KeyServer(certificate)
        self._keys = {name: ed25519.Ed25519PrivateKey.generate() for name in ("a", "b", "c")}

    def publishes(self, *names):
        keys = [{**json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(self._keys[name].public_key())), "kid": name} for name in names]
        self.server.says(key_server.answer(json.dumps({"keys": keys}).encode()))

    def token(self, name, **claims):
        named = {"sub": "ann", "iss": ISSUER, "exp": int(time.time()) + tokens.LIFETIME_S, **claims}
        return tokens.sign(self._keys[name], named, kid=name, algorithm="EdDSA")


class KeySets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.provider = Provider(folder.name)
        self.addCleanup(self.provider.server.close)
        self.provider.publishes("a")
        self.source = {"url": self.provider.server.url, "issuer": ISSUER, "ca_file": self.provider.ca_file, "cooldown": "1s"}
        self.server = tokens.TokenServer(endpoints=(ENDPOINT,), auth={"jwks": (self.source,)})
        self.addCleanup(self.server.close)
        self.server.start()

    def tearDown(self):
        self.server.stop()

    def ask(self, name, **claims):
        """The status of the answer to a token of that key, and Retry-After."""
        peer = self.server.peer()
        authorization = f"Authorization: Bearer {self.provider.token(name, **claims)}"
        peer.send(rawws.request("GET /secure HTTP/1.1", add=(authorization,)))
        response = peer.read_response()
        peer.drop()
        return response.status, response.headers.get("retry-after")

    def wait_for(self, expected, name):
        wait_until(lambda: self.ask(name) == expected, f"{expected} for {name}")

    def test_keys_are_fetched_rotate_and_are_given_up(self):
        self.server.wait_log("jwks_fetched", keys="1")
        self.assertEqual(self.ask("a"), (101, None))
        self.assertEqual(self.ask("a", iss="https://evil.test"), (401, None))
        self.provider.publishes("b")
        self.wait_for((101, None), "b")  # asked for by itself, once the cooldown was over
        self.assertEqual(self.ask("a")[0] in (401, 503), True)
        self.server.sections["auth"]["jwks"] = ()
        self.server.write_config()
        mark = self.server.mark()
        self.server.signal(harness.signal.SIGHUP)
        self.server.wait_log("reloaded", after=mark)
        self.assertEqual(self.ask("b"), (401, None))

    def test_while_a_fetch_hangs(self):
        self.server.wait_log("jwks_fetched")
        self.provider.server.hangs()
        self.wait_for((503, "1"), "c")
        self.assertEqual(self.ask("a"), (101, None))  # nobody else waits
        self.assertEqual(self.ask("b"), (503, "1"))  # and the server's end does not, either


if __name__ == "__main__":
    harness.main()
