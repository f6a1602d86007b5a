#!/usr/bin/python3
"""Compares WebSocket servers under the load of wsload, in alternating rounds; writes tables, raw figures and plots.

    tests/bench/run.py --preset quick                     at most 6 minutes
    tests/bench/run.py --preset full                      at most 25 minutes: the whole matrix
    tests/bench/run.py --preset full --peer-cmd uws='/path/uws_echo {port} {threads} {tls}' --reference uws
    tests/bench/run.py --preset quick --peers portcullis --peer-url other=ws://127.0.0.1:9001/,pid=4711
    tests/bench/run.py --preset quick --modes echo --connections 1,200 --sizes 20 --rounds 5

Server and load run on cores of their own. Every run starts the server anew; a round goes through all cases and in each
through all servers, so that a slow minute of the machine meets them all. Reported are medians of the rounds. Nothing is
installed: a server that is not there is left out, with the name of its package. See tests/bench/README.md."""

import argparse
import os
import re
import resource
import shlex
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

import cases  # noqa: E402
import report  # noqa: E402
import servers  # noqa: E402
import system  # noqa: E402
from measure import Bench  # noqa: E402

BUILT_IN = ("portcullis", "libwebsockets", "ws", "websockets", "nginx")


def numbers(text):
    try:
        return [int(part) for part in text.split(",") if part]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: numbers and commas expected") from error


def words_of(allowed):
    def parse(text):
        words = [part for part in text.split(",") if part]
        unknown = [word for word in words if word not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(allowed)}")
        return words

    return parse


def named(text):
    name, separator, value = text.partition("=")
    if not separator or not re.fullmatch(r"[A-Za-z0-9._-]+", name) or not value:
        raise argparse.ArgumentTypeError(f"{text}: NAME=VALUE expected, the name of letters, digits and ._-")
    return name, value


def remote_peer(text):
    name, value = named(text)
    url, _, pid = value.partition(",pid=")
    if not url.startswith(("ws://", "wss://")) or (pid and not pid.isdigit()):
        raise argparse.ArgumentTypeError(f"{text}: NAME=ws://HOST:PORT/[,pid=PID] expected")
    return servers.RemotePeer(name, url, int(pid) if pid else None)


def make_parser():
    cores = sorted(os.sched_getaffinity(0))
    half = max(1, len(cores) // 2)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(cases.PRESETS), default="quick",
                        help="sizes, connections, rates, rounds and times (%(default)s); what is given beside it wins")

    what = parser.add_argument_group("what is measured")
    what.add_argument("--modes", type=words_of(cases.MODES), default=list(cases.MODES), metavar="MODE,...",
                      help="echo: closed loop; paced: a fixed rate, latency from when a message was due; idle: memory; "
                           "handshake")
    what.add_argument("--transports", type=words_of(("plain", "tls")), default=["plain", "tls"], metavar="plain,tls")
    what.add_argument("--sizes", type=numbers, metavar="BYTES,...", help="of messages")
    what.add_argument("--connections", type=numbers, metavar="N,...", help="of echo, with each size")
    what.add_argument("--many", type=numbers, metavar="N,...", help="more of echo, with the first size alone")
    what.add_argument("--pipelines", type=numbers, default=[1], metavar="N,...", help="of echo: in flight on each (1)")
    what.add_argument("--rates", type=numbers, metavar="N,...", help="messages a second of paced")
    what.add_argument("--idle-plain", type=numbers, default=[9000], metavar="N,...", help="connections (9000)")
    what.add_argument("--idle-tls", type=numbers, default=[3000], metavar="N,...", help="connections (3000)")
    what.add_argument("--handshakes", type=numbers, default=[64], metavar="N,...", help="handshakes at once (64)")

    who = parser.add_argument_group("servers")
    who.add_argument("--peers", type=words_of(BUILT_IN), default=list(BUILT_IN), metavar="NAME,...",
                     help=f"of {', '.join(BUILT_IN)} (all)")
    who.add_argument("--peer-cmd", type=named, action="append", default=[], metavar="NAME=COMMAND",
                     help="one more, started for each run; {port}, {threads} and {tls} are filled in, the latter with "
                          "CERTIFICATE KEY or nothing")
    who.add_argument("--peer-url", type=remote_peer, action="append", default=[], metavar="NAME=URL[,pid=PID]",
                     help="one more, running already; its CPU time and memory are known only with the pid")
    who.add_argument("--reference", metavar="NAME", help="what ratios are to (portcullis)")
    who.add_argument("--portcullis", type=Path, default=ROOT / "build/bin/portcullis", metavar="FILE")
    who.add_argument("--wsload", type=Path, metavar="FILE", help="the load generator (beside portcullis)")
    who.add_argument("--lws-echo", type=Path, metavar="FILE", help="the libwebsockets server (beside portcullis)")
    who.add_argument("--node-modules", type=Path, default=ROOT / "build/npm", metavar="DIR",
                     help="in whose node_modules ws is (build/npm, where scripts/test puts it)")
    who.add_argument("--python", default="/usr/bin/python3", metavar="FILE", help="that has websockets")

    how = parser.add_argument_group("how")
    how.add_argument("--rounds", type=int, metavar="N")
    how.add_argument("--idle-rounds", type=int, metavar="N", help="of idle: memory hardly varies")
    how.add_argument("--seconds", type=float, metavar="S", help="measured in each run")
    how.add_argument("--warmup", type=float, metavar="S", help="before that")
    how.add_argument("--limit", type=float, metavar="MINUTES", help="for everything; what is not measured then is not")
    how.add_argument("--server-cores", type=numbers, default=cores[:half], metavar="N,...")
    how.add_argument("--load-cores", type=numbers, default=cores[half:] or cores, metavar="N,...")
    how.add_argument("--threads", type=int, default=0, metavar="N", help="of the load (one a load core)")
    how.add_argument("--source-addresses", type=int, default=0, metavar="N", help="of the load (4 for 5,000 and more)")
    how.add_argument("--output", type=Path, default=ROOT / "build/bench", metavar="DIR")
    return parser


