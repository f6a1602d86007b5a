"""The program's options, and config files that it must not start with."""

import os
import subprocess
import tempfile
import unittest

import harness

GOOD = harness.config_text(
    {"listeners": harness.DEFAULT_LISTENERS, "admin": {"address": ""}, "endpoints": harness.DEFAULT_ENDPOINTS}
)
LIBRARIES = ("civetweb", "OpenSSL", "libconfig", "zlib", "jansson", "libcurl", "SQLite", "glibc")


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="portcullis-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.file = os.path.join(self.folder, "portcullis.conf")

    def run_program(self, *arguments):
        done = subprocess.run(
            [harness.program(), *arguments],
            cwd=self.folder,
            env=harness.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=harness.DEADLINE_S,
        )
        errors = done.stderr.decode("utf-8", "backslashreplace")
        self.assertIsNone(harness.SANITIZER_REPORT.search(errors), errors)
        return done.returncode, done.stdout.decode("utf-8", "backslashreplace"), errors

    def check(self, text):
        with open(self.file, "wb") as out:
            out.write(text if isinstance(text, bytes) else text.encode())
        return self.run_program("-c", self.file, "--check-config")

    def test_version(self):
        code, output, _ = self.run_program("--version")
        self.assertEqual(code, 0)
        self.assertTrue(output.startswith("portcullis "))
        for library in LIBRARIES:
            self.assertRegex(output, rf"{library} \d+\.\d+")

    def test_help(self):
        code, output, _ = self.run_program("--help")
        self.assertEqual(code, 0)
        for option in ("-c", "--check-config", "--version", "--help"):
            self.assertIn(option, output)

    def test_unknown_option(self):
        code, output, errors = self.run_program("--nonsense")
        self.assertNotEqual(code, 0)
        self.assertIn("--nonsense", errors)
        self.assertEqual(output, "")

    def test_good_file(self):
        code, _, errors = self.check(GOOD)
        self.assertEqual((code, errors), (0, ""))

    def test_every_error_is_told(self):
        """With its line and key, and an unknown key with the nearest one that exists."""
        lines = [
            "limits = {",
            "  max_mesage = 1000;",
            '  max_fragments = "many";',
            "  max_head = 1;",
            "};",
            'log = { level = "loud"; };',
        ]
        code, _, errors = self.check(GOOD + "\n".join(lines) + "\n")
        self.assertEqual(code, 1)
        first = GOOD.count("\n") + 1
        for offset, key in ((1, "max_mesage"), (2, "max_fragments"), (3, "max_head"), (5, "level")):
            self.assertRegex(errors, rf"(?m)^{self.file}:{first + offset}: .*{key}")
        self.assertIn("max_message", errors)

    def test_hostile_files(self):
        hostile = {
            "nothing but NUL": b"\0" * 100,
            "NUL inside": GOOD.encode() + b"\0",
            "not UTF-8": b"listeners = \xff\xfe;",
            "2 MiB": GOOD.encode() + b"# padding\n" * 200_000,
            "a long line": b"a" * 900_000,
            "deep groups": b"a = { " * 50_000 + b"};" * 50_000,
            "deep lists": b"a = " + b"(" * 100_000,
            "an include of itself": b'@include "portcullis.conf"\n',
            "an include of a folder": b'@include "."\n',
            "an integer past 32 bits": b"pool = { lobby_threads = 4294967298; };",
            "an integer past 64 bits": b"limits = { max_message = 18446744073709551617; };",
            "a negative integer": b"limits = { max_message = -1; };",
            "a string without end": b'log = { file = "',
            "a float": b"limits = { max_message = 1e999; };",
            "a duplicate": b"limits = { }; limits = { };",
        }
        for title, text in hostile.items():
            with self.subTest(title):
                code, output, errors = self.check(text)
                self.assertEqual(code, 1, output)
                self.assertIn(self.file + ":", errors)

    def test_absent_file(self):
        code, _, errors = self.run_program("-c", self.file)
        self.assertNotEqual(code, 0)
        self.assertIn(self.file, errors)

    @unittest.skipIf(os.path.exists("/etc/portcullis/portcullis.conf"), "this machine has a config file of its own")
    def test_no_file_at_all(self):
        """Both places where one was looked for are named."""
        for options in ((), ("--check-config",)):
            with self.subTest(options):
                code, output, errors = self.run_program(*options)
                self.assertEqual((code, output), (1, ""))
                self.assertIn("neither etc/portcullis.conf nor /etc/portcullis/portcullis.conf", errors)

    def test_key_that_others_may_read(self):
        certificate, key = harness.make_certificate(self.folder)
        sections = {
            "listeners": ({"address": "127.0.0.1:0", "tls": True},),
            "admin": {"address": ""},
            "tls": {"certificate": certificate, "key": key},
            "endpoints": harness.DEFAULT_ENDPOINTS,
        }
        code, _, errors = self.check(harness.config_text(sections))
        self.assertEqual((code, errors), (0, ""))
        os.chmod(key, 0o644)
        code, _, errors = self.check(harness.config_text(sections))
        self.assertEqual(code, 1)
        self.assertIn(key, errors)

    def test_address_in_use(self):
        with harness.Server() as server:
            text = GOOD.replace("127.0.0.1:0", f"127.0.0.1:{server.ports[0]}")
            with open(self.file, "w", encoding="utf-8") as out:
                out.write(text)
            code, output, errors = self.run_program("-c", self.file)
            self.assertNotEqual(code, 0)
            self.assertIn(str(server.ports[0]), output + errors)


if __name__ == "__main__":
    harness.main()
