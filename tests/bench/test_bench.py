"""The parts of run.py that compute: which cases a preset has, what one run comes to, medians and ratios, and that the
files of the report are well-formed."""

import argparse
import contextlib
import csv
import io
import json
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cases  # noqa: E402
import measure  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
import run  # noqa: E402
import servers  # noqa: E402
import system  # noqa: E402
import validate_cases  # noqa: E402

LATENCY = {"mean": 1.0, "p50": 40.0, "p90": 60.0, "p99": 100.0, "p999": 900.0, "max": 1000.0}


def events(mode="echo", **changes):
    """What a run of two seconds leaves: the server used one second of its core, the load half a second."""
    result = {"event": "result", "mode": mode, "rate": 1000.0, "seconds": 2.0, "load_cpu_seconds": 0.5, "silent": 0,
              "open": 10, "overdue": 0, "handshakes": 0, "resumed": 0, "latency_us": dict(LATENCY),
              "lag_us": dict(LATENCY), "tls_version": "", "tls_cipher": "",
              "errors": {"connect": 0, "tls": 0, "upgrade": 0, "reply": 0, "closed": 0}}
    result.update(changes)
    return {"measuring": {"time": 100.0, "server": 5.0, "cores": 50.0},
            "measured": {"time": 102.0, "server": 6.0, "cores": 52.0, "open": 10, "memory": 21000,
                         "kernel_memory": 90000},
            "result": result}


def one_run(**changes):
    known = {"rate": 1000.0, "cpu_us": 5.0, "server_busy": 0.95, "others_busy": 0.0, "load_busy": 0.5, "errors": 0,
             "overdue": 0, "latency_us": dict(LATENCY), "lag_us": dict(LATENCY), "tls_version": "", "tls_cipher": "",
             "load_average": 1.0, "version": "server 1.0"}
    return {**known, **changes}


def make_outcome(results):
    """The outcome of a comparison of the servers a and b; a case is its mode with the runs by server."""
    outcome_cases = []
    for mode, runs in results:
        case = cases.Case(mode, False, 10, rate=5000 if mode == "paced" else 0)
        outcome_cases.append({"title": case.title(), "mode": mode, "tls": False, "connections": 10, "size": 20,
                              "pipeline": 1, "rate": case.rate, "resume": False, "runs": runs, "failures": {}})
    return {"machine": {"cpu": "a processor", "cores": 2, "kernel": "6.1", "commit": "abc"}, "command": "run.py",
            "date": "2026-01-01", "minutes": 1.0, "server_cores": [0], "load_cores": [1], "rounds": 3, "seconds": 1.0,
            "reference": "a", "is_cut": False, "servers": {"a": "a-command", "b": "b-command <&>"},
            "cases": outcome_cases}


