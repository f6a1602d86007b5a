"""permessage-deflate as a client does it, over Python's zlib (RFC 7692 §7.2). Strict about what it is sent."""

import zlib

TRAILER = b"\x00\x00\xff\xff"
NAME = "permessage-deflate"
_STEP = 64  # bytes inflated at once: a reference that far beyond the window at most goes unnoticed


class Broken(Exception):
    """A payload that is not what RFC 7692 §7.2.1 makes, or not within its window."""


class Compressor:
    """One direction. bits: 8 to 15; zlib has no window of 256 bytes, so with 8 only runs are compressed."""

    def __init__(self, *, bits=15, takeover=False, level=6, memory=8):
        self._settings = (level, zlib.DEFLATED, -max(bits, 9), memory, zlib.Z_RLE if bits == 8 else 0)
        self._takeover = takeover
        self._stream = zlib.compressobj(*self._settings)

    def flushed(self, data):
        """What a flush behind this data gives, all of it."""
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def end(self):
        if not self._takeover:
            self._stream = zlib.compressobj(*self._settings)

    def message(self, data):
        payload = self.flushed(data)
        self.end()
        return payload.removesuffix(TRAILER)

    def blocks(self, pieces):
        """A message in as many blocks as there are pieces, with a flush behind each."""
        payload = b"".join(self.flushed(piece) for piece in pieces)
        self.end()
        return payload.removesuffix(TRAILER)


class Inflater:
    def __init__(self, *, bits=15, takeover=False):
        self._bits = bits
        self._takeover = takeover
        self._stream = zlib.decompressobj(-bits)

    def message(self, payload):
        if not self._takeover:
            self._stream = zlib.decompressobj(-self._bits)
        pieces, rest = [], payload + TRAILER
        # In small steps zlib sees what is beyond its window; for the largest there is no beyond in most messages.
        step = _STEP if self._bits < 15 else 1 << 20
        try:
            while rest:
                pieces.append(self._stream.decompress(rest, step))
                rest = self._stream.unconsumed_tail
            while piece := self._stream.decompress(b"", step):
                pieces.append(piece)
        except zlib.error as error:
            raise Broken(f"compressed message: {error}") from error
        if self._stream.eof:
            raise Broken("a final block, which nobody asked for")
        return b"".join(pieces)


def parse_agreed(value):
    """The answer's one extension as a dict of its parameters; None where there is none."""
    if value is None:
        return None
    name, *parameters = (part.strip() for part in value.split(";"))
    if name != NAME:
        raise Broken(f"extension {name}")
    agreed = {}
    for parameter in parameters:
        key, _, number = parameter.partition("=")
        if key in agreed:
            raise Broken(f"parameter {key} twice")
        agreed[key] = int(number) if number else None
    takeovers = {"server_no_context_takeover", "client_no_context_takeover"}
    windows = {"server_max_window_bits", "client_max_window_bits"}
    for key, number in agreed.items():
        if not (key in takeovers and number is None or key in windows and number in range(8, 16)):
            raise Broken(f"parameter {key} with {number}")
    return agreed
