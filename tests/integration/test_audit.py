"""The audit file: what it has of sessions, refusals and messages, and that digests of messages, users and addresses are the right ones,
give nothing else away, and follow the config."""

import asyncio
import hashlib
import hmac
import json
import os
import stat
import subprocess
import unittest

import websockets

import harness
import operating
import rawws
import tokens

AUDIT = "audit.log"
KEY_FILE = "digest.key"
EVERYTHING = {"audit_messages": "digest", "audit_users": "digest", "audit_addresses": "digest"}
USER = "ann@example.net"
LOOPBACK = "127.0.0.1"
EVERYWHERE = {**tokens.ENDPOINT, "token_sources": tokens.ALL_SOURCES, "query_parameter": "access_token"}
HEADER_ONLY = {**tokens.ENDPOINT, "path": "/header", "token_sources": ["header"]}


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Key:
    """The digests under a key, as the manual describes them."""

    def __init__(self, key):
        self._key = key

    def message(self, data):
        return "hmac-sha256:" + hmac.new(self._key, data, "sha256").hexdigest()

    def _named(self, what, text):
        key = hashlib.sha256(f"portcullis audit {what}\n".encode() + self._key).digest()
        return "hmac-sha256:" + hmac.new(key, text.encode(), "sha256").hexdigest()

    def user(self, name):
        return self._named("user", name)

    def address(self, text):
        return self._named("address", text)


def read_key(server):
    with open(os.path.join(server.folder, KEY_FILE), "rb") as file:
        return Key(file.read().rstrip(b"\n"))


def write_key(server, key):
    path = os.path.join(server.folder, KEY_FILE)
    with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(key)
    os.rename(path + ".new", path)


class AuditCase(unittest.TestCase):
    def start(self, kind=harness.Server, **settings):
        log = {"audit_file": AUDIT, **settings.pop("log", {})}
        server = kind(log=log, **settings)
        server.sections.setdefault("state_dir", server.folder)
        self.addCleanup(server.close)
        return server.start()

    def text(self, server):
        with open(os.path.join(server.folder, AUDIT), encoding="utf-8") as file:
            return file.read()

    def lines(self, server, event=None, **fields):
        """Of a server that has stopped, or what is there so far."""
        found = [json.loads(line) for line in self.text(server).splitlines(keepends=True) if line.endswith("\n")]
        return [
            line
            for line in found
            if event in (None, line["event"]) and all(line.get(name) == value for name, value in fields.items())
        ]

    def reload(self, server, event="reloaded"):
        mark = server.mark()
        server.write_config()
        server.signal(harness.signal.SIGHUP)
        return server.wait_log(event, after=mark)


