"""portcullis-email-check: an address a line in, a diagnosis a line out."""

import os
import signal
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

    def test_a_line_of_ten_mebibytes(self):
        """It costs nobody behind it an answer, and no memory: what the program may have at all is less than the line."""
        line = b"a" * (10 << 20)
        self.assertEqual(self.answers(line + b"\na@b\n"), ["too_long", "valid"])
        self.assertEqual(self.answers(b"a@b\n" + line), ["valid", "too_long"])  # without an end, too

    def test_ends_of_addresses_by_nul(self):
        """So that an address can be asked for that has an end of line in it."""
        given = b'a@b\0a@b\n\0\r\n a@b\0"\n"@b\0\0a@b'
        self.assertEqual(
            self.answers(given, "--null"), ["valid", "control", "control", "quote_character", "empty", "valid"]
        )
        self.assertEqual(self.answers(b"\r\n a@b\0a@b\r\n\0", "-0c"), ["valid", "folding"])

    def test_options(self):
        cases = {
            "--comments": (b"(c)a@b", "comment"),
            "--international": (b"\xc3\xa4@b", "not_ascii"),
            "--general-literals": (b"a@[x:y]", "literal_tag"),
            "--obsolete": (b'"a".b@c', "obsolete"),
            "-o": (b"a@[IPv6:1:2:3:4:5:6:7::]", "literal_elision"),
        }
        for option, (address, without) in cases.items():
            with self.subTest(option):
                self.assertEqual(self.answers(address), [without])
                self.assertEqual(self.answers(address, option), ["valid"])
        self.assertEqual(self.answers(b"a@b\na@b.c\n", "--require-tld"), ["tld_missing", "valid"])
        self.assertEqual(self.answers(b"\xc2\x85@b", "-il"), ["character"])
        self.assertEqual(self.answers(b"a@\xc3\x84\na@\xc3\xa4\n", "-i"), ["domain_idn", "valid"])
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

    def run_with(self, **files):
        program = [os.environ["EMAIL_CHECK_BIN"]]
        return subprocess.run(
            program, env=harness.environment(), stderr=subprocess.PIPE, timeout=harness.DEADLINE_S, check=False, **files
        )

    def test_answers_that_nobody_takes(self):
        with open("/dev/full", "wb") as full:
            done = self.run_with(input=b"a@b\n", stdout=full)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)
        done = self.run_with(input=b"a@b\n", stdout=subprocess.DEVNULL, preexec_fn=lambda: os.close(1))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"Bad file descriptor", done.stderr)

    def test_a_reader_that_went(self):
        """The rule of pipes: nobody is told, and nothing goes on."""
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb") as gone:
            done = self.run_with(input=b"a@b\n" * 100000, stdout=gone)
        self.assertEqual((done.returncode, done.stderr), (-signal.SIGPIPE, b""))

    def test_input_that_cannot_be_read(self):
        folder = os.open("/", os.O_RDONLY)
        self.addCleanup(os.close, folder)
        done = self.run_with(stdin=folder, stdout=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"Is a directory", done.stderr)


if __name__ == "__main__":
    unittest.main()
