"""Schemas of endpoints: what --check-config says of their files, and that a reload takes all of them or none."""

import json
import os
import signal
import subprocess
import tempfile
import unittest

import harness
import rawws

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}  # what "a" and 1 are valid by, either by one alone
ENDPOINTS = tuple(
    {"path": f"/{name}", "rules": {"schema": f"{name}.json", "max_violations": 0}} for name in ("first", "second")
) + harness.DEFAULT_ENDPOINTS


def write_json(folder, name, value):
    """Whole or not at all; text goes in as it is."""
    path = os.path.join(folder, name)
    with open(path + ".new", "w", encoding="utf-8") as out:
        out.write(value if isinstance(value, str) else json.dumps(value))
    os.rename(path + ".new", path)
    return path


class CheckConfig(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="portcullis-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.file = os.path.join(self.folder, "portcullis.conf")

    def check(self, text):
        with open(self.file, "w", encoding="utf-8") as out:
            out.write(text)
        done = subprocess.run(
            [harness.program(), "-c", self.file, "--check-config"],
            env=harness.environment(),
            capture_output=True,
            timeout=harness.DEADLINE_S,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_good(self):
        write_json(self.folder, "s.json", {"$ref": "https://a.example/d"})
        write_json(self.folder, "d.json", {"$id": "https://a.example/d", **TEXT})
        code, output, errors = self.check(
            'endpoints = ( { path = "/"; rules = { schema = "s.json"; schema_documents = [ "d.json" ]; }; } );')
        self.assertEqual((code, output, errors), (0, f"{self.file}: ok\n", ""))

    def test_every_error_with_its_place(self):
        bad = {
            "absent.json": (None, "cannot be read: No such file or directory", None),
            "text.json": ('{\n  "type": "object"\n  "title": "no comma"\n}\n', "cannot be used", ":3:9: '}' expected near '\"title\"'"),
            "type.json": ({"properties": {"a": {"type": "text"}}}, "cannot be used", ": #/properties/a/type: "),
            "pattern.json": ({"pattern": "("}, "cannot be used", ": #/pattern: "),
            "reference.json": ({"$ref": "https://a.example/"}, "cannot be used", ": #/$ref: "),
        }
        endpoints = ""
        for name, (content, _, _) in bad.items():
            if content is not None:
                write_json(self.folder, name, content)
            endpoints += f'{{ path = "/{name}"; rules = {{ schema = "{name}"; }}; }},\n'
        code, output, errors = self.check(f'endpoints = (\n{endpoints}{{ path = "/"; }} );')
        self.assertEqual((code, output), (1, ""))
        lines = iter(errors.splitlines())
        for index, (name, (_, in_config, in_file)) in enumerate(bad.items()):
            path = os.path.join(self.folder, name)
            self.assertEqual(next(lines), f"{self.file}:{index + 2}: endpoints[{index}].rules.schema: {path} {in_config}")
            if in_file is not None:
                self.assertTrue(next(lines).startswith(path + in_file))
        self.assertEqual(list(lines), [])

    def test_large(self):
        """Ten megabytes are a schema like any other."""
        write_json(self.folder, "s.json", {"properties": {f"member{n}": TEXT for n in range(300_000)}})
        self.assertGreater(os.path.getsize(os.path.join(self.folder, "s.json")), 10_000_000)
        code, _, errors = self.check('endpoints = ( { path = "/"; rules = { schema = "s.json"; }; } );')
        self.assertEqual((code, errors), (0, ""))


class Server(harness.Server):
    """The files that its config names are there when it starts."""

    def write_config(self, text=None):
        for name in ("first.json", "second.json"):
            write_json(self.folder, name, TEXT)
        super().write_config(text)


class Reload(harness.ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(endpoints=ENDPOINTS)
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        cls.baseline = cls.server.open_fds()

    def setUp(self):
        self.reload("reloaded", first=TEXT, second=TEXT)

    def reload(self, event, **schemas):
        """Returns what the log says meanwhile."""
        for name, schema in schemas.items():
            write_json(self.server.folder, f"{name}.json", schema)
        mark = self.server.mark()
        self.server.signal(signal.SIGHUP)
        self.server.wait_log(event, after=mark)
        return self.server.records()[mark:]

    def expect(self, peer, good, bad):
        """The one message comes back, the other is refused."""
        peer.echo(good)
        peer.send(rawws.text(bad))
        got = peer.read_message()
        self.assertEqual(json.loads(got.payload)["error"]["code"], "schema")

    def expect_new(self, path, good, bad):
        with self.server.session(path) as peer:
            self.expect(peer, good, bad)
            peer.finish()

    def test_changed_files(self):
        """They are taken up though the config is as it was; sessions keep what they began with."""
        with self.server.session("/first") as before:
            self.expect(before, '"a"', "1")
            self.reload("reloaded", first=NUMBER)
            self.expect(before, '"a"', "1")
            self.expect_new("/first", "1", '"a"')
            self.expect_new("/second", '"a"', "1")
            self.reload("reloaded", first=True)
            self.expect(before, '"a"', "1")
            before.finish()

    def test_all_or_nothing(self):
        """One that is wrong keeps the good ones out, too."""
        for broken, said in (("{", ":1:1: "), ({"type": "text"}, ": #/type: ")):
            with self.subTest(broken), self.server.session("/second") as before:
                records = self.reload("reload_refused", first=NUMBER, second=broken)
                told = [record["line"] for record in records if record["event"] == "config"]
                self.assertEqual(len(told), 2, told)
                self.assertIn("endpoints[1].rules.schema: ", told[0])
                self.assertIn("second.json" + said, told[1])
                self.expect(before, '"a"', "1")
                self.expect_new("/first", '"a"', "1")
                self.expect_new("/second", '"a"', "1")
                before.finish()

    def test_file_gone(self):
        os.remove(os.path.join(self.server.folder, "first.json"))
        self.reload("reload_refused")
        self.expect_new("/first", '"a"', "1")

    def test_fifo(self):
        """Nobody waits for a writer."""
        path = os.path.join(self.server.folder, "first.json")
        os.remove(path)
        os.mkfifo(path)
        records = self.reload("reload_refused")
        self.assertIn("is not a regular file", str(records))
        self.expect_new("/first", '"a"', "1")


if __name__ == "__main__":
    harness.main()
