"""portcullisctl validate: messages against schemas and texts against formats, from files and lines of any kind."""

import json
import os
import subprocess
import tempfile
import unittest

import harness

SAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "etc", "schemas", "chat.json")
GOOD = {"type": "message", "room": "lobby", "text": "hello"}
VALID, INVALID, WRONG = 0, 1, 2


def line_of(value):
    return json.dumps(value).encode() + b"\n"


class Validate(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="portcullis-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as out:
            out.write(content if isinstance(content, bytes) else line_of(content))
        return path

    def run_command(self, *arguments, given=b"", first=()):
        done = subprocess.run(
            [os.environ["PORTCULLISCTL_BIN"], *first, "validate", *arguments],
            cwd=self.folder,
            env=harness.environment(),
            input=given,
            capture_output=True,
            timeout=harness.DEADLINE_S,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def expect(self, wanted, *arguments, given=b""):
        """Its standard output, or what it complains of."""
        code, output, errors = self.run_command(*arguments, given=given)
        self.assertEqual(code, wanted, output + errors)
        self.assertEqual(errors == "", wanted != WRONG, errors)
        return errors if wanted == WRONG else output

    # -- schemas --------------------------------------------------------------------------------------------------

    def test_all_errors_of_a_message(self):
        bad = {"type": "message", "room": "no room", "text": "", "id": "1", "mentions": ["a", "a"], "more": 1}
        lines = self.expect(INVALID, "--schema", SAMPLE, given=line_of(bad)).splitlines()
        self.assertEqual(len(lines), 5)
        for path, keyword, line in zip(("room", "text", "id", "mentions", "more"),
                                       ("pattern", "minLength", "format", "uniqueItems", "false"), lines):
            with self.subTest(path):
                self.assertRegex(line, rf"^standard input: /{path}: .* \({keyword} at #/.*\)$")

    def test_files(self):
        good, bad = self.write("good.json", GOOD), self.write("bad.json", {**GOOD, "room": 1})
        self.assertEqual(self.expect(VALID, "--schema", SAMPLE, good), f"{good}: valid\n")
        output = self.expect(INVALID, "--schema", SAMPLE, good, bad, "-", given=line_of(GOOD)).splitlines()
        self.assertEqual([output[0], output[2]], [f"{good}: valid", "standard input: valid"])
        self.assertTrue(output[1].startswith(f"{bad}: /room: "), output[1])
        self.assertEqual(len(output), 3)

    def test_unreadable_file(self):
        """The others are looked at nevertheless."""
        good = self.write("good.json", GOOD)
        code, output, errors = self.run_command("--schema", SAMPLE, "absent", self.folder, good)
        self.assertEqual((code, output), (WRONG, f"{good}: valid\n"))
        self.assertIn("absent cannot be read: No such file", errors)
        self.assertIn(f"{self.folder} cannot be read: Is a directory", errors)

    def test_lines(self):
        given = line_of(GOOD) + b"\n" + line_of({}) + b"nonsense"
        output = self.expect(INVALID, "--schema", SAMPLE, "--lines", given=given).splitlines()
        self.assertEqual(output[0], "standard input:1: valid")
        self.assertRegex(output[1], r"^standard input:2: .*\(json\)$")
        self.assertEqual([line.split(" ")[1] for line in output[2:4]], ["input:3:"] * 2)
        self.assertTrue(output[4].startswith("standard input:4: "))
        self.assertEqual(len(output), 5)
        self.assertEqual(self.expect(VALID, "--schema", SAMPLE, "--lines"), "")

    def test_json(self):
        name = self.write("a\x1b[2J\"\n.json", {**GOOD, "text": "", "\u202e": 1})
        for first, option in (((), ("--json",)), (("--json",), ())):
            code, output, errors = self.run_command("--schema", SAMPLE, *option, name, "-", given=line_of(GOOD), first=first)
            self.assertEqual((code, errors), (INVALID, ""))
            bad, good = map(json.loads, output.splitlines())
            self.assertEqual(good, {"file": "-", "valid": True, "errors": [], "complete": True})
            self.assertEqual((bad["file"], bad["valid"], bad["complete"]), (name, False, True))
            self.assertEqual([error["path"] for error in bad["errors"]], ["/text", "/\u202e"])
            self.assertEqual([error["keyword"] for error in bad["errors"]], ["minLength", "false"])
            self.assertEqual(set(bad["errors"][0]), {"path", "keyword", "location", "message"})

    def test_terminal_is_safe(self):
        name = self.write("a\x1b[2J.json", {**GOOD, "\x1b]0;x\x07\u202e": 1})
        output = self.expect(INVALID, "--schema", SAMPLE, name)
        self.assertNotRegex(output, "[\x00-\x09\x0b-\x1f\x7f\u202e]")

    def test_documents(self):
        name = self.write("name.json", {"$id": "https://a.example/name", "type": "string"})
        schema = self.write("s.json", {"items": {"$ref": "https://a.example/name"}})
        self.expect(VALID, "--schema", schema, "--document", name, given=b'["a"]')
        self.expect(INVALID, "--schema", schema, "--document", name, given=b"[1]")
        self.assertIn("s.json: #/items/$ref: https://a.example/name ", self.expect(WRONG, "--schema", schema, given=b"[]"))

    def test_formats(self):
        schema = self.write("s.json", {"format": "email"})
        self.expect(INVALID, "--schema", schema, given=b'"a"')
        self.expect(VALID, "--schema", schema, "--no-formats", given=b'"a"')
        self.expect(VALID, "--schema", schema, given=b"1")
        # Besides what the schema says: of strings alone.
        for text, wanted in ((b'"127.0.0.1"', VALID), (b'"a@b.example"', INVALID), (b"1", VALID)):
            schema = self.write("s.json", True)
            self.expect(wanted, "--schema", schema, "--format", "ipv4", given=text)

    def test_where_a_text_is_wrong(self):
        for text, wanted in ((b'{\n "type": "join",,\n}', "is not JSON (byte 19) (json)"),
                             (b'{"a":', "is JSON that ends too early (byte 5) (json)"),
                             (b'{"a":1,"a":2}', "An object has a key twice (byte 7) (bounds)"),
                             (b'[1e999]', "has a number that is too large (byte 6) (number_range)")):
            with self.subTest(wanted):
                self.assertEqual(self.expect(INVALID, "--schema", SAMPLE, given=text), f"standard input: {wanted}\n")

    def test_bounds(self):
        schema = self.write("s.json", True)
        for option, value, text in (
            ("--max-depth", "2", b"[[[]]]"), ("--max-keys", "1", b'{"a":1,"b":1}'), ("--max-items", "2", b"[1,2,3]"),
            ("--max-number-size", "3", b"1234"), ("--max-size", "4", b"12345"),
        ):
            with self.subTest(option):
                self.expect(VALID, "--schema", schema, given=text)
                self.assertIn("(bounds)", self.expect(INVALID, "--schema", schema, option, value, given=text))
        self.expect(VALID, "--schema", schema, given=b"[" * 32 + b"]" * 32)
        self.expect(INVALID, "--schema", schema, given=b"[" * 33 + b"]" * 33)
        self.expect(VALID, "--schema", schema, "--max-size", "1K", given=b" " * 1023 + b"1")
        self.expect(INVALID, "--schema", schema, "--max-size", "1K", given=b" " * 1024 + b"1")

    def test_endpoint(self):
        """An endpoint's rules, from a config."""
        rules = {"/chat": {"schema": SAMPLE, "max_size": 100}, "/json": {"json": True, "max_depth": 1}, "/none": {}}
        endpoints = tuple({"path": path, "rules": value} for path, value in rules.items())
        config = self.write("p.conf", harness.config_text({"admin": {"address": ""}, "endpoints": endpoints}).encode())
        self.expect(VALID, "-c", config, "--endpoint", "/chat", given=line_of(GOOD))
        self.expect(INVALID, "-c", config, "--endpoint", "/chat", given=line_of({**GOOD, "text": "a" * 100}))
        self.expect(INVALID, "-c", config, "--endpoint", "/chat", given=line_of({**GOOD, "text": ""}))
        self.expect(VALID, "-c", config, "--endpoint", "/json", given=b"[1]")
        self.expect(INVALID, "-c", config, "--endpoint", "/json", given=b"[[1]]")
        self.expect(VALID, "-c", config, "--endpoint", "/json", "--max-depth", "2", given=b"[[1]]")
        self.assertIn("asks neither", self.expect(WRONG, "-c", config, "--endpoint", "/none"))
        self.assertIn("does not exist", self.expect(WRONG, "-c", config, "--endpoint", "/absent"))
        self.write("p.conf", b"nonsense = 1;")
        self.assertIn("p.conf:1: nonsense", self.expect(WRONG, "-c", config, "--endpoint", "/chat"))

    # -- formats --------------------------------------------------------------------------------------------------

    def test_lines_of_a_format(self):
        output = self.expect(INVALID, "--format", "email", given=b"a@b.example\nnobody\na@\n\xff@b.example\n").splitlines()
        self.assertEqual(output[0], "standard input:1: valid")
        self.assertEqual([line.rpartition(" ")[2] for line in output[1:]], ["(format)", "(format)", "(bounds)"])
        self.assertEqual(len(set(line.partition(": ")[2] for line in output)), 4)  # each its own diagnosis
        self.expect(VALID, "--format", "uuid", given=b"f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
        self.assertIn("is no ipv6", self.expect(INVALID, "--format", "ipv6", given=b"1::2::3\n"))
        self.expect(INVALID, "--format", "uuid", given=b"\n")
        self.expect(VALID, "--format", "uuid")

    # -- what is no message, no schema, no command line -----------------------------------------------------------

    def test_hostile_messages(self):
        hostile = {
            "nothing": b"",
            "a byte order mark": b"\xef\xbb\xbf{}",
            "NUL": b"{}\0",
            "an escaped NUL": b'"\\u0000"',
            "no UTF-8": b'"\xff"',
            "half a pair": b'"\\ud800"',
            "bytes of all kinds": bytes(range(256)) * 4096,
            "a key twice": b'{"a":1,"\\u0061":2}',
            "100,000 levels": b"[" * 100_000 + b"]" * 100_000,
            "a million keys": b"{" + b",".join(b'"%d":0' % number for number in range(1_000_000)) + b"}",
            "a number past all range": b"1e999999",
            "64 MiB and more": b" " * (64 * 1024 * 1024 + 1),
        }
        schema = self.write("s.json", True)
        for title, text in hostile.items():
            with self.subTest(title):
                self.assertEqual(self.expect(INVALID, "--schema", schema, given=text).count("\n"), 1)

    def test_many_errors(self):
        """They end somewhere, and it is said."""
        schema = self.write("s.json", {"items": False})
        text = json.dumps([0] * 2000).encode()
        output = self.expect(INVALID, "--schema", schema, given=text).splitlines()
        self.assertEqual(output[-1], "standard input: there may be more errors")
        self.assertEqual(len(output), 1001)
        answer = json.loads(self.expect(INVALID, "--json", "--schema", schema, given=text))
        self.assertEqual((len(answer["errors"]), answer["complete"]), (1000, False))

    def test_long_lines(self):
        """A line of any length is one message; the next begins behind it."""
        schema = self.write("s.json", True)
        given = b" " * 3_000_000 + b"1\n2\n"
        output = self.expect(INVALID, "--schema", schema, "--lines", "--max-size", "1M", given=given).splitlines()
        self.assertIn("too large", output[0])
        self.assertEqual(output[1], "standard input:2: valid")

    def test_bad_schemas(self):
        os.mkfifo(os.path.join(self.folder, "fifo"))
        with open(os.path.join(self.folder, "large"), "wb") as out:
            out.truncate(16 * 1024 * 1024 + 1)
        for name, content, said in (
            ("absent", None, "absent cannot be read: No such file"),
            ("fifo", None, "fifo cannot be read: it is not a regular file"),
            (".", None, ". cannot be read: it is a folder"),
            ("large", None, "large cannot be read: it is too large"),
            ("s.json", b'{\n  "type": \n}', "s.json:3:1: unexpected token near '}'"),
            ("s.json", b'{"$ref":"http://a.example/"}', "s.json: #/$ref: http://a.example/ "),
            ("s.json", b'{"pattern":"("}', "s.json: #/pattern: "),
            ("s.json", b'{"\x1b[2J":', "s.json:1:"),
        ):
            with self.subTest(content or name):
                if content is not None:
                    self.write(name, content)
                errors = self.expect(WRONG, "--schema", name, given=b"1")
                self.assertIn(said, errors)
                self.assertNotIn("\x1b", errors)

    def test_wrong_command_lines(self):
        for arguments in (
            (), ("--schema",), ("--nonsense",), ("--format", "nonsense"), ("--document", SAMPLE, "--format", "email"),
            ("--no-formats", "--format", "email"), ("-c", "p.conf"), ("--endpoint", "/"), ("--endpoint", "/", "--schema", SAMPLE),
            ("-c", "p.conf", "--endpoint", "/", "--schema", SAMPLE),
            *(("--schema", SAMPLE, "--max-depth", value) for value in ("0", "33", "-1", "", "x", "9" * 30)),
        ):
            with self.subTest(arguments):
                self.expect(WRONG, *arguments)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([os.environ["PORTCULLISCTL_BIN"], "validate", "--schema", SAMPLE], input=line_of(GOOD), stdout=full,
                                  stderr=subprocess.PIPE, env=harness.environment(), timeout=harness.DEADLINE_S)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"could not be written", done.stderr)


if __name__ == "__main__":
    harness.main()