class Messages(AuditCase):
    def messages(self, server):
        return [(line["type"], line["size"], line.get("digest")) for line in self.lines(server, "message")]

    def test_raw(self):
        """Whole and in fragments, masked with any key; not control frames, and not what we send."""
        server = self.start(log={"audit_messages": "digest"})
        with server.session() as peer:
            peer.send(rawws.text("abc") + rawws.binary(b"\x00\xff" * 70) + rawws.ping(b"ping") + rawws.text(""))
            peer.send(rawws.fragments(rawws.TEXT, [b"a", b"", b"bc"]) + rawws.text("abc", key=b"\x01\x02\x03\x04"))
            for _ in range(6):
                peer.read_message()
            peer.finish()
        server.stop()
        wanted = [("text", b"abc"), ("binary", b"\x00\xff" * 70), ("text", b""), ("text", b"abc"), ("text", b"abc")]
        self.assertEqual(self.messages(server), [(kind, len(data), sha256(data)) for kind, data in wanted])
        sessions = {line["session"] for line in self.lines(server, "message")}
        self.assertEqual(sessions, {self.lines(server, "session_start")[0]["session"]})
        self.assertEqual({line["direction"] for line in self.lines(server, "message")}, {"in"})

    def test_real_client(self):
        """A compressed message is digested as it is inflated, which is what its handler gets."""
        server = self.start(log={"audit_messages": "digest"}, limits={"max_message": 1 << 20})
        sent = ["", "Grüße 👋", "x" * 100000, b"", bytes(range(256)) * 100, os.urandom(1 << 20)]
        pieces = ["in ", "three ", "pieces"]

        async def talk(compression):
            uri = f"ws://{LOOPBACK}:{server.ports[0]}/echo"
            async with websockets.connect(uri, compression=compression, max_size=None) as client:
                for message in sent:
                    await client.send(message)
                    self.assertEqual(await client.recv(), message)
                await client.send(pieces)
                self.assertEqual(await client.recv(), "".join(pieces))

        for compression in ("deflate", None):
            asyncio.run(asyncio.wait_for(talk(compression), harness.DEADLINE_S))
        server.stop()
        starts = self.lines(server, "session_start")
        self.assertEqual([line["compression"] for line in starts], [True, False])
        wanted = []
        for message in [*sent, "".join(pieces)]:
            data = message.encode() if isinstance(message, str) else message
            wanted.append(("text" if isinstance(message, str) else "binary", len(data), sha256(data)))
        self.assertEqual(self.messages(server), wanted * 2)

    def test_sizes_alone(self):
        server = self.start(log={"audit_messages": "size"})
        with server.session() as peer:
            peer.echo("secret thing")
            peer.finish()
        server.stop()
        self.assertEqual(self.messages(server), [("text", len("secret thing"), None)])

    def test_none(self):
        server = self.start()
        with server.session() as peer:
            peer.echo("anything")
            peer.finish()
            server.session_end(peer)
        server.stop()
        self.assertEqual(self.messages(server), [])
        # A loop and the main thread write the last two, in either order.
        self.assertEqual(sorted(line["event"] for line in self.lines(server)),
                         ["draining", "session_end", "session_start"])

    def test_refused_by_a_rule(self):
        """A message that a rule refuses has its line, and one that says why, without who it was."""
        for action, delivered in (("reject", [True, False, True]), ("report", [True, True, True])):
            with self.subTest(action=action):
                endpoint = {"path": "/json", "handler": "echo", "rules": {"json": True, "on_violation": action}}
                server = self.start(endpoints=(endpoint,), log={"audit_messages": "digest", "audit_users": "digest",
                                                                "audit_addresses": "digest"})
                with server.session("/json") as peer:
                    for text in (b"[1]", b"hunter2", b"[2]"):
                        peer.send(rawws.text(text))
                        peer.read_frame()
                    peer.finish()
                server.stop()
                self.assertEqual(self.messages(server),
                                 [("text", len(text), sha256(text)) for text in (b"[1]", b"hunter2", b"[2]")])
                self.assertEqual([line["delivered"] for line in self.lines(server, "message")], delivered)
                (invalid,) = self.lines(server, "message_invalid")
                self.assertEqual((invalid["violation"], invalid["action"]), ("not_json", action))
                self.assertTrue(invalid["peer"].startswith("sha256:"))
                self.assertNotIn("reason", invalid)

    def test_not_the_token(self):
        """Neither a token as the first message, nor a message that a limit refuses, has a line."""
        server = self.start(tokens.TokenServer, endpoints=(EVERYWHERE,), log={"audit_messages": "digest"})
        with server.session("/secure") as peer:
            tokens.authenticate(peer, server.token(USER))
            peer.echo("hello", harness.PREFIX)
            peer.send(rawws.text(b"\xff"))
            peer.read_close()
        server.stop()
        self.assertEqual(self.messages(server), [("text", 5, sha256(b"hello"))])


