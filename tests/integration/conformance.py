"""The conformance table's form, and the runner that plays one row of it against a running server.

A row names a section of RFC 6455, what is sent and what must come back. The rows themselves are in
conformance_handshake.py (§4), conformance_frames.py (§5, §7, §8) and, for RFC 7692, conformance_compression.py. Each row uses a connection of its own.
"""

import collections
import collections.abc
from dataclasses import dataclass, field

import rawws
from rawws import Frame, Violation

# Servers that rows run against: "raised" has the limits of an independent suite, "default" those of an empty section.
RAISED_LIMITS = {"max_message": 16 << 20, "max_fragments": 65536, "send_queue": 64 << 20, "ping_interval": "0s"}
# And "takeover", which agrees to whatever permessage-deflate can be and compresses all that it sends.
TAKEOVER = {"server_context_takeover": True, "client_context_takeover": True, "min_size": 0, "max_ratio": 0}
DEFAULT_MAX_MESSAGE = 65536
DEFAULT_MAX_FRAGMENTS = 1024


@dataclass(frozen=True)
class Send:
    """Bytes, in one write; with `bytewise`, one write a byte."""

    data: bytes
    bytewise: bool = False


@dataclass(frozen=True)
class Message:
    """This message or pong must be next."""

    opcode: int
    payload: bytes


@dataclass(frozen=True)
class Closed:
    """A Close frame with this code (None: an empty one) must be next, and then the end of the stream by FIN.

    ours: the server closes of its own accord, so the runner answers its Close before it waits for the end.
    """

    code: int
    reason: bytes = None
    ours: bool = True


@dataclass(frozen=True)
class Talk:
    """What is more than sending and comparing: a function that is given the peer."""

    talk: collections.abc.Callable


@dataclass(frozen=True)
class Handshake:
    """A request and its answer's status. headers: name in lower case to value; None: must be absent."""

    request: bytes
    status: int
    headers: dict = field(default_factory=dict)
    key: str = rawws.SAMPLE_KEY
    bytewise: bool = False


@dataclass(frozen=True)
class Row:
    id: str
    section: str
    title: str
    steps: tuple  # Send or bytes, Message, Closed, Talk; or one Handshake
    endpoint: str = "/echo"
    server: str = "raised"
    tls: bool = False  # runs over TLS as well
    offer: str = ""  # of permessage-deflate, which must be agreed to
    rfc: int = 6455  # that the section is of


def text_reply(payload):
    return Message(rawws.TEXT, payload)


def binary_reply(payload):
    return Message(rawws.BINARY, payload)


def pong_reply(payload):
    return Message(rawws.PONG, payload)


class Table:
    """Rows under construction; ids are unique and numbered within a section."""

    def __init__(self, **options):
        self.rows = []
        self._options = options
        self._numbers = collections.Counter()

    def add(self, section, title, *steps, **options):
        self._numbers[section] += 1
        steps = tuple(Send(step) if isinstance(step, bytes) else step for step in steps)
        self.rows.append(Row(f"{section}-{self._numbers[section]:02d}", section, title, steps, **{**self._options, **options}))

    def twice(self, section, title, *steps, **options):
        """In one write a step, and once more in writes of one byte."""
        self.add(section, title, *steps, **options)
        steps = [Send(step, bytewise=True) if isinstance(step, bytes) else step for step in steps]
        self.add(section, title + ", bytewise", *steps, **options)


def run_row(row, peer):
    """Plays a row; raises Violation, rawws.Ended or TimeoutError where the server deviates."""
    if isinstance(row.steps[0], Handshake):
        _run_handshake(row.steps[0], peer)
        return
    if row.offer:
        peer.upgrade_compressed(row.offer, row.endpoint)
    else:
        peer.upgrade(row.endpoint)
    for step in row.steps:
        if isinstance(step, Send):
            (peer.send_bytewise if step.bytewise else peer.send)(step.data)
        elif isinstance(step, Message):
            _expect(peer, Frame(step.opcode, step.payload))
        elif isinstance(step, Talk):
            step.talk(peer)
        else:
            _expect_closed(peer, step)
    if not isinstance(row.steps[-1], Closed):
        _expect_alive(peer)


def _expect(peer, wanted):
    got = peer.read_message()
    if got != wanted:
        raise Violation(f"expected {rawws.short(wanted)}; got {rawws.short(got)}")


def _expect_closed(peer, step):
    got = peer.read_message()
    code = int.from_bytes(got.payload[:2], "big") if got.payload else None
    if got.opcode != rawws.CLOSE or code != step.code:
        raise Violation(f"expected Close {step.code}; got {rawws.short(got)}")
    if step.reason is not None and got.payload[2:] != step.reason:
        raise Violation(f"expected reason {step.reason!r}; got {rawws.short(got)}")
    if step.ours:
        peer.send(rawws.close(code))
    if (end := peer.read_end()) != "fin":
        raise Violation(f"after Close the stream ended by {end}")


def _expect_alive(peer):
    """Nothing more was on its way, and the session still works and ends as it should."""
    peer.send(rawws.ping(b"alive?"))
    _expect(peer, Frame(rawws.PONG, b"alive?"))
    peer.finish()


def _run_handshake(step, peer):
    (peer.send_bytewise if step.bytewise else peer.send)(step.request)
    if step.status == 101:
        response = peer.read_upgrade(step.key)
    else:
        response, _ = peer.read_answer()
    if response.status != step.status:
        raise Violation(f"expected status {step.status}; got {response.head!r}")
    for name, value in step.headers.items():
        if response.headers.get(name) != value:
            raise Violation(f"expected {name}: {value}; got {response.head!r}")
    if step.status == 101:
        _expect_alive(peer)


def summary(results):
    """results: (row, passed) pairs. The table that the test prints."""
    totals, passes = collections.Counter(), collections.Counter()
    for row, passed in results:
        totals[row.section] += 1
        passes[row.section] += passed
    lines = ["section       rows  passed"]
    lines += [f"{section:<12}{totals[section]:>6}{passes[section]:>8}" for section in sorted(totals, key=_by_number)]
    lines.append(f"{'all':<12}{sum(totals.values()):>6}{sum(passes.values()):>8}")
    return "\n".join(lines)


def _by_number(section):
    return [int(part) for part in section.split(".")]
