"""Conformance rows for framing, fragmentation, control frames, closing and UTF-8: RFC 6455 §5, §7, §8."""

from conformance import (
    DEFAULT_MAX_FRAGMENTS,
    DEFAULT_MAX_MESSAGE,
    RAISED_LIMITS,
    Closed,
    Send,
    Table,
    binary_reply,
    pong_reply,
    text_reply,
)
from harness import PREFIX
from rawws import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from rawws import binary, close, fragments, frame, ping, pong, text

GREETING = "Hello-µ@ßöäüàá-UTF-8!! κόσμε 你好 \U0001f600".encode()
MASKING_KEYS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\x02\x03\x04", b"\0\0\0\x80")
SIZES = (0, 1, 2, 3, 4, 7, 8, 124, 125, 126, 127, 128, 255, 256, 1023, 65534, 65535, 65536, 65537, 131072, 1 << 20)
CONTROL_SIZES = (0, 1, 124, 125)

# Unicode 15, table 3-7 and its edges.
VALID_TEXTS = (
    ("empty", b""),
    ("NUL", b"\0"),
    ("DEL", b"\x7f"),
    ("U+0080", b"\xc2\x80"),
    ("U+07FF", b"\xdf\xbf"),
    ("U+0800", b"\xe0\xa0\x80"),
    ("U+D7FF", b"\xed\x9f\xbf"),
    ("U+E000", b"\xee\x80\x80"),
    ("U+FEFF", b"\xef\xbb\xbf"),
    ("U+FFFD", b"\xef\xbf\xbd"),
    ("U+FFFE, a noncharacter", b"\xef\xbf\xbe"),
    ("U+FFFF, a noncharacter", b"\xef\xbf\xbf"),
    ("U+10000", b"\xf0\x90\x80\x80"),
    ("U+1FFFF, a noncharacter", b"\xf0\x9f\xbf\xbf"),
    ("U+10FFFF", b"\xf4\x8f\xbf\xbf"),
    ("all lengths in turn", "aµ€\U0001f600".encode() * 16),
    ("a greeting", GREETING),
)
INVALID_TEXTS = (
    ("a lone continuation octet", b"\x80"),
    ("the last continuation octet", b"\xbf"),
    ("a run of continuation octets", b"\x80\xbf\x80\xbf"),
    ("C0, overlong NUL", b"\xc0\x80"),
    ("C1, overlong DEL", b"\xc1\xbf"),
    ("three octets for U+002F", b"\xe0\x80\xaf"),
    ("three octets for U+07FF", b"\xe0\x9f\xbf"),
    ("four octets for U+002F", b"\xf0\x80\x80\xaf"),
    ("four octets for U+FFFF", b"\xf0\x8f\xbf\xbf"),
    ("five octets", b"\xf8\x88\x80\x80\x80"),
    ("six octets", b"\xfc\x84\x80\x80\x80\x80"),
    ("U+D800, a surrogate", b"\xed\xa0\x80"),
    ("U+DFFF, a surrogate", b"\xed\xbf\xbf"),
    ("a surrogate pair", b"\xed\xa0\xbd\xed\xb8\x80"),
    ("U+110000", b"\xf4\x90\x80\x80"),
    ("F5", b"\xf5\x80\x80\x80"),
    ("FE", b"\xfe"),
    ("FF", b"\xff"),
    ("ASCII behind a lead octet", b"\xc3A"),
    ("a lead octet behind a lead octet", b"\xe2\xe2\x82\xac"),
    ("one octet missing of two", b"\xc3"),
    ("one octet missing of three", b"\xe2\x82"),
    ("two octets missing of three", b"\xe2"),
    ("one octet missing of four", b"\xf0\x9f\x98"),
    ("a broken end after a good start", GREETING + b"\xf0\x9f"),
)
# What arrives, whether or not more would follow, cannot become UTF-8 any more: prefix that is still good, octet that is not.
FAILING_OCTETS = (
    (b"", b"\x80"),
    (b"", b"\xc0"),
    (b"", b"\xf5"),
    (b"\xe0", b"\x9f"),
    (b"\xed", b"\xa0"),
    (b"\xf0", b"\x8f"),
    (b"\xf4", b"\x90"),
    (b"\xe2\x82", b"A"),
    (b"\xf0\x9f\x98", b"\xc3"),
    (GREETING, b"\xff"),
)

