"""Runs the real server for a test: writes its config, starts it, reads its log, stops it, and checks that it ended well.

The program under test is named by PORTCULLIS_BIN. Nothing here sleeps for a fixed time: every wait is for a condition,
under a deadline that only a broken server reaches.
"""

import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import rawws
from rawws import DEADLINE_S

SANITIZER_REPORT = re.compile(
    r"ERROR: AddressSanitizer|ERROR: LeakSanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer"
)
# A report must end the process with a failure, whatever the caller's own options (appended, so these win) are.
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "exitcode=99:halt_on_error=1:detect_leaks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "exitcode=66:second_deadlock_stack=1",
}
OPEN_FILES = 16384  # the floods need some 6,000 sockets here and as many in the server
IO = os.environ.get("PORTCULLIS_IO")  # pool.io of every server whose test does not set it: all tests, the other way
POLL_S = 0.05  # between looks at things that cannot be waited for (/proc)

PREFIX = "Server received: "
DEFAULT_LISTENERS = ({"address": "127.0.0.1:0"},)
DUAL_LISTENERS = ({"address": "[::]:0"}, {"address": "[::]:0", "tls": True})
DEFAULT_ENDPOINTS = (
    {"path": "/", "handler": "echo", "reply_prefix": PREFIX, "auth": "none"},
    {"path": "/echo", "handler": "echo", "reply_prefix": "", "auth": "none"},
)

_FIELD = re.compile(r'([a-z0-9_]+)=("(?:[^"\\]|\\.)*"|\S*)')
_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (\w+) (\w+)(?: (.*))?")
_KEY_BITS = "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"


_secrets = set()  # what no server may ever write


def register_secret(text):
    """From now on this text must not appear in anything that a server of this process writes. With PORTCULLIS_SECRETS, the
    name of a file, it is noted there as well, for who looks through the output of all tests."""
    if text not in _secrets:
        _secrets.add(text)
        if name := os.environ.get("PORTCULLIS_SECRETS"):
            with open(name, "a", encoding="utf-8") as file:
                file.write(text + "\n")


class Raw(str):
    """Config text that goes in as it is."""


def config_value(value):
    """A Python value in libconfig's syntax: dict is a group, tuple a list, list an array."""
    if isinstance(value, Raw):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}L" if abs(value) > 0x7FFFFFFF else str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{ " + " ".join(f"{name} = {config_value(item)};" for name, item in value.items()) + " }"
    left, right = "()" if isinstance(value, tuple) else "[]"
    return left + ", ".join(config_value(item) for item in value) + right


def config_text(sections):
    return "".join(f"{name} = {config_value(value)};\n" for name, value in sections.items())


def parse_log_line(line):
    """A text log line as a dict: time, level, event and its fields as strings. None for anything else."""
    match = _LINE.fullmatch(line)
    if not match:
        return None
    record = {"time": match[1], "level": match[2], "event": match[3], "line": line}
    for name, value in _FIELD.findall(match[4] or ""):
        record[name] = value[1:-1] if value.startswith('"') else value
    return record


def program():
    path = os.environ.get("PORTCULLIS_BIN")
    if not path:
        raise RuntimeError("set PORTCULLIS_BIN to the portcullis program to be tested")
    return os.path.abspath(path)


def sanitized():
    """Whether the program was built with a sanitizer that makes it many times slower."""
    with open(program(), "rb") as file:
        code = file.read()
    return b"__asan_init" in code or b"__tsan_init" in code


def environment():
    values = dict(os.environ)
    for name, options in SANITIZER_OPTIONS.items():
        values[name] = ":".join(filter(None, (values.get(name), options)))
    return values


def raise_open_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


def make_certificate(folder):
    """A self-signed certificate for localhost, 127.0.0.1 and ::1, and its key with mode 0600."""
    certificate, key = os.path.join(folder, "server.crt"), os.path.join(folder, "server.key")
    command = ["openssl", "req", "-x509", "-nodes", "-days", "90", "-subj", "/CN=localhost", "-newkey", *_KEY_BITS]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE_S)
    os.chmod(key, 0o600)
    return certificate, key


