"""The servers that are compared: how each is started on a free port, pinned to its cores, and stopped."""

import contextlib
import os
import random
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import system

HERE = Path(__file__).resolve().parent
START_TIMEOUT_S = 15
STOP_TIMEOUT_S = 10
FIRST_PORT = 10000
PORT_TRIES = 100
FILES_SPARE = 5120  # of portcullis: its lobby and what is no connection


class Unavailable(Exception):
    """A peer that cannot run here; its text says why."""


@dataclass
class Settings:
    """What every peer needs to know to start."""

    cores: list
    tls: bool
    folder: Path  # for what it writes
    certificate: Path
    key: Path
    port: int = 0


@dataclass
class Running:
    """A server that answers."""

    url: str
    pid: int = None
    version: str = ""
    output: Path = None  # its first line is the version, if the server announces it there

    def read_version(self):
        """Some time after the start: a server may listen before it has printed anything."""
        return _first_line(self.output) if self.output else self.version

    def pids(self):
        return system.process_tree(self.pid) if self.pid else []


@dataclass
class Peer:
    """A named server; `command` makes the argument list and environment from the settings."""

    name: str
    command: object
    shown: str  # the command, for the report
    supports_tls: bool = True
    version: str = ""  # empty: not known
    announces_version: bool = False  # in the first line it prints
    modes: tuple = ("echo", "paced", "idle", "handshake")

    def can_run(self, mode, tls):
        return mode in self.modes and (self.supports_tls or not tls)

    def describe(self):
        return self.shown


@dataclass
class RemotePeer:
    """A server that is running already, and stays."""

    name: str
    url: str
    pid: int = None

    def can_run(self, _mode, tls):
        return self.url.startswith("wss:") == tls

    def describe(self):
        return self.url


def portcullis(binary):
    """The configuration takes away every limit that the load would meet; the firewall itself stays in the path."""
    template = """
listeners = ( {{ address = "127.0.0.1:{port}"; tls = {tls}; }} );
{tls_section}
admin = {{ address = ""; }};
state_dir = "{folder}/state";
pool = {{ session_threads = {threads}; }};
limits = {{ max_message = 67108864; max_lobby = 4096; max_connections = {connections}; }};
firewall = {{ exempt = [ "127.0.0.0/8" ]; }};
log = {{ level = "warning"; file = "-"; error_file = ""; }};
endpoints = ( {{ path = "/"; handler = "echo"; reply_prefix = ""; auth = "none"; }} );
"""

    def command(settings):
        tls_section = f'tls = {{ certificate = "{settings.certificate}"; key = "{settings.key}"; }};'
        config = settings.folder / "portcullis.conf"
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        config.write_text(template.format(port=settings.port, tls="true" if settings.tls else "false",
                                          tls_section=tls_section if settings.tls else "", folder=settings.folder,
                                          threads=len(settings.cores),
                                          connections=min(1000000, max(1000, files - FILES_SPARE))))
        return [str(binary), "-c", str(config)], {}

    try:
        shown = subprocess.run([str(binary), "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unavailable(f"portcullis: {error}") from error
    return Peer("portcullis", command, f"{binary.name} -c CONFIG", version=", ".join(shown.splitlines()))


def libwebsockets(binary):
    def command(settings):
        return [str(binary), str(settings.port), str(len(settings.cores)), *_tls_files(settings)], {}

    if not binary.exists():
        raise Unavailable(f"libwebsockets: no {binary}; it is built with -DPORTCULLIS_BENCH=ON where Debian's "
                          "libwebsockets-dev is installed")
    return Peer("libwebsockets", command, "lws_echo PORT WORKERS [CERTIFICATE KEY]", announces_version=True)


def node_ws(modules):
    def command(settings):
        arguments = ["node", str(HERE / "peers/ws_server.mjs"), str(settings.port), str(len(settings.cores))]
        return arguments + _tls_files(settings), {"MODULES": str(modules)}

    if shutil.which("node") is None:
        raise Unavailable("ws: no node; Debian's package is nodejs")
    if not (modules / "node_modules/ws").is_dir():
        raise Unavailable(f"ws: no {modules}/node_modules/ws; the npm package is ws, and scripts/test installs it")
    return Peer("ws", command, "node peers/ws_server.mjs PORT WORKERS [CERTIFICATE KEY]", announces_version=True)


def python_websockets(python):
    def command(settings):
        arguments = [python, str(HERE / "peers/websockets_server.py"), str(settings.port), str(len(settings.cores))]
        return arguments + _tls_files(settings), {}

    if subprocess.run([python, "-c", "import websockets"], capture_output=True, check=False).returncode != 0:
        raise Unavailable(f"websockets: {python} does not have it; Debian's package is python3-websockets")
    return Peer("websockets", command, "python3 peers/websockets_server.py PORT WORKERS [CERTIFICATE KEY]",
                announces_version=True)


def nginx():
    """A stub that answers every handshake of wsload with the 101 that it expects, whose key is always the same one, and
    closes: the least that a server can do for a handshake."""
    template = """
daemon off;
worker_processes {threads};
worker_rlimit_nofile {files};
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections {files}; }}
http {{
  access_log off;
  keepalive_timeout 0;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096{listen};
    {tls}
    location / {{
      add_header Upgrade websocket always;
      add_header Sec-WebSocket-Accept s3pPLMBiTxaQ9kYGzzhZRbK+xOo= always;
      return 101;
    }}
  }}
}}
"""
    tls_template = "ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;"

    def command(settings):
        config = settings.folder / "nginx.conf"
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        threads = len(settings.cores)
        tls = tls_template.format(certificate=settings.certificate, key=settings.key) if settings.tls else ""
        listen = (" ssl" if settings.tls else "") + (" reuseport" if threads > 1 else "")
        config.write_text(template.format(threads=threads, files=files, folder=settings.folder, port=settings.port,
                                          listen=listen, tls=tls))
        return ["nginx", "-p", str(settings.folder), "-c", str(config)], {}

    if shutil.which("nginx") is None:
        raise Unavailable("nginx: not there; Debian's package is nginx-light")
    shown = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr
    return Peer("nginx", command, "nginx -c CONFIG", version=shown.strip().removeprefix("nginx version: "),
                modes=("handshake",))


def shell_command(name, text):
    """{port}, {threads} and {tls} ("CERTIFICATE KEY" or nothing) are filled in; without {tls} it is a plain server."""

    def command(settings):
        tls = " ".join(shlex.quote(path) for path in _tls_files(settings))
        return shlex.split(text.format(port=settings.port, threads=len(settings.cores), tls=tls)), {}

    return Peer(name, command, text, supports_tls="{tls}" in text)


def make_certificate(folder):
    """A P-256 certificate for the TLS runs of all peers."""
    certificate, key = folder / "server.crt", folder / "server.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "30", "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)],
                   check=True, capture_output=True)
    return certificate, key


