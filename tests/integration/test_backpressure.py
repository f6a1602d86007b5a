"""What a session is owed reaches a peer that reads late or slowly, and no deadline runs while the server itself waits."""

import concurrent.futures
import select
import signal
import time
import unittest

import harness
import rawws
from rawws import BINARY, PING, TEXT, Frame, binary, pong, text

PLAIN, TLS = 0, 1
LISTENERS = ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})

PREFIX = "p" * 1000  # a message of one byte is answered with a thousand
ENDPOINTS = (
    {"path": "/echo", "handler": "echo", "reply_prefix": ""},
    {"path": "/long", "handler": "echo", "reply_prefix": PREFIX},
)
LONG_REPLY = Frame(TEXT, PREFIX.encode() + b"x")

NARROW = 4096  # SO_RCVBUF of those who read late or slowly: what they do not read stays with the server
WIDE = 1 << 20
RECORD_SIZE = 16384  # the most one TLS record holds (RFC 8446 §5.1)
# Replies of 10,000 bytes are gathered before they are written, so that the server stops reading in the middle of a message.
MESSAGE_SIZE = 10_000
MESSAGES = 1200  # 12 MB: more than both kernels hold (tcp_wmem is 4 MiB)
BLOCKED_S = 0.5  # a socket that takes nothing for so long is full

TIMEOUT_S = 2  # of every deadline here
OVERDUE_S = 2.5 * TIMEOUT_S
SIP_SIZE = 2048
SIP_EVERY_S = 0.1  # a slow reader's pace: 20 KB a second, where the kernel holds 300 KB for it and more


def numbered(number):
    return number.to_bytes(4, "big") + b"x" * (MESSAGE_SIZE - 4)


def numbered_messages():
    return memoryview(b"".join(binary(numbered(number)) for number in range(MESSAGES)))


def push(peer, wire):
    """Sends without reading until the server takes no more. Returns what is left."""
    poll = select.poll()
    poll.register(peer.sock, select.POLLOUT)
    while wire:
        try:
            wire = wire[peer.sock.send(wire[:RECORD_SIZE]) :]
        except (BlockingIOError, rawws.ssl.SSLWantWriteError):
            if not poll.poll(BLOCKED_S * 1000):
                break
    return wire


def widen(peer):
    """From here on it reads as fast as it can."""
    peer.sock.setsockopt(rawws.socket.SOL_SOCKET, rawws.socket.SO_RCVBUF, WIDE)


class BackpressureCase(harness.ServerCase):
    def setUp(self):
        self.peers = []

    def tearDown(self):
        for peer in self.peers:
            peer.drop()
        super().tearDown()

    def stalled(self, path="/echo"):
        """A peer on each listener that reads nothing until asked to."""
        for listener in (PLAIN, TLS):
            self.peers.append(self.server.session(path, listener, receive_buffer=NARROW))
        return self.peers

    def ended_within(self, peer, seconds):
        """Whether the server ends its session in that time."""
        session = self.server.wait_log("session_start", **peer.log_key)["session"]
        try:
            self.server.wait_log("session_end", timeout=seconds, session=session)
        except AssertionError:
            return False
        return True

    def assert_all_echoed(self, peer, rest):
        """Sends the rest and reads every reply, in order; pings are answered."""
        widen(peer)
        peer.send(rest)
        for number in range(MESSAGES):
            while (got := peer.read_message()).opcode == PING:
                peer.send(pong(got.payload))
            self.assertEqual(got, Frame(BINARY, numbered(number)), f"reply {number}")

    def assert_finished(self, peer):
        peer.send(rawws.close(1000))
        while (got := peer.read_message()).opcode == PING:
            pass
        self.assertEqual(got.payload, (1000).to_bytes(2, "big"))
        self.assertEqual(peer.read_end(), "fin")
        peer.drop()
        self.server.session_end(peer, cause="client_closed")


