"""portcullisctl token: what it signs an independent implementation (PyJWT) verifies, and what that signs it explains; and the secrets
that the server makes for both."""

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import unittest

import jwt

import harness

SECRETS = {"HS256": "first-secret-of-thirty-two-bytes!", "HS384": "s" * 48, "HS512": "t" * 64}
PRIVATE = {
    "rs": ("RS256", "RSA", "rsa_keygen_bits:2048"),
    "ps": ("PS384", "RSA", "rsa_keygen_bits:2048"),
    "es": ("ES256", "EC", "ec_paramgen_curve:P-256"),
    "es5": ("ES512", "EC", "ec_paramgen_curve:P-521"),
    "ed": ("EdDSA", "ED25519", None),
}
ISSUER, AUDIENCE = "https://id.example", "app"
ENDPOINTS = ({"path": "/", "handler": "echo", "auth": "token"},)
ANY = {"verify_aud": False}
TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\n")


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=harness.DEADLINE_S)


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign_by_hand(header, payload, secret):
    """What PyJWT refuses to make."""
    signed = f"{part(header.encode())}.{part(payload.encode())}"
    return f"{signed}.{part(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="portcullis-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        keys = []
        for algorithm, secret in SECRETS.items():
            cls.write(algorithm.lower(), secret + "\n")
            keys.append({"id": algorithm.lower(), "algorithm": algorithm, "secret_file": algorithm.lower()})
        for name, (algorithm, kind, option) in PRIVATE.items():
            private, public = cls.path(f"{name}.key"), cls.path(f"{name}.pub")
            openssl("genpkey", "-algorithm", kind, "-out", private, *(["-pkeyopt", option] if option else []))
            openssl("pkey", "-in", private, "-pubout", "-out", public)
            os.chmod(private, 0o600)
            files = {"public_key_file": f"{name}.pub", "private_key_file": f"{name}.key"}
            keys.append({"id": name, "algorithm": algorithm, **files})
        keys.append({"id": "public", "algorithm": "ES256", "public_key_file": "es.pub"})
        shutil.copy(cls.path("es.pub"), cls.path("half.key"))
        os.chmod(cls.path("half.key"), 0o600)
        keys.append({"id": "half", "algorithm": "ES256", "public_key_file": "es.pub", "private_key_file": "half.key"})
        keys.append({"id": "absent", "algorithm": "HS256", "secret_file": "absent"})
        keys.append({"id": "bound", "algorithm": "HS256", "secret_file": "hs256", "issuer": ISSUER, "audience": AUDIENCE})
        cls.config = cls.write_config("p.conf", {"keys": tuple(keys)})

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def write(cls, name, text):
        with open(cls.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(cls.path(name), 0o600)
        return cls.path(name)

    @classmethod
    def write_config(cls, name, auth):
        sections = {"listeners": harness.DEFAULT_LISTENERS, "admin": {"address": ""}, "state_dir": cls.folder}
        return cls.write(name, harness.config_text({**sections, "auth": auth, "endpoints": ENDPOINTS}))

    def run_program(self, *arguments, text=""):
        done = subprocess.run(
            [os.environ["PORTCULLISCTL_BIN"], *arguments],
            cwd=self.folder,
            env=harness.environment(),
            input=text,
            capture_output=True,
            encoding="utf-8",
            timeout=harness.DEADLINE_S,
        )
        self.assertIsNone(harness.SANITIZER_REPORT.search(done.stderr), done.stderr)
        for secret in SECRETS.values():
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done.returncode, done.stdout, done.stderr

    def token(self, *arguments, config=None, warned=False):
        code, output, errors = self.run_program("token", "-c", config or self.config, "--user", "u", *arguments)
        self.assertEqual((code, "warning" in errors), (0, warned), errors)
        self.assertRegex(output, TOKEN)
        return output.strip()

    def inspect(self, token, config=None):
        """Its exit code, the label of a refusal, and all of it."""
        code, output, errors = self.run_program("token", "-c", config or self.config, "--inspect", "-", text=token)
        self.assertEqual(errors, "")
        label = re.search(r"^refused: (\w+): ", output, re.MULTILINE)
        self.assertEqual(len(re.findall("^FAIL ", output, re.MULTILINE)), 0 if label is None else 1, output)
        signature = token.rpartition(".")[2].strip()
        self.assertFalse(signature and signature in output.split(), output)  # what is printed is no token
        return code, label[1] if label else "", output


class Sign(Command):
    def verify(self, token, name, algorithm):
        if name in PRIVATE:
            with open(self.path(f"{name}.pub"), encoding="ascii") as file:
                key = file.read()
        else:
            key = SECRETS[algorithm]
        return jwt.decode(token, key, [algorithm], options=ANY)

    def test_every_key(self):
        names = [(algorithm.lower(), algorithm) for algorithm in SECRETS]
        names += [(name, algorithm) for name, (algorithm, _, _) in PRIVATE.items()]
        for name, algorithm in names:
            with self.subTest(name):
                token = self.token("--key", name, "--ttl", "10m")
                claims = self.verify(token, name, algorithm)
                self.assertEqual(sorted(claims), ["exp", "iat", "jti", "sub"])
                self.assertEqual((claims["sub"], claims["exp"] - claims["iat"]), ("u", 600))
                self.assertLess(abs(claims["iat"] - time.time()), harness.DEADLINE_S)
                self.assertEqual(
                    jwt.get_unverified_header(token), {"alg": algorithm, "typ": "JWT", "kid": name}
                )
                self.assertEqual(self.inspect(token)[:2], (0, ""))

    def test_default_key_and_time(self):
        claims = self.verify(self.token(), "hs256", "HS256")
        self.assertEqual(claims["exp"] - claims["iat"], 3600)

    def test_no_two_are_alike(self):
        one, two = (self.verify(self.token(), "hs256", "HS256") for _ in range(2))
        self.assertNotEqual(one["jti"], two["jti"])

    def test_claims(self):
        """JSON where it is well-formed, else text."""
        values = {
            "number": ("5", 5),
            "fraction": ("1.5", 1.5),
            "truth": ("true", True),
            "nothing": ("null", None),
            "list": ('["a", 1]', ["a", 1]),
            "group": ('{"b": {"c": []}}', {"b": {"c": []}}),
            "quoted": ('"5"', "5"),
            "word": ("admin", "admin"),
            "words": ("two words", "two words"),
            "empty": ("", ""),
            "equals": ("a=b=c", "a=b=c"),
            "cut": ('["a"', '["a"'),
            "twice": ('{"a":1,"a":2}', '{"a":1,"a":2}'),
            "deep": ("[" * 2040, "[" * 2040),
            "signs": ("ü☺", "ü☺"),
        }
        arguments = [word for name, (text, _) in values.items() for word in ("--claim", f"{name}={text}")]
        claims = self.verify(self.token(*arguments), "hs256", "HS256")
        self.assertEqual({name: claims[name] for name in values}, {name: value for name, (_, value) in values.items()})

    def test_claim_instead_of_own(self):
        token = self.token("--claim", "exp=5", "--claim", "jti=mine", warned=True)
        claims = jwt.decode(token, options={"verify_signature": False})
        self.assertEqual((claims["exp"], claims["jti"]), (5, "mine"))

    def test_asked_for(self):
        """What the key or the config asks for is in it by itself."""
        claims = jwt.decode(self.token("--key", "bound"), SECRETS["HS256"], ["HS256"], audience=AUDIENCE, issuer=ISSUER)
        self.assertEqual(claims["sub"], "u")
        key = {"id": "k", "algorithm": "HS256", "secret_file": "hs256"}
        auth = {"keys": (key,), "issuers": ["i", "j"], "audiences": ["a"], "user_claims": ["user_id"]}
        token = self.token(config=self.write_config("asked.conf", auth))
        claims = jwt.decode(token, SECRETS["HS256"], ["HS256"], audience="a", issuer="i")
        self.assertEqual((claims["user_id"], "sub" in claims), ("u", False))

    def test_warnings(self):
        """A token that is of no use is made, and said to be of no use."""
        self.token("--ttl", "31d", warned=True)
        self.token("--claim", "channels=5", warned=True)

    def test_errors(self):
        def fails(*arguments):
            code, output, errors = self.run_program("token", "-c", self.config, *arguments)
            self.assertEqual(output, "")
            return code, errors

        self.assertEqual(fails()[0], 2)
        self.assertEqual(fails("--user", "u", "extra")[0], 2)
        self.assertEqual(fails("--user", "u", "--inspect", "-")[0], 2)
        for text in ("", "0", "-1", "x", "1 h", "99999999999999999999", "100ms"):
            with self.subTest(ttl=text):
                self.assertEqual(fails("--user", "u", "--ttl", text)[0], 2)
        for claims in (["x"], ["=x"], ["a=1", "a=2"]):
            with self.subTest(claims=claims):
                self.assertEqual(fails("--user", "u", *(word for one in claims for word in ("--claim", one)))[0], 2)
        code, errors = fails("--user", "u", "--key", "nobody")
        self.assertEqual((code, "nobody" in errors), (2, True))
        code, errors = fails("--user", "u", "--key", "public")
        self.assertEqual((code, "private_key_file" in errors), (1, True))
        code, errors = fails("--user", "u", "--key", "half")
        self.assertEqual((code, "half.key is no private key" in errors), (1, True))
        self.assertEqual(fails("--user", "u", "--claim", "big=" + "x" * 100000)[0], 1)
        code, output, errors = self.run_program("token", "-c", self.path("none.conf"), "--user", "u")
        self.assertEqual((code, output, "none.conf: cannot be read" in errors), (2, "", True))

    def test_help(self):
        for arguments in (["--help"], ["token", "--help"]):
            code, output, errors = self.run_program(*arguments)
            self.assertEqual((code, errors), (0, ""))
            self.assertIn("usage: portcullisctl", output)
        for option in ("--user", "--ttl", "--claim", "--key", "--inspect", "standard input"):
            self.assertIn(option, output)
        self.assertRegex(self.run_program("--version")[1], r"^portcullisctl \d+\.\d+\.\d+\n$")
        self.assertEqual(self.run_program()[0], 2)
        self.assertEqual(self.run_program("nonsense")[0], 2)
        for arguments in (["--nonsense"], ["token", "--nonsense"], ["sessions", "list", "--nonsense"],
                          ["revoke", "add", "--nonsense"]):
            with self.subTest(arguments):
                code, output, errors = self.run_program(*arguments)
                self.assertEqual((code, output), (2, ""))
                self.assertTrue(errors.startswith("portcullisctl: "), errors)
        self.assertEqual(self.run_program("reload", "--help")[1].splitlines()[0], "usage: portcullisctl reload")


class Inspect(Command):
    def test_verdicts(self):
        now = int(time.time())
        good = {"sub": "u", "exp": now + 600}
        secret = SECRETS["HS256"]
        with open(self.path("rs.pub"), "rb") as file:
            public = file.read()
        with open(self.path("es.key"), encoding="ascii") as file:
            private = file.read()

        def sign(claims, key=secret, algorithm="HS256", kid="hs256", **headers):
            return jwt.encode(claims, key, algorithm, headers={"kid": kid, **headers})

        tampered = sign(good).split(".")
        tampered[1] = part(json.dumps({**good, "sub": "root"}).encode())
        cases = {
            "good": (sign(good), ""),
            "no kid": (jwt.encode(good, secret, "HS256"), ""),
            "private key": (sign(good, private, "ES256", "es"), ""),
            "list of audiences": (sign({**good, "iss": ISSUER, "aud": ["x", AUDIENCE]}, kid="bound"), ""),
            "expired": (sign({**good, "exp": now - 1}), "token_expired"),
            "wrong key": (sign(good, "another secret, of which nobody knows"), "token_signature"),
            "key of length 0": (sign_by_hand('{"alg":"HS256","kid":"hs256"}', json.dumps(good), b""), "token_signature"),
            "other payload": (".".join(tampered), "token_signature"),
            "swapped kid": (sign(good, kid="absent"), "key_unknown"),
            "swapped kid, same algorithm": (sign(good, "x" * 64, "HS256", "hs256"), "token_signature"),
            "none": (jwt.encode(good, None, "none", headers={"kid": "hs256"}), "token_algorithm"),
            "none with a signature": (sign_by_hand('{"alg":"none"}', json.dumps(good), b"x"), "token_algorithm"),
            "HS256 with the public key": (
                sign_by_hand('{"alg":"HS256","kid":"rs"}', json.dumps(good), public), "key_algorithm"),
            "the same without kid": (sign_by_hand('{"alg":"HS256"}', json.dumps(good), public), "token_signature"),
            "wrong audience": (sign({**good, "iss": ISSUER, "aud": "other"}, kid="bound"), "token_audience"),
            "wrong issuer": (sign({**good, "iss": "other", "aud": AUDIENCE}, kid="bound"), "token_issuer"),
            "not yet": (sign({**good, "nbf": now + 500}), "token_not_yet"),
            "no expiry": (sign({"sub": "u"}), "token_no_expiry"),
            "expiry as text": (sign_by_hand('{"alg":"HS256","kid":"hs256"}', '{"sub":"u","exp":"9"}', secret.encode()),
                               "claim_type"),
            "for ever": (sign({**good, "exp": now + 40 * 86400}), "token_lifetime"),
            "no user": (sign({"exp": now + 600}), "token_user"),
            "a claim twice": (sign_by_hand('{"alg":"HS256","kid":"hs256"}', '{"sub":"u","sub":"v"}', secret.encode()),
                              "token_duplicate"),
            "permissions": (sign({**good, "caps": "all"}), "token_permissions"),
            "crit": (sign(good, crit=["exp"]), "token_critical"),
            "not a token": ("hello", "token_syntax"),
            "nothing": ("", "token_missing"),
            "large": ("a" * 70000, "token_too_large"),
            "nested": (sign_by_hand('{"alg":"HS256","x":' + "[" * 700 + "]" * 700 + "}", "{}", b"x"), "token_header"),
        }
        for name, (token, label) in cases.items():
            with self.subTest(name):
                code, got, output = self.inspect(token)
                self.assertEqual((code, got), (1 if label else 0, label), output)

    def test_where_from(self):
        """An argument or standard input, which may end in a line break."""
        token = self.token()
        for text in (token, token + "\n", token + "\r\n"):
            self.assertEqual(self.inspect(text)[0], 0)
        for text in (token + "\n\n", " " + token, token + " "):
            self.assertEqual(self.inspect(text)[:2], (1, "token_syntax"))
        code, output, _ = self.run_program("token", "-c", self.config, "--inspect", token)
        self.assertEqual((code, "accepted: user u" in output), (0, True))

    def test_key_sets(self):
        """Whether a token of another key is good is not decided where that key may be in a key set."""
        keys = ({"id": "hs256", "algorithm": "HS256", "secret_file": "hs256"},)
        config = self.write_config("sets.conf", {"keys": keys, "jwks": ({"url": "https://id.example/jwks.json"},)})
        foreign = jwt.encode({"sub": "u"}, "x" * 32, "HS256", headers={"kid": "other"})
        code, output, _ = self.run_program("token", "-c", config, "--inspect", "-", text=foreign)
        self.assertEqual((code, "\nundecided: " in output, "refused" in output), (2, True, False), output)
        self.assertEqual(self.inspect(self.token(), config)[0], 0)
        self.assertEqual(self.inspect(self.token("--claim", "exp=1", warned=True), config)[0], 1)

    def test_times(self):
        """On which side of now they are."""
        now = int(time.time())
        for claim, at, side in (("exp", 1, "ago"), ("exp", now + 999, "from now"), ("iat", 1, "ago"),
                                ("iat", now + 999, "from now")):
            with self.subTest(claim, at=at):
                output = self.inspect(self.token("--claim", f"{claim}={at}", warned=at == 1 or claim == "iat"))[2]
                self.assertRegex(output, rf"(?m)^\w+ +{claim} +{at}, \d+ s {side}, ")

    def test_terminal(self):
        """What a token holds cannot move a cursor or begin a line."""
        claims = {"sub": "u", "exp": int(time.time()) + 60, "iss": "\x1b[2J\naccepted: user root\u202e"}
        token = jwt.encode(claims, SECRETS["HS256"], "HS256", headers={"kid": "hs256"})
        signed = f'{part(b"{}")}.{part(b"{} " + bytes(range(32)))}.AAAA'
        for text in (token, signed):
            output = self.inspect(text)[2]
            self.assertEqual([c for c in output if c != "\n" and not " " <= c <= "~"], [], output)
            self.assertFalse([line for line in output.splitlines() if line.startswith("accepted: user root")])

    def test_steps(self):
        """Each check in order, with what is compared."""
        output = self.inspect(self.token())[2]
        steps = re.findall(r"^ok +(\w+)", output, re.MULTILINE)
        self.assertEqual(steps, ["size", "form", "key", "signature", "payload", "exp", "nbf", "iat", "lifetime", "iss",
                                 "aud", "user", "permissions", "revocation"])
        self.assertIn("auth.max_token_lifetime is 2592000 s", output)


class Secrets(unittest.TestCase):
    def server(self, **key):
        keys = ({"id": "k", "algorithm": "HS384", "secret_file": "jwt.secret", **key},)
        server = harness.Server(auth={"keys": keys})
        self.addCleanup(server.close)
        return server

    def command(self, server):
        command = [os.environ["PORTCULLISCTL_BIN"], "token", "-c", server.config_file, "--user", "u"]
        return subprocess.run(command, cwd=server.folder, env=harness.environment(), capture_output=True,
                              timeout=harness.DEADLINE_S, encoding="ascii")

    def token(self, server):
        done = self.command(server)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def test_made(self):
        """At the first start, whole, for its owner alone, and never again."""
        server = self.server()
        server.write_config()
        check = [harness.program(), "-c", server.config_file, "--check-config"]
        done = subprocess.run(check, cwd=server.folder, env=harness.environment(), capture_output=True,
                              timeout=harness.DEADLINE_S, encoding="utf-8")
        self.assertEqual((done.returncode, done.stderr.count("jwt.secret does not exist")), (0, 1), done.stderr)
        file = os.path.join(server.folder, "state", "jwt.secret")
        self.assertFalse(os.path.exists(os.path.dirname(file)))  # a check makes nothing
        server.start()
        self.assertEqual(server.wait_log("secret_made")["file"], "state/jwt.secret")
        self.assertEqual([name for name in os.listdir(os.path.dirname(file)) if "secret" in name], ["jwt.secret"])
        self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o600)
        with open(file, encoding="ascii") as text:
            secret = text.read()
        self.assertRegex(secret, r"^[A-Za-z0-9_-]{64}\Z")  # 48 bytes, without a newline
        self.assertEqual(jwt.decode(self.token(server), secret, ["HS384"])["sub"], "u")
        server.stop()
        again = self.server()
        again.sections["state_dir"] = os.path.dirname(file)
        server.stop()  # a state_dir is one server's at a time
        again.start()
        with open(file, encoding="ascii") as text:
            self.assertEqual(text.read(), secret)
        for one, made in ((server, 1), (again, 0)):
            one.stop()
            self.assertNotIn(secret, one.stderr_text + "".join(record["line"] for record in one.records()))
            self.assertEqual(len(one.records("secret_made")), made)

    def test_made_at_a_reload(self):
        server = self.server()
        server.start()
        first = server.sections["auth"]["keys"][0]
        server.sections["auth"] = {"keys": ({**first, "id": "new", "secret_file": "new.secret"}, first)}
        server.write_config()
        server.signal(signal.SIGHUP)
        self.assertEqual(server.wait_log("secret_made", file="state/new.secret")["level"], "notice")
        server.wait_log("reloaded")
        self.assertEqual(jwt.get_unverified_header(self.token(server))["kid"], "new")
        server.stop()

    def test_made_by_the_command(self):
        """As the server makes it, which then has nothing to make, and takes the token."""
        server = self.server()
        server.write_config()
        token = self.token(server)
        file = os.path.join(server.folder, "state", "jwt.secret")
        self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(file)).st_mode), 0o700)
        with open(file, encoding="ascii") as text:
            secret = text.read()
        self.assertEqual(jwt.decode(token, secret, ["HS384"])["sub"], "u")
        self.assertEqual(jwt.decode(self.token(server), secret, ["HS384"])["sub"], "u")
        server.start()
        server.stop()
        self.assertEqual(server.records("secret_made"), [])
        with open(file, encoding="ascii") as text:
            self.assertEqual(text.read(), secret)

    def test_the_command_says_what_it_made(self):
        server = self.server()
        server.write_config()
        self.assertIn(os.path.join(server.folder, "state", "jwt.secret"), self.command(server).stderr)
        self.assertEqual(self.command(server).stderr, "")

    @unittest.skipUnless(os.geteuid() == 0, "only root can make files that are of no use to the server")
    def test_folder_of_another_user(self):
        server = self.server()
        server.write_config()
        folder = os.path.join(server.folder, "state")
        os.mkdir(folder, 0o700)
        os.chown(folder, 65534, 65534)
        done = self.command(server)
        self.assertEqual((done.returncode, done.stdout, os.listdir(folder)), (1, "", []))
        self.assertIn("belongs to another user", done.stderr)

    def test_link_to_nowhere(self):
        """It cannot be made, which must be said: without it nobody could come in."""
        server = self.server()
        server.write_config()
        folder = os.path.join(server.folder, "state")
        os.mkdir(folder, 0o700)
        os.symlink("nowhere", os.path.join(folder, "jwt.secret"))
        self.assertIn("cannot be made: File exists", self.command(server).stderr)
        server.launch()
        server.wait_log("cannot_start", what="secret")
        server.check_exit(1)
        self.assertEqual(os.listdir(folder), ["jwt.secret"])

    def test_cannot_be_made(self):
        server = self.server(secret_file="no/such/folder/secret")
        server.write_config()
        server.launch()
        server.wait_log("cannot_start", what="secret")
        server.check_exit(1)
        self.assertIn("cannot be made: No such file or directory", server.stderr_text)


if __name__ == "__main__":
    harness.main()
