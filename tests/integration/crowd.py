"""Very many clients at once, in processes of their own, since one process may not open that many files.

The test's side is Crowd. Each of its processes opens sessions from many addresses of 127.0.0.0/8, a few from each, so that no limit of
a source is met.
"""

import multiprocessing
import select
import socket
import time

import harness
import rawws
from rawws import DEADLINE_S

SOURCES = 250  # addresses of one process
WINDOW = 200  # connections of one process that are not answered yet
REQUEST = rawws.request("GET /echo HTTP/1.1")
# linux/in.h: bind() leaves the choice of the port to connect(), which can use one again towards another address.
IP_BIND_ADDRESS_NO_PORT = 24


class Crowd:
    """Closed at the end of a with statement. A method acts in all processes at the same time: it takes a list with a number for each
    and returns a list of their answers."""

    def __init__(self, address, processes):
        context = multiprocessing.get_context("spawn")
        self._pipes = []
        self._processes = []
        for number in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_run, args=(theirs, address, number), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pipe in self._pipes:
            pipe.close()  # which ends the process
        for process in self._processes:
            process.join(DEADLINE_S)
            process.kill()

    def _call(self, name, counts):
        for pipe, count in zip(self._pipes, counts, strict=True):
            pipe.send((name, count))
        answers = []
        for pipe in self._pipes:
            if not pipe.poll(2 * DEADLINE_S):
                raise AssertionError(f"{name}: a process of clients does not answer")
            answers.append(pipe.recv())
        failures = [answer for answer in answers if isinstance(answer, str)]
        if failures:
            raise AssertionError(f"{name}: {failures[0]}")
        return answers

    def try_to_open(self, counts):
        """Tries so often to get a session: (got one, got 503)."""
        return self._call("try_to_open", counts)

    def open(self, counts):
        """Tries until there are so many more sessions: how many there are more."""
        return self._call("open", counts)

    def echo(self, counts):
        """Sends so many messages, each in a session of its own, and then reads all replies: how many there were."""
        return self._call("echo", counts)

    def close(self, counts):
        """Ends so many sessions: how many there are left."""
        return self._call("close", counts)


class _Member:
    """What runs in one of the processes."""

    def __init__(self, address, number):
        self._address = address
        self._sources = [f"127.{64 + number}.{1 + n // 200}.{1 + n % 200}" for n in range(SOURCES)]
        self._next = 0
        self._sessions = []
        self._epoll = select.epoll()
        self._waiting = {}  # descriptor: socket and what it has received

    def _connect(self):
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((self._sources[self._next % SOURCES], 0))
        self._next += 1
        sock.connect_ex(self._address)
        self._epoll.register(sock.fileno(), select.EPOLLOUT)
        self._waiting[sock.fileno()] = sock, bytearray()

    def _on_ready(self, number, events):
        """True: a session; False: refused; None: not known yet."""
        sock, received = self._waiting[number]
        if events & select.EPOLLOUT:
            sock.send(REQUEST)
            self._epoll.modify(number, select.EPOLLIN)
            return None
        chunk = sock.recv(65536)
        received += chunk
        upgraded = received.startswith(b"HTTP/1.1 101 ") and received.endswith(b"\r\n\r\n")
        if not upgraded and chunk:
            return None
        self._epoll.unregister(number)
        del self._waiting[number]
        if upgraded:
            self._sessions.append(sock)
            return True
        sock.close()
        head, end, body = bytes(received).partition(b"\r\n\r\n")
        if not end or not head.startswith(b"HTTP/1.1 503 ") or b"\r\nRetry-After: " not in head or not body:
            raise rawws.Violation(f"neither a session nor 503 with Retry-After: {bytes(received)!r}")
        return False

    def _attempts(self, count, wanted):
        """Until so many have been answered, or so many of them are sessions."""
        deadline = time.monotonic() + DEADLINE_S
        results = {True: 0, False: 0}
        begun = 0
        while results[True] < wanted and sum(results.values()) < count:
            while begun < count and len(self._waiting) < min(WINDOW, wanted - results[True]):
                self._connect()
                begun += 1
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self._waiting)} hang; {results}")
            for number, events in self._epoll.poll(1):
                result = self._on_ready(number, events)
                if result is not None:
                    results[result] += 1
        return results[True], results[False]

    def try_to_open(self, count):
        return self._attempts(count, count)

    def open(self, count):
        # As many as it takes: those that the server still counts have only just been closed.
        return self._attempts(1 << 30, count)[0]

    def echo(self, count):
        sessions = self._sessions[:count]
        for number, sock in enumerate(sessions):
            sock.send(rawws.text(f"message {number}"))
        for number, sock in enumerate(sessions):
            sock.settimeout(DEADLINE_S)
            payload = f"message {number}".encode()
            wanted = bytes([0x80 | rawws.TEXT, len(payload)]) + payload
            got = sock.recv(len(wanted), socket.MSG_WAITALL)
            if got != wanted:
                raise rawws.Violation(f"reply {got!r} to {payload!r}")
        return len(sessions)

    def close(self, count):
        for _ in range(count):
            self._sessions.pop().close()
        return len(self._sessions)


def _run(pipe, address, number):
    harness.raise_open_files()
    member = _Member(address, number)
    while True:
        try:
            name, count = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(getattr(member, name)(count))
        except Exception as error:  # told to the test
            pipe.send(f"{type(error).__name__}: {error}")
