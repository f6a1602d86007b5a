"""SIGHUP: a good file is taken whole, a broken one refused whole, and no session notices either."""

import os
import signal

import harness
from load import Load

PLAIN, TLS = 0, 1
CLIENTS = 16
ROUNDS = 20


class Reload(harness.ServerCase):
    settings = {"listeners": ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})}

    def setUp(self):
        self.good = harness.config_text(self.server.sections)

    def tearDown(self):
        self.reload(self.good, "reloaded")
        super().tearDown()

    def reload(self, text, event):
        mark = self.server.mark()
        self.server.write_config(text)
        self.server.signal(signal.SIGHUP)
        return self.server.wait_log(event, after=mark)

    def test_broken_files_under_load(self):
        broken = {
            "a syntax error": 'listeners = ( { address = "127.0.0.1:0"; ',
            "an unknown key": self.good + "nonsense = 1;\n",
            "a wrong type": self.good + 'pool = "many";\n',
            "a value out of range": self.good + "limits = { max_message = -1; };\n",
            "an include": self.good + '@include "."\n',
            "NUL": self.good + "\0",
            "no certificate": self.good.replace("server.crt", "absent.crt"),
        }
        with Load(self.server, CLIENTS, (PLAIN, TLS)) as load:
            for title, text in broken.items():
                with self.subTest(title):
                    mark = self.server.mark()
                    record = self.reload(text, "reload_refused")
                    self.assertEqual(record["level"], "error")
                    reasons = [line["line"] for line in self.server.records()[mark:] if "portcullis.conf" in line["line"]]
                    self.assertTrue(reasons or "absent.crt" in str(self.server.records()[mark:]), "no reason in the log")
                    self.assert_served(PLAIN)
                    self.assert_served(TLS)
            load.stop()
            self.assertEqual(load.errors, [])
            self.assertEqual(load.codes, [1000] * CLIENTS)

    def test_file_gone(self):
        os.rename(self.server.config_file, self.server.config_file + ".away")
        mark = self.server.mark()
        self.server.signal(signal.SIGHUP)
        self.server.wait_log("reload_refused", after=mark)
        self.assert_served()

    def test_new_endpoint(self):
        """New sessions see the new config; those that are open keep theirs."""
        sections = dict(self.server.sections)
        sections["endpoints"] = (
            {"path": "/new", "handler": "echo", "reply_prefix": "new: "},
            {"path": "/echo", "handler": "echo", "reply_prefix": "changed: "},
        )
        with self.server.session() as before:
            before.echo("as it was")
            self.reload(harness.config_text(sections), "reloaded")
            before.echo("as it was")
            with self.server.session("/new") as peer:
                peer.echo("hello", prefix="new: ")
                peer.finish()
            with self.server.session("/echo") as peer:
                peer.echo("hello", prefix="changed: ")
                peer.finish()
            before.echo("as it was")
            before.finish()

    def test_listeners_wait_for_a_restart(self):
        """A file without the TLS listener is taken; the one that is open goes on all the same."""
        sections = dict(self.server.sections)
        sections["listeners"] = ({"address": "127.0.0.1:0"},)
        del sections["tls"]
        mark = self.server.mark()
        self.reload(harness.config_text(sections), "reloaded")
        warning = self.server.wait_log("config", after=mark, level="warning")
        self.assertIn("listeners", warning["detail"])
        self.assert_served(PLAIN)
        self.assert_served(TLS)

    def test_restart_is_told_of_until_it_is_not_needed(self):
        """What counts is what the server started with, not the file that was read last."""
        sections = {**self.server.sections, "limits": {"max_lobby": 4321}}
        for text, told in ((harness.config_text(sections), True), (harness.config_text(sections), True),
                           (self.good, False)):
            mark = self.server.mark()
            self.reload(text, "reloaded")
            warnings = [record for record in self.server.records()[mark:] if record["event"] == "config"]
            self.assertEqual(["limits.max_lobby" in record["detail"] for record in warnings], [True] if told else [])

    def test_new_certificate(self):
        def certificate():
            with self.server.session(listener=TLS) as peer:
                seen = peer.sock.getpeercert(binary_form=True)
                peer.finish()
            return seen

        old = certificate()
        harness.make_certificate(self.server.folder)
        self.reload(self.good, "reloaded")
        self.assertNotEqual(certificate(), old)

    def test_many_reloads_under_load(self):
        with Load(self.server, CLIENTS, (PLAIN, TLS)) as load:
            for number in range(ROUNDS):
                text = self.good if number % 2 else self.good + "nonsense = 1;\n"
                self.reload(text, "reloaded" if number % 2 else "reload_refused")
            load.stop()
            self.assertEqual(load.errors, [])
            self.assertGreater(load.echoes, 0)


if __name__ == "__main__":
    harness.main()
