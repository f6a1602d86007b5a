"""portcullis-email-check: an address a line in, a diagnosis a line out."""

import os
import subprocess
import unittest

import harness


class EmailCheck(unittest.TestCase):
    def run_program(self, given, *options):
        done = subprocess.run(
            [os.environ["EMAIL_CHECK_BIN"], *options],
            input=given,
            env=harness.environment(),
            capture_output=True,
            timeout=harness.DEADLINE_S,
        )
        errors = done.stderr.decode("utf-8", "backslashreplace")
        self.assertIsNone(harness.SANITIZER_REPORT.search(errors), errors)
        return done.returncode, done.stdout.decode(), errors

    def answers(self, given, *options):
        code, output, errors = self.run_program(given, *options)
        self.assertEqual((code, errors), (0, ""))
        self.assertTrue(output == "" or output.endswith("\n"))
        return output.splitlines()

    def test_lines_in_order(self):
        given = b'a@example.org\na b@c\n"a b"@c\na@[127.0.0.1]\na\n'
        self.assertEqual(self.answers(given), ["valid", "white_space", "valid", "valid", "no_at"])

    def test_ends_of_lines_and_of_input(self):
        self.assertEqual(self.answers(b""), [])
        self.assertEqual(self.answers(b"\n"), ["empty"])
        self.assertEqual(self.answers(b"\n\na@b"), ["empty", "empty", "valid"])
        self.assertEqual(self.answers(b"a@b\r\na@b"), ["control", "valid"])  # only LF ends a line

    def test_any_bytes(self):
        self.assertEqual(self.answers(b'a@b\0c\n\0\n"\0"@b\n'), ["control", "control", "quote_character"])
        self.assertEqual(self.answers(b"\xff@b\n\xc3\xa4@b\n"), ["not_ascii", "not_ascii"])

    def test_any_size(self):
        given = b"\n".join([b"a" * (1 << 20), b"a@b", b"@" * 100000, b"(" * 100000, b"a@b", b"x@" + b"y." * 100000])
        self.assertEqual(self.answers(given), ["too_long", "valid", "too_long", "too_long", "valid", "too_long"])

    def test_options(self):
        cases = {
            "--comments": (b"(c)a@b", "comment"),
            "--international": (b"\xc3\xa4@b", "not_ascii"),
            "--general-literals": (b"a@[x:y]", "literal_tag"),
            "--obsolete": (b'"a".b@c', "obsolete"),
        }
        for option, (address, without) in cases.items():
            with self.subTest(option):
                self.assertEqual(self.answers(address), [without])
                self.assertEqual(self.answers(address, option), ["valid"])
        self.assertEqual(self.answers(b"a@b\na@b.c\n", "--require-tld"), ["tld_missing", "valid"])
        self.assertEqual(self.answers(b"a", "--explain"), ["no_at\tThere is no @ behind the local part."])

    def test_answers_line_by_line(self):
        program = [os.environ["EMAIL_CHECK_BIN"]]
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as running:
            self.addCleanup(running.kill)
            for address, expected in ((b"a@b\n", b"valid\n"), (b"a\n", b"no_at\n")):
                running.stdin.write(address)
                answer = b""
                while not answer.endswith(b"\n"):
                    piece = running.stdout.read(100)
                    self.assertNotEqual(piece, b"")
                    answer += piece
                self.assertEqual(answer, expected)
            running.stdin.close()
            self.assertEqual(running.wait(harness.DEADLINE_S), 0)

    def test_command_line(self):
        for wrong in (("--nonsense",), ("a@b",)):
            code, output, errors = self.run_program(b"", *wrong)
            self.assertEqual((code, output), (2, ""))
            self.assertIn("usage: portcullis-email-check", errors)
        code, output, _ = self.run_program(b"", "--help")
        self.assertEqual(code, 0)
        self.assertIn("--comments", output)

    def test_answers_that_nobody_takes(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [os.environ["EMAIL_CHECK_BIN"]],
                input=b"a@b\n",
                stdout=full,
                stderr=subprocess.PIPE,
                env=harness.environment(),
                timeout=harness.DEADLINE_S,
            )
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)


if __name__ == "__main__":
    unittest.main()
