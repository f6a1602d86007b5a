"""portcullis-schema-check: a schema and a value a line in, a verdict a line out."""

import json
import os
import signal
import subprocess
import unittest

import harness

GOOD = {"schema": {"type": "string"}, "data": "a"}
BAD = {"schema": {"type": "string"}, "data": 1}
MEBIBYTE = 1 << 20


def line(value):
    return json.dumps(value).encode() + b"\n"


class SchemaCheck(unittest.TestCase):
    def run_program(self, *options, **files):
        return subprocess.run(
            [os.environ["SCHEMA_CHECK_BIN"], *options],
            env=harness.environment(),
            stderr=subprocess.PIPE,
            timeout=harness.DEADLINE_S,
            check=False,
            **files,
        )

    def answers(self, given):
        done = self.run_program(input=given, stdout=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertTrue(done.stdout == b"" or done.stdout.endswith(b"\n"))
        return [json.loads(answer) for answer in done.stdout.splitlines()]

    def verdicts(self, given):
        """Of each line True, or the keyword of its first error."""
        return [answer["valid"] or answer["errors"][0]["keyword"] for answer in self.answers(given)]

    def test_lines_in_order(self):
        self.assertEqual(self.verdicts(line(GOOD) + line(BAD) + line(GOOD)), [True, "type", True])

    def test_an_error(self):
        schema = {"properties": {"a": {"items": {"maximum": 5}}}}
        (answer,) = self.answers(line({"schema": schema, "data": {"a": [1, 6]}}))
        self.assertEqual(list(answer), ["valid", "errors"])
        (error,) = answer["errors"]
        self.assertEqual(
            (error["path"], error["keyword"], error["location"]), ("/a/1", "maximum", "#/properties/a/items/maximum")
        )
        self.assertNotEqual(error["message"], "")

    def test_format_decides_when_asked(self):
        pair = {"schema": {"format": "email"}, "data": "a"}
        given = line(pair) + line({**pair, "format": False}) + line({**pair, "format": True})
        self.assertEqual(self.verdicts(given), [True, True, "format"])

    def test_numbers_are_what_the_line_says(self):
        lines = (
            (b'{"schema":{"const":1},"data":1.0000000000000000001}', "number_range"),
            (b'{"data" : [1.0000000000000000001] , "schema":{"items":{"type":"integer"}}}', "number_range"),
            (b'{"schema":{"const":0},"data":1e-400}', "number_range"),
            (b'{"schema":{"multipleOf":0.01,"x":"\\"data\\":1e-400"},"data":{"data":1e-400}}', "number_range"),
            (b'{"schema":{"x":[{"data":1e-400}],"y":"\\"}"},"data":1.5}', True),
            (b'{"schema":{"multipleOf":0.1},"data":0.30000000000000004}', "multipleOf"),
        )
        self.assertEqual(self.verdicts(b"\n".join(given for given, _ in lines)), [expected for _, expected in lines])

    def test_a_schema_that_is_none(self):
        (answer,) = self.answers(line({"schema": {"type": "strong"}, "data": "a"}))
        self.assertFalse(answer["valid"])
        self.assertIn("schema_error", answer)

    def test_lines_that_are_none(self):
        given = b'\n{}\n[]\nnull\n{"schema":true}\n{"data":1}\n{"schema":true,"data":1}x\n{"schema":true,"data":}\n'
        self.assertEqual(self.verdicts(given + line(GOOD)), ["json"] * 8 + [True])
        self.assertEqual(self.verdicts(b'{"schema":true,"schema":true,"data":1}\n'), ["json"])
        self.assertEqual(self.verdicts(b'{"schema":true,"data":1e999999}\n'), ["number_range"])

    def test_any_bytes(self):
        lines = (b"\0", b"\xff", b"\xef\xbb\xbf" + line(GOOD).strip(), b'{"schema":true,"data":"\xed\xa0\x80"}')
        self.assertEqual(self.verdicts(b"\n".join(lines) + b"\n" + line(GOOD)), ["bounds"] * 4 + [True])

    def test_long_names(self):
        """Cut where they may not be, they would make an answer that is no JSON."""
        for character in ("\u00e4", "\u20ac", "\U0001f600"):
            for count in range(60, 260, 7):
                name = character * count
                given = {"schema": {"properties": {name: False}, "required": [name + "x"]}, "data": {name: 1}}
                (answer,) = self.answers(json.dumps(given, ensure_ascii=False).encode())
                self.assertFalse(answer["valid"])
                self.assertIn("false", [error["keyword"] for error in answer["errors"]])
                (answer,) = self.answers(json.dumps({"schema": {"$ref": name}, "data": 1}, ensure_ascii=False).encode())
                self.assertEqual([error["keyword"] for error in answer["errors"]], ["$ref"])
                self.assertIn("schema_error", answer)

    def test_ends_of_input(self):
        self.assertEqual(self.answers(b""), [])
        self.assertEqual(self.verdicts(line(GOOD) + line(BAD).rstrip(b"\n")), [True, "type"])
        self.assertEqual(self.verdicts(line(GOOD).replace(b"\n", b"\r\n")), [True])

    def test_large_lines(self):
        """They are answered, and so is what is behind them."""
        given = line({"schema": {"type": "string", "maxLength": 5}, "data": "a" * (10 * MEBIBYTE)})
        self.assertEqual(self.verdicts(given + line(GOOD)), ["maxLength", True])
        self.assertEqual(self.verdicts(b"[" * (10 * MEBIBYTE) + b"\n" + line(GOOD)), ["bounds", True])

    def test_a_line_that_is_too_large(self):
        """What is too much of it is not kept."""
        given = b'{"schema":true,"data":"' + b"a" * (65 * MEBIBYTE) + b'"}\n'
        self.assertEqual(self.verdicts(given + line(GOOD)), ["bounds", True])

    def test_command_line(self):
        for wrong in (("--nonsense",), ("file",)):
            done = self.run_program(*wrong, input=b"", stdout=subprocess.PIPE)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(b"usage: portcullis-schema-check", done.stderr)
        for option, expected in (("--help", b"usage: portcullis-schema-check"), ("--version", b"portcullis-schema-check ")):
            done = self.run_program(option, input=b"", stdout=subprocess.PIPE)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertTrue(done.stdout.startswith(expected))

    def test_answers_that_nobody_takes(self):
        with open("/dev/full", "wb") as full:
            done = self.run_program(input=line(GOOD), stdout=full)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)
        done = self.run_program(input=line(GOOD), stdout=subprocess.DEVNULL, preexec_fn=lambda: os.close(1))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"Bad file descriptor", done.stderr)
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb") as gone:
            done = self.run_program(input=line(GOOD), stdout=gone)
        self.assertEqual((done.returncode, done.stderr), (-signal.SIGPIPE, b""))

    def test_input_that_cannot_be_read(self):
        folder = os.open("/", os.O_RDONLY)
        self.addCleanup(os.close, folder)
        done = self.run_program(stdin=folder, stdout=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"Is a directory", done.stderr)


if __name__ == "__main__":
    unittest.main()
