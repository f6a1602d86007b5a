"""What is measured: the cases of a comparison, and the presets of the command line."""

from dataclasses import dataclass

# What --preset sets; options given beside it win. `limit` is in minutes; the run that it meets is finished.
PRESETS = {
    "quick": {
        "sizes": [20, 1024], "connections": [200, 1000], "many": [], "rates": [20000], "rounds": 2, "seconds": 1.0,
        "warmup": 0.3, "idle_rounds": 1, "limit": 5.7,
    },
    "full": {
        "sizes": [20, 1024, 65536], "connections": [1, 200, 1000], "many": [10000], "rates": [20000, 60000],
        "rounds": 3, "seconds": 1.2, "warmup": 0.3, "idle_rounds": 1, "limit": 24.0,
    },
}
PACED_CONNECTIONS = 200
PACED_PIPELINE = 64  # so many messages may be in flight on a connection before the fixed rate has to wait
MODES = ("echo", "paced", "idle", "handshake")


@dataclass(frozen=True)
class Case:
    """One table of the comparison."""

    mode: str  # of MODES
    tls: bool
    connections: int
    size: int = 20
    pipeline: int = 1
    rate: int = 0  # "paced": messages a second
    resume: bool = False

    def title(self):
        transport = "TLS" if self.tls else "plain"
        if self.mode == "echo":
            suffix = f", {self.pipeline} in flight" if self.pipeline > 1 else ""
            return f"Echo, {transport}, {count(self.connections, 'connection')}, {self.size:,} bytes{suffix}"
        if self.mode == "paced":
            return (f"Echo at {self.rate:,} messages/s, {transport}, {count(self.connections, 'connection')}, "
                    f"{self.size:,} bytes")
        if self.mode == "idle":
            return f"Idle, {transport}, {count(self.connections, 'connection')}"
        kind = (", resumed" if self.resume else ", full") if self.tls else ""
        return f"Handshakes, {transport}{kind}, {self.connections} at once"

    def load_options(self):
        """For wsload."""
        mode = "echo" if self.mode == "paced" else self.mode
        options = ["--mode", mode, "--connections", str(self.connections), "--size", str(self.size),
                   "--pipeline", str(self.pipeline)]
        if self.mode == "paced":
            options += ["--rate", str(self.rate)]
        if self.mode == "idle":
            options += ["--sample", str(self.connections)]  # each connection is still served at the end
        if self.mode == "handshake":
            options += ["--reset"]  # the handshake alone: what ends it differs from server to server
        return options + (["--resume"] if self.resume else [])


def count(number, noun):
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def make_cases(arguments):
    """The cases that the arguments of run.py ask for."""
    makers = {"echo": _echo, "paced": _paced, "idle": _idle, "handshake": _handshake}
    return [case for tls in (transport == "tls" for transport in arguments.transports)
            for mode in arguments.modes for case in makers[mode](arguments, tls)]


def _echo(arguments, tls):
    pairs = [(size, connections) for size in arguments.sizes for connections in arguments.connections]
    pairs += [(arguments.sizes[0], connections) for connections in arguments.many]
    return [Case("echo", tls, connections, size, pipeline) for pipeline in arguments.pipelines
            for size, connections in pairs]


def _paced(arguments, tls):
    return [Case("paced", tls, PACED_CONNECTIONS, arguments.sizes[0], PACED_PIPELINE, rate) for rate in arguments.rates]


def _idle(arguments, tls):
    return [Case("idle", tls, connections)
            for connections in (arguments.idle_tls if tls else arguments.idle_plain)]


def _handshake(arguments, tls):
    return [Case("handshake", tls, connections, resume=resume) for connections in arguments.handshakes
            for resume in ([False, True] if tls else [False])]
