"""Clients that do everything at random and check everything they get. Used by test_torture.py.

The server's side of an echo is known byte by byte beforehand (pings and Close included), so each client compares a
stream with a stream. What a client does is drawn from its seed; what the kernel makes of it is not, so a seed repeats
the work but not the timing.
"""

import random
import select
import signal
import socket
import ssl
import struct
import time

from rawws import BINARY, DEADLINE_S, PING, PONG, close, client_context, fragments, frame, request

SIZES = (0, 1, 7, 125, 126, 1000, 4000, 4084, 4088, 4096, 5000, 16_384, 65_535, 65_536, 131_072, 400_000, 1 << 20)
COMMON = 6  # as many are as likely as all of them together, and all that some clients ever send
CHUNKS = (1, 3, 100, 1500, 4096, 4097, 20_000, 262_144)  # most that is sent, or read, in a turn
WANTING = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
NOISE = random.Random(0).randbytes(3 << 20)  # what payloads are cut from
SMALL_BUFFER = 16_384
CHATTY_BUDGET = 100_000


def answer(opcode, payload):
    """The server's frame of it."""
    size = len(payload)
    if size <= 125:
        return bytes([0x80 | opcode, size]) + payload
    if size <= 0xFFFF:
        return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, size) + payload


class Client:
    """A conversation planned in whole, then held in pieces. `ends` is "close", "half", "reset" or "vanish"."""

    def __init__(self, address, seed, budget, tls=None):
        self.dice = random.Random(seed)
        self.what = f"client {seed}"
        self.chatty = self.dice.random() < 0.6  # small messages only
        half = "close" if tls else "half"  # over TLS, a FIN alone is an error
        self.ends = self.dice.choice(("close", "close", half, half, "reset", "vanish"))
        self.outgoing, self.expected = self._plan(budget)
        self.sent = self.received = 0
        self.refused = None  # how much the socket did not take: OpenSSL wants to be given the same again
        self.head = b""  # of the answer to the handshake, until it is whole
        self.opened = self.done = self.ended_input = False
        self.sleeps = [0, 0]  # turns without reading, without writing
        self.leave_at = self.dice.randrange(len(self.expected) + 1)
        self.sock = socket.socket()
        if self.dice.random() < 0.5:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.sock = tls.wrap_socket(self.sock)
        self.sock.setblocking(False)

    def _plan(self, budget):
        outgoing, expected = [request("GET /echo HTTP/1.1")], []
        budget = min(budget, CHATTY_BUDGET) if self.chatty else budget
        while budget > 0:
            size = self.dice.choice(SIZES[:COMMON] if self.chatty or self.dice.random() < 0.5 else SIZES)
            start = self.dice.randrange(len(NOISE) - size)
            payload = NOISE[start : start + size]
            budget -= size + 500
            if self.dice.random() < 0.2:
                outgoing.append(frame(PING, payload[:125], key=self.dice.randbytes(4)))
                expected.append(answer(PONG, payload[:125]))
            cut = self.dice.randrange(size + 1)
            if self.dice.random() < 0.2:
                outgoing.append(fragments(BINARY, [payload[:cut], payload[cut:]]))
            else:
                outgoing.append(frame(BINARY, payload, key=self.dice.randbytes(4)))
            expected.append(answer(BINARY, payload))
        if self.ends == "close":
            outgoing.append(close(1000))
            expected.append(b"\x88\x02\x03\xe8")
        return memoryview(b"".join(outgoing)), memoryview(b"".join(expected))

    def turn(self):
        """One step of each kind that is possible. Whether anything was done, or put off."""
        active = self._rest(0) or self.dice.random() < 0.1 or self._read()
        if not self.done:
            active = self._rest(1) or self._write() or active
        return active

    def _rest(self, side):
        if self.sleeps[side] == 0 and self.dice.random() < 0.01:
            self.sleeps[side] = self.dice.choice((1, 3, 10, 100))
        if self.sleeps[side] == 0:
            return False
        self.sleeps[side] -= 1
        return True

    def _write(self):
        rest = self.outgoing[self.sent :]
        if rest:
            size = self.refused or self.dice.choice(CHUNKS)
            try:
                self.sent += self.sock.send(rest[:size])
                self.refused = None
                return True
            except WANTING:
                self.refused = size
                return False
        if self.ends == "half" and not self.ended_input:
            self.ended_input = True
            self.sock.shutdown(socket.SHUT_WR)
        return False

    def _read(self):
        try:
            piece = self.sock.recv(self.dice.choice(CHUNKS))
        except WANTING:
            return False
        if not self.opened:
            piece = self._open(piece)
        if piece:
            want = self.expected[self.received : self.received + len(piece)]
            if want != piece:
                raise AssertionError(f"{self.what}: wrong bytes at or after {self.received} of {len(self.expected)}")
            self.received += len(piece)
        elif self.opened and not self.head:
            self._end()
        self.head = b"" if self.opened else self.head
        if self.received >= self.leave_at and self.opened and self.ends in ("reset", "vanish"):
            self._leave()
        return True

    def _open(self, piece):
        """Takes the answer's head; what follows it is returned."""
        self.head += piece
        head, found, rest = self.head.partition(b"\r\n\r\n")
        if not piece or (found and not head.startswith(b"HTTP/1.1 101 ")):
            raise AssertionError(f"{self.what}: no upgrade: {self.head!r}")
        self.opened = bool(found)
        return rest

    def _end(self):
        if self.received < len(self.expected) or self.sent < len(self.outgoing):
            raise AssertionError(
                f"{self.what} ({self.ends}): FIN after {self.received} of {len(self.expected)} bytes, "
                f"{self.sent} of {len(self.outgoing)} sent"
            )
        self.drop()

    def _leave(self):
        if self.ends == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.drop()

    def drop(self):
        self.done = True
        self.sock.close()