def parse_arguments(words=None):
    parser = make_parser()
    preset = parser.parse_known_args(words)[0].preset
    parser.set_defaults(**cases.PRESETS[preset])
    arguments = parser.parse_args(words)
    arguments.wsload = arguments.wsload or arguments.portcullis.parent / "wsload"
    arguments.lws_echo = arguments.lws_echo or arguments.portcullis.parent / "lws_echo"
    if arguments.rounds < 1 or arguments.idle_rounds < 1 or arguments.seconds <= 0 or arguments.limit <= 0:
        parser.error("--rounds, --idle-rounds, --seconds and --limit are more than 0")
    return arguments


def make_peers(arguments):
    builders = {
        "portcullis": lambda: servers.portcullis(arguments.portcullis.resolve()),
        "libwebsockets": lambda: servers.libwebsockets(arguments.lws_echo.resolve()),
        "ws": lambda: servers.node_ws(arguments.node_modules.resolve()),
        "websockets": lambda: servers.python_websockets(arguments.python),
        "nginx": servers.nginx,
    }
    peers = []
    for name in arguments.peers:
        try:
            peers.append(builders[name]())
        except servers.Unavailable as error:
            print(f"left out: {error}", file=sys.stderr)
    peers += [servers.shell_command(name, command) for name, command in arguments.peer_cmd]
    peers += arguments.peer_url
    names = [peer.name for peer in peers]
    if not peers or len(set(names)) != len(names):
        sys.exit("servers need names of their own, and at least one must be there")
    if arguments.reference and arguments.reference not in names:
        sys.exit(f"--reference {arguments.reference}: not one of {', '.join(names)}")
    return peers


class Comparison:
    """All rounds of all cases."""

    def __init__(self, bench, peers, arguments):
        self.bench = bench
        self.peers = peers
        self.arguments = arguments
        self.deadline = time.monotonic() + 60 * arguments.limit
        self.cases = cases.make_cases(arguments)
        self.results = [{"title": case.title(), **asdict(case), "runs": {}, "failures": {}} for case in self.cases]
        self.is_cut = False

    def peers_of(self, case, number):
        """In another order each round, so that none is always behind the same one."""
        peers = [peer for peer in self.peers if peer.can_run(case.mode, case.tls)]
        shift = number % len(peers) if peers else 0
        return peers[shift:] + peers[:shift]

    def run(self):
        arguments = self.arguments
        for number in range(arguments.rounds):
            for case, result in zip(self.cases, self.results):
                if case.mode == "idle" and number >= arguments.idle_rounds:
                    continue
                print(f"{number + 1}/{arguments.rounds} {case.title()}", file=sys.stderr, flush=True)
                for peer in self.peers_of(case, number):
                    if time.monotonic() > self.deadline:
                        print("the time limit is reached", file=sys.stderr)
                        self.is_cut = True
                        return
                    self.run_once(peer, case, result)

    def run_once(self, peer, case, result):
        try:
            run = self.bench.measure(peer, case)
        except servers.Unavailable as error:
            print(f"  {error}", file=sys.stderr)
            if peer.name not in result["runs"]:
                result["failures"][peer.name] = str(error)
            return
        result["failures"].pop(peer.name, None)  # a failure matters when no round succeeded
        result["runs"].setdefault(peer.name, []).append(run)
        print(f"  {peer.name:14} {report.headline(case.mode, run)}", file=sys.stderr, flush=True)


def main():
    arguments = parse_arguments()
    if not arguments.wsload.exists():
        sys.exit(f"{arguments.wsload} is missing: configure with -DPORTCULLIS_BENCH=ON, or name it with --wsload")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    peers = make_peers(arguments)
    os.sched_setaffinity(0, arguments.load_cores)
    started = time.time()
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as folder:
        bench = Bench(arguments, Path(folder))
        comparison = Comparison(bench, peers, arguments)
        comparison.run()
    if not any(result["runs"] for result in comparison.results):
        sys.exit("nothing was measured")
    outcome = {
        "machine": system.describe(ROOT), "command": shlex.join(["tests/bench/run.py", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d", time.gmtime(started)), "minutes": round((time.time() - started) / 60, 1),
        "server_cores": arguments.server_cores, "load_cores": arguments.load_cores, "rounds": arguments.rounds,
        "seconds": arguments.seconds, "reference": arguments.reference or peers[0].name,
        "is_cut": comparison.is_cut, "servers": {peer.name: peer.describe() for peer in peers},
        "cases": comparison.results,
    }
    report.write(outcome, arguments.output)
    print((arguments.output / "results.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
