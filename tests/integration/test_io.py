"""Many sessions in the same group of events, read and written together (io_uring) or each for itself (epoll).

The server is stopped while the peers send, so that all of it is there when it goes on."""

import ctypes
import os
import platform
import random
import signal
import socket
import ssl
import struct
import unittest
from contextlib import ExitStack, contextmanager
from unittest import mock

import harness
from rawws import BINARY, binary, close

PEERS = 100  # more than one group
SMALL_BUFFER = 4096  # bytes; the kernel has its own minimum
SIZES = (0, 1, 20, 1024, 4087, 4088, 4089, 4096, 5000, 20_000, 65_536)  # 4088 and its header fill what is fetched at once


LISTENERS = ({"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": True})


class Together:
    """The tests; a class for each way of io has them."""

    listener = 0

    @contextmanager
    def at_once(self):
        """What peers do in this block, the server sees at the same time."""
        self.server.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.server.signal(signal.SIGCONT)

    @contextmanager
    def peers(self, count=PEERS, **options):
        with ExitStack() as stack:
            yield [stack.enter_context(self.server.session(listener=self.listener, **options)) for _ in range(count)]

    def assert_echo(self, peer, payload):
        got = peer.read_message()
        self.assertEqual((got.opcode, got.payload), (BINARY, payload))

    def finish(self, peers):
        for peer in peers:
            peer.finish()

    def test_each_gets_its_own(self):
        dice = random.Random(1)
        with self.peers() as peers:
            for size in SIZES:
                payloads = [dice.randbytes(size) for _ in peers]
                with self.at_once():
                    for peer, payload in zip(peers, payloads):
                        peer.send(binary(payload))
                for peer, payload in zip(peers, payloads):
                    self.assert_echo(peer, payload)
            self.finish(peers)

    def test_sizes_side_by_side(self):
        dice = random.Random(2)
        with self.peers() as peers:
            payloads = [[dice.randbytes(dice.choice(SIZES)) for _ in range(3)] for _ in peers]
            with self.at_once():
                for peer, own in zip(peers, payloads):
                    peer.send(b"".join(binary(payload) for payload in own[:2]))
            for peer, own in zip(peers, payloads):
                peer.send(binary(own[2]))
            for peer, own in zip(peers, payloads):
                for payload in own:
                    self.assert_echo(peer, payload)
            self.finish(peers)

    def test_urgent_bytes_among_others(self):
        """A read ends at an urgent byte, which is no part of the stream (tcp(7)): what follows it is there already."""
        frames = binary(b"before the urgent byte") + binary(b"behind it")
        with self.peers() as peers:
            with self.at_once():
                for number, peer in enumerate(peers):
                    cut = number % (len(frames) + 1)
                    peer.send(frames[:cut])
                    socket.socket.send(peer.sock, b"!", socket.MSG_OOB)  # below TLS, where there is one
                    peer.send(frames[cut:])
            for peer in peers:
                self.assert_echo(peer, b"before the urgent byte")
                self.assert_echo(peer, b"behind it")
                peer.echo("and nothing else")
            self.finish(peers)

    def test_ends_among_others(self):
        """A reply comes before the FIN of a peer that has ended its side; a reset concerns nobody else."""
        with self.peers() as peers:
            with self.at_once():
                for number, peer in enumerate(peers):
                    peer.send(binary(b"%d" % number))
                    if number % 5 == 0:
                        peer.half_close()
                    elif number % 5 == 1:
                        peer.send(close(1000))
                    elif number % 5 == 2:
                        peer.reset()
            for number, peer in enumerate(peers):
                if number % 5 == 2:
                    self.server.session_end(peer, cause="connection_lost")
                    continue
                self.assert_echo(peer, b"%d" % number)
                if number % 5 == 0:
                    self.assertEqual(peer.read_end(), "fin")
                    self.server.session_end(peer, cause="client_gone", messages_in=1, messages_out=1)
                elif number % 5 == 1:
                    self.assertEqual(peer.read_frame().payload, struct.pack("!H", 1000))
                    self.server.session_end(peer, cause="client_closed")
                else:
                    peer.echo("undisturbed")
                    peer.finish()

    def test_unread_replies_among_others(self):
        """Peers that do not read get all of their replies in the end, in order, and keep nobody waiting."""
        payloads = [bytes([number]) * 60_000 for number in range(64)]
        with self.peers(8) as quick, self.peers(8, receive_buffer=SMALL_BUFFER) as slow:
            unsent = [b""] * len(slow)
            for payload in payloads:
                with self.at_once():
                    for number, peer in enumerate(slow):
                        unsent[number] += binary(payload)
                        unsent[number] = unsent[number][self.send_some(peer, unsent[number]) :]
                    for peer in quick:
                        peer.send(binary(payload[:20]))
                for peer in quick:
                    self.assert_echo(peer, payload[:20])
            for peer, rest in zip(slow, unsent):
                peer.send(rest)
                for payload in payloads:
                    self.assert_echo(peer, payload)
            self.finish(quick + slow)

    @staticmethod
    def send_some(peer, data):
        """As much as goes without reading a reply."""
        try:
            return peer.sock.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return 0


