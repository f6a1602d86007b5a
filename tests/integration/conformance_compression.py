"""Conformance rows for permessage-deflate: RFC 7692, and RFC 6455 §9.1 for the field that it is negotiated in."""

import functools
import itertools
import json
import random
import zlib

from conformance import DEFAULT_MAX_MESSAGE, Closed, Handshake, Table, Talk, binary_reply, pong_reply, text_reply
from deflate import NAME, TRAILER, Compressor
from rawws import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, Violation
from rawws import binary, compressed, frame, ping, pong, request, short, text

ECHO = "GET /echo HTTP/1.1"
SIZES = (0, 1, 16, 64, 256, 1024, 4096, 65536, 131072)
WINDOWS = range(8, 16)
BOTH = f"{NAME}; client_max_window_bits"
NEITHER = f"{NAME}; server_no_context_takeover; client_no_context_takeover"
TAKEOVERS = (("with takeover", ""), ("without", "; server_no_context_takeover; client_no_context_takeover"))
MANY_BYTES = 1 << 20  # of the rows that send a message again and again
MANY = 1000
MIN_SIZE = 256  # compression.min_size by default

HELLO = b"\xf2\x48\xcd\xc9\xc9\x07\x00"  # RFC 7692 §7.2.3.1
HELLO_FINAL = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"  # §7.2.3.4


# ---- messages: opcode and payload of exactly a size ----


def _cut_text(string, size):
    """So many bytes of UTF-8 that end on a character."""
    cut = string.encode()[:size].decode(errors="ignore").encode()
    return cut + b"." * (size - len(cut))