class Cases(unittest.TestCase):
    def test_the_full_preset_has_the_whole_matrix(self):
        made = cases.make_cases(run.parse_arguments(["--preset", "full"]))
        for tls in (False, True):
            echo = {(case.size, case.connections) for case in made if case.mode == "echo" and case.tls == tls}
            self.assertEqual(echo, {(size, connections) for size in (20, 1024, 65536)
                                    for connections in (1, 200, 1000)} | {(20, 10000)})
            self.assertEqual([case.connections for case in made if case.mode == "idle" and case.tls == tls],
                             [3000 if tls else 9000])
            self.assertEqual([case.resume for case in made if case.mode == "handshake" and case.tls == tls],
                             [False, True] if tls else [False])
        self.assertEqual(len({case.title() for case in made}), len(made))

    def test_what_is_given_beats_the_preset(self):
        arguments = run.parse_arguments(["--rounds", "7", "--preset", "full", "--modes", "echo", "--sizes", "5"])
        self.assertEqual(arguments.rounds, 7)
        self.assertEqual(arguments.limit, 24)
        self.assertEqual({case.size for case in cases.make_cases(arguments)}, {5})

    def test_options_of_the_load(self):
        paced = cases.Case("paced", True, 200, 20, 64, 5000).load_options()
        self.assertEqual(paced[paced.index("--rate") + 1], "5000")
        self.assertEqual(paced[paced.index("--mode") + 1], "echo")
        self.assertNotIn("--rate", cases.Case("echo", True, 200).load_options())
        self.assertIn("--resume", cases.Case("handshake", True, 64, resume=True).load_options())

    def test_bad_command_lines(self):
        for words in (["--rounds", "0"], ["--modes", "other"], ["--sizes", "a"], ["--limit", "-1"],
                      ["--peer-cmd", "no-command"], ["--peer-cmd", "a/b=c"], ["--peer-url", "a=http://b/"],
                      ["--peer-url", "a=ws://b/,pid=x"], ["--preset", "none"]):
            with self.subTest(words), contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit) as end:
                run.parse_arguments(words)
            self.assertEqual(end.exception.code, 2)

    def test_running_peers(self):
        peer = run.remote_peer("other=wss://127.0.0.1:9001/x,pid=12")
        self.assertEqual((peer.name, peer.url, peer.pid), ("other", "wss://127.0.0.1:9001/x", 12))
        self.assertTrue(peer.can_run("echo", True))
        self.assertFalse(peer.can_run("echo", False))
        with self.assertRaises(argparse.ArgumentTypeError):
            run.named("=x")

    def test_a_missing_server_names_its_package(self):
        with self.assertRaisesRegex(servers.Unavailable, "libwebsockets-dev"):
            servers.libwebsockets(Path("/nonexistent"))

    def test_each_round_has_another_order(self):
        peers = [servers.Peer(name, None, name) for name in "abc"]
        comparison = run.Comparison(None, peers, run.parse_arguments([]))
        orders = ["".join(peer.name for peer in comparison.peers_of(comparison.cases[0], i)) for i in range(4)]
        self.assertEqual(orders, ["abc", "bca", "cab", "abc"])


class Runs(unittest.TestCase):
    def test_echo(self):
        figures = measure.summarize(events(), (1000, 0), 1, 1, 2)
        self.assertAlmostEqual(figures["server_busy"], 0.5)
        self.assertAlmostEqual(figures["load_busy"], 0.25)
        self.assertAlmostEqual(figures["others_busy"], (1.0 - 0.5 - 0.25) / 2)
        self.assertAlmostEqual(figures["cpu_us"], 500.0)
        self.assertNotIn("bytes_per_connection", figures)

    def test_idle(self):
        figures = measure.summarize(events("idle", silent=3), (1000, 40000), 1, 1, 2)
        self.assertEqual(figures["bytes_per_connection"], 2000)
        self.assertEqual(figures["kernel_per_connection"], 5000)
        self.assertEqual(figures["errors"], 3)

    def test_handshake(self):
        figures = measure.summarize(events("handshake", handshakes=8, resumed=6), (0, 0), 1, 1, 2)
        self.assertEqual(figures["resumed"], 0.75)

    def test_an_unknown_process_and_no_messages(self):
        figures = measure.summarize(events(rate=0.0), None, 1, 1, 2)
        self.assertNotIn("cpu_us", figures)
        self.assertIsNone(measure.summarize(events(rate=0.0), (0, 0), 1, 1, 2)["cpu_us"])


