"""Servers with an admin API, requests to it, and portcullisctl."""

import http.client
import json
import os
import socket
import subprocess

import harness
import tokens
from rawws import DEADLINE_S

WRITE, READ = "admin.token", "eye.token"
TOKENS = (
    {"name": "operator", "token_file": WRITE, "role": "write"},
    {"name": "eye", "token_file": READ, "role": "read"},
)


class Answer:
    """Status, header fields with lower-case names, and the JSON value of an answer."""

    def __init__(self, raw):
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = head.decode("ascii").split("\r\n")
        self.raw = raw
        self.status = int(lines[0].split(" ")[1])
        self.fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        self.value = json.loads(body) if body else None
        if int(self.fields["content-length"]) != len(body) and body:
            raise AssertionError(f"Content-Length is wrong: {raw!r}")

    @property
    def code(self):
        return self.value["error"]["code"]


class AdminServer(tokens.TokenServer):
    """A server whose admin API has a token that may write and one that may read."""

    def __init__(self, *, admin=None, **sections):
        super().__init__(**sections)
        self.sections["admin"] = {"address": "127.0.0.1:0", "tokens": TOKENS, **(admin or {})}

    def start(self):
        super().start()
        record = self.records("admin_listening")[-1]
        self.admin_port = int(record["address"].rpartition(":")[2])
        for name in (WRITE, READ):
            harness.register_secret(self.admin_token(name))
        return self

    def admin_token(self, name=WRITE):
        with open(os.path.join(self.folder, name), encoding="ascii") as file:
            return file.read().strip()

    def restart(self):
        """Once it has ended, however it did. Its ports are others then."""
        mark = self.mark()
        self.process.stdout.close()
        self.process.stderr.close()
        self.launch()
        self.wait_log("ready", after=mark)
        ports = {record["event"]: record["address"].rpartition(":")[2] for record in self.records()[mark:] if "address" in record}
        self.ports = [int(ports["listening"])]
        self.admin_port = int(ports["admin_listening"])

    @property
    def host(self):
        return f"127.0.0.1:{self.admin_port}"

    def connect_admin(self):
        return socket.create_connection(("127.0.0.1", self.admin_port), timeout=DEADLINE_S)

    def raw(self, *pieces):
        """Sends these bytes, then reads to the end."""
        with self.connect_admin() as sock:
            for piece in pieces:
                sock.sendall(piece)
            return read_answer(sock)

    def ask(self, method, path, *, token=WRITE, host=None, body=None, fields=()):
        """A request by hand. `token` is a token's file, or bytes to be sent as they are, or None."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host or self.host}", *fields]
        if token is not None:
            value = token if isinstance(token, bytes) else self.admin_token(token).encode()
            lines.append("Authorization: Bearer " + value.decode("latin-1"))
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return self.raw("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))

    def call(self, method, path, value=None, *, token=WRITE):
        """A request as programs make it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=DEADLINE_S)
        fields = {"Authorization": f"Bearer {self.admin_token(token)}"}
        body = None
        if value is not None:
            fields["Content-Type"] = "application/json"
            body = json.dumps(value)
        try:
            connection.request(method, path, body, fields)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def ctl(self, *arguments, json_output=False, token=WRITE, expected=0):
        """Runs portcullisctl; its standard output (with json_output as a value), once the exit code is as expected."""
        command = [ctl_program(), "--admin", f"http://{self.host}", "--token-file", os.path.join(self.folder, token)]
        command += ["--json"] if json_output else []
        result = run_ctl(*command[1:], *arguments)
        if result.returncode != expected:
            raise AssertionError(f"exit code {result.returncode}, not {expected}: {result.stdout}{result.stderr}")
        if json_output:
            return json.loads(result.stdout)
        return result.stdout if expected == 0 else result.stderr


def read_answer(sock):
    """All until the server's end."""
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return Answer(data)


def ctl_program():
    return os.environ["PORTCULLISCTL_BIN"]


def run_ctl(*arguments):
    return subprocess.run(
        [ctl_program(), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE_S,
        env=harness.environment(),
        check=False,
    )
