"""ClientHellos of any content, and what a server says to them before anything is encrypted: an alert, or its certificate."""

import os
import struct

import rawws

# RFC 8446 §6, RFC 6066 §9
HANDSHAKE_FAILURE, ILLEGAL_PARAMETER, DECODE_ERROR, PROTOCOL_VERSION = 40, 47, 50, 70
NO_RENEGOTIATION, UNRECOGNIZED_NAME, CERTIFICATE_REQUIRED = 100, 112, 116
SSL_3_0, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 = 0x0300, 0x0301, 0x0302, 0x0303, 0x0304
TLS13_AES_128, SECP256R1, X25519 = 0x1301, 23, 29

ECDSA_AES_128, RSA_AES_128 = 0xC02B, 0xC02F  # TLS_ECDHE_{ECDSA,RSA}_WITH_AES_128_GCM_SHA256
RSA_KEY_EXCHANGE, NULL_CIPHER, RC4 = 0x009C, 0x0000, 0x0005

_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE = 20, 21, 22
_SERVER_HELLO, _CERTIFICATE, _DONE = 2, 11, 14
# RFC 8446 §4.1.3: the random bytes of a HelloRetryRequest
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
_GROUPS = struct.pack("!HHH", 4, 29, 23)  # x25519, secp256r1
_SIGNATURES = struct.pack("!HHHHH", 8, 0x0403, 0x0804, 0x0401, 0x0807)  # ECDSA, RSA-PSS and RSA with SHA-256; Ed25519


def vector(size_bytes, data):
    return len(data).to_bytes(size_bytes, "big") + data


def server_name(name):
    """The extension of RFC 6066 §3 with any bytes for a name."""
    return struct.pack("!H", 0) + vector(2, vector(2, b"\0" + vector(2, name)))


def key_share(group=None, key=b""):
    """The extension of RFC 8446 §4.2.8 with one key, or with none, to which the answer is a HelloRetryRequest."""
    return struct.pack("!H", 51) + vector(2, vector(2, b"" if group is None else struct.pack("!H", group) + vector(2, key)))


def hello(name=None, *, version=TLS_1_2, ciphers=(ECDSA_AES_128, RSA_AES_128), extensions=b"", supported=None):
    """A whole ClientHello record. supported: versions for the extension of that name, which a TLS 1.2 client has not."""
    data = struct.pack("!HH", 10, len(_GROUPS)) + _GROUPS + struct.pack("!HH", 13, len(_SIGNATURES)) + _SIGNATURES
    if supported is not None:
        versions = b"".join(struct.pack("!H", one) for one in supported)
        data += struct.pack("!H", 43) + vector(2, vector(1, versions))
    if name is not None:
        data += server_name(name)
    suites = b"".join(struct.pack("!H", cipher) for cipher in ciphers)
    body = struct.pack("!H", version) + os.urandom(32) + b"\0" + vector(2, suites) + b"\1\0" + vector(2, data + extensions)
    return struct.pack("!BH", _HANDSHAKE, TLS_1_0) + vector(2, b"\1" + vector(3, body))


class Alert(Exception):
    def __init__(self, level, description):
        super().__init__(f"alert {description}, level {level}")
        self.level = level
        self.description = description


def _messages(peer):
    """The handshake messages of the server's flight; raises its Alert."""
    flight = b""
    while True:
        kind, _, size = struct.unpack("!BHH", peer.read(5))
        payload = peer.read(size)
        if kind == _ALERT:
            raise Alert(*payload)
        if kind == _CHANGE_CIPHER_SPEC:  # for middleboxes, RFC 8446 §D.4
            continue
        flight += payload
        while len(flight) >= 4 and len(flight) - 4 >= (length := int.from_bytes(flight[1:4], "big")):
            yield flight[0], flight[4 : 4 + length]
            flight = flight[4 + length :]


def retried(peer, first, second):
    """Sends a ClientHello that is asked for another, then that. Whether what follows is a ServerHello; raises the Alert."""
    peer.send(first)
    kind, body = next(_messages(peer))
    if (kind, body[2:34]) != (_SERVER_HELLO, _RETRY):
        raise rawws.Violation("no HelloRetryRequest")
    peer.send(second)
    kind, body = next(_messages(peer))
    return kind == _SERVER_HELLO and body[2:34] != _RETRY


def served_certificate(peer, record):
    """Sends the record on a Peer without TLS. The certificate (DER) that the server answers with; raises its Alert."""
    peer.send(record)
    found = None
    for kind, body in _messages(peer):
        if kind == _CERTIFICATE:
            size = int.from_bytes(body[3:6], "big")
            found = body[6 : 6 + size]
        if kind == _DONE:
            if found is None:
                raise rawws.Violation("a flight without a certificate")
            return found
