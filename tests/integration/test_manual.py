"""The manual pages say what the program says of itself: every key with its type, range and default, and every option."""

import json
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


def output(option, program=None):
    command = [program or harness.program(), option]
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

    def test_every_option_of_the_programs_that_check(self):
        for name in ("email", "schema"):
            with self.subTest(name):
                summary = output("--help", os.environ[f"{name.upper()}_CHECK_BIN"])
                options = re.findall(r"^  (-\S), (--\S+) ", summary, re.MULTILINE)
                self.assertIn(("-V", "--version"), options)
                told = page(f"portcullis-{name}-check.1").partition("\n.SH OPTIONS\n")[2].partition("\n.SH ")[0]
                self.assertEqual(re.findall(r'^\.TP\n\.BR (-\S) ", " (--\S+)$', told, re.MULTILINE), options)

    def test_every_diagnosis_of_an_address(self):
        """One entry a row of the table in the source, in its order and words, and none that is no diagnosis."""
        with open(os.path.join(SOURCE, os.pardir, "validate", "email.h"), encoding="utf-8") as source:
            rows = re.findall(r'^ +X\([A-Z0-9_]+, "(\w+)",\s*\\?\s*"([^"]+)"\)', source.read(), re.MULTILINE)
        self.assertEqual(rows[0][0], "valid")
        told = page("portcullis-email-check.1").partition("\n.SH DIAGNOSES\n")[2].partition("\n.SH ")[0]
        self.assertEqual(re.findall(r"^\.TP\n\.B (\S+)\n(.*)$", told, re.MULTILINE), rows)

    def test_every_member_of_an_answer_about_a_schema(self):
        program = [os.environ["SCHEMA_CHECK_BIN"]]
        given = b'{"schema":{"type":1},"data":1}\n'
        done = subprocess.run(
            program, input=given, env=harness.environment(), capture_output=True, check=True, timeout=harness.DEADLINE_S
        )
        answer = json.loads(done.stdout)
        told = page("portcullis-schema-check.1").partition("\n.SH OUTPUT\n")[2].partition("\n.SH ")[0]
        self.assertEqual(re.findall(r"^\.TP\n\.B (\S+)$", told, re.MULTILINE), list(answer))
        members = re.findall(r"^\.B (\S+)\n(?:is |the |where |says )", told, re.MULTILINE)
        self.assertEqual(members, list(answer["errors"][0]))

    def test_examples(self):
        """What a page shows that a command prints is what it prints."""
        for name in ("email", "schema"):
            program = f"portcullis-{name}-check"
            example = page(f"{program}.1").partition("\n.SH EXAMPLES\n.nf\n")[2].partition("\n.fi\n")[0]
            command, _, printed = example.replace("\\(aq", "'").replace("\\e", "\\").partition("\n")
            self.assertTrue(command.startswith("$ ") and command.endswith(f"| {program}"), command)
            done = subprocess.run(
                ["sh", "-c", command[2:].replace(program, '"$1"'), "sh", os.environ[f"{name.upper()}_CHECK_BIN"]],
                env=harness.environment(), capture_output=True, check=True, timeout=harness.DEADLINE_S,
            )
            self.assertEqual(done.stdout.decode(), printed + "\n")

    def test_pages_are_well_formed(self):
        """No line that roff would take for a request it does not know, nor one cut off behind a backslash."""
        known = {".B", ".BI", ".BR", ".I", ".IB", ".IP", ".IR", ".PP", ".RB", ".RE", ".RI", ".RS", ".SH", ".SS", ".TH", ".TP", ".br", ".fi", ".nf"}
        for name in sorted(os.listdir(MANUAL)):
            with self.subTest(name):
                lines = page(name).splitlines()
                self.assertTrue(lines[0].startswith(".TH PORTCULLIS"))
                self.assertLessEqual({line.split()[0] for line in lines if line.startswith((".", "'"))}, known)
                self.assertEqual([line for line in lines if line.endswith("\\") or not line], [])


if __name__ == "__main__":
    harness.main()