class LateReader(BackpressureCase):
    """Nothing but the peer's reading moves these sessions on: no ping, no deadline, not one more byte of the peer."""

    settings = {
        "listeners": LISTENERS,
        "endpoints": ENDPOINTS,
        "limits": {"send_queue": "64M", "ping_interval": 0, "send_timeout": 0, "message_timeout": 0},
    }

    def assert_all_answered(self, peer, count):
        """Before another byte is sent: the Close at the end would wake a session that sleeps on its input. The peer's
        buffer stays narrow, so that the server stops again and again, up to the last of it."""
        for number in range(count):
            self.assertEqual(peer.read_message(), LONG_REPLY, f"reply {number} of {count}")
        self.assert_finished(peer)

    def test_messages_in_large_records(self):
        """Reading stops in the middle of a record; the rest of it is in no kernel that could tell of it."""
        count = 12 * RECORD_SIZE // len(text("x"))
        for peer in self.stalled("/long"):
            self.assertFalse(push(peer, memoryview(text("x") * count)))
            self.assert_all_answered(peer, count)

    def test_messages_in_small_records(self):
        """Reading stops between records that OpenSSL has read ahead."""
        filling, small = RECORD_SIZE // len(text("x")), 500
        for peer in self.stalled("/long"):
            self.assertFalse(push(peer, memoryview(text("x") * filling)))
            for _ in range(small):
                self.assertFalse(push(peer, memoryview(text("x"))))
            self.assert_all_answered(peer, filling + small)


class SmallQueue(BackpressureCase):
    """The replies to one read are far more than the queue: reading, not the session, has to stop."""

    settings = {"listeners": LISTENERS, "endpoints": ENDPOINTS, "limits": {"send_queue": "4K", "ping_interval": 0}}
    COUNT = 40_000

    def test_prompt_reader(self):
        for listener in (PLAIN, TLS):
            with self.subTest(listener=listener), self.server.session("/long", listener) as peer:
                peer.send(text("x") * self.COUNT)  # which reads whenever it cannot send
                for number in range(self.COUNT):
                    self.assertEqual(peer.read_message(), LONG_REPLY, f"reply {number}")
                self.assert_finished(peer)

    def test_late_reader(self):
        for peer in self.stalled("/long"):
            rest = push(peer, memoryview(text("x") * self.COUNT))
            widen(peer)
            peer.send(rest)
            for number in range(self.COUNT):
                self.assertEqual(peer.read_message(), LONG_REPLY, f"reply {number}")
            self.assert_finished(peer)


class SlowReader(BackpressureCase):
    # Over TLS a whole record is read at once and then sipped for 0.8 s; on a busy machine, for several times as long.
    SEND_TIMEOUT_S = 5
    settings = {
        "listeners": LISTENERS,
        "endpoints": ENDPOINTS,
        "limits": {"send_timeout": f"{SEND_TIMEOUT_S}s", "ping_interval": 0, "message_timeout": 0},
    }

    def sip(self, peer):
        try:
            chunk = peer.sock.recv(SIP_SIZE)
        except (BlockingIOError, rawws.ssl.SSLWantReadError):
            return
        self.assertTrue(chunk, "ended by the server")
        peer.buffer += chunk

    def test_a_steady_reader_is_not_stuck(self):
        """The kernel calls its socket writable only when a third of its buffer is free: later than send_timeout."""
        with concurrent.futures.ThreadPoolExecutor() as pool:  # neither may wait for the other
            list(pool.map(self.read_slowly, self.stalled()))

    def read_slowly(self, peer):
        rest = push(peer, numbered_messages())
        until = time.monotonic() + 2.5 * self.SEND_TIMEOUT_S
        while time.monotonic() < until:
            self.sip(peer)
            self.assertFalse(self.ended_within(peer, SIP_EVERY_S), "a reader that takes some is no stuck one")
        self.assert_all_echoed(peer, rest)
        self.assert_finished(peer)


