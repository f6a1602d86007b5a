#!/usr/bin/python3
"""Compares WebSocket servers under the load of wsload, in alternating rounds, and writes tables and a chart.

    tests/bench/run.py                                    portcullis, npm's ws and Python's websockets, all cases
    tests/bench/run.py --modes echo --connections 1,200 --peer-cmd uws='/path/uws_echo {port} {threads} {tls}'
    tests/bench/run.py --peers portcullis --peer other=ws://127.0.0.1:9001/,pid=4711

Server and load run on cores of their own. Every run starts the server anew; the rounds go through all servers before
the next begins, so that a slow minute of the machine meets them all. Reported are medians of the rounds."""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

import report  # noqa: E402
import servers  # noqa: E402
import system  # noqa: E402

RUN_TIMEOUT_S = 120  # of one run, on top of its seconds
PROBE_S = 0.1


@dataclass(frozen=True)
class Case:
    """One row of the comparison."""

    mode: str
    tls: bool
    connections: int
    size: int = 64
    pipeline: int = 1
    resume: bool = False

    def title(self):
        transport = "TLS" if self.tls else "plain"
        if self.mode == "echo":
            suffix = f", {self.pipeline} in flight" if self.pipeline > 1 else ""
            return f"Echo, {transport}, {self.connections} connections, {self.size} bytes{suffix}"
        if self.mode == "idle":
            return f"Idle, {transport}, {self.connections} connections"
        resumed = (", resumed" if self.resume else ", full") if self.tls else ""
        return f"Handshakes, {transport}{resumed}, {self.connections} at once"


def numbers(text):
    return [int(part) for part in text.split(",")]


def words(text):
    return [part for part in text.split(",") if part]


def named(text):
    name, separator, value = text.partition("=")
    if not separator or not name or not value:
        raise argparse.ArgumentTypeError(f"{text}: NAME=VALUE expected")
    return name, value


def remote_peer(text):
    name, value = named(text)
    url, _, pid = value.partition(",pid=")
    return servers.RemotePeer(name, url, int(pid) if pid else None)


