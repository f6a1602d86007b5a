"""The manual pages say what the program says of itself: every key with its type, range and default, and every option."""

import os
import re
import subprocess
import unittest

import harness

MANUAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "etc", "man")
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "server")
CAUSE = re.compile(r'^ +X\([A-Z_]+, "([a-z_]+)"', re.MULTILINE)  # a row of a table of causes
# A call that writes a line of the audit file: its first text is the event.
AUDITED = re.compile(r'\b(?:audit_(?:event|write|file)|log_audit|log_write_audit)\w*\([^";]*"([a-z_]+)"')
KEY = re.compile(r"^([a-z_.\[\]]+): (group|.*?; (?:reload|restart))\. ")  # as --help-config prints it
OPTION = re.compile(r"(?<!\w)--?[A-Za-z][a-z-]*")


def page(name):
    """A page's source, with the escapes taken out that stand for one character."""
    with open(os.path.join(MANUAL, name), encoding="ascii") as source:
        return source.read().replace("\\-", "-").replace("\\(sc", "§").replace("\\(dq", '"')


def output(option):
    command = [harness.program(), option]
    done = subprocess.run(command, env=harness.environment(), capture_output=True, check=True, timeout=harness.DEADLINE_S)
    return done.stdout.decode()


class Manual(unittest.TestCase):
    def test_every_key(self):
        """One entry a key, in the order of the table, and none that is no key."""
        keys = page("portcullis.conf.5").partition("\n.SH KEYS\n")[2].partition("\n.SH ")[0]
        told = re.findall(r"^\.TP\n\.B (\S+)\n(.*)\.$", keys, re.MULTILINE)
        wanted = [KEY.match(line) for line in output("--help-config").splitlines()]
        self.assertNotIn(None, wanted)
        self.assertGreater(len(wanted), 0)
        self.assertEqual(told, [match.groups() for match in wanted])

    def test_every_option(self):
        options = set(OPTION.findall(output("--help")))
        self.assertIn("--help-config", options)
        told = set(OPTION.findall(page("portcullis.8").replace("\\fI", " ")))
        self.assertLessEqual(options, told)

    def test_every_refusal(self):
        """One entry a cause in the tables of the source, in their order, and none that is no cause."""
        causes = []
        for table in ("lobby/lobby.h", "door/decide.h"):
            with open(os.path.join(SOURCE, table), encoding="utf-8") as source:
                causes += CAUSE.findall(source.read())
        self.assertGreater(len(causes), 0)
        told = page("portcullis.8").partition("\n.SS request_refused\n")[2].partition("\n.SS ")[0]
        self.assertEqual(re.findall(r"^\.TP\n\.B (\S+)\n(?=.)", told, re.MULTILINE), causes)

    def test_every_end_of_a_session(self):
        with open(os.path.join(SOURCE, "session/cause.h"), encoding="utf-8") as source:
            causes = CAUSE.findall(source.read())
        told = page("portcullis.8").partition("\n.SS session_end\n")[2].partition("\n.SS ")[0]
        self.assertEqual(re.findall(r"^\.TP\n\.B (\S+)\n(?=.)", told, re.MULTILINE), causes)

    def test_every_violation(self):
        with open(os.path.join(SOURCE, os.pardir, "validate", "rules.h"), encoding="utf-8") as source:
            violations = CAUSE.findall(source.read())
        self.assertEqual(violations.pop(0), "none")
        told = page("portcullis.8").partition("\n.SS message_invalid\n")[2].partition("\n.SS ")[0]
        self.assertEqual(re.findall(r"^\.TP\n\.B (\S+)\n(?=.)", told, re.MULTILINE), violations)

    def test_every_event_of_the_audit_file(self):
        """One entry an event that the source has for it."""
        events = set()
        for folder, _, files in os.walk(SOURCE):
            for name in files:
                if name.endswith(".c"):
                    with open(os.path.join(folder, name), encoding="utf-8") as source:
                        events.update(AUDITED.findall(source.read()))
        self.assertIn("session_end", events)
        told = page("portcullis.8").partition("\n.SH AUDIT FILE\n")[2].partition("\n.SS ")[0]
        self.assertEqual(set(re.findall(r"^\.TP\n\.B (\S+)\n(?=.)", told, re.MULTILINE)), events)

    def test_every_verdict_on_a_token(self):
        with open(os.path.join(SOURCE, os.pardir, "auth", "token.h"), encoding="utf-8") as source:
            verdicts = CAUSE.findall(source.read())
        self.assertEqual(verdicts.pop(0), "ok")
        told = page("portcullis.8").partition("\n.SS Tokens\n")[2].partition("\n.SS ")[0]
        self.assertEqual(re.findall(r"^\.TP\n\.B (\S+)\n(?=.)", told, re.MULTILINE), verdicts)

    def test_pages_are_well_formed(self):
        """No line that roff would take for a request it does not know, nor one cut off behind a backslash."""
        known = {".B", ".BI", ".BR", ".I", ".IB", ".IP", ".IR", ".PP", ".RB", ".RE", ".RI", ".RS", ".SH", ".SS", ".TH", ".TP", ".br", ".fi", ".nf"}
        for name in ("portcullis.8", "portcullis.conf.5", "portcullisctl.1"):
            with self.subTest(name):
                lines = page(name).splitlines()
                self.assertTrue(lines[0].startswith(".TH PORTCULLIS"))
                self.assertLessEqual({line.split()[0] for line in lines if line.startswith((".", "'"))}, known)
                self.assertEqual([line for line in lines if line.endswith("\\") or not line], [])


if __name__ == "__main__":
    harness.main()
