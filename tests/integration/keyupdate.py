"""A TLS 1.3 client that sends KeyUpdate messages (RFC 8446 §4.6.3) as it likes, which Python's ssl module cannot.

OpenSSL works between two memory buffers here; what goes over the socket, and when, is the caller's.
"""

import ctypes
import ctypes.util
import socket

_CHUNK = 16384 + 256 + 5  # the largest record on the wire (RFC 8446 §5.2)
_SSL_KEY_UPDATE_NOT_REQUESTED, _SSL_KEY_UPDATE_REQUESTED = 0, 1


def _load():
    library = ctypes.CDLL(ctypes.util.find_library("ssl"))
    pointer, number, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
    prototypes = {
        "BIO_s_mem": (pointer, []),
        "BIO_new": (pointer, [pointer]),
        "BIO_read": (number, [pointer, ctypes.c_char_p, number]),
        "BIO_write": (number, [pointer, ctypes.c_char_p, number]),
        "TLS_client_method": (pointer, []),
        "SSL_CTX_new": (pointer, [pointer]),
        "SSL_CTX_free": (None, [pointer]),
        "SSL_new": (pointer, [pointer]),
        "SSL_free": (None, [pointer]),
        "SSL_set_bio": (None, [pointer, pointer, pointer]),
        "SSL_set_connect_state": (None, [pointer]),
        "SSL_do_handshake": (number, [pointer]),
        "SSL_key_update": (number, [pointer, number]),
        "SSL_version": (number, [pointer]),
        "SSL_write_ex": (number, [pointer, ctypes.c_char_p, size, ctypes.POINTER(size)]),
        "SSL_read_ex": (number, [pointer, ctypes.c_char_p, size, ctypes.POINTER(size)]),
    }
    for name, (result, arguments) in prototypes.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


_openssl = _load()
_TLS_1_3 = 0x0304


class KeyUpdater:
    """A connection with its TLS handshake done. `sock` is blocking, with a timeout."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        context = _openssl.SSL_CTX_new(_openssl.TLS_client_method())
        self._ssl = _openssl.SSL_new(context)
        _openssl.SSL_CTX_free(context)  # the connection holds a reference
        self._incoming, self._outgoing = (_openssl.BIO_new(_openssl.BIO_s_mem()) for _ in range(2))
        _openssl.SSL_set_bio(self._ssl, self._incoming, self._outgoing)  # which takes both
        _openssl.SSL_set_connect_state(self._ssl)
        self._handshake()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _openssl.SSL_free(self._ssl)
        self._ssl = None
        self.sock.close()

    def _handshake(self):
        while _openssl.SSL_do_handshake(self._ssl) != 1:
            self.sock.sendall(self._sealed())
            self._feed()
        self.sock.sendall(self._sealed())
        if _openssl.SSL_version(self._ssl) != _TLS_1_3:
            raise RuntimeError("no TLS 1.3")

    def _sealed(self):
        """What OpenSSL has written since."""
        pieces = []
        buffer = ctypes.create_string_buffer(_CHUNK)
        while (count := _openssl.BIO_read(self._outgoing, buffer, _CHUNK)) > 0:
            pieces.append(buffer.raw[:count])
        return b"".join(pieces)

    def _feed(self):
        if not (chunk := self.sock.recv(_CHUNK)):
            raise ConnectionError("ended by the server")
        _openssl.BIO_write(self._incoming, chunk, len(chunk))

    def seal(self, data):
        """The records that carry `data`."""
        written = ctypes.c_size_t()
        if _openssl.SSL_write_ex(self._ssl, data, len(data), ctypes.byref(written)) != 1 or written.value != len(data):
            raise RuntimeError("SSL_write_ex")
        return self._sealed()

    def updates(self, count, requested=False):
        """The records of so many KeyUpdates, each under the key of the one before."""
        kind = _SSL_KEY_UPDATE_REQUESTED if requested else _SSL_KEY_UPDATE_NOT_REQUESTED
        for _ in range(count):
            if _openssl.SSL_key_update(self._ssl, kind) != 1 or _openssl.SSL_do_handshake(self._ssl) != 1:
                raise RuntimeError("SSL_key_update")
        return self._sealed()

    def read(self, size):
        """Exactly so many bytes of what the server says."""
        taken = b""
        count = ctypes.c_size_t()
        while len(taken) < size:
            buffer = ctypes.create_string_buffer(size - len(taken))
            if _openssl.SSL_read_ex(self._ssl, buffer, len(buffer), ctypes.byref(count)) == 1:
                taken += buffer.raw[: count.value]
            else:
                self._feed()
        return taken

    def read_head(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.read(1)
        return head

    def wait_end(self):
        """Reads below TLS until the server has ended the connection, however it does."""
        try:
            while self.sock.recv(_CHUNK):
                pass
        except ConnectionError:
            pass