class Names(AuditCase):
    def test_made_at_the_start(self):
        server = self.start(log={**EVERYTHING, "digest_key_file": KEY_FILE})
        path = os.path.join(server.folder, KEY_FILE)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, encoding="ascii") as file:
            self.assertRegex(file.read(), r"\A[A-Za-z0-9_-]{43}\Z")
        with server.session() as peer:
            peer.echo("hello")
            peer.finish()
        server.stop()
        key = read_key(server)
        self.assertEqual([line["file"] for line in self.lines(server, "secret_made")], [path])
        self.assertEqual([line["digest"] for line in self.lines(server, "message")], [key.message(b"hello")])
        self.assertEqual({line["peer"] for line in self.lines(server) if "peer" in line}, {key.address(LOOPBACK)})

    def test_nothing_else_tells(self):
        """One user by every way in, at two addresses, and refused in every way: each line has the same digest of her and nothing
        else of her or of the addresses."""
        listeners = ({"address": "[::]:0"},)
        server = self.start(
            tokens.TokenServer,
            listeners=listeners,
            endpoints=(EVERYWHERE, HEADER_ONLY),
            log={**EVERYTHING, "digest_key_file": KEY_FILE},
        )
        token = server.token(USER)
        ways = {
            "header": ("/secure", [f"Authorization: Bearer {token}"]),
            "subprotocol": ("/secure", [f"Sec-WebSocket-Protocol: bearer.{token}"]),
            "query": (f"/secure?access_token={token}", []),
        }
        for host in (LOOPBACK, "::1"):
            for path, add in ways.values():
                with server.peer(host=host) as peer:
                    peer.upgrade(path, add=add)
                    peer.finish()
                    server.session_end(peer)
            with server.session("/secure", host=host) as peer:
                tokens.authenticate(peer, token)
                peer.finish()
                server.session_end(peer)
        refused = f"/nobody/{USER}?user={USER}&ip={LOOPBACK}"
        for line, add in (
            (f"GET {refused} HTTP/1.1", [f"X-Forwarded-For: {LOOPBACK}"]),
            ("GET /header HTTP/1.1", [f"Authorization: Bearer {token}x"]),
            ("nonsense", []),
        ):
            with server.peer() as peer:
                peer.send(rawws.request(line, add=add))
                peer.read_answer()
                server.wait_log("request_refused", **peer.log_key)
        with server.session("/secure") as peer:
            peer.send(rawws.text("no token"))
            peer.read_all()
        server.stop()

        key = read_key(server)
        text = self.text(server)
        for secret in (USER, "ann", LOOPBACK, "::1", "nobody"):
            self.assertNotIn(secret, text)
        ends = self.lines(server, "session_end", user=key.user(USER))
        self.assertEqual(len(ends), 2 * len(tokens.ALL_SOURCES))
        self.assertEqual({line["peer"] for line in ends}, {key.address(LOOPBACK), key.address("::1")})
        starts = self.lines(server, "session_start", peer=key.address("::1"))
        self.assertEqual(
            [(line["auth"], line["user"]) for line in starts],
            [(way, key.user(USER)) for way in ways] + [("message", None)],
        )
        self.assertEqual({line["key"] for line in starts}, {"test", None})
        (late,) = self.lines(server, "authenticated", peer=key.address("::1"))
        self.assertEqual((late["user"], late["auth"]), (key.user(USER), "message"))
        self.assertEqual(
            [(line["cause"], line.get("path"), line.get("detail")) for line in self.lines(server, "request_refused")],
            [
                ("not_found", None, "There is nothing here."),
                ("token_signature", "/header", "The signature is wrong."),
                ("bad_request", None, None),
            ],
        )
        self.assertEqual(len(self.lines(server, "authentication_refused", peer=key.address(LOOPBACK))), 1)

    def test_plain(self):
        """Where nothing is a digest, the audit file has what the log has."""
        server = self.start(tokens.TokenServer, endpoints=(EVERYWHERE,))
        with server.peer() as peer:
            peer.upgrade("/secure", add=[f"Authorization: Bearer {server.token(USER)}"])
            peer.finish()
            server.session_end(peer)
        with server.peer() as other:
            other.send(rawws.request("GET /nowhere?a=b HTTP/1.1"))
            other.read_answer()
            server.refusal(other, "not_found")
        server.stop()
        for event in ("session_start", "session_end"):
            (line,) = self.lines(server, event)
            self.assertEqual((line["peer"], line["user"], line["key"]), (peer.name, USER, "test"))
        (line,) = self.lines(server, "request_refused")
        self.assertEqual((line["peer"], line["path"], line["cause"]), (other.name, "/nowhere", "not_found"))

    def test_without_key(self):
        server = self.start(log=EVERYTHING)
        with server.session() as peer:
            peer.finish()
        server.stop()
        self.assertEqual({line["peer"] for line in self.lines(server) if "peer" in line}, {sha256(LOOPBACK.encode())})

    def test_operators(self):
        """Their names stay; whom they act on, and where they are, does not."""
        server = self.start(operating.AdminServer, log={**EVERYTHING, "digest_key_file": KEY_FILE})
        self.assertEqual(server.call("POST", "/api/v1/revocations", {"user": USER})[0], 201)
        self.assertEqual(server.call("POST", "/api/v1/revocations", {"token_id": USER})[0], 201)
        self.assertEqual(server.call("DELETE", f"/api/v1/sessions?user={USER}&ip=192.0.2.1")[0], 200)
        self.assertEqual(server.call("DELETE", "/api/v1/sessions?ip=2001:db8::/32")[0], 200)
        self.assertEqual(server.call("DELETE", "/api/v1/revocations/1")[0], 200)
        self.assertEqual(server.ask("GET", f"/api/v1/users/{USER}").status, 404)
        server.stop()
        key = read_key(server)
        changes = self.lines(server, "admin_change")
        self.assertEqual(
            [(line["by"], line["subject"]) for line in changes],
            [
                ("operator", f"user {key.user(USER)}"),
                ("operator", f"token_id {key.user(USER)}"),
                ("operator", f"user {key.user(USER)}, ip {key.address('192.0.2.1')}"),
                ("operator", f"ip {key.address('2001:db8::/32')}"),
                ("operator", "revocation 1"),
            ],
        )
        self.assertEqual({line["peer"] for line in changes}, {key.address(LOOPBACK)})
        (refused,) = self.lines(server, "admin_refused")
        self.assertEqual((refused["by"], refused.get("path"), refused["cause"]), ("operator", None, "not_found"))
        for secret in (USER, LOOPBACK, "192.0.2.1", "2001:db8"):
            self.assertNotIn(secret, self.text(server))

    def test_no_guessing_by_messages(self):
        """Who may read the file and send messages cannot compare them with users and addresses."""
        server = self.start(log={**EVERYTHING, "digest_key_file": KEY_FILE})
        with server.session() as peer:
            peer.echo(LOOPBACK)
            peer.finish()
        server.stop()
        (message,) = self.lines(server, "message")
        self.assertNotIn(message["digest"], {line.get("peer") for line in self.lines(server)})