@functools.lru_cache(maxsize=None)
def _payload(kind, size):
    chance = random.Random(size)
    if kind == "random":
        return BINARY, chance.randbytes(size)
    if kind == "runs":
        return BINARY, b"".join(bytes([chance.randrange(256)]) * 300 for _ in range(size // 300 + 1))[:size]
    if kind == "multi-byte":
        return TEXT, _cut_text("".join(chance.choices("aµ€\U0001f600 ", k=size)), size)
    records = ({"id": chance.randrange(10**6), "name": chance.choice(("Ann", "Bo", "Cy"))} for _ in range(size // 20 + 1))
    return TEXT, _cut_text(json.dumps(list(records)), size)


KINDS = ("random", "runs", "multi-byte", "json")


def _exchange(peer, opcode, payload, wire):
    """Sends, and returns the echo as it came."""
    peer.send(wire)
    got = peer.read_message()
    if got != Frame(opcode, payload):
        raise Violation(f"expected the echo of {len(payload)} bytes; got {short(got)}")
    return got


# ---- §7.1: negotiation ----


def _answered(table, title, offers, answer, server="takeover", section="7.1"):
    wire = request(ECHO, add=[f"Sec-WebSocket-Extensions: {offers}"])
    table.add(section, title, Handshake(wire, 101, {"sec-websocket-extensions": answer}), server=server)


def _negotiation(table):
    good = [
        ("", ""),
        ("; server_no_context_takeover", "; server_no_context_takeover"),
        ("; client_no_context_takeover", "; client_no_context_takeover"),
        ("; client_max_window_bits", ""),
        ("; client_max_window_bits=15", ""),
        ("; client_max_window_bits; server_max_window_bits=10", "; server_max_window_bits=10"),
        ('; server_max_window_bits="10"', "; server_max_window_bits=10"),
        ('; server_max_window_bits="\\1\\0"', "; server_max_window_bits=10"),
        (" ;\tserver_max_window_bits = 10 ", "; server_max_window_bits=10"),
    ]
    good += [(f"; server_max_window_bits={bits}", f"; server_max_window_bits={bits}") for bits in WINDOWS]
    good += [(f"; client_max_window_bits={bits}", f"; client_max_window_bits={bits}") for bits in range(8, 15)]
    for parameters, answer in good:
        _answered(table, f"agrees to {parameters or 'no parameters'}", NAME + parameters, NAME + answer)
    both = "; server_no_context_takeover; client_no_context_takeover"
    _answered(table, "no takeover unless the config allows it", BOTH, NAME + both, server="raised")
    _answered(table, "nor in either direction", NAME, NAME + both, server="default")


def _fallbacks(table):
    """§5.1: the client's order is its preference. §7: an offer that is not understood is declined."""
    section = "5.1"
    bad = [
        "; unknown",
        "; unknown=1",
        "; server_max_window_bits",
        "; server_max_window_bits=7",
        "; server_max_window_bits=16",
        "; server_max_window_bits=08",
        "; server_max_window_bits=9999999999999999999999",
        "; server_max_window_bits=x",
        "; server_max_window_bits=-9",
        "; client_max_window_bits=0",
        "; client_max_window_bits=7",
        "; client_max_window_bits=16",
        "; client_max_window_bits=010",
        "; client_max_window_bits=+9",
        "; server_no_context_takeover=1",
        '; client_no_context_takeover="true"',
        "; server_no_context_takeover; server_no_context_takeover",
        "; client_max_window_bits; client_max_window_bits=9",
        "; server_max_window_bits=9; server_max_window_bits=9",
        "; SERVER_MAX_WINDOW_BITS=9",
    ]
    for parameters in bad:
        _answered(table, f"declines {parameters}", NAME + parameters, None, section=section)
        wanted = f"{NAME}; server_max_window_bits=11"
        offers = f"{NAME}{parameters}, {wanted}"
        _answered(table, f"falls back from {parameters}", offers, wanted, section=section)
    for title, offers, answer in (
        ("another extension first", f"x-other; a=b, {NAME}", NAME),
        ("another extension alone", "x-webkit-deflate-frame", None),
        ("the name in another case", "Permessage-Deflate", None),
        ("the first of two wins", f"{NAME}; client_no_context_takeover, {NAME}", f"{NAME}; client_no_context_takeover"),
        ("the third is the first good one", f"x, {NAME}; y, {NAME}; server_max_window_bits=9, {NAME}",
         f"{NAME}; server_max_window_bits=9"),
        ("empty elements", f", ,{NAME},,", NAME),
        ("32 offers", ", ".join([f"{NAME}; x"] * 31 + [NAME]), NAME),
    ):
        _answered(table, title, offers, answer, section=section)


def _malformed(table):
    """RFC 6455 §9.1: a value that is not of the ABNF fails the handshake, whatever good offers are in it."""
    for value in (
        "", ",", f"{NAME};", f"{NAME};;x", f"; {NAME}", f"{NAME}=1", f"{NAME} x", f"{NAME}; a=", f"{NAME}; =a",
        f"{NAME}; a==b", f'{NAME}; a="', f'{NAME}; a="b', f'{NAME}; a=""', f'{NAME}; a="b c"', f'{NAME}; a="b"c',
        f'{NAME}; a="\\"', f'{NAME}; a="\\""', f"{NAME}; a=(b)", f'"{NAME}"', f"{NAME}/1", f"{NAME}, @", f"{NAME}; \xe4",
        ", ".join([NAME] * 33), NAME + "; x" * 33,
    ):  # fmt: skip
        wire = request(ECHO, add=[f"Sec-WebSocket-Extensions: {value}"])
        shown = value if len(value) < 60 else f"{value[:40]}... ({len(value)} characters)"
        table.add("9.1", f"refuses [{shown}]", Handshake(wire, 400), rfc=6455)
    twice = [f"Sec-WebSocket-Extensions: {NAME}"] * 2
    twice[1] += "; server_no_context_takeover"
    table.add("9.1", "two fields", Handshake(request(ECHO, add=twice), 101), rfc=6455)
    split = ["Sec-WebSocket-Extensions: x", "X: y", f"Sec-WebSocket-Extensions: {NAME}; a=b, ,{NAME}"]
    table.add("9.1", "a list in two fields", Handshake(request(ECHO, add=split), 101), rfc=6455)
    broken = [f"Sec-WebSocket-Extensions: {NAME}", "Sec-WebSocket-Extensions: a b"]
    table.add("9.1", "two fields, one of them broken", Handshake(request(ECHO, add=broken), 400), rfc=6455)


# ---- §7.2: messages ----


def _check_compressed(got, agreed_size):
    if not got.compressed and agreed_size >= MIN_SIZE:
        raise Violation(f"{agreed_size} bytes that can be compressed came as they are")


def _all_sizes(kind, peer):
    for size in SIZES:
        opcode, payload = _payload(kind, size)
        got = _exchange(peer, opcode, payload, compressed(opcode, peer.compressor.message(payload)))
        if kind != "random":
            _check_compressed(got, size)


def _windows(table):
    for bits, (title, parameters), kind in itertools.product(WINDOWS, TAKEOVERS, KINDS):
        offer = f"{BOTH}; server_max_window_bits={bits}{parameters}"
        step = Talk(functools.partial(_all_sizes, kind))
        row = f"server window {bits} {title}: {kind}"
        table.add("7.2.1", row, step, offer=offer, tls=bits in (9, 15) and kind == "json")


def _cuts(style, size, chance):
    """Sizes of all fragments but the last."""
    if style == "whole":
        return []
    if style == "halves":
        return [size // 2]
    if style == "a byte each":
        return [1] * min(size, 200)
    left, cuts = size, []
    while left > 0 and len(cuts) < 50:
        cuts.append(chance.randint(0, left))
        left -= cuts[-1]
    return cuts


STYLES = ("whole", "halves", "a byte each", "anywhere, pings between")


def _fragmented(style, peer):
    chance = random.Random(style)
    for size, kind in itertools.product((0, 1, 16, 256, 4096, 65536), KINDS):
        opcode, payload = _payload(kind, size)
        packed = peer.compressor.message(payload)
        cuts = _cuts(style, len(packed), chance)
        between = ping(b"between") if "pings" in style else b""
        peer.send(compressed(opcode, packed, cuts, between))
        for _ in cuts if between else ():
            if (got := peer.read_message()) != Frame(PONG, b"between"):
                raise Violation(f"expected a pong; got {short(got)}")
        _exchange(peer, opcode, payload, b"")


def _client_windows(table):
    for bits, (title, parameters), style in itertools.product(range(9, 16), TAKEOVERS, STYLES):
        offer = f"{NAME}; client_max_window_bits={bits}{parameters}"
        step = Talk(functools.partial(_fragmented, style))
        table.add("7.2.2", f"client window {bits} {title}, fragments: {style}", step, offer=offer)


def _again_and_again(kind, size, peer):
    opcode, payload = _payload(kind, size)
    for number in range(max(10, min(MANY, MANY_BYTES // size))):
        turned = payload[number % size :] + payload[: number % size] if opcode == BINARY else payload
        _exchange(peer, opcode, turned, compressed(opcode, peer.compressor.message(turned)))


def _many(table):
    sizes = (16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072)
    for size, (title, parameters) in itertools.product(sizes, TAKEOVERS):
        for kind in ("json", "runs"):
            step = Talk(functools.partial(_again_and_again, kind, size))
            table.add("7.2", f"many messages of {size} bytes {title}: {kind}", step, offer=BOTH + parameters)


def _mixed(peer):
    """Only compressed messages are in the windows (§7.2.1, §7.2.2)."""
    for number in range(60):
        opcode, payload = _payload(KINDS[number % 4], (0, 5, 700, 3000)[number // 4 % 4])
        if number % 3 == 0:
            wire = frame(opcode, payload)
        elif number % 3 == 1:
            wire = frame(opcode, payload[:5], fin=False) + ping(b"") + frame(CONTINUATION, payload[5:])
        else:
            wire = compressed(opcode, peer.compressor.message(payload))
        peer.send(wire)
        if number % 3 == 1 and (got := peer.read_message()) != Frame(PONG, b""):
            raise Violation(f"expected a pong; got {short(got)}")
        _exchange(peer, opcode, payload, b"")


def _pipelined(peer):
    """All are sent before any is read."""
    payloads = [_payload(kind, size) for size in SIZES[:7] for kind in KINDS] * 5
    peer.send(b"".join(compressed(opcode, peer.compressor.message(payload)) for opcode, payload in payloads))
    for opcode, payload in payloads:
        _exchange(peer, opcode, payload, b"")


def _conversations(table):
    for title, parameters in TAKEOVERS:
        table.add("7.2", f"compressed and not in turn {title}", Talk(_mixed), offer=BOTH + parameters, tls=True)
        table.add("7.2", f"140 messages at once {title}", Talk(_pipelined), offer=BOTH + parameters, tls=True)
        for client in ("server", "client"):
            offer = f"{BOTH}; {client}_no_context_takeover"
            if not parameters:
                table.add("7.2", f"only one side keeps its window: not the {client}", Talk(_mixed), offer=offer)


def _raw(table):
    """§7.2.3: what a compressor may make of a message, and a client that decides to use it."""
    stored = Compressor(level=0).message(b"stored")
    blocks = Compressor().blocks([b"one ", b"two ", b"", b"three"])
    huffman = zlib.compressobj(6, zlib.DEFLATED, -15, 8, zlib.Z_HUFFMAN_ONLY)
    no_matches = huffman.compress(b"no matches") + huffman.flush(zlib.Z_SYNC_FLUSH)
    final = zlib.compressobj(6, zlib.DEFLATED, -15)
    ended = final.compress(b"Hello") + final.flush(zlib.Z_FINISH)
    good = [
        ("7.2.3.1", "one block", HELLO, b"Hello"),
        ("7.2.3.3", "a block that is not compressed", b"\x00\x05\x00\xfa\xffHello\x00", b"Hello"),
        ("7.2.3.3", "stored", stored, b"stored"),
        ("7.2.3.4", "a final block", HELLO_FINAL, b"Hello"),
        ("7.2.3.4", "a final block, then another stream", HELLO_FINAL[:-1] + HELLO, b"HelloHello"),
        ("7.2.3.4", "ends with a final block", ended, b"Hello"),
        ("7.2.3.4", "the empty block at the end is final", b"\x01", b""),
        ("7.2.3.5", "two blocks", b"\xf2\x48\x05" + TRAILER[:1] + b"\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", b"Hello"),
        ("7.2.3.5", "a flush behind each piece", blocks, b"one two three"),
        ("7.2.3.5", "codes without matches", no_matches.removesuffix(TRAILER), b"no matches"),
        ("7.2.3.6", "an empty message", b"\x00", b""),
        ("7.2.3.6", "an empty message in a fixed block", b"\x02\x00", b""),
        ("7.2.3.6", "no byte at all", b"", b""),
    ]
    for section, title, payload, inflated in good:
        for state, parameters in TAKEOVERS:
            wire = compressed(TEXT, payload)
            steps = (wire, text_reply(inflated)) * 3
            table.add(section, f"{title}, three times {state}", *steps, offer=NAME + parameters)
    second = b"\xf2\x00\x11\x00\x00"
    wire = compressed(TEXT, HELLO) + compressed(TEXT, second)
    table.add("7.2.3.2", "the second message refers to the first", wire, *[text_reply(b"Hello")] * 2, offer=NAME)
    wire = compressed(TEXT, HELLO, [3])
    table.add("7.2.3.1", "two fragments", wire, text_reply(b"Hello"), offer=NAME)
    for empties in ([0], [0, 0, 3, 0], [7]):
        wire = compressed(TEXT, HELLO, empties)
        table.add("7.2.3.6", f"fragments of {empties} bytes", wire, text_reply(b"Hello"), offer=NAME)


# ---- failures ----


def _reserved_bits(table):
    for opcode, name in ((CONTINUATION, "continuation"), (PING, "ping"), (PONG, "pong"), (CLOSE, "close")):
        body = b"\x03\xe8" if opcode == CLOSE else b""
        first = compressed(TEXT, HELLO[:3], [3])[: -len(frame(CONTINUATION, b""))]
        first = frame(TEXT, HELLO[:3], fin=False, rsv=4)
        table.add("6.1", f"RSV1 on a {name}", first + frame(opcode, body, rsv=4), Closed(1002), offer=NAME)
        if opcode != CONTINUATION:
            table.add("6.1", f"RSV1 on a {name} outside", frame(opcode, body, rsv=4), Closed(1002), offer=NAME)
    plain = frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b", rsv=4)
    table.add("6.1", "RSV1 on a continuation of what is not compressed", plain, Closed(1002), offer=NAME)
    for rsv in (1, 2, 3, 5, 6, 7):
        table.add("6.1", f"text with RSV {rsv:03b}", text(HELLO, rsv=rsv), Closed(1002), offer=NAME)
    table.add("6.1", "RSV1 on a reserved opcode", frame(3, HELLO, rsv=4), Closed(1002), offer=NAME)
    table.add("6.1", "compressed without an agreement", compressed(TEXT, HELLO), Closed(1002))
    wire = frame(TEXT, HELLO[:3], fin=False, rsv=4) + compressed(TEXT, HELLO)
    table.add("6.1", "a message inside a message", wire, Closed(1002), offer=NAME)


def _corrupt(table):
    opcode, payload = _payload("json", 4096)
    packed = Compressor().message(payload)
    bad = [
        ("cut in the middle", packed[: len(packed) // 2]),
        ("the last byte is missing", packed[:-1]),
        ("one byte of it", packed[:1]),
        ("the trailer is still there", packed + TRAILER),
        ("half of the trailer", packed + TRAILER[:2]),
        ("a byte too many", packed + b"\x00"),
        ("a stored block cut", b"\x00\x05\x00\xfa\xffHel"),
        ("a stored block cut by as much as the trailer fills", b"\x00\x05\x00\xfa\xffH"),
        ("a stored length that does not match", b"\x00\x05\x00\x00\x00Hello\x00"),
        ("a reserved kind of block", b"\x06"),
        ("a distance before the beginning", b"\x02\x03\x02\x00"),
        ("garbage behind a final block", HELLO_FINAL[:-1] + b"\xff\xff"),
        ("not compressed", b"plain text"),
        ("zeros", b"\x00" * 100),
        ("ones", b"\xff" * 100),
        ("a zlib stream", zlib.compress(b"Hello")),
        ("a gzip stream", zlib.compressobj(wbits=31).compress(b"") + HELLO),
    ]
    for title, wire in bad:
        for state, parameters in TAKEOVERS:
            steps = compressed(BINARY, wire), Closed(1007)
            table.add("7.2.2", f"{title} {state}", *steps, offer=NAME + parameters, tls=title == "cut in the middle")
    wire = text("owed") + ping(b"owed") + compressed(TEXT, HELLO) + compressed(TEXT, b"\x06") + text("never")
    owed = text_reply(b"owed"), pong_reply(b"owed"), text_reply(b"Hello")
    table.add("7.2.2", "replies come before the Close", wire, *owed, Closed(1007), offer=NAME, tls=True)
    step = Talk(_beyond_the_window)
    table.add("7.1.2.2", "a reference beyond the agreed window", step, Closed(1007), offer=f"{NAME}; client_max_window_bits=9")
    wire = compressed(opcode, HELLO) + compressed(opcode, b"\xf2\x00\x11\x00\x00")
    step = text_reply(b"Hello"), Closed(1007)
    table.add("7.1.1.2", "a reference to a message before, without takeover", wire, *step, offer=NEITHER)


def _beyond_the_window(peer):
    _, payload = _payload("random", 4096)
    wide = Compressor(bits=15, takeover=True)
    _exchange(peer, BINARY, payload, compressed(BINARY, wide.message(payload)))
    peer.send(compressed(BINARY, wide.message(payload[:64])))


def _text(table):
    for title, payload in (
        ("FF", b"\xff"), ("overlong", b"ab\xc0\x80"), ("a surrogate", b"\xed\xa0\x80"), ("cut", "€".encode()[:2]),
        ("behind 100,000 bytes", b"x" * 100_000 + b"\xff"), ("past U+10FFFF", b"\xf4\x90\x80\x80"),
    ):  # fmt: skip
        packed = Compressor().message(payload)
        table.add("6.2", f"inflated text that is not UTF-8: {title}", compressed(TEXT, packed), Closed(1007), offer=NAME)
        wire = compressed(BINARY, packed)
        table.add("6.2", f"the same as binary: {title}", wire, binary_reply(payload), offer=NAME)
    packed = Compressor().message("µ€\U0001f600".encode() * 100)
    for cut in range(1, 8):
        wire = compressed(TEXT, packed, [cut])
        table.add("6.2", f"the compressed form cut behind byte {cut}", wire, text_reply("µ€\U0001f600".encode() * 100), offer=NAME)


def _limits(table):
    options = {"server": "default", "offer": NAME}
    most = bytes(DEFAULT_MAX_MESSAGE)
    table.add("8", "the largest message", compressed(BINARY, Compressor().message(most)), binary_reply(most), **options)
    noise = _payload("random", DEFAULT_MAX_MESSAGE)[1]
    wire = compressed(BINARY, Compressor(level=1, memory=1).message(noise))
    table.add("8", "the largest message, larger when compressed", wire, binary_reply(noise), **options)
    wire = compressed(BINARY, Compressor().message(most + b"\0"))
    table.add("8", "one byte more", wire, Closed(1009), **options)
    bomb = Compressor(level=9).message(bytes(64 << 20))
    table.add("8", "1,000 to 1", compressed(BINARY, bomb), Closed(1009), **options)
    cuts = [100] * (len(bomb) // 100)
    table.add("8", "1,000 to 1, in fragments", compressed(BINARY, bomb, cuts), Closed(1009), **options)
    wire = frame(BINARY, b"", rsv=4, form=64, declared=(1 << 63) - 1)
    table.add("8", "sizes do not wrap", wire, Closed(1009), **options)
    wire = compressed(BINARY, b"\0" * 200, [1] * 1024)
    table.add("8", "too many fragments", wire, Closed(1008), **options)
    table.add("8", "past the ratio", compressed(BINARY, bomb[:-1000]), Closed(1009), server="raised", offer=NAME)
    one = bytes(1 << 20)
    wire = compressed(BINARY, Compressor(level=9).message(one))
    table.add("8", "1,000 to 1 up to 1 MiB", wire, binary_reply(one), server="raised", offer=NAME)


def _plain_reply(payload, peer):
    opcode, payload = payload
    if _exchange(peer, opcode, payload, compressed(opcode, peer.compressor.message(payload))).compressed:
        raise Violation("compressed, which is of no use here")


def _ours(table):
    """What the server compresses."""
    for title, payload in (
        ("below min_size", _payload("json", MIN_SIZE - 1)),
        ("random bytes", _payload("random", 5000)),
        ("nothing", _payload("json", 0)),
    ):
        step = Talk(functools.partial(_plain_reply, payload))
        table.add("6.1", f"not compressed: {title}", step, server="default", offer=NAME)
    for size in (MIN_SIZE, 60000):
        step = Talk(lambda peer, size=size: _check_compressed(_exchange(peer, *_sent(size)), size))
        table.add("6.1", f"compressed though it came plain: {size} bytes", step, server="default", offer=NAME)
    payload = b"p" * 125
    steps = (ping(payload), pong_reply(payload)) * 3
    table.add("6.1", "control frames are never compressed", *steps, offer=NAME)
    wire = binary(b"x" * 5000), binary_reply(b"x" * 5000)
    table.add("6.1", "nothing is compressed without an agreement", *wire)
    table.add("6.1", "pings between are answered", text("a") + ping(b"b") + pong(), text_reply(b"a"), pong_reply(b"b"), offer=NAME)


def _sent(size):
    opcode, payload = _payload("json", size)
    return opcode, payload, frame(opcode, payload)


@functools.lru_cache(maxsize=None)
def _rows():
    table = Table(rfc=7692, server="takeover")
    _negotiation(table)
    _fallbacks(table)
    _malformed(table)
    _windows(table)
    _client_windows(table)
    _many(table)
    _conversations(table)
    _raw(table)
    _reserved_bits(table)
    _corrupt(table)
    _text(table)
    _limits(table)
    _ours(table)
    return table.rows


def rows():
    return list(_rows())
