"""A peer that leaves its output unread: limits.slow_consumer ends its session or drops the newest messages, and the memory
that it takes is bounded either way."""

import signal
import threading
import unittest

import harness
import rawws
from rawws import BINARY, CLOSE, PING, PONG, TEXT, Frame, binary, ping, text
from test_backpressure import NARROW, push, widen

PLAIN, TLS = 0, 1
LISTENERS = ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})
ENDPOINTS = ({"path": "/echo", "handler": "echo", "reply_prefix": ""},)
SEND_QUEUE = 256 << 10
MESSAGE_SIZE = 20_000
MESSAGES = 1200  # 24 MB: the kernels take a few
MANY = 6000  # 120 MB, for what looks at memory
QUIET = {"ping_interval": 0, "send_timeout": 0, "message_timeout": 0, "close_timeout": "10m"}
MEMORY_ALLOWED = 64 << 20  # of the whole process, for a sanitizer's quarantine: half of what is owed


def numbered(number):
    return number.to_bytes(4, "big") + b"x" * (MESSAGE_SIZE - 4)


def in_flight(address, peer):
    """Bytes on their way from this peer that the server has not read, as the kernel has them."""
    queues = {}
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            _, local, remote, _, both = line.split()[:5]
            ports = int(local.rpartition(":")[2], 16), int(remote.rpartition(":")[2], 16)
            queues[ports] = [int(size, 16) for size in both.split(":")]
    ports = peer.local[1], address[1]
    return queues[ports][0] + queues[ports[::-1]][1]


def wire(count):
    return memoryview(b"".join(binary(numbered(number)) for number in range(count)))


class SlowCase(harness.ServerCase):
    def setUp(self):
        self.peers = []

    def tearDown(self):
        for peer in self.peers:
            peer.drop()
        super().tearDown()

    def session(self, listener=PLAIN, **options):
        self.peers.append(self.server.session("/echo", listener, **options))
        return self.peers[-1]

    def flood(self, peer, bytes_, honest, listener):
        """Sends it all and returns once the server has acted on it: another session of its only loop has had its turn."""
        self.assertFalse(push(peer, memoryview(bytes_)), "it is read on although it reads nothing")
        harness.wait_until(lambda: in_flight(self.server.address(listener), peer) == 0, "the server reads all")
        for number in range(3):  # what OpenSSL still had was for a timer
            honest.echo(f"undisturbed {number}")


class Drop(SlowCase):
    settings = {
        "listeners": LISTENERS,
        "endpoints": ENDPOINTS,
        "pool": {"session_threads": 1},
        "limits": {"send_queue": SEND_QUEUE, "slow_consumer": "drop", **QUIET},
    }

    @classmethod
    def tearDownClass(cls):
        """What the drain says of messages is about the drain: these were dropped long before it."""
        super().tearDownClass()
        assert cls.server.records("messages_dropped")
        cls.server.wait_log("drained", messages_dropped=0)

    def read_up_to_pong(self, peer, payload):
        """All messages in front of that pong, which must be whole and in order; other pongs are skipped."""
        numbers = []
        while (got := peer.read_message()) != Frame(PONG, payload):
            if got.opcode == PONG:
                continue
            self.assertEqual((got.opcode, len(got.payload)), (BINARY, MESSAGE_SIZE))
            number = int.from_bytes(got.payload[:4], "big")
            self.assertEqual(got.payload, numbered(number))
            numbers.append(number)
        self.assertEqual(numbers, sorted(set(numbers)))
        return numbers

    def test_whole_messages_are_dropped_and_counted(self):
        for listener, count in ((PLAIN, MANY), (TLS, MESSAGES)):
            with self.subTest(listener=listener):
                honest = self.session(listener)
                peer = self.session(listener, receive_buffer=NARROW)
                before = self.server.memory()
                self.flood(peer, bytes(wire(count)) + ping(b"first") + ping(b"second"), honest, listener)
                if listener == PLAIN:  # OpenSSL has blocks for each record: a quarantine keeps them all
                    self.assertLess(self.server.memory() - before, MEMORY_ALLOWED)
                widen(peer)
                numbers = self.read_up_to_pong(peer, b"second")
                peer.echo("none is dropped any more")
                peer.finish()
                record = self.server.session_end(peer, cause="client_closed", messages_in=count + 1)
                self.assertEqual(int(record["messages_out"]), len(numbers) + 1)
                self.assertEqual(int(record["messages_dropped"]), count - len(numbers))
                self.assertGreater(int(record["messages_dropped"]), 0)
                self.assertEqual(int(record["bytes_out"]), len(numbers) * MESSAGE_SIZE + len("none is dropped any more"))
                honest.finish()
                self.server.session_end(honest, messages_dropped=0)
        lines = self.server.records("messages_dropped")
        self.assertTrue(lines)
        self.assertLess(len(lines), 20)

    def test_only_the_newest_pong_is_owed(self):
        for listener in (PLAIN, TLS):
            with self.subTest(listener=listener):
                count = 20_000  # 2.5 MB of pongs
                pings = b"".join(ping(b"%0125d" % number) for number in range(count))
                honest = self.session(listener)
                peer = self.session(listener, receive_buffer=NARROW)
                self.flood(peer, bytes(wire(MESSAGES)) + pings, honest, listener)
                widen(peer)
                pongs = []
                while not pongs or pongs[-1] != count - 1:
                    got = peer.read_message()
                    if got.opcode == PONG:
                        pongs.append(int(got.payload))
                self.assertEqual(pongs, [count - 1])
                peer.finish()
                honest.finish()

    def test_the_close_is_the_last_frame(self):
        """Whatever the peer sends after an error of its own is not answered, and nothing owed is lost before the Close."""
        for listener in (PLAIN, TLS):
            with self.subTest(listener=listener):
                bad = rawws.frame(3) + bytes(wire(50)) + ping(b"late")
                peer = self.session(listener, receive_buffer=NARROW)
                self.flood(peer, wire(MESSAGES), self.session(listener), listener)
                peer.send(bad)
                widen(peer)
                count = 0
                while (got := peer.read_message()).opcode == BINARY:
                    count += 1
                self.assertEqual((got.opcode, got.payload[:2]), (CLOSE, (1002).to_bytes(2, "big")))
                self.assertEqual(peer.read_end(), "fin")
                self.server.session_end(peer, cause="protocol_error", messages_out=count, messages_in=MESSAGES)


