"""A WebSocket client that may misbehave: every byte it sends is chosen by the test, every byte it gets is judged.

Used by all integration tests that need more than a well-behaved client library. One thread at a time owns a Peer.
"""

import base64
import errno
import hashlib
import os
import re
import select
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field

import deflate

# Generous: reached only when something is broken. Sanitized servers on busy machines are slow.
DEADLINE_S = 60.0

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_CONTROL_MAX = 125
_ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
_CLOSE_CODES = frozenset([*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)])  # §7.4 and the IANA registry
_RECEIVE_SIZE = 1 << 18

SAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 §1.3
MASKING_KEY = b"\x37\xfa\x21\x3d"  # RFC 6455 §5.7


class Violation(AssertionError):
    """The server sent something that the standards forbid."""


class Ended(Exception):
    """The connection ended before what was asked for had arrived. `how` is one of Peer.read_end()'s words."""

    def __init__(self, how, rest=b""):
        super().__init__(f"connection ended ({how}); unread: {bytes(rest[:200])!r}")
        self.how = how


@dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes
    fin: bool = True
    compressed: bool = field(default=False, compare=False)  # as it came; the payload of a message is inflated


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict  # lower-case names
    head: bytes


def mask(payload, key):
    """RFC 6455 §5.3, quick enough for 16 MiB."""
    size = len(payload)
    pad = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")


def frame(opcode, payload=b"", *, fin=True, rsv=0, key=MASKING_KEY, form=None, declared=None):
    """The bytes of one frame, right or wrong.

    key: masking key, or None for an unmasked frame. form: 7, 16 or 64 bits of length, by default the shortest.
    declared: the length claimed, by default the payload's. rsv: RSV1 is 4, RSV2 is 2, RSV3 is 1.
    """
    length = len(payload) if declared is None else declared
    if form is None:
        form = 7 if length <= 125 else 16 if length <= 0xFFFF else 64
    mask_bit = 0x80 if key is not None else 0
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if form == 7:
        head += bytes([mask_bit | length])
    elif form == 16:
        head += struct.pack("!BH", mask_bit | 126, length)
    else:
        head += struct.pack("!BQ", mask_bit | 127, length)
    return head + payload if key is None else head + key + mask(payload, key)


def text(string, **bent):
    return frame(TEXT, string if isinstance(string, bytes) else string.encode(), **bent)


def binary(payload, **bent):
    return frame(BINARY, payload, **bent)


def ping(payload=b"", **bent):
    return frame(PING, payload, **bent)


def pong(payload=b"", **bent):
    return frame(PONG, payload, **bent)


def close(code=None, reason=b"", **bent):
    body = b"" if code is None else struct.pack("!H", code) + reason
    return frame(CLOSE, body, **bent)


def fragments(opcode, pieces):
    """A message cut into the given pieces."""
    last = len(pieces) - 1
    return b"".join(
        frame(opcode if index == 0 else CONTINUATION, piece, fin=index == last) for index, piece in enumerate(pieces)
    )


def request(line="GET / HTTP/1.1", *, drop=(), replace=None, add=()):
    """A good opening handshake, bent: fields dropped by name, replaced by {name: value}, added as whole lines."""
    fields = {
        "Host": "portcullis.test",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": SAMPLE_KEY,
        "Sec-WebSocket-Version": "13",
    }
    fields.update(replace or {})
    lines = [line, *(f"{name}: {value}" for name, value in fields.items() if name not in drop), *add]
    return "".join(line + "\r\n" for line in lines).encode("latin-1") + b"\r\n"


def compressed(opcode, payload, sizes=(), between=b""):
    """A message whose payload is compressed already, cut into fragments of these sizes and the rest, with the bytes of
    other frames in between."""
    pieces, at = [], 0
    for size in sizes:
        pieces.append(payload[at : at + size])
        at += size
    pieces.append(payload[at:])
    last = len(pieces) - 1
    return between.join(
        frame(opcode if index == 0 else CONTINUATION, piece, fin=index == last, rsv=4 if index == 0 else 0)
        for index, piece in enumerate(pieces)
    )


def accept_for(key):
    return base64.b64encode(hashlib.sha1(key.encode() + _ACCEPT_GUID).digest()).decode()