class PausedCase(BackpressureCase):
    def assert_unharmed(self):
        """The server stops reading from a peer that takes nothing, for longer than the deadline that would blame the peer
        for the silence. Then all goes on."""
        wire = numbered_messages()
        peers = self.stalled()
        rests = [push(peer, wire) for peer in peers]
        self.assertFalse(self.ended_within(peers[PLAIN], OVERDUE_S))
        self.assertFalse(self.ended_within(peers[TLS], 0))
        for peer, rest in zip(peers, rests):
            self.assert_all_echoed(peer, rest)
            self.assert_finished(peer)


def paused_settings(**limits):
    limits = {"send_timeout": 0, "ping_interval": 0, "message_timeout": 0, "idle_timeout": 0, **limits}
    return {"listeners": LISTENERS, "endpoints": ENDPOINTS, "limits": limits}


class PausedMessage(PausedCase):
    settings = paused_settings(message_timeout=f"{TIMEOUT_S}s")

    def test_message_timeout(self):
        self.assert_unharmed()


class PausedPong(PausedCase):
    settings = paused_settings(ping_interval=f"{TIMEOUT_S}s", pong_timeout=f"{TIMEOUT_S}s")

    def test_pong_timeout(self):
        self.assert_unharmed()


class PausedIdle(PausedCase):
    settings = paused_settings(idle_timeout=f"{TIMEOUT_S}s")

    def test_idle_timeout(self):
        self.assert_unharmed()


class UnsentAtTheEnd(unittest.TestCase):
    """The server stops while sessions have output that their peers have not taken yet."""

    IDLE = 100

    def start(self):
        limits = {"drain_timeout": "10m", "close_timeout": "10m", "send_timeout": 0, "ping_interval": 0}
        limits["drain_window"] = 0  # who has seen one Close knows that all sessions of the loop were told
        pool = {"session_threads": 1}
        server = harness.Server(listeners=LISTENERS, endpoints=ENDPOINTS, limits=limits, pool=pool)
        self.addCleanup(server.close)
        return server.start()

    def session(self, server, listener, **options):
        peer = server.session("/echo", listener, **options)
        self.addCleanup(peer.drop)
        return peer

    def test_half_closed_in_the_closing_handshake(self):
        """A FIN in place of the peer's Close says that it sends no more, not that it reads no more."""
        wire = numbered_messages()
        server = self.start()
        peers = [self.session(server, listener, receive_buffer=NARROW) for listener in (PLAIN, TLS)]
        idle = self.session(server, PLAIN)
        for peer in peers:
            push(peer, wire)
        server.signal(signal.SIGTERM)
        self.assertEqual(idle.read_close(), 1001, "the closing handshake has begun")
        idle.drop()
        for peer in peers:
            peer.half_close()
        server.wait_log("session_end")
        for peer in peers:
            widen(peer)
            count = 0
            while (got := peer.read_message()).opcode == BINARY:
                self.assertEqual(got.payload, numbered(count))
                count += 1
            self.assertEqual((got.opcode, got.payload[:2]), (rawws.CLOSE, (1001).to_bytes(2, "big")))
            self.assertEqual(peer.read_end(), "fin")
            record = server.session_end(peer, cause="server_stopping", code_sent=1001)
            self.assertEqual(int(record["messages_out"]), count)
        server.check_exit()

    def test_second_signal(self):
        """Whoever asks twice does not want to wait, but what became of each session is still told."""
        wire = numbered_messages()
        server = self.start()
        idle = [self.session(server, number % 2) for number in range(self.IDLE)]
        stalled = [self.session(server, listener, receive_buffer=NARROW) for listener in (PLAIN, TLS)]
        for peer in stalled:
            push(peer, wire)
        server.signal(signal.SIGTERM)
        for peer in idle:
            self.assertEqual(peer.read_close(), 1001)
        server.signal(signal.SIGTERM)
        server.check_exit(expected=1)
        server.wait_log("drain_cut_short", sessions=self.IDLE + len(stalled))
        for peer in idle + stalled:
            server.session_end(peer, cause="server_stopping")


if __name__ == "__main__":
    harness.main()
