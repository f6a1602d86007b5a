"""When certificates end: told at start, at a reload and by --check-config, in time; and served all the same."""

import datetime
import signal
import subprocess
import tempfile
import unittest

import certificates
import harness

TLS_LISTENER = ({"address": "127.0.0.1:0", "tls": True},)


def in_days(days):
    """A moment as openssl writes it."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return moment.strftime("%Y%m%d%H%M%SZ")


class Expiry(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="portcullis-test-")
        cls.addClassCleanup(folder.cleanup)
        make = lambda title, **options: certificates.make(folder.name, title, names=(f"DNS:{title}.test",), **options)
        # Half a day beside whole ones, so that it does not matter how long the test takes.
        cls.rows = {
            "valid": (make("valid", ends=in_days(90.5)), "info", "90", "valid"),
            "soon": (make("soon", ends=in_days(5.5)), "warning", "5", "it ends soon: renew it"),
            "today": (make("today", ends=in_days(0.5)), "warning", "0", "it ends soon: renew it"),
            "expired": (make("expired", ends=in_days(-2.5)), "error", "-3", "it has expired"),
            "early": (make("early", begins=in_days(3), ends=in_days(60.5)), "error", "60", "it is not valid yet"),
            "far": (make("far", ends="99991231235959Z"), "info", None, "valid"),
        }
        default, *others = (row[0].config for row in cls.rows.values())
        cls.tls = {**default, "certificates": tuple(others)}

    def start(self, **tls):
        server = harness.Server(listeners=TLS_LISTENER, tls={**self.tls, **tls})
        self.addCleanup(server.close)
        return server.start()

    def assert_lines(self, records):
        by_names = {record["names"]: record for record in records if record["event"] == "certificate"}
        self.assertEqual(len(by_names), len(self.rows))
        for title, (made, level, days, detail) in self.rows.items():
            with self.subTest(title):
                record = by_names[f"{title}.test"]
                self.assertEqual(record["file"], made.file)
                self.assertEqual(record["level"], level)
                self.assertTrue(record["detail"].startswith(detail), record["line"])
                if days is not None:
                    self.assertEqual(record["days_left"], days)
        self.assertEqual(by_names["far.test"]["not_after"], "9999-12-31T23:59:59Z")

    def test_start_and_reload(self):
        server = self.start()
        self.assert_lines(server.records())
        mark = server.mark()
        server.signal(signal.SIGHUP)
        server.wait_log("reloaded", after=mark)
        self.assert_lines(server.records()[mark:])
        with server.session(server_name="expired.test") as peer:  # old beats none
            self.assertEqual(peer.sock.getpeercert(binary_form=True), self.rows["expired"][0].der)
            peer.echo("hello")
            peer.finish()
        server.stop()

    def test_chain(self):
        """What stands behind the leaf ends as well: it is told of at start, daily and by --check-config, with its place."""
        with tempfile.TemporaryDirectory(prefix="portcullis-test-") as folder:
            authority = certificates.make_authority(folder, "authority")
            good = certificates.make_authority(folder, "good", issuer=authority)
            extra = ("basicConstraints = critical,CA:TRUE",)
            old = certificates.make(folder, "old", issuer=authority, ends=in_days(-2.5), extra=extra, names=("DNS:a.test",))
            soon = certificates.make(folder, "soon", issuer=old, ends=in_days(5.5), extra=extra, names=("DNS:a.test",))
            leaf = certificates.make(folder, "leaf", issuer=soon, ends=in_days(90.5), names=("DNS:leaf.test",))
            with open(leaf.file, "ab") as chain:
                for link in (good, soon, old):
                    with open(link.file, "rb") as source:
                        chain.write(source.read())
            server = harness.Server(listeners=TLS_LISTENER, tls=leaf.config)
            self.addCleanup(server.close)
            server.start()
            seen = [
                (record["place"], record["subject"], record["level"], record["days_left"], record["file"])
                for record in server.records("certificate_chain")
            ]
            expected = [("3", "CN=soon", "warning", "5", leaf.file), ("4", "CN=old", "error", "-3", leaf.file)]
            self.assertEqual(seen, expected)
            self.assertEqual(server.records("certificate")[0]["level"], "info")
            command = [harness.program(), "-c", server.config_file, "--check-config"]
            done = subprocess.run(command, capture_output=True, env=harness.environment(), timeout=harness.rawws.DEADLINE_S)
            lines = done.stderr.decode().splitlines()
            self.assertEqual(done.returncode, 0)
            self.assertEqual(len(lines), 2, lines)
            for line, (place, _, _, days, file) in zip(lines, expected):
                self.assertTrue(line.startswith(f"warning: {file}: certificate {place}: "), line)
                self.assertIn(f"({days} days left)", line)
            server.stop()

    def test_period(self):
        """With none the ends are not warned of, only what has ended is."""
        server = self.start(expiry_warning=0)
        levels = [record["level"] for record in server.records("certificate")]
        self.assertEqual((levels.count("warning"), levels.count("error")), (0, 2))
        server.stop()

    def test_check_config(self):
        server = harness.Server(listeners=TLS_LISTENER, tls=self.tls)
        self.addCleanup(server.close)
        server.write_config()
        command = [harness.program(), "-c", server.config_file, "--check-config"]
        done = subprocess.run(command, capture_output=True, env=harness.environment(), timeout=harness.rawws.DEADLINE_S)
        self.assertEqual(done.returncode, 0)
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), 4, lines)
        for title in ("soon", "today", "expired", "early"):
            made, _, days, detail = self.rows[title]
            found = [line for line in lines if line.startswith(f"warning: {made.file}: ")]
            self.assertEqual(len(found), 1, lines)
            self.assertIn(f"({days} days left): {detail}", found[0])


if __name__ == "__main__":
    harness.main()