def client_context():
    """A TLS client that does not check the certificate: the tests' server has a self-signed one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def client_hello():
    """The bytes of a real ClientHello record."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context().wrap_bio(incoming, outgoing, server_hostname="portcullis.test")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def connect_socket(address, source=None, receive_buffer=None):
    """A connected TCP socket. address: (host, port); source: address to bind to; receive_buffer: SO_RCVBUF, bytes."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source is not None:
            sock.bind((source, 0))
        sock.settimeout(DEADLINE_S)
        sock.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


class Peer:
    """One connection. Sending never deadlocks with receiving: what arrives meanwhile is kept for the next read."""

    def __init__(self, address, *, tls=False, source=None, receive_buffer=None, server_name="portcullis.test"):
        self.since = time.monotonic()  # the server cannot have known of it any earlier
        self.sock = connect_socket(address, source, receive_buffer)
        self.local = self.sock.getsockname()
        self.log_key = {}  # how the server's log knows it; see harness.py
        self.end = None  # how the server ended the stream, once seen
        self.buffer = bytearray()
        self._was_reset = False  # as a send was told: the kernel tells it once, and receiving then looks like a FIN
        self._fragment_opcode = None
        self.compressor = None  # of permessage-deflate, when it was agreed upon: ours
        self.inflater = None  # and the server's
        try:
            if tls:
                context = tls if isinstance(tls, ssl.SSLContext) else client_context()
                self.sock = context.wrap_socket(
                    self.sock, server_hostname=server_name, suppress_ragged_eofs=False
                )
            self.sock.setblocking(False)
        except BaseException:
            self.sock.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.drop()

    @property
    def name(self):
        """This end as the server's log writes it."""
        host, port = self.local[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    # -- bytes ------------------------------------------------------------------------------------------------------

    def drop(self):
        """Closes without a word."""
        self.sock.close()

    def reset(self):
        """Closes with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def half_close(self):
        """Sends FIN (over TLS without close_notify); receiving goes on. Nothing happens when the server has gone."""
        try:
            socket.socket.shutdown(self.sock, socket.SHUT_WR)  # not SSLSocket's own, which forgets the TLS state
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise

    def _wait(self, deadline, *, read=True, write=False):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"nothing happened for the whole deadline; unread: {bytes(self.buffer[:200])!r}")
        poll = select.poll()
        poll.register(self.sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
        poll.poll(left * 1000)

    def _receive(self):
        """Moves what has arrived into the buffer. False when nothing was there."""
        if self.end is not None:
            return False
        try:
            chunk = self.sock.recv(_RECEIVE_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except ssl.SSLEOFError:
            self.end = "no close_notify"
            return True
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            self.end = "reset"
            return True
        if chunk:
            self.buffer += chunk
        else:
            self.end = "reset" if self._was_reset else "fin"
        return True

    def send(self, data, timeout=DEADLINE_S):
        """Sends all of `data`; stops without a word when the server has gone (reading then tells how)."""
        deadline = time.monotonic() + timeout
        rest = memoryview(data)
        while rest and self.end != "reset":
            try:
                rest = rest[self.sock.send(rest[:_RECEIVE_SIZE]) :]
                continue
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            except ConnectionResetError:
                self._was_reset = True
                return
            except (ConnectionError, ssl.SSLError):
                return
            self._wait(deadline, read=self.end is None, write=True)
            self._receive()

    def send_bytewise(self, data):
        """One write a byte, and one segment each: TCP_NODELAY is set."""
        for index in range(len(data)):
            self.send(data[index : index + 1])

    def readable(self, seconds):
        """Whether bytes or the end arrive within so many seconds; paces senders of slow streams."""
        if self.buffer or self.end is not None or self._receive():
            return True
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(seconds * 1000)) and self._receive()

    def _need(self, size, deadline):
        while len(self.buffer) < size:
            if self.end is not None:
                raise Ended(self.end, self.buffer)
            if not self._receive():
                self._wait(deadline)

    def _take(self, size, deadline):
        self._need(size, deadline)
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def read(self, size, timeout=DEADLINE_S):
        return self._take(size, time.monotonic() + timeout)

    def read_all(self, timeout=DEADLINE_S):
        """Everything up to the end, however it comes."""
        deadline = time.monotonic() + timeout
        while self.end is None:
            if not self._receive():
                self._wait(deadline)
        taken = bytes(self.buffer)
        self.buffer.clear()
        return taken

    def read_end(self, timeout=DEADLINE_S):
        """Waits for the end, before which nothing may come. "fin" (over TLS: after close_notify), "no close_notify"
        (TLS cut off by a FIN) or "reset"."""
        rest = self.read_all(timeout)
        if rest:
            raise Violation(f"bytes after the expected end: {rest[:200]!r}")
        return self.end

    # -- HTTP -------------------------------------------------------------------------------------------------------

    def read_response(self, timeout=DEADLINE_S):
        """A strict reading of a response head."""
        deadline = time.monotonic() + timeout
        at = -1
        while (at := self.buffer.find(b"\r\n\r\n")) < 0:
            if len(self.buffer) > 65536:
                raise Violation("response head without an end")
            self._need(len(self.buffer) + 1, deadline)
        head = self._take(at + 4, deadline)
        status_line, *lines = head[:-4].split(b"\r\n")
        match = re.fullmatch(rb"HTTP/1\.1 ([1-5][0-9]{2}) [\x20-\x7e]*", status_line)
        if not match:
            raise Violation(f"status line {status_line!r}")
        headers = {}
        for line in lines:
            field = re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\x20-\x7e]*)", line)
            if not field:
                raise Violation(f"header line {line!r}")
            name = field[1].decode().lower()
            if name in headers:
                raise Violation(f"header {name} twice")
            headers[name] = field[2].decode().strip()
        return Response(int(match[1]), headers, head)

    def read_answer(self, timeout=DEADLINE_S):
        """A whole HTTP answer that ends the connection: (response, body). Its length must be told and true."""
        response = self.read_response(timeout)
        if response.status == 101:
            raise Violation("101 where an error was expected")
        if "content-length" not in response.headers:
            raise Violation("answer without Content-Length")
        options = {option.strip().lower() for option in response.headers.get("connection", "").split(",")}
        if "close" not in options:
            raise Violation("answer without Connection: close")
        if ("upgrade" in response.headers) != ("upgrade" in options):
            raise Violation("Upgrade and its Connection option must come together (RFC 9110 §7.8)")
        body = self.read(int(response.headers["content-length"]), timeout)
        end = self.read_end(timeout)
        if end != "fin":
            raise Violation(f"answer ended by {end}")
        return response, body

    def upgrade(self, path="/", *, key=None, add=(), early=b""):
        """The opening handshake, done right. `early` goes along in the same write."""
        key = key or base64.b64encode(os.urandom(16)).decode()
        self.send(request(f"GET {path} HTTP/1.1", replace={"Sec-WebSocket-Key": key}, add=add) + early)
        return self.read_upgrade(key)

    def upgrade_compressed(self, offer, path="/", **settings):
        """As upgrade(), with an offer that must be agreed to. settings: of our deflate.Compressor. The answer's value."""
        return self.agree(self.upgrade(path, add=[f"Sec-WebSocket-Extensions: {offer}"]), **settings)

    def agree(self, response, **settings):
        """Takes over what this answer to an offer agrees to."""
        value = response.headers.get("sec-websocket-extensions")
        agreed = deflate.parse_agreed(value)
        if agreed is None:
            raise Violation("the offer was not agreed to")
        self.compressor = deflate.Compressor(
            **{"bits": agreed.get("client_max_window_bits", 15), **settings},
            takeover="client_no_context_takeover" not in agreed,
        )
        self.inflater = deflate.Inflater(
            bits=agreed.get("server_max_window_bits", 15), takeover="server_no_context_takeover" not in agreed
        )
        return value

    def read_upgrade(self, key):
        response = self.read_response()
        if response.status != 101:
            raise Violation(f"no upgrade: {response.head!r}")
        headers = response.headers
        if headers.get("upgrade", "").lower() != "websocket" or headers.get("connection", "").lower() != "upgrade":
            raise Violation(f"bad Upgrade or Connection: {response.head!r}")
        if headers.get("sec-websocket-accept") != accept_for(key):
            raise Violation(f"bad Sec-WebSocket-Accept: {response.head!r}")
        if "content-length" in headers or "transfer-encoding" in headers:
            raise Violation(f"101 with a body: {response.head!r}")
        return response

    # -- frames -----------------------------------------------------------------------------------------------------

    def read_frame(self, timeout=DEADLINE_S):
        """The next frame; everything that §5 asks of a server's frames is checked."""
        deadline = time.monotonic() + timeout
        first, second = self._take(2, deadline)
        fin, rsv, opcode, length = first >> 7 == 1, first >> 4 & 7, first & 15, second & 0x7F
        if second & 0x80:
            raise Violation("masked frame from the server (§5.1)")
        compressed = rsv == 4 and self.inflater is not None and opcode in (TEXT, BINARY)
        if rsv and not compressed:
            raise Violation(f"reserved bits {rsv:03b} without an extension (§5.2)")
        if length == 126:
            (length,) = struct.unpack("!H", self._take(2, deadline))
            if length < 126:
                raise Violation("length not in its shortest form (§5.2)")
        elif length == 127:
            (length,) = struct.unpack("!Q", self._take(8, deadline))
            if length < 0x10000:
                raise Violation("length not in its shortest form (§5.2)")
        self._check_frame(opcode, fin, length)
        return Frame(opcode, self._take(length, deadline), fin, compressed)

    def _check_frame(self, opcode, fin, length):
        if opcode in (CLOSE, PING, PONG):
            if not fin or length > _CONTROL_MAX:
                raise Violation("control frame fragmented or too long (§5.5)")
        elif opcode not in (CONTINUATION, TEXT, BINARY):
            raise Violation(f"opcode {opcode:#x} (§5.2)")
        elif (opcode == CONTINUATION) != (self._fragment_opcode is not None):
            raise Violation("continuation out of order (§5.4)")
        else:
            self._fragment_opcode = None if fin else self._fragment_opcode or opcode

    def read_message(self, timeout=DEADLINE_S):
        """The next message or control frame, as a whole: Frame."""
        first = self.read_frame(timeout)
        payload = first.payload
        if first.opcode in (TEXT, BINARY):
            pieces = [payload]
            fin = first.fin
            while not fin:
                piece = self.read_frame(timeout)
                if piece.opcode != CONTINUATION:
                    raise Violation("control frames inside a message are not expected from this server")
                pieces.append(piece.payload)
                fin = piece.fin
            payload = b"".join(pieces)
        if first.compressed:
            try:
                payload = self.inflater.message(payload)
            except deflate.Broken as error:
                raise Violation(str(error)) from error
        if first.opcode == TEXT:
            try:
                payload.decode("utf-8")
            except UnicodeDecodeError as error:
                raise Violation(f"text that is not UTF-8: {error}") from error
        if first.opcode == CLOSE:
            self._check_close(payload)
        return Frame(first.opcode, payload, compressed=first.compressed)

    @staticmethod
    def _check_close(payload):
        if len(payload) == 1:
            raise Violation("Close with a body of one byte (§5.5.1)")
        if payload:
            code = int.from_bytes(payload[:2], "big")
            if code not in _CLOSE_CODES:
                raise Violation(f"close code {code} may not be sent (§7.4)")
            payload[2:].decode("utf-8")

    def read_close(self, timeout=DEADLINE_S):
        """The Close frame, which must be next: its code, or None for an empty body."""
        got = self.read_message(timeout)
        if got.opcode != CLOSE:
            raise Violation(f"expected Close, got {short(got)}")
        return int.from_bytes(got.payload[:2], "big") if got.payload else None

    def echo(self, string, prefix=""):
        """A text message and its reply."""
        self.send(text(string))
        got = self.read_message()
        if got != Frame(TEXT, (prefix + string).encode()):
            raise Violation(f"echo of {string[:80]!r}: {short(got)}")

    def finish(self, code=1000):
        """A normal end: Close, Close, FIN."""
        self.send(close(code))
        if (got := self.read_close()) != code:
            raise Violation(f"close code {code} answered with {got}")
        if (end := self.read_end()) != "fin":
            raise Violation(f"connection ended by {end} after Close")
        self.drop()


def short(got):
    """A frame for messages: big payloads are cut."""
    payload = got.payload if len(got.payload) <= 80 else got.payload[:80] + b"..."
    return f"opcode {got.opcode:#x}, {len(got.payload)} bytes, {payload!r}"