class Config(AuditCase):
    def check(self, server):
        command = [harness.program(), "--check-config", "-c", server.config_file]
        return subprocess.run(
            command, env=harness.environment(), cwd=server.folder, capture_output=True, text=True, timeout=harness.DEADLINE_S
        )

    def prepare(self, **log):
        server = harness.Server(log={"audit_file": AUDIT, **log})
        server.sections["state_dir"] = server.folder
        self.addCleanup(server.close)
        server.write_config()
        return server

    def test_new_key(self):
        """A reload takes it for the sessions that begin then; those before keep theirs, so that their lines go together."""
        old, new = b"o" * 32, b"n" * 32
        server = harness.Server(log={"audit_file": AUDIT, **EVERYTHING, "digest_key_file": KEY_FILE})
        server.sections["state_dir"] = server.folder
        self.addCleanup(server.close)
        write_key(server, old + b"\n")
        server.start()
        with server.session() as before:
            before.echo("one")
            write_key(server, new)
            self.reload(server)
            with server.session() as after:
                after.echo("two")
                before.echo("three")
                after.finish()
                server.session_end(after)
            before.finish()
            server.session_end(before)
        server.stop()
        digests = [line["digest"] for line in self.lines(server, "message")]
        old, new = Key(old), Key(new)
        self.assertEqual(digests, [old.message(b"one"), new.message(b"two"), old.message(b"three")])
        for event in ("session_start", "session_end"):
            self.assertEqual(
                {line["peer"] for line in self.lines(server, event)}, {old.address(LOOPBACK), new.address(LOOPBACK)}
            )

    def test_reload_switches(self):
        server = self.start()
        server.sections["log"].update(EVERYTHING, digest_key_file=KEY_FILE)
        self.reload(server)
        with server.session() as peer:
            peer.echo("hello")
            peer.finish()
        server.stop()
        key = read_key(server)
        self.assertEqual([line["digest"] for line in self.lines(server, "message")], [key.message(b"hello")])
        self.assertNotIn(LOOPBACK, self.text(server))

    def test_unusable_key(self):
        """At a reload the old config stays in force; a start fails; --check-config says the same."""
        server = self.start(log={**EVERYTHING, "digest_key_file": KEY_FILE})
        key = read_key(server)
        path = os.path.join(server.folder, KEY_FILE)
        os.chmod(path, 0o640)
        self.reload(server, "reload_refused")
        with server.session() as peer:
            peer.finish()
            server.session_end(peer)
        server.stop()
        self.assertEqual({line["peer"] for line in self.lines(server) if "peer" in line}, {key.address(LOOPBACK)})
        checked = self.check(server)
        self.assertEqual(checked.returncode, 1)
        self.assertIn(f"log.digest_key_file: {path} is open to group or others (chmod 600); its mode is 0640", checked.stderr)
        server.launch()
        server.check_exit(1)

    def test_keys_that_are_none(self):
        for content, told in (
            (b"x" * 31, "has a key of 31 bytes; it must have 32 to 4096"),
            (b"x" * 31 + b"\r\n", "has a key of 31 bytes"),
            (b"x" * 4097, "has a key of 4097 bytes"),
            (b"x" * 5000, "is too large"),
            (b"", "is empty"),
        ):
            with self.subTest(size=len(content)):
                server = self.prepare(audit_messages="digest", digest_key_file=KEY_FILE)
                write_key(server, content)
                checked = self.check(server)
                self.assertEqual(checked.returncode, 1)
                self.assertIn(f"log.digest_key_file: {os.path.join(server.folder, KEY_FILE)} {told}", checked.stderr)

    def test_a_key_of_tokens(self):
        """Digests of messages under it would be signatures; under another name it is the same file."""
        server = self.prepare(audit_messages="digest", digest_key_file="jwt.secret")
        server.sections["auth"] = {"keys": ({"id": "a", "algorithm": "HS256", "secret_file": "jwt.secret"},)}
        server.write_config()
        tokens.make_secret(server.folder, "jwt.secret")
        for name in ("jwt.secret", "./jwt.secret", "link"):
            with self.subTest(name=name):
                if name == "link":
                    os.symlink("jwt.secret", os.path.join(server.folder, name))
                server.sections["log"]["digest_key_file"] = name
                server.write_config()
                checked = self.check(server)
                self.assertEqual(checked.returncode, 1)
                self.assertIn("log.digest_key_file: auth.keys[0] has this file", checked.stderr)

    def test_warnings(self):
        cases = (
            ({"audit_users": "digest"}, "log.audit_users: log.digest_key_file is not given"),
            ({"audit_addresses": "digest"}, "log.audit_addresses: log.digest_key_file is not given"),
            ({"digest_key_file": KEY_FILE}, "log.digest_key_file: neither audit_messages nor"),
            ({"audit_messages": "size", "audit_file": ""}, "log.audit_file: none is given"),
        )
        for log, told in cases:
            with self.subTest(log=log):
                checked = self.check(self.prepare(**log))
                self.assertEqual(checked.returncode, 0, checked.stderr)
                self.assertIn(told, checked.stdout + checked.stderr)
        self.assertNotIn("warning", self.check(self.prepare(audit_messages="digest")).stderr)

    def test_nonsense(self):
        for name, value in (("audit_messages", "all"), ("audit_users", "hash"), ("audit_addresses", True)):
            with self.subTest(name=name):
                checked = self.check(self.prepare(**{name: value}))
                self.assertEqual(checked.returncode, 1)
                self.assertIn(f"log.{name}: ", checked.stderr)


if __name__ == "__main__":
    harness.main()