def run(server, *, seed, count, budget, total=None, until=None):
    """Lets `count` clients talk at a time, each to one of the listeners, until `total` have ended or until that time
    (of time.monotonic()). Every other time the server is stopped for some rounds, so that many sessions have something
    to do in the same moment. Returns how many have ended."""
    dice = random.Random(seed)
    tls = client_context()
    secure = [bool(listener.get("tls")) for listener in server.sections["listeners"]]
    clients, begun, ended = [], 0, 0
    moved = time.monotonic()
    try:
        while clients or begun == 0:
            fresh = begun < total if total is not None else time.monotonic() < until
            while fresh and len(clients) < count and (total is None or begun < total):
                number = dice.randrange(len(secure))
                context = tls if secure[number] else None
                clients.append(Client(server.address(number), f"{seed}.{begun}", dice.randrange(budget), context))
                begun += 1
            stop = dice.random() < 0.5
            if stop:
                server.signal(signal.SIGSTOP)
            try:
                active = []
                for _ in range(dice.randrange(1, 4)):
                    busy = [client for client in clients if not client.done]
                    active += [client.turn() for client in dice.sample(busy, len(busy))]
            finally:
                if stop:
                    server.signal(signal.SIGCONT)
            ended += sum(client.done for client in clients)
            clients = [client for client in clients if not client.done]
            if any(active):
                moved = time.monotonic()
            elif clients:
                wait(clients)
                if time.monotonic() > moved + DEADLINE_S:
                    raise AssertionError("stuck: " + "; ".join(describe(client) for client in clients[:5]))
    finally:
        for client in clients:
            client.drop()
    return ended


def wait(clients):
    poll = select.poll()
    for client in clients:
        poll.register(client.sock, select.POLLIN | (select.POLLOUT if client.sent < len(client.outgoing) else 0))
    poll.poll(1000)


def describe(client):
    return (
        f"{client.what} ({client.ends}, {client.sock.getsockname()[1]}): sent {client.sent} of {len(client.outgoing)}, "
        f"received {client.received} of {len(client.expected)}"
    )