class DropAndTimeout(SlowCase):
    settings = {
        "listeners": LISTENERS,
        "endpoints": ENDPOINTS,
        "pool": {"session_threads": 1},
        "limits": {"send_queue": SEND_QUEUE, "slow_consumer": "drop", **QUIET, "send_timeout": "1s"},
    }

    def test_who_takes_nothing_at_all_is_ended(self):
        for listener in (PLAIN, TLS):
            peer = self.session(listener, receive_buffer=NARROW)
            push(peer, wire(MESSAGES))
        for peer in self.peers:
            self.server.session_end(peer, cause="slow_consumer", code_sent=0)


class Close(SlowCase):
    settings = {
        "listeners": LISTENERS,
        "endpoints": ENDPOINTS,
        "pool": {"session_threads": 1},
        "limits": {"send_queue": SEND_QUEUE, **QUIET},
    }

    def test_input_pauses_and_nothing_is_lost(self):
        for listener in (PLAIN, TLS):
            peer = self.session(listener, receive_buffer=NARROW)
            rest = push(peer, wire(MESSAGES))
            self.assertTrue(rest, "the server stops reading")
            self.session(listener).echo("undisturbed")
            widen(peer)
            peer.send(rest)
            for number in range(MESSAGES):
                self.assertEqual(peer.read_message(), Frame(BINARY, numbered(number)))
            peer.finish()
            self.server.session_end(peer, cause="client_closed", messages_dropped=0)


class AfterTheClose(unittest.TestCase):
    """The server decides to close while its peers talk: replies stand before the Close, none behind it."""

    CLIENTS = 16

    def talk(self, peer, results):
        """Sends all the time, reads to the end; replies must be whole and numbered without a gap."""
        sent = replies = 0
        code = None
        while code is None:
            peer.send(b"".join(text(str(sent + n)) for n in range(50)))
            sent += 50
            while code is None and (peer.buffer or peer.readable(0)):
                got = peer.read_message()
                if got.opcode == CLOSE:
                    code = int.from_bytes(got.payload[:2], "big")
                elif got != Frame(TEXT, str(replies).encode()):
                    raise rawws.Violation(f"reply {replies}: {rawws.short(got)}")
                else:
                    replies += 1
        peer.send(b"".join(text("too late") for _ in range(50)) + ping(b"too late") + rawws.close(code))
        results.append((peer, code, replies, peer.read_end()))

    def test_nothing_is_sent_once_a_close_is_decided(self):
        for policy in ("close", "drop"):
            with self.subTest(slow_consumer=policy):
                server = harness.Server(
                    listeners=LISTENERS, endpoints=ENDPOINTS, limits={"slow_consumer": policy, "close_timeout": "10m"}
                )
                self.addCleanup(server.close)
                server.start()
                results = []
                peers = [server.session("/echo", number % 2) for number in range(self.CLIENTS)]
                threads = [threading.Thread(target=self.talk, args=(peer, results)) for peer in peers]
                for thread in threads:
                    thread.start()
                server.signal(signal.SIGTERM)
                for thread in threads:
                    thread.join(rawws.DEADLINE_S)
                server.check_exit()
                self.assertEqual(len(results), self.CLIENTS)
                for peer, code, replies, end in results:
                    peer.drop()
                    self.assertEqual((code, end), (1001, "fin"))
                    server.session_end(peer, cause="server_stopping", messages_out=replies)


if __name__ == "__main__":
    harness.main()
