"""HTTPS servers of key sets, for tests: what one says on a connection, and whether it says anything, is the test's choice."""

import contextlib
import json
import socket
import ssl
import threading
import warnings

from rawws import DEADLINE_S

X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"  # RFC 8037, appendix A.2


def key_set(*ids):
    return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": X, "kid": kid} for kid in ids]}).encode()


def answer(body, status="200 OK", *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class KeyServer:
    """One listening socket; what is said on a connection is `talk(connection)`'s business."""

    def __init__(self, certificate=None, version=None):
        self.requests = 0
        self.talk = None
        self._context = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate.file, certificate.key)
            if version:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
                    self._context.minimum_version = self._context.maximum_version = version
                self._context.set_ciphers("ALL:@SECLEVEL=0")
        self._ended = threading.Event()
        self._open = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept)
        self._threads = []
        self._thread.start()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}/keys"

    def says(self, data):
        self.talk = lambda connection: connection.sendall(data)

    def hangs(self, data=b""):
        def talk(connection):
            connection.sendall(data)
            self._ended.wait()

        self.talk = talk

    def floods(self, head, data):
        def talk(connection):
            connection.sendall(head)
            while not self._ended.is_set():
                connection.sendall(data)

        self.talk = talk

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        self._open.add(connection)
        with contextlib.suppress(OSError, ValueError), connection:
            connection.settimeout(DEADLINE_S)
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._open.add(connection)
            with connection:
                if self.talk is None:  # not even read
                    self.requests += 1
                    self._ended.wait()
                head = b""
                while b"\r\n\r\n" not in head:
                    data = connection.recv(65536)
                    if not data:
                        return
                    head += data
                self.requests += 1
                self.talk(connection)

    def close(self):
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._open.copy():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
