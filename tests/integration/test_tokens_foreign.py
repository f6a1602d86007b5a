"""Tokens that others made: PyJWT and Node's crypto sign, the JWS layer checks, and the other way round, with every algorithm."""

import json
import os
import subprocess
import tempfile
import unittest

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

DEADLINE_S = 60
HERE = os.path.dirname(os.path.abspath(__file__))
PROBE = os.environ.get("JWS_PROBE", "")
PAYLOAD = {"sub": "user", "exp": 1700003600, "channels": ["news", "ä"]}
SECRET = "0123456789abcdef" * 4

RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
MAKERS = {
    **{name: [lambda: rsa.generate_private_key(65537, 2048)] for name in RSA},
    "ES256": [lambda: ec.generate_private_key(ec.SECP256R1())],
    "ES384": [lambda: ec.generate_private_key(ec.SECP384R1())],
    "ES512": [lambda: ec.generate_private_key(ec.SECP521R1())],
    "EdDSA": [ed25519.Ed25519PrivateKey.generate, ed448.Ed448PrivateKey.generate],
}


class Keys:
    """One key pair, as texts and as files."""

    def __init__(self, folder, algorithm, private, public):
        self.algorithm = algorithm
        self.private = private
        self.public = public
        self.private_file = self.write(folder, private)
        self.public_file = self.write(folder, public)

    @staticmethod
    def write(folder, text):
        descriptor, path = tempfile.mkstemp(dir=folder)  # nobody else may read it
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        return path


def make_pem(private):
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode(), public.decode()


def probe(*requests):
    """Answers of the JWS layer, one a request."""
    lines = "".join("\t".join(request) + "\n" for request in requests)
    done = subprocess.run([PROBE], input=lines, capture_output=True, text=True, timeout=DEADLINE_S)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout.splitlines()


def node(requests):
    done = subprocess.run(
        ["node", os.path.join(HERE, "node_tokens.mjs")],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


class ForeignTokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.keys = [Keys(cls.folder.name, name, SECRET, SECRET) for name in ("HS256", "HS384", "HS512")]
        pair = make_pem(MAKERS["RS256"][0]())  # one for all RSA algorithms: it takes a while to find
        for algorithm, makers in MAKERS.items():
            for maker in makers:
                texts = pair if algorithm in RSA else make_pem(maker())
                cls.keys.append(Keys(cls.folder.name, algorithm, *texts))

    def assert_good(self, tokens, file):
        requests = [("verify", key.algorithm, getattr(key, file), token) for key, token in zip(self.keys, tokens)]
        self.assertEqual(len(requests), len(self.keys))
        for key, answer in zip(self.keys, probe(*requests)):
            self.assertEqual(answer, "good", key.algorithm)

    def test_pyjwt_signs(self):
        tokens = [jwt.encode(PAYLOAD, key.private, key.algorithm) for key in self.keys]
        self.assert_good(tokens, "public_file")
        self.assert_good(tokens, "private_file")

    def test_node_signs(self):
        payload = json.dumps(PAYLOAD)
        requests = [{"algorithm": key.algorithm, "key": key.private, "payload": payload} for key in self.keys]
        self.assert_good(node(requests), "public_file")

    def test_the_layer_signs(self):
        payload = json.dumps(PAYLOAD)
        tokens = probe(*[("sign", key.algorithm, key.private_file, payload) for key in self.keys])
        for key, token in zip(self.keys, tokens):
            claims = jwt.decode(token, key.public, algorithms=[key.algorithm], options={"verify_exp": False})
            self.assertEqual(claims, PAYLOAD, key.algorithm)
        requests = [
            {"algorithm": key.algorithm, "key": key.public, "token": token} for key, token in zip(self.keys, tokens)
        ]
        self.assertEqual(node(requests), [True] * len(self.keys))

    def test_no_key_takes_another_algorithms_token(self):
        tokens = [jwt.encode(PAYLOAD, key.private, key.algorithm) for key in self.keys]
        requests = []
        for i, key in enumerate(self.keys):
            requests += [("verify", key.algorithm, key.public_file, token) for j, token in enumerate(tokens) if i != j]
        self.assertEqual(set(probe(*requests)), {"wrong signature"})

    def test_unsigned(self):
        token = jwt.encode(PAYLOAD, "", "none")
        requests = [("verify", key.algorithm, key.public_file, token) for key in self.keys]
        (answer,) = set(probe(*requests))
        self.assertIn('"alg"', answer)

    def test_public_part_cannot_sign(self):
        requests = [
            ("sign", key.algorithm, key.public_file, "{}") for key in self.keys if not key.algorithm.startswith("HS")
        ]
        self.assertEqual(set(probe(*requests)), {"cannot sign"})


if __name__ == "__main__":
    unittest.main()