class Reports(unittest.TestCase):
    def test_medians(self):
        slow = dict(LATENCY, p99=300.0, max=5000.0)
        runs = [one_run(rate=900.0), one_run(rate=1300.0, latency_us=slow, errors=2), one_run(rate=1000.0)]
        medians = report.medians_of("echo", runs)
        self.assertEqual((medians["rate"], medians["low"], medians["high"]), (1000.0, 900.0, 1300.0))
        self.assertEqual((medians["p99"], medians["max"]), (100.0, 5000.0))
        self.assertEqual((medians["errors"], medians["rounds"]), (2, 3))

    def test_what_a_rate_is_bound_by(self):
        for busy, others, load, expected in ((0.95, 0.5, 0.95, "server"), (0.5, 0.0, 0.95, "load"),
                                             (0.5, 0.3, 0.95, "others"), (0.5, 0.0, 0.5, "round trip"),
                                             (None, None, 0.5, "")):
            medians = {"server_busy": busy, "others_busy": others, "load_busy": load}
            self.assertEqual(report.bound_by("echo", medians), expected)
            self.assertEqual(report.bound_by("paced", medians), "")

    def test_ratios(self):
        outcome = make_outcome([("echo", {"a": [one_run()], "b": [one_run(rate=500.0, cpu_us=10.0)]}),
                                ("echo", {"b": [one_run()]})])
        report.add_medians(outcome)
        first, second = outcome["cases"]
        self.assertEqual((first["medians"]["a"]["ratio"], first["medians"]["b"]["ratio"]), (1.0, 0.5))
        self.assertEqual(first["medians"]["b"]["cpu_ratio"], 2.0)
        self.assertIsNone(second["medians"]["b"]["ratio"])

    def test_files(self):
        idle = one_run(bytes_per_connection=123.0, kernel_per_connection=4000.0)
        unknown = one_run(cpu_us=None, server_busy=None, others_busy=None)
        outcome = make_outcome([("echo", {"a": [one_run(), one_run(rate=1500.0)], "b": [unknown]}),
                                ("paced", {"a": [one_run(lag_us=LATENCY)]}), ("idle", {"b": [idle]}),
                                ("handshake", {"a": [one_run(resumed=0.5)]}), ("echo", {})])
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            report.write(outcome, folder)
            rows = list(csv.DictReader((folder / "results.csv").read_text().splitlines()))
            self.assertEqual([(row["server"], row["mode"]) for row in rows],
                             [("a", "echo"), ("b", "echo"), ("a", "paced"), ("b", "idle"), ("a", "handshake")])
            self.assertEqual((rows[0]["rate"], rows[0]["tls"], rows[2]["target_rate"]), ("1250.0", "False", "5000"))
            self.assertEqual(json.loads((folder / "results.json").read_text())["reference"], "a")
            for text in ((folder / "results.md").read_text(), (folder / "summary.md").read_text()):
                self.assert_tables(text)
                self.assertIn("1,250", text)
            plots = sorted(path.name for path in folder.glob("*.svg"))
            self.assertEqual(plots, ["echo-cpu.svg", "echo-rate.svg", "handshake-rate.svg", "idle-memory.svg",
                                     "paced-latency.svg"])
            for path in plots:
                xml.etree.ElementTree.parse(folder / path)

    def assert_tables(self, text):
        """All rows of a table have as many cells as its head."""
        width = 0
        for line in text.splitlines():
            cells = line.count("|")
            if cells:
                self.assertEqual(cells, width or cells, line)
            width = cells

    def test_text_is_escaped_in_plots(self):
        bars = [("a", 1, None, None), ("b", 0, None, None)]
        chart = plot.bar_chart([("a < b", bars)], "{}", {"a": "red", "b": "red"})
        self.assertIn("a &lt; b", chart)
        xml.etree.ElementTree.fromstring(chart)


class System(unittest.TestCase):
    def test_our_own_process(self):
        pid = int(Path("/proc/self").resolve().name)
        self.assertIn(pid, system.process_tree(pid))
        self.assertGreater(system.anonymous_bytes([pid]), 100000)
        self.assertGreaterEqual(system.cpu_seconds([pid]), 0)
        self.assertEqual(system.cpu_seconds([]), 0)
        self.assertGreater(system.kernel_bytes(), 0)


class ValidateCases(unittest.TestCase):
    """The messages have the sizes and members that the figures are told for."""

    def test_sizes(self):
        rows = {row["name"]: row for row in validate_cases.make_rows()}
        self.assertAlmostEqual(len(rows["order"]["text"]), 300, delta=10)
        self.assertEqual(len(json.loads(rows["order"]["text"])), 10)
        self.assertAlmostEqual(len(rows["book"]["text"]), 10240, delta=200)
        self.assertFalse(rows["order, refused"]["valid"])


if __name__ == "__main__":
    unittest.main()