VALID_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
INVALID_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65535)


def rows():
    table = Table()
    _sizes(table)
    _masking(table)
    _reserved(table)
    _length_forms(table)
    _fragmentation(table)
    _fragmentation_broken(table)
    _control_frames(table)
    _close_codes(table)
    _closing(table)
    _pipelines(table)
    _text(table)
    _text_failing_fast(table)
    _limits(table)
    return table.rows


def _pattern(size):
    return bytes(range(256)) * (size // 256) + bytes(range(size % 256))


def _letters(size):
    return (b"portcullis" * (size // 10 + 1))[:size]


def _sizes(table):
    """§5.2 payload lengths, §5.6 data frames."""
    for size in SIZES:
        tls = size in (0, 125, 126, 65535, 65536)
        table.add("5.2", f"text of {size} bytes", text(_letters(size)), text_reply(_letters(size)), tls=tls)
        table.add("5.2", f"binary of {size} bytes", binary(_pattern(size)), binary_reply(_pattern(size)), tls=tls)
    size = RAISED_LIMITS["max_message"]
    table.add("5.2", "text of 16 MiB", text(_letters(size)), text_reply(_letters(size)))
    table.add("5.2", "binary of 16 MiB", binary(_pattern(size)), binary_reply(_pattern(size)), tls=True)
    for size in (0, 1, 125, 126, 300):
        wire = Send(binary(_pattern(size)), bytewise=True)
        table.add("5.2", f"binary of {size} bytes, bytewise", wire, binary_reply(_pattern(size)), tls=True)
    table.add("5.6", "text with a prefix", text("hi"), text_reply((PREFIX + "hi").encode()), endpoint="/")
    table.add("5.6", "empty text with a prefix", text(""), text_reply(PREFIX.encode()), endpoint="/")
    table.add("5.6", "the prefix is for text only", binary(b"hi"), binary_reply(b"hi"), endpoint="/")


def _masking(table):
    """§5.1 and §5.3."""
    for key in MASKING_KEYS:
        wire = text(GREETING, key=key) + binary(_pattern(1000), key=key)
        table.add("5.3", f"masking key {key.hex()}", wire, text_reply(GREETING), binary_reply(_pattern(1000)))
    wire = b"".join(binary(_pattern(9), key=key) for key in MASKING_KEYS)
    table.add("5.3", "a new key each frame", wire, *[binary_reply(_pattern(9))] * len(MASKING_KEYS), tls=True)
    for name, opcode in (("text", TEXT), ("binary", BINARY), ("ping", PING), ("pong", PONG)):
        table.add("5.1", f"unmasked {name}", frame(opcode, b"bare", key=None), Closed(1002), tls=name == "text")
    table.add("5.1", "unmasked Close", close(1000, key=None), Closed(1002))
    table.add("5.1", "unmasked empty text", text("", key=None), Closed(1002))
    wire = text("a", fin=False) + frame(CONTINUATION, b"b", key=None)
    table.add("5.1", "unmasked continuation", wire, Closed(1002))
    table.add("5.1", "unmasked: told by the header", text("x" * 200, key=None)[:4], Closed(1002))


def _reserved(table):
    """§5.2 RSV1 to RSV3 and reserved opcodes."""
    for rsv in range(1, 8):
        table.add("5.2", f"text with RSV {rsv:03b}", text("rsv", rsv=rsv), Closed(1002), tls=rsv == 4)
    for name, opcode in (("binary", BINARY), ("ping", PING), ("pong", PONG), ("Close", CLOSE)):
        table.add("5.2", f"{name} with RSV 100", frame(opcode, b"", rsv=4), Closed(1002))
    wire = text("a", fin=False) + frame(CONTINUATION, b"b", rsv=2)
    table.add("5.2", "continuation with RSV 010", wire, Closed(1002))
    table.add("5.2", "RSV after a good message", text("a") + text("b", rsv=1), text_reply(b"a"), Closed(1002))
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        table.add("5.2", f"opcode {opcode:#x}", frame(opcode, b"what"), Closed(1002), tls=opcode in (3, 11))
    for opcode in (3, 11):
        wire = text("a") + frame(opcode) + text("b")
        table.add("5.2", f"empty opcode {opcode:#x} between texts", wire, text_reply(b"a"), Closed(1002))
        wire = text("a", fin=False) + frame(opcode) + frame(CONTINUATION, b"b")
        table.add("5.2", f"opcode {opcode:#x} inside a message", wire, Closed(1002))


def _length_forms(table):
    """§5.2: the minimal number of bytes must be used, and the top bit of 64 is 0."""
    for size in (0, 1, 125):
        table.add("5.2", f"{size} bytes in 16 bits", binary(_pattern(size), form=16), Closed(1002))
    for size in (0, 125, 126, 65535):
        table.add("5.2", f"{size} bytes in 64 bits", binary(_pattern(size), form=64), Closed(1002))
    for declared in (1 << 63, (1 << 63) + 5, (1 << 64) - 1):
        wire = binary(b"", form=64, declared=declared)
        table.add("5.2", f"length {declared:#x}", wire, Closed(1002))
    for declared in ((16 << 20) + 1, 2 << 30, 1 << 40, (1 << 63) - 1):
        wire = binary(b"some", form=64, declared=declared)
        table.add("7.4.1", f"declared length {declared}", wire, Closed(1009), tls=declared == 2 << 30)


def _fragmentation(table):
    """§5.4."""
    for name, opcode, reply in (("text", TEXT, text_reply), ("binary", BINARY, binary_reply)):
        for pieces in ([b"a", b"b"], [b"", b"a"], [b"a", b""], [b"", b""], [b"", b"", b"middle", b"", b""]):
            wire = fragments(opcode, pieces)
            table.add("5.4", f"{name} in pieces {[len(piece) for piece in pieces]}", wire, reply(b"".join(pieces)))
    pieces = [_letters(size) for size in (125, 126, 65535, 65536, 1)]
    table.add("5.4", "pieces of every length form", fragments(TEXT, pieces), text_reply(b"".join(pieces)), tls=True)
    pieces = [b"frag", b"ment", b"ed"]
    table.twice("5.4", "three pieces", fragments(TEXT, pieces), text_reply(b"fragmented"), tls=True)
    wire = fragments(BINARY, [_pattern(1)] * RAISED_LIMITS["max_fragments"])
    reply = binary_reply(_pattern(1) * RAISED_LIMITS["max_fragments"])
    table.add("5.4", "65,536 fragments of one byte", wire, reply)
    wire = fragments(TEXT, [b""] * 1000 + [b"end"])
    table.add("5.4", "1,000 empty fragments", wire, text_reply(b"end"))
    for size in (64, 4096, 65536):
        whole = _pattern(1 << 20)
        wire = fragments(BINARY, [whole[at : at + size] for at in range(0, len(whole), size)])
        table.add("5.4", f"1 MiB in fragments of {size} bytes", wire, binary_reply(whole))
    wire = text("one", fin=False) + ping(b"p") + frame(CONTINUATION, b"two")
    table.twice("5.4", "a ping between fragments", wire, pong_reply(b"p"), text_reply(b"onetwo"), tls=True)
    wire = text("one", fin=False) + pong(b"p") + frame(CONTINUATION, b"two")
    table.add("5.4", "an unasked pong between fragments", wire, text_reply(b"onetwo"))
    wire = text("1", fin=False)
    wire += b"".join(ping(bytes([48 + number])) + frame(CONTINUATION, b"-", fin=False) for number in range(10))
    wire += frame(CONTINUATION, b"2")
    pongs = [pong_reply(bytes([48 + number])) for number in range(10)]
    table.add("5.4", "ten pings between fragments", wire, *pongs, text_reply(b"1----------2"))
    wire = fragments(TEXT, [b"a", b"b"]) + fragments(BINARY, [b"c", b"d"]) + text("e")
    table.add("5.4", "messages in a row", wire, text_reply(b"ab"), binary_reply(b"cd"), text_reply(b"e"))
    wire = text("begun", fin=False), ping(b"meanwhile"), pong_reply(b"meanwhile")
    table.add("5.4", "a pong does not wait for the message", *wire, frame(CONTINUATION, b"!"), text_reply(b"begun!"))
    wire = text("begun", fin=False) + close(1000)
    table.add("5.4", "Close inside a fragmented message", wire, Closed(1000, ours=False), tls=True)


def _fragmentation_broken(table):
    """§5.4: what is out of order."""
    for fin in (True, False):
        name = "final" if fin else "unfinished"
        table.add("5.4", f"{name} continuation of nothing", frame(CONTINUATION, b"what", fin=fin), Closed(1002))
        wire = text("whole") + frame(CONTINUATION, b"what", fin=fin)
        table.add("5.4", f"{name} continuation of a finished message", wire, text_reply(b"whole"), Closed(1002))
        wire = text("a", fin=False) + text("b", fin=fin)
        table.add("5.4", f"{name} text inside a message", wire, Closed(1002), tls=True)
        wire = text("a", fin=False) + binary(b"b", fin=fin)
        table.add("5.4", f"{name} binary inside a message", wire, Closed(1002))
        wire = binary(b"a", fin=False) + frame(CONTINUATION, b"b", fin=False) + text("c", fin=fin)
        table.add("5.4", f"{name} text behind two fragments", wire, Closed(1002))
    table.add("5.4", "an empty continuation of nothing", frame(CONTINUATION), Closed(1002))


def _control_frames(table):
    """§5.5."""
    for size in CONTROL_SIZES:
        payload = _pattern(size)
        table.twice("5.5.2", f"ping of {size} bytes", ping(payload), pong_reply(payload), tls=size == 125)
    table.add("5.5.2", "a ping's payload need not be text", ping(b"\xff\x00\xfe"), pong_reply(b"\xff\x00\xfe"))
    wire = b"".join(ping(b"%d" % number) for number in range(10))
    pongs = [pong_reply(b"%d" % number) for number in range(10)]
    table.twice("5.5.2", "ten pings, ten pongs in order", wire, *pongs, tls=True)
    wire = text("a") + ping(b"1") + text("b") + ping(b"2")
    table.add("5.5.2", "pongs in order with replies", wire, *_mixed())
    for size in (126, 127, 65536):
        table.add("5.5", f"ping of {size} bytes", ping(_pattern(size)), Closed(1002))
        table.add("5.5", f"pong of {size} bytes", pong(_pattern(size)), Closed(1002))
    table.add("5.5", "Close of 126 bytes", close(1000, b"r" * 124), Closed(1002))
    table.add("5.5", "ping of 126 bytes: told by its header", ping(_pattern(126))[:8], Closed(1002))
    for name, opcode in (("ping", PING), ("pong", PONG), ("Close", CLOSE)):
        table.add("5.5", f"unfinished {name}", frame(opcode, b"", fin=False), Closed(1002), tls=True)
    wire = ping(b"a", fin=False) + frame(CONTINUATION, b"b")
    table.add("5.5", "a ping in two fragments", wire, Closed(1002))
    wire = text("a", fin=False) + ping(b"b", fin=False) + frame(CONTINUATION, b"c")
    table.add("5.5", "an unfinished ping inside a message", wire, Closed(1002))
    for size in CONTROL_SIZES:
        table.add("5.5.3", f"an unasked pong of {size} bytes is ignored", pong(_pattern(size)))
    table.add("5.5.3", "ten unasked pongs, then a ping", pong(b"x") * 10 + ping(b"p"), pong_reply(b"p"))
    table.add("5.5.3", "a text behind an unasked pong", pong(b"x") + text("a"), text_reply(b"a"))


def _mixed():
    return text_reply(b"a"), pong_reply(b"1"), text_reply(b"b"), pong_reply(b"2")


def _close_codes(table):
    """§7.4."""
    for code in VALID_CODES:
        tls = code in (1000, 4999)
        table.add("7.4", f"code {code} is echoed", close(code, b"why"), Closed(code, ours=False), tls=tls)
    for code in INVALID_CODES:
        table.add("7.4", f"code {code}", close(code, b"why"), Closed(1002), tls=code == 1005)


def _closing(table):
    """§5.5.1, §7.1."""
    table.twice("7.1.5", "an empty Close is answered by one", close(), Closed(None, ours=False), tls=True)
    table.twice("7.1.5", "a code without a reason", close(1000), Closed(1000, ours=False), tls=True)
    for size in (1, 122, 123):
        wire = close(1000, b"r" * size)
        table.add("7.1.6", f"a reason of {size} bytes", wire, Closed(1000, ours=False))
    table.add("7.1.6", "a reason past ASCII", close(1000, "ßµ€".encode()), Closed(1000, ours=False))
    table.twice("5.5.1", "a body of one byte", frame(CLOSE, b"\x03"), Closed(1002), tls=True)
    for title, reason in INVALID_TEXTS[:1] + INVALID_TEXTS[11:12] + INVALID_TEXTS[20:21] + INVALID_TEXTS[23:24]:
        table.add("8.1", f"close reason: {title}", close(1000, reason), Closed(1007), tls=title == INVALID_TEXTS[0][0])
    after = (
        ("text", text("late")),
        ("ping", ping(b"late")),
        ("a second Close", close(1001)),
        ("an unfinished message", text("late", fin=False)),
        ("a frame that is wrong in every way", frame(3, b"late", rsv=7, fin=False, key=None)),
        ("a frame cut short", text("late")[:4]),
        ("1 MiB", binary(_pattern(1 << 20))),
    )
    for title, wire in after:
        table.add("5.5.1", f"ignored after Close: {title}", close(1000) + wire, Closed(1000, ours=False))
    wire = text("last") + close(1000)
    table.add("5.5.1", "a reply comes before the Close", wire, text_reply(b"last"), Closed(1000, ours=False), tls=True)
    wire = binary(_pattern(1 << 20)) + close(1000)
    title = "a long reply comes before the Close"
    table.add("5.5.1", title, wire, binary_reply(_pattern(1 << 20)), Closed(1000, ours=False), tls=True)
    wire = ping(b"last") + close(4000, b"bye")
    table.add("5.5.1", "a pong comes before the Close", wire, pong_reply(b"last"), Closed(4000, ours=False))


def _pipelines(table):
    """§7.1.7: what was owed before a stream failed is sent before its Close, though all came in one write."""
    ends = (
        ("an unmasked frame", text("x", key=None), 1002),
        ("a reserved bit", text("x", rsv=4), 1002),
        ("a reserved opcode", frame(5), 1002),
        ("a continuation of nothing", frame(CONTINUATION), 1002),
        ("a ping too long", ping(b"x" * 126), 1002),
        ("an invalid close code", close(1005), 1002),
        ("a body of one byte", frame(CLOSE, b"x"), 1002),
        ("text that is not UTF-8", text(b"\xff"), 1007),
        ("a reason that is not UTF-8", close(1000, b"\xff"), 1007),
        ("a message too big", binary(b"", form=64, declared=2 << 30), 1009),
    )
    for title, wire, code in ends:
        owed = text_reply(b"a"), pong_reply(b"p"), binary_reply(b"b")
        wire = text("a") + ping(b"p") + binary(b"b") + wire
        table.add("7.1.7", f"replies come before the Close for {title}", wire, *owed, Closed(code), tls=code == 1007)
    wire = b"".join(text(f"message {number}") for number in range(500)) + frame(5) + text("never")
    owed = [text_reply(f"message {number}".encode()) for number in range(500)]
    table.add("7.1.7", "500 replies come before the Close", wire, *owed, Closed(1002), tls=True)
    table.add("7.1.7", "nothing is answered after a failure", frame(5) + ping(b"late") + text("late"), Closed(1002))


def _text(table):
    """§8.1, §5.6."""
    for title, payload in VALID_TEXTS:
        table.add("8.1", title, text(payload), text_reply(payload))
        if len(payload) > 1:
            pieces = [payload[at : at + 1] for at in range(len(payload))]
            table.add("8.1", f"{title}, a fragment a byte", fragments(TEXT, pieces), text_reply(payload))
            wire = Send(text(payload), bytewise=True)
            table.add("8.1", f"{title}, bytewise", wire, text_reply(payload), tls=title == "a greeting")
    for title, payload in INVALID_TEXTS:
        table.add("8.1", title, text(payload), Closed(1007), tls=payload == b"\xff")
        if len(payload) > 1:
            pieces = [payload[at : at + 1] for at in range(len(payload))]
            table.add("8.1", f"{title}, a fragment a byte", fragments(TEXT, pieces), Closed(1007))
        wire = Send(text(payload), bytewise=True)
        table.add("8.1", f"{title}, bytewise", wire, Closed(1007))
    for cut in range(len("€\U0001f600".encode()) + 1):
        payload = "€\U0001f600".encode()
        wire = fragments(TEXT, [payload[:cut], payload[cut:]])
        table.add("8.1", f"two characters cut behind octet {cut}", wire, text_reply(payload))
    wire = fragments(TEXT, ["µ".encode()[:1], b"", "µ".encode()[1:]])
    table.add("8.1", "an empty fragment inside a character", wire, text_reply("µ".encode()))
    wire = text("µ".encode()[:1], fin=False) + ping(b"\xb5") + frame(CONTINUATION, "µ".encode()[1:])
    table.add("8.1", "a ping inside a character", wire, pong_reply(b"\xb5"), text_reply("µ".encode()))
    wire = binary(b"\xff\xfe\xc0\x80")
    table.add("8.1", "binary need not be UTF-8", wire, binary_reply(b"\xff\xfe\xc0\x80"))
    wire = text("€".encode()[:2]) + text("€".encode()[2:])
    table.add("8.1", "a character does not go on in the next message", wire, Closed(1007))


def _text_failing_fast(table):
    """§8.1: the bad octet has arrived, the rest of the frame or message has not and never will."""
    for good, bad in FAILING_OCTETS:
        name = (good[-4:] + bad).hex(" ")
        tls = bad == b"\xff"
        wire = text(good + bad + b"the rest")[: 6 + len(good + bad)]
        table.add("8.1", f"fails fast inside a frame: {name}", wire, Closed(1007), tls=tls)
        wire = text(good + bad, fin=False)
        table.add("8.1", f"fails fast inside a message: {name}", wire, Closed(1007), tls=tls)
        wire = text(good, fin=False), frame(CONTINUATION, bad + b"more", fin=False)[:7]
        table.add("8.1", f"fails fast inside a continuation: {name}", *wire, Closed(1007))
    wire = Send(text(b"good" * 50 + b"\xed\xa0\x80" + b"x" * 200)[: 8 + 200 + 2], bytewise=True)
    table.add("8.1", "fails fast behind 200 bytes, bytewise", wire, Closed(1007))
    whole = text(b"x" * 100_000 + b"\xff" + b"x" * 100_000)
    table.add("8.1", "fails fast behind 100,000 bytes", whole[: 14 + 100_001], Closed(1007))


def _limits(table):
    """§10.4 and §7.4.1: limits as they are when the config does not raise them, and as raised."""
    size, count = DEFAULT_MAX_MESSAGE, DEFAULT_MAX_FRAGMENTS
    options = {"server": "default"}
    table.add("10.4", "the largest message", binary(_pattern(size)), binary_reply(_pattern(size)), **options)
    table.add("10.4", "one byte more", binary(_pattern(size + 1)), Closed(1009), **options)
    wire = frame(BINARY, b"", form=64, declared=size + 1)
    table.add("10.4", "one byte more: told by its header", wire, Closed(1009), **options)
    wire = fragments(BINARY, [_pattern(size // 2), _pattern(size // 2)])
    reply = binary_reply(_pattern(size // 2) * 2)
    table.add("10.4", "the largest message in two fragments", wire, reply, **options)
    wire = fragments(TEXT, [_letters(size), b"+"])
    table.add("10.4", "one byte more, in the last fragment", wire, Closed(1009), **options)
    wire = fragments(TEXT, [_letters(size // 2)] * 3)
    table.add("10.4", "two fragments fit, three do not", wire, Closed(1009), **options)
    wire = text(b"x" * 10, fin=False) + frame(CONTINUATION, b"", form=64, declared=(1 << 63) - 1)
    table.add("10.4", "sizes do not wrap", wire, Closed(1009), **options)
    wire = fragments(TEXT, [b"x"] * count)
    table.add("10.4", "the most fragments", wire, text_reply(b"x" * count), **options)
    wire = fragments(TEXT, [b"x"] * (count + 1))
    table.add("10.4", "one fragment more", wire, Closed(1008), **options)
    wire = fragments(BINARY, [b""] * (count + 1))
    table.add("10.4", "empty fragments count", wire, Closed(1008), **options)
    wire = text("", fin=False) + (ping(b"p") + frame(CONTINUATION, b"", fin=False)) * (count - 2) + frame(CONTINUATION)
    table.add("10.4", "control frames do not", wire, *[pong_reply(b"p")] * (count - 2), text_reply(b""), **options)
    wire = fragments(BINARY, [b"x"] * (RAISED_LIMITS["max_fragments"] + 1))
    table.add("10.4", "65,537 fragments where 65,536 may be", wire, Closed(1008))
