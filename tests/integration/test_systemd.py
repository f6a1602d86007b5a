"""Under a service manager: what it is told (NOTIFY_SOCKET), and the listening sockets that it passes (LISTEN_FDS)."""

import contextlib
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import freeze
import harness
import rawws

FIRST_FD = 3  # SD_LISTEN_FDS_START
# From man 3 sd_listen_fds: descriptors from 3 on, LISTEN_PID is who they are for. Only the process itself knows its number
# in time, so this runs in front of the program: arguments are the descriptors ("7,9"), then the command.
PASS_SOCKETS = f"""
import fcntl, os, sys
copies = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1].split(",") if fd]
for at, fd in enumerate(copies, {FIRST_FD}):
    os.dup2(fd, at, inheritable=True)
    os.close(fd)
os.closerange({FIRST_FD} + len(copies), 100)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""
PLAIN, TLS = 0, 1
STATUS = re.compile(r"^STATUS=(.*)$", re.MULTILINE)


class Manager:
    """The manager's end of NOTIFY_SOCKET."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="portcullis-test-")
        self.path = os.path.join(self._folder.name, "notify")
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(self.path)

    def close(self):
        self._sock.close()
        self._folder.cleanup()

    def read(self, timeout=rawws.DEADLINE_S):
        """The next message, as a dict of its assignments."""
        self._sock.settimeout(timeout)
        return dict(line.split("=", 1) for line in self._sock.recv(65536).decode().splitlines())

    def fill(self):
        """From here on nothing more is taken until something is read."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(self.path)
            with contextlib.suppress(BlockingIOError):
                while sock.send(b"X=1"):
                    pass

    def read_rest(self):
        """What else has arrived, without waiting."""
        self._sock.setblocking(False)
        messages = []
        while True:
            try:
                messages.append(self._sock.recv(65536).decode())
            except BlockingIOError:
                return messages


class ManagedServer(harness.Server):
    """A server that is started with sockets and variables of a service manager."""

    def __init__(self, *, sockets=(), variables=None, **sections):
        super().__init__(**sections)
        self.sockets = sockets
        self.variables = variables or {}

    def launch(self):
        descriptors = [sock.fileno() for sock in self.sockets]
        declared = {"LISTEN_FDS": str(len(descriptors))} if descriptors else {}
        passed = ",".join(map(str, descriptors))
        self.process = subprocess.Popen(
            [sys.executable, "-c", PASS_SOCKETS, passed, harness.program(), "-c", self.config_file],
            cwd=self.folder,
            env={**harness.environment(), **declared, **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=descriptors,
        )
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read_log, self._read_stderr)]
        for reader in self._readers:
            reader.start()


def listening(host="127.0.0.1", backlog=64):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind((host, 0))
    sock.listen(backlog)
    return sock


def port_of(sock):
    return sock.getsockname()[1]


class Case(unittest.TestCase):
    def server(self, **settings):
        server = ManagedServer(**settings)
        self.addCleanup(server.close)
        return server

    def keep(self, sock):
        self.addCleanup(sock.close)
        return sock


class Notify(Case):
    def start(self, **settings):
        self.manager = Manager()
        self.addCleanup(self.manager.close)
        return self.server(variables={"NOTIFY_SOCKET": self.manager.path}, **settings).start()

    def test_life(self):
        server = self.start()
        message = self.manager.read()
        self.assertEqual((message.get("READY"), message["STATUS"]), ("1", "Serving; sessions: 0"))
        server.stop()
        message = self.manager.read()
        self.assertEqual((message.get("STOPPING"), message["STATUS"]), ("1", "Draining; sessions: 0"))
        # limits.drain_delay, drain_window and drain_timeout, and ten seconds
        self.assertEqual(message["EXTEND_TIMEOUT_USEC"], str((0 + 5 + 10 + 10) * 1_000_000))
        self.assertEqual(self.manager.read_rest(), [])

    def reload(self, server):
        """Both messages of a reload; returns the status at its end."""
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        server.signal(signal.SIGHUP)
        begin = self.manager.read()
        while begin.keys() == {"STATUS"}:  # the period of the number of sessions ended just then
            begin = self.manager.read()
        end = self.manager.read()
        self.assertEqual(begin.get("RELOADING"), "1")
        self.assertNotIn("READY", begin)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.assertTrue(before <= int(begin["MONOTONIC_USEC"]) <= after, begin)
        self.assertEqual(end.get("READY"), "1")
        self.assertNotIn("RELOADING", end)
        return end["STATUS"]

    def test_reload(self):
        server = self.start()
        self.manager.read()
        self.assertEqual(self.reload(server), "Serving; sessions: 0")
        server.write_config("nonsense")
        self.assertRegex(self.reload(server), "^Serving; sessions: 0; the last reload was refused")
        server.write_config()
        self.assertEqual(self.reload(server), "Serving; sessions: 0")
        server.stop()

    def test_sessions_are_counted(self):
        """At a reload, and by themselves within a period; a number that stays is not said again."""
        server = self.start()
        self.manager.read()
        with server.session() as peer:
            peer.echo("hello")
            self.assertEqual(self.reload(server), "Serving; sessions: 1")
            with server.session() as second:
                second.echo("hello")
                self.assertEqual(self.manager.read(), {"STATUS": "Serving; sessions: 2"})
                self.assertEqual(self.manager.read_rest(), [])
                server.signal(signal.SIGTERM)
                message = self.manager.read()
                self.assertEqual((message.get("STOPPING"), message["STATUS"]), ("1", "Draining; sessions: 2"))
                for one in (peer, second):
                    self.assertEqual(one.read_close(), 1001)
                    one.send(rawws.close(1001))
        server.check_exit()

    def test_failed_start_is_not_ready(self):
        manager = Manager()
        self.addCleanup(manager.close)
        taken = self.keep(listening())
        listeners = ({"address": f"127.0.0.1:{port_of(taken)}"},)
        server = self.server(listeners=listeners, variables={"NOTIFY_SOCKET": manager.path})
        server.write_config()
        server.launch()
        server.check_exit(expected=1)
        self.assertEqual(manager.read_rest(), [])

    def test_manager_that_does_not_read(self):
        """Nothing waits for it for long: not a reload, not the end."""
        manager = Manager()
        self.addCleanup(manager.close)
        manager.fill()
        server = self.server(variables={"NOTIFY_SOCKET": manager.path}).start()
        server.signal(signal.SIGHUP)
        server.wait_log("reloaded")
        server.stop()

    def test_nobody_listens(self):
        """A server serves whether or not its messages arrive."""
        for path in ("/nonexistent/notify", "nonsense", "@portcullis-test-nobody", ""):
            with self.subTest(path), self.server(variables={"NOTIFY_SOCKET": path}) as server:
                server.signal(signal.SIGHUP)
                server.wait_log("reloaded")
                with server.session() as peer:
                    peer.echo("hello")
                    peer.finish()


class Watchdog(Case):
    """WATCHDOG=1 comes while every thread that matters goes round; one that does not is named before it stops coming."""

    PATIENT = {"WATCHDOG_USEC": "8000000"}
    # Where a stall is waited for. Half of it makes one, and a loaded machine may pause a healthy thread for as long: then the
    # messages come back by themselves.
    IMPATIENT = {"WATCHDOG_USEC": "1000000"}
    SILENCE_S = 3  # in which two dozen messages would have come

    def start(self, variables, **settings):
        self.manager = Manager()
        self.addCleanup(self.manager.close)
        return self.server(variables={"NOTIFY_SOCKET": self.manager.path, **variables}, **settings).start()

    def read_alive(self):
        while "WATCHDOG" not in (message := self.manager.read()):
            self.assertTrue(message.keys() & {"READY", "STATUS", "RELOADING", "STOPPING"}, message)
        self.assertEqual(message, {"WATCHDOG": "1"})

    def test_healthy(self):
        """It goes on coming, at a reload and while sessions drain."""
        server = self.start(self.PATIENT)
        for _ in range(3):
            self.read_alive()
        with server.session() as peer:
            peer.echo("hello")
            server.signal(signal.SIGHUP)
            server.wait_log("reloaded")
            self.read_alive()
            server.signal(signal.SIGTERM)
            self.assertEqual(peer.read_close(), 1001)
            while "STOPPING" not in self.manager.read():
                pass
            for _ in range(2):
                self.read_alive()
            peer.send(rawws.close(1001))
        server.check_exit()

    def test_not_asked_for(self):
        for variables in ({}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "nonsense"}):
            with self.subTest(variables):
                server = self.start(variables)
                self.assertEqual(self.manager.read().get("READY"), "1")
                server.signal(signal.SIGHUP)
                server.wait_log("reloaded")
                server.stop()
                self.assertNotIn("WATCHDOG=1", self.manager.read_rest())

    def check_stall(self, server, thread_name, logged_name):
        """The thread is named, then no message comes; both end when it goes on."""
        task = freeze.find_thread(server.process.pid, thread_name)
        mark = server.mark()
        with freeze.Frozen(task):
            self.wait_silence(server, logged_name)
        server.wait_log("thread_resumed", after=mark, thread=logged_name)
        self.manager.read_rest()
        self.read_alive()

    def wait_silence(self, server, name):
        harness.wait_until(lambda: f"portcullis: thread {name} has not answered" in server.stderr_text, f"{name} named")
        # Nobody is told anything while a vital thread does not answer; what was sent before it was noticed is read away.
        self.manager.read_rest()
        self.assertRaises(TimeoutError, self.manager.read, self.SILENCE_S)

    def test_every_thread(self):
        server = self.start(self.IMPATIENT, pool={"session_threads": 2})
        for thread_name, logged_name in (
            ("lobby-0", "lobby-0"),
            ("lobby-1", "lobby-1"),
            ("sessions-1", "sessions-1"),
            ("civetweb-master", "civetweb-master"),
            ("portcullis", "main"),
        ):
            with self.subTest(thread_name):
                self.check_stall(server, thread_name, logged_name)
        with server.session() as peer:
            peer.echo("hello")
            peer.finish()
        server.stop()

    def test_upgrade_workers(self):
        """Those that wait for requests are as good as any; it is a request that none of them answers that counts."""
        server = self.start(self.IMPATIENT, pool={"upgrade_threads": 1})
        with freeze.Frozen(freeze.find_thread(server.process.pid, "upgrade-0")):
            self.manager.read_rest()
            self.read_alive()
            peer = rawws.Peer(server.address())
            self.addCleanup(peer.drop)
            peer.send(rawws.request("GET /echo HTTP/1.1"))
            self.wait_silence(server, "upgrade")
        server.wait_log("thread_resumed", thread="upgrade")
        peer.drop()
        self.read_alive()
        server.stop()

    def test_log_writer_is_not_vital(self):
        """A log that hangs is told on standard error, and serving goes on."""
        server = self.start(self.IMPATIENT)
        with freeze.Frozen(freeze.find_thread(server.process.pid, "log")):
            told = "portcullis: thread log has not answered"
            harness.wait_until(lambda: told in server.stderr_text, told)
            self.manager.read_rest()
            self.read_alive()
            with rawws.Peer(server.address()) as peer:
                peer.upgrade("/echo")
                peer.echo("hello")
                peer.finish()
        server.wait_log("thread_resumed", thread="log")
        server.stop()


class Sockets(Case):
    def converse(self, server, listener=PLAIN, **options):
        with server.session(listener=listener, **options) as peer:
            peer.echo("hello")
            peer.finish()

    def test_served_by_address(self):
        """Each finds its own listener, in whatever order they come."""
        plain, tls = self.keep(listening()), self.keep(listening("::1"))
        listeners = (
            {"address": f"127.0.0.1:{port_of(plain)}"},
            {"address": f"[::1]:{port_of(tls)}", "tls": True},
        )
        for sockets in ((plain, tls), (tls, plain)):
            with self.server(listeners=listeners, sockets=sockets) as server:
                self.assertEqual(server.ports, [port_of(plain), port_of(tls)])
                self.assertEqual(len(server.records("inherited")), 2)
                self.converse(server)
                self.converse(server, TLS, host="::1")

    def test_any_address(self):
        for host, address, clients in (
            ("::", "[::]", ("127.0.0.1", "::1")),
            ("::", "*", ("127.0.0.1", "::1")),
            ("0.0.0.0", "[::]", ("127.0.0.1",)),
            ("0.0.0.0", "0.0.0.0", ("127.0.0.1",)),
        ):
            with self.subTest(host=host, address=address), listening(host) as sock:
                listeners = ({"address": f"{address}:{port_of(sock)}"},)
                with self.server(listeners=listeners, sockets=[sock]) as server:
                    for client in clients:
                        self.converse(server, host=client)

    def test_beside_its_own(self):
        """Listeners without an inherited socket are opened as ever."""
        sock = self.keep(listening())
        listeners = ({"address": "127.0.0.1:0"}, {"address": f"127.0.0.1:{port_of(sock)}"})
        with self.server(listeners=listeners, sockets=[sock]) as server:
            self.assertEqual(len(server.records("inherited")), 1)
            self.converse(server, 0)
            self.converse(server, 1)

    def test_options(self):
        """The socket is shared with whoever passed it, so its options can be read here; flags are the server's own."""
        sock = self.keep(listening())
        with self.server(listeners=({"address": f"127.0.0.1:{port_of(sock)}"},), sockets=[sock]) as server:
            self.assertTrue(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            self.assertTrue(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
            self.assertEqual(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT), 128 * 1024)
            with open(f"/proc/{server.process.pid}/fdinfo/{FIRST_FD}", encoding="ascii") as info:
                flags = int(re.search(r"^flags:\s*([0-7]+)$", info.read(), re.MULTILINE)[1], 8)
            self.assertTrue(flags & os.O_CLOEXEC)
            self.assertTrue(fcntl.fcntl(sock, fcntl.F_GETFL) & os.O_NONBLOCK)

    def test_the_next_server_takes_who_comes_during_a_drain(self):
        """They wait in the socket, which the first server leaves alone from the first Close frame on."""
        sock = self.keep(listening())
        settings = {"listeners": ({"address": f"127.0.0.1:{port_of(sock)}"},), "sockets": [sock]}
        first = self.server(**settings).start()
        with first.session() as last:
            first.signal(signal.SIGTERM)
            self.assertEqual(last.read_close(), 1001)
            with rawws.Peer(("127.0.0.1", port_of(sock))) as early:
                last.send(rawws.close(1001))
                first.check_exit()
                with self.server(**settings):
                    early.upgrade("/echo")
                    early.echo("hello")
                    early.finish()

    def test_outlives_the_server(self):
        """Who connects between two servers is served by the second: the first has not shut the socket down."""
        sock = self.keep(listening())
        listeners = ({"address": f"127.0.0.1:{port_of(sock)}"},)
        with self.server(listeners=listeners, sockets=[sock]) as server:
            self.converse(server)
        self.assertTrue(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        with rawws.Peer(("127.0.0.1", port_of(sock))) as early:
            with self.server(listeners=listeners, sockets=[sock]):
                early.upgrade("/echo")
                early.echo("hello")
                early.finish()

    def refused(self, *messages, **settings):
        """It does not start, and says why, in the log when that is open by then, and on stderr always."""
        server = self.server(**settings)
        server.write_config()
        server.launch()
        server.check_exit(expected=1)
        self.assertEqual(server.records("ready"), [])
        for message in messages:
            self.assertIn(message, server.stderr_text)

    def test_unmatched(self):
        sock, stray, other = (self.keep(listening()) for _ in range(3))
        listeners = ({"address": f"127.0.0.1:{port_of(sock)}"},)
        self.refused(
            f'inherited descriptor 4 (named "stray", bound to 127.0.0.1:{port_of(stray)})',
            f'5 (named "other", bound to 127.0.0.1:{port_of(other)})',
            listeners=listeners,
            sockets=[sock, stray, other],
            variables={"LISTEN_FDNAMES": "web:stray:other"},
        )

    def test_same_port_of_another_address(self):
        """That is what it says, even where the listener's own address is in use because of that very socket."""
        for host, address in (("127.0.0.1", "127.0.0.2"), ("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "*"), ("::1", "[::]")):
            with self.subTest(host=host, address=address), listening(host) as sock:
                self.refused(
                    f"bound to {'[::1]' if host == '::1' else host}:{port_of(sock)})",
                    listeners=({"address": f"{address}:{port_of(sock)}"},),
                    sockets=[sock],
                )

    def test_port_0_takes_none(self):
        sock = self.keep(listening())
        self.refused(f"bound to 127.0.0.1:{port_of(sock)}", sockets=[sock])

    def test_no_listening_tcp_socket(self):
        bound = self.keep(socket.socket())
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        datagrams = self.keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagrams.bind(("127.0.0.1", 0))
        local = self.keep(socket.socket(socket.AF_UNIX))
        local.bind("\0portcullis-test-" + str(os.getpid()))
        local.listen()
        with open(os.devnull, "rb") as file:
            for title, sock in (("not listening", bound), ("UDP", datagrams), ("AF_UNIX", local), ("a file", file)):
                port = port_of(sock) if sock in (bound, datagrams) else 0
                with self.subTest(title):
                    self.refused(
                        'inherited descriptor 3 (named "unknown", not a listening TCP socket)',
                        listeners=({"address": f"127.0.0.1:{port}"},),
                        sockets=[sock],
                    )

    def test_false_declarations(self):
        sock = self.keep(listening())
        for title, variables in {
            "more than there are": {"LISTEN_FDS": "2"},
            "far more": {"LISTEN_FDS": "2147483000"},
            "no number": {"LISTEN_FDS": "one"},
            "negative": {"LISTEN_FDS": "-1"},
            "too many names": {"LISTEN_FDNAMES": "one:two"},
        }.items():
            with self.subTest(title):
                listeners = ({"address": f"127.0.0.1:{port_of(sock)}"},)
                self.refused("LISTEN_FDS", listeners=listeners, sockets=[sock], variables=variables)

    def test_meant_for_another_process(self):
        sock = self.keep(listening())
        with self.server(sockets=[sock], variables={"LISTEN_PID": "1"}) as server:
            self.assertEqual(server.records("inherited"), [])
            self.converse(server)


if __name__ == "__main__":
    harness.main()