class Epoll(Together, harness.ServerCase):
    settings = {"pool": {"io": "epoll", "session_threads": 1}}

    def test_is_said(self):
        self.assertEqual(self.server.records("ready")[0]["io"], "epoll")


class Auto(Together, harness.ServerCase):
    """io_uring wherever the kernel lets us."""

    settings = {"pool": {"io": "auto", "session_threads": 1}}


class TlsEpoll(Together, harness.ServerCase):
    listener = 1
    settings = {"listeners": LISTENERS, "pool": {"io": "epoll", "session_threads": 1}}


class TlsAuto(Together, harness.ServerCase):
    listener = 1
    settings = {"listeners": LISTENERS, "pool": {"io": "auto", "session_threads": 1}}


class BusyPoll(Together, harness.ServerCase):
    settings = {"pool": {"busy_poll": 1000, "session_threads": 1}}


# The numbers of x86-64 and of all newer architectures are the same.
IO_URING_SETUP, IO_URING_ENTER = 425, 426
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
SECCOMP_RET_ALLOW, SECCOMP_RET_EPERM = 0x7FFF0000, 0x00050001


def forbid(number):
    """From here on, the system call fails in this process, as under a filter of systemd or of a container."""
    instructions = (
        struct.pack("=HBBI", 0x20, 0, 0, 0),  # load the call's number
        struct.pack("=HBBI", 0x15, 0, 1, number),  # is it this one?
        struct.pack("=HBBI", 0x06, 0, 0, SECCOMP_RET_EPERM),
        struct.pack("=HBBI", 0x06, 0, 0, SECCOMP_RET_ALLOW),
    )
    code = ctypes.create_string_buffer(b"".join(instructions))
    program = struct.pack("@HP", len(instructions), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero) != 0 or libc.prctl(
        PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), program, zero, zero
    ):
        raise OSError(ctypes.get_errno(), "seccomp")


@unittest.skipUnless(platform.machine() in ("x86_64", "aarch64"), "system calls are filtered by number")
class Refused(unittest.TestCase):
    @contextmanager
    def forbidden(self, number):
        raise_open_files = harness.raise_open_files

        def prepare():
            raise_open_files()
            forbid(number)

        with mock.patch.object(harness, "raise_open_files", prepare):
            yield

    def test_auto_falls_back(self):
        for number in (IO_URING_SETUP, IO_URING_ENTER):
            with self.subTest(number=number), self.forbidden(number):
                with harness.Server(pool={"io": "auto"}) as server:
                    self.assertEqual(server.records("ready")[0]["io"], "epoll")
                    with server.session() as peer:
                        peer.echo("served all the same")
                        peer.finish()

    def test_demanded(self):
        """Who asks for io_uring and no other is told, and nothing is served."""
        with self.forbidden(IO_URING_SETUP):
            server = harness.Server(pool={"io": "io_uring"})
            self.addCleanup(server.close)
            server.write_config()
            server.launch()
            server.check_exit(expected=1)
            self.assertIn('pool.io = "io_uring"', server.stderr_text)
            self.assertIn(os.strerror(1), server.stderr_text)


if __name__ == "__main__":
    harness.main()
