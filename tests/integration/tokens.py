"""Tokens made by an independent implementation (PyJWT), and servers that want them.

Whatever is secret here is registered with the harness, which then looks for it in everything that a server wrote.
"""

import os
import secrets
import time

import jwt

import harness
import rawws

LIFETIME_S = 3600
ENDPOINT = {"path": "/secure", "handler": "echo", "reply_prefix": harness.PREFIX, "auth": "token"}
ALL_SOURCES = ["header", "subprotocol", "message", "query"]


def make_secret(folder, name, size=32):
    """A file with a secret, for its owner's eyes only; what is in it."""
    secret = secrets.token_hex(size)
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
        out.write(secret + "\n")
    harness.register_secret(secret)
    return secret


def sign(secret, claims, *, kid="test", algorithm="HS256", **headers):
    """A token with exactly these claims."""
    token = jwt.encode(claims, secret, algorithm, headers={"kid": kid, **headers})
    harness.register_secret(token)
    return token


def expect_close(peer, code, reason=None):
    """The Close frame, which must be next, with this code and, if one is given, this reason. Ends the connection."""
    frame = peer.read_message()
    got = int.from_bytes(frame.payload[:2], "big")
    if frame.opcode != rawws.CLOSE or got != code or reason not in (None, frame.payload[2:].decode()):
        raise AssertionError(f"expected Close {code} {reason}, got {rawws.short(frame)}")
    peer.drop()


def authenticate(peer, token):
    """The token as a message, and the answer that it is good."""
    peer.send(rawws.text(token))
    frame = peer.read_message()
    if frame != rawws.Frame(rawws.TEXT, b"Authenticated!"):
        raise AssertionError(f"not authenticated: {rawws.short(frame)}")


class TokenServer(harness.Server):
    """A server with one HS256 key and, besides the usual endpoints, some that want tokens."""

    def __init__(self, *, endpoints=(ENDPOINT,), auth=None, **sections):
        super().__init__(endpoints=(*harness.DEFAULT_ENDPOINTS, *endpoints), **sections)
        self.sections.setdefault("state_dir", self.folder)
        self.secret = make_secret(self.folder, "jwt.secret")
        key = {"id": "test", "algorithm": "HS256", "secret_file": "jwt.secret"}
        self.sections["auth"] = {"keys": (key,), **(auth or {})}

    def token(self, user="ann", *, lifetime=LIFETIME_S, **claims):
        """A good token, unless claims say otherwise; a claim that is None is left out."""
        now = int(time.time())
        named = {"sub": user, "iat": now, "exp": now + lifetime, "jti": secrets.token_hex(8), **claims}
        return sign(self.secret, {name: value for name, value in named.items() if value is not None})