def wait_until(condition, what, timeout=DEADLINE_S):
    """Returns the first true value of condition(). what: text for the failure, or a function that makes it."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:.0f} s: {what() if callable(what) else what}")
        time.sleep(POLL_S)
    return value


class Server:
    """One running server with a temporary folder of its own."""

    known = []  # all that were made and not closed yet, for the message of a test that fails

    def __init__(self, *, listeners=DEFAULT_LISTENERS, endpoints=DEFAULT_ENDPOINTS, **sections):
        self._folder = tempfile.TemporaryDirectory(prefix="portcullis-test-")
        self.folder = self._folder.name
        self.config_file = os.path.join(self.folder, "portcullis.conf")
        self.sections = {"listeners": tuple(listeners), "admin": {"address": ""}, "endpoints": tuple(endpoints)}
        self.sections.update(sections)
        self.sections["log"] = {"file": "-", "error_file": "errors.log", **sections.get("log", {})}
        self.variables = {}  # more environment for the program
        if IO:
            self.sections["pool"] = {"io": IO, **sections.get("pool", {})}
        self.certificate = None
        if any(listener.get("tls") for listener in listeners):
            self.certificate, key = make_certificate(self.folder)
            self.sections.setdefault("tls", {"certificate": self.certificate, "key": key})
        self.popen = {}  # more arguments of subprocess.Popen
        self.process = None
        self.ports = []
        self.stderr_text = ""
        self._log_text = []  # as it came
        self._records = []
        self._changed = threading.Condition()
        self._readers = []
        self._log_ended = False
        Server.known.append(self)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        self.close()

    # -- life -------------------------------------------------------------------------------------------------------

    def write_config(self, text=None):
        """Writes the sections, or the given text, whole or not at all."""
        temporary = self.config_file + ".new"
        with open(temporary, "w", encoding="utf-8") as out:
            out.write(config_text(self.sections) if text is None else text)
        os.chmod(temporary, 0o600)
        os.rename(temporary, self.config_file)

    def launch(self):
        """Runs the program on the config file as it is."""
        self.process = subprocess.Popen(
            [program(), "-c", self.config_file],
            cwd=self.folder,
            env={**environment(), **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **{"preexec_fn": raise_open_files, **self.popen},
        )
        self._readers = [
            threading.Thread(target=self._read_log, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        self._log_ended = False
        for reader in self._readers:
            reader.start()

    def start(self):
        """Returns once every listener is open. Listeners are in config order in `ports`."""
        self.write_config()
        self.launch()
        try:
            self.wait_log("ready")
        except BaseException:
            self.close()  # and so all that it said on stderr is there
            raise AssertionError(f"the server did not start\n{self.tail()}") from None
        listening = [record for record in self.records() if record["event"] == "listening"]
        self.ports = [int(record["address"].rpartition(":")[2]) for record in listening]
        return self

    def _read_log(self):
        for line in self.process.stdout:
            self._log_text.append(line)
            record = parse_log_line(line.decode("utf-8", "backslashreplace").rstrip("\n"))
            with self._changed:
                if record is None:
                    record = {"time": "", "level": "", "event": "", "line": line.decode("utf-8", "backslashreplace")}
                self._records.append(record)
                self._changed.notify_all()
        with self._changed:
            self._log_ended = True
            self._changed.notify_all()

    def _read_stderr(self):
        for line in self.process.stderr:
            self.stderr_text += line.decode("utf-8", "backslashreplace")

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM, and what every test ends with: exit code 0, no sanitizer report, no log line out of form."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        self.check_exit()

    def check_exit(self, expected=0):
        try:
            code = self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no exit within {DEADLINE_S:.0f} s of SIGTERM\n{self.tail()}") from None
        for reader in self._readers:
            reader.join(DEADLINE_S)
        report = self.sanitizer_report()
        if report:
            raise AssertionError(f"sanitizer report:\n{report}")
        if code != expected:
            raise AssertionError(f"exit code {code}\n{self.tail()}")
        odd = [record["line"] for record in self.records() if not record["event"]]
        if odd:
            raise AssertionError(f"log lines out of form: {odd[:5]}")
        self.check_secrets()

    def written(self):
        """All that the server has written: (where, bytes) of its output and of the logs in its folder."""
        yield "standard output", b"".join(self._log_text)
        yield "standard error", self.stderr_text.encode(errors="backslashreplace")
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".log"):
                with open(os.path.join(self.folder, name), "rb") as file:
                    yield name, file.read()

    def check_secrets(self, secrets=_secrets):
        """None of the registered secrets, or of these, is in what the server has written."""
        known = [secret.encode() for secret in secrets]
        for where, content in self.written() if known else ():
            if any(secret in content for secret in known):
                raise AssertionError(f"a secret or token is in the server's {where}")

    def keep_written(self):
        """With PORTCULLIS_KEPT, a folder: what the server has written goes there, for who looks through it all."""
        folder = os.environ.get("PORTCULLIS_KEPT")
        if folder and self.process is not None and os.path.isdir(self.folder):  # not closed before
            with open(os.path.join(folder, f"{os.getpid()}-{self.process.pid}.log"), "ab") as out:
                for _, content in self.written():
                    out.write(content)

    def close(self):
        """Ends the process if it still runs, and removes the folder."""
        if self in Server.known:
            Server.known.remove(self)
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            for reader in self._readers:
                reader.join(DEADLINE_S)
            self.process.stdout.close()
            self.process.stderr.close()
        self.keep_written()
        self._folder.cleanup()

    # -- log --------------------------------------------------------------------------------------------------------

    def records(self, event=None, **fields):
        with self._changed:
            return [record for record in self._records if _matches(record, event, fields)]

    def mark(self):
        """A place in the log: wait_log(after=mark) sees only what comes later."""
        with self._changed:
            return len(self._records)

    def wait_log(self, event, *, after=0, timeout=DEADLINE_S, **fields):
        """The first record of that event (or of one of them, in a tuple) with those fields; waits for it."""
        deadline = time.monotonic() + timeout
        at = after
        with self._changed:
            while True:
                for record in self._records[at:]:
                    if _matches(record, event, fields):
                        return record
                at = max(at, len(self._records))
                left = deadline - time.monotonic()
                if self._log_ended or left <= 0:
                    break
                self._changed.wait(left)
        raise AssertionError(f"no log record {event} {fields}\n{self.tail()}")

    def sanitizer_report(self):
        """The first report and what follows it, cut; empty if there is none."""
        report = SANITIZER_REPORT.search(self.stderr_text)
        return self.stderr_text[max(0, report.start() - 500) :][:12000] if report else ""

    def tail(self):
        """The end of the log and of stderr, for failure messages."""
        lines = [record["line"] for record in self.records()[-25:]]
        return "log ends:\n" + "\n".join(lines) + "\nstderr ends:\n" + self.stderr_text[-4000:]

    def state(self):
        """All that can be said of it when a test has failed."""
        code = self.process.poll() if self.process is not None else None
        if code is not None:
            for reader in self._readers:
                reader.join(DEADLINE_S)  # its last words
        ended = "" if code is None else f", which ended with {code}"
        return f"server on {self.config_file}{ended}: {self.tail()}\n{self.sanitizer_report()}"

    # -- clients ----------------------------------------------------------------------------------------------------

    def address(self, listener=0, host="127.0.0.1"):
        return host, self.ports[listener]

    def peer(self, listener=0, *, host="127.0.0.1", **options):
        """A connection to a listener, over TLS if it is one with TLS (give tls=False to stay below it)."""
        tls = bool(self.sections["listeners"][listener].get("tls"))
        options.setdefault("tls", tls)
        mark = self.mark()
        peer = rawws.Peer(self.address(listener, host), **options)
        # Ports of clients are used again, and by two at a time towards two listeners: the name alone is not enough.
        peer.log_key = {"after": mark, "peer": peer.name, "tls": "true" if tls else "false"}
        return peer

    def session(self, path="/echo", listener=0, **options):
        """An upgraded connection."""
        peer = self.peer(listener, **options)
        try:
            peer.upgrade(path)
        except BaseException:
            peer.drop()
            raise
        return peer

    def session_end(self, peer, **fields):
        """The log record of the end of this peer's session, which must have these fields; waits for it."""
        start = self.wait_log("session_start", **peer.log_key)
        record = self.wait_log("session_end", after=peer.log_key["after"], session=start["session"])
        wrong = {name: record.get(name) for name, value in fields.items() if record.get(name) != str(value)}
        if wrong:
            raise AssertionError(f"session ended with {wrong} instead of {fields}: {record['line']}")
        return record

    def refusal(self, peer, cause):
        """The log record that tells why this peer got no session; waits for it."""
        return self.wait_log("request_refused", cause=cause, **peer.log_key)

    # -- resources --------------------------------------------------------------------------------------------------

    def open_fds(self):
        """What the server's descriptors point at, in order."""
        folder = f"/proc/{self.process.pid}/fd"
        targets = []
        for name in os.listdir(folder):
            try:
                targets.append(os.readlink(os.path.join(folder, name)))
            except FileNotFoundError:  # closed meanwhile
                pass
        return sorted(targets)

    def wait_fds(self, baseline):
        """Waits until no more descriptors than `baseline` (a list of open_fds()) are open."""
        wait_until(
            lambda: len(self.open_fds()) <= len(baseline),
            lambda: f"descriptors back to {len(baseline)}; open: {_counted(self.open_fds())}",
        )

    def memory(self):
        """Resident bytes."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()


def _matches(record, event, fields):
    events = event if isinstance(event, tuple) else (event,)
    return (event is None or record["event"] in events) and all(
        record.get(name) == str(value) for name, value in fields.items()
    )


def _counted(targets):
    kinds = [re.sub(r":?\[?\d+\]?", "", target) for target in targets]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


class ServerCase(unittest.TestCase):
    """Tests that share one running server, configured by `settings`. Each must leave no descriptor behind."""

    settings = {}
    server: Server

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**cls.settings)
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        cls.baseline = cls.server.open_fds()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def tearDown(self):
        if self.server.process.poll() is not None:
            self.fail(f"the server ended during the test\n{self.server.tail()}")
        self.server.wait_fds(self.baseline)

    def assert_served(self, listener=0, **options):
        """A conversation with a well-behaved client works."""
        with self.server.session(listener=listener, **options) as peer:
            peer.echo("still here")
            peer.finish()


class _Result(unittest.TextTestResult):
    """A failure's message ends with what the running servers have to say, whatever it was that failed."""

    def addError(self, test, err):
        super().addError(test, err)
        self._add_servers(self.errors)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._add_servers(self.failures)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._add_servers(self.failures if issubclass(err[0], test.failureException) else self.errors)

    @staticmethod
    def _add_servers(reports):
        test, text = reports[-1]
        for server in Server.known if "log ends:" not in text else ():
            text += f"\n{server.state()}\n"
        reports[-1] = test, text


def main():
    raise_open_files()
    runner = unittest.TextTestRunner(verbosity=2, resultclass=_Result)
    unittest.main(module=sys.modules["__main__"], testRunner=runner)