@contextlib.contextmanager
def running(peer, settings):
    """Starts a peer and waits until it accepts; stops it at the end."""
    if isinstance(peer, RemotePeer):
        yield Running(peer.url, peer.pid)
        return
    settings.port = _free_port()
    arguments, environment = peer.command(settings)
    output = settings.folder / f"{peer.name}.log"
    with open(output, "w", encoding="utf-8") as log:
        try:
            process = subprocess.Popen(arguments, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                       env={**os.environ, **environment}, cwd=settings.folder, start_new_session=True,
                                       preexec_fn=lambda: os.sched_setaffinity(0, settings.cores))
        except FileNotFoundError as error:
            raise Unavailable(f"{peer.name}: {error}") from error
    try:
        _wait_until_accepting(peer, process, settings.port, output)
        scheme = "wss" if settings.tls else "ws"
        yield Running(f"{scheme}://127.0.0.1:{settings.port}/", process.pid, peer.version,
                      output if peer.announces_version else None)
    finally:
        _stop(process)


def _tls_files(settings):
    return [str(settings.certificate), str(settings.key)] if settings.tls else []


def _free_port():
    """Not of those that the kernel hands out to outgoing connections, of which there are many here."""
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(PORT_TRIES):
        port = random.randrange(FIRST_PORT, max(FIRST_PORT + 1, first_outgoing))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise Unavailable(f"no free port between {FIRST_PORT} and {first_outgoing}")


def _first_line(path):
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[0] if lines else ""


def _wait_until_accepting(peer, process, port, output):
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    tail = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
    raise Unavailable(f"{peer.name} does not listen: " + " | ".join(tail))


def _stop(process):
    """The whole process group, which is the peer's own: some peers fork."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(STOP_TIMEOUT_S)
            return
        except subprocess.TimeoutExpired:
            continue