def parse_arguments():
    cores = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=words, default=["portcullis", "ws", "websockets"], help="of those built in")
    parser.add_argument("--peer", type=remote_peer, action="append", default=[], metavar="NAME=URL[,pid=PID]")
    parser.add_argument("--peer-cmd", type=named, action="append", default=[], metavar="NAME=COMMAND",
                        help="started for each run; {port}, {threads} and {tls} are filled in")
    parser.add_argument("--baseline", help="the server that others are compared with (the first)")
    parser.add_argument("--modes", type=words, default=["echo", "idle", "handshake"])
    parser.add_argument("--transports", type=words, default=["plain", "tls"])
    parser.add_argument("--connections", type=numbers, default=[1, 200, 1000], help="of echo cases")
    parser.add_argument("--sizes", type=numbers, default=[64], help="bytes of messages")
    parser.add_argument("--pipelines", type=numbers, default=[1], help="messages in flight on a connection")
    parser.add_argument("--idle-connections", type=numbers, default=[5000])
    parser.add_argument("--handshake-connections", type=numbers, default=[64])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--warmup", type=float, default=1)
    parser.add_argument("--threads", type=int, default=0, help="of the load (one a load core)")
    parser.add_argument("--source-addresses", type=int, default=0, help="needed beyond 28,000 connections")
    parser.add_argument("--server-cores", type=numbers, default=cores[:max(1, len(cores) // 2)])
    parser.add_argument("--load-cores", type=numbers, default=cores[max(1, len(cores) // 2):] or cores)
    parser.add_argument("--portcullis", type=Path, default=ROOT / "build/bin/portcullis")
    parser.add_argument("--wsload", type=Path, default=ROOT / "build/bin/wsload")
    parser.add_argument("--node-modules", type=Path, default=ROOT, help="the folder in whose node_modules ws is")
    parser.add_argument("--python", default="/usr/bin/python3", help="that has websockets")
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench")
    return parser.parse_args()


def make_peers(arguments):
    builders = {
        "portcullis": lambda: servers.portcullis(arguments.portcullis.resolve()),
        "ws": lambda: servers.node_ws(arguments.node_modules.resolve()),
        "websockets": lambda: servers.python_websockets(arguments.python),
    }
    unknown = set(arguments.peers) - set(builders)
    if unknown:
        sys.exit(f"unknown peers: {', '.join(sorted(unknown))}")
    try:
        peers = [builders[name]() for name in arguments.peers]
    except servers.Unavailable as error:
        sys.exit(str(error))
    peers += [servers.shell_command(name, command) for name, command in arguments.peer_cmd]
    peers += arguments.peer
    names = [peer.name for peer in peers]
    if not peers or len(set(names)) != len(names):
        sys.exit("peers need names of their own, and at least one")
    return peers


def make_cases(arguments):
    cases = []
    for tls in [transport == "tls" for transport in arguments.transports]:
        for mode in arguments.modes:
            if mode == "echo":
                cases += [Case(mode, tls, connections, size, pipeline) for size in arguments.sizes
                          for pipeline in arguments.pipelines for connections in arguments.connections]
            elif mode == "idle":
                cases += [Case(mode, tls, connections) for connections in arguments.idle_connections]
            elif mode == "handshake":
                cases += [Case(mode, tls, connections, resume=resume)
                          for connections in arguments.handshake_connections
                          for resume in ([False, True] if tls else [False])]
            else:
                sys.exit(f"unknown mode: {mode}")
    return cases


class Bench:
    """Runs single measurements; `folder` is a temporary one."""

    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.cores = sorted({*arguments.server_cores, *arguments.load_cores})
        self.certificate, self.key = servers.make_certificate(folder)

    def load_command(self, case, url):
        arguments = self.arguments
        command = [str(arguments.wsload), "--json", "--url", url, "--mode", case.mode, "--size", str(case.size),
                   "--connections", str(case.connections), "--pipeline", str(case.pipeline),
                   "--threads", str(arguments.threads or len(arguments.load_cores)),
                   "--seconds", str(arguments.seconds), "--warmup", str(arguments.warmup),
                   "--source-addresses", str(arguments.source_addresses)]
        return command + (["--resume"] if case.resume else [])

    def start_load(self, command):
        cores = self.arguments.load_cores
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                preexec_fn=lambda: os.sched_setaffinity(0, cores))

    def probe(self, url):
        """One message there and back: the server works, and what it allocates once is allocated."""
        command = [str(self.arguments.wsload), "--url", url, "--mode", "idle", "--seconds", str(PROBE_S)]
        process = self.start_load(command)
        output, errors = process.communicate(timeout=RUN_TIMEOUT_S)
        if process.returncode != 0:
            raise servers.Unavailable(f"no echo from {url}: {(errors or output).strip()}")

    def snapshot(self, pids):
        return {
            "time": time.monotonic(),
            "server": system.cpu_seconds(pids),
            "cores": system.busy_seconds(self.cores),
        }

    def follow(self, process, pids):
        """Reads what the load prints and the server's state at each phase. Returns the events by name."""
        events = {}
        for line in process.stdout:
            event = json.loads(line)
            name = event["event"]
            if name != "result":
                event.update(self.snapshot(pids))
                if name == "measured" and pids:
                    event["memory"] = system.anonymous_bytes(pids)
            events[name] = event
        return events

    def measure(self, peer, case):
        arguments = self.arguments
        settings = servers.Settings(arguments.server_cores, case.tls, self.folder, self.certificate, self.key)
        with servers.running(peer, settings) as server:
            self.probe(server.url)
            pids = server.pids()
            memory = system.anonymous_bytes(pids) if pids else None
            process = self.start_load(self.load_command(case, server.url))
            watchdog = threading.Timer(RUN_TIMEOUT_S + arguments.seconds + arguments.warmup, process.kill)
            watchdog.start()
            try:
                events = self.follow(process, pids)
                errors = process.stderr.read()
            finally:
                watchdog.cancel()
                process.kill()
                process.wait()
        if "result" not in events:
            raise servers.Unavailable(f"{peer.name}: the load failed: {errors.strip()}")
        run = summarize(events, memory if pids else None, len(arguments.server_cores), len(self.cores))
        return {"version": server.version, **run}


def summarize(events, memory, server_core_count, core_count):
    """The figures of one run; `memory`: of the server before it, or None when its process is not known."""
    first, last, result = events["measuring"], events["measured"], events["result"]
    wall = last["time"] - first["time"]
    run = {
        "rate": result["rate"],
        "latency_us": result["latency_us"],
        "open": result["open"],
        "errors": sum(result["errors"].values()) + result["silent"],
        "load_busy": result["load_cpu_seconds"] / result["seconds"] if result["seconds"] else 0,
    }
    if memory is not None:
        used = (last["server"] - first["server"]) / wall
        run["server_busy"] = used / server_core_count
        run["others_busy"] = max(0, (last["cores"] - first["cores"]) / wall - used - run["load_busy"]) / core_count
        run["cpu_us"] = used / result["rate"] * 1e6 if result["rate"] else None
        if result["mode"] == "idle" and last["open"]:
            run["bytes_per_connection"] = (last["memory"] - memory) / last["open"]
    if result["mode"] == "handshake" and result["handshakes"]:
        run["resumed"] = result["resumed"] / result["handshakes"]
    return run


def run_case(bench, case, peers, rounds):
    """All rounds of a case: {name of the peer: [run, ...]}."""
    runs = {peer.name: [] for peer in peers}
    failed = set()
    for number in range(rounds):
        for peer in peers:
            if peer.name in failed:
                continue
            try:
                run = bench.measure(peer, case)
            except servers.Unavailable as error:
                print(f"  {error}", file=sys.stderr)
                failed.add(peer.name)
                continue
            runs[peer.name].append(run)
            print(f"  round {number + 1}: {peer.name:12} {report.headline(case.mode, run)}", file=sys.stderr)
    return {name: values for name, values in runs.items() if values}


def main():
    arguments = parse_arguments()
    if not arguments.wsload.exists():
        sys.exit(f"{arguments.wsload} is missing: configure with -DPORTCULLIS_BENCH=ON, or name it with --wsload")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    peers = make_peers(arguments)
    outcome = {"machine": system.describe(ROOT), "server_cores": arguments.server_cores,
               "load_cores": arguments.load_cores, "rounds": arguments.rounds, "seconds": arguments.seconds,
               "baseline": arguments.baseline or peers[0].name, "cases": []}
    os.sched_setaffinity(0, arguments.load_cores)
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as folder:
        bench = Bench(arguments, Path(folder))
        for case in make_cases(arguments):
            print(case.title(), file=sys.stderr, flush=True)
            runs = run_case(bench, case, [peer for peer in peers if peer.can_run(case.tls)], arguments.rounds)
            outcome["cases"].append({"title": case.title(), **asdict(case), "runs": runs})
    if not any(case["runs"] for case in outcome["cases"]):
        sys.exit("nothing was measured")
    report.write(outcome, arguments.output)
    print((arguments.output / "results.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
