"""Conformance rows for the opening handshake: RFC 6455 §4, with RFC 9110 and RFC 9112 for what HTTP asks."""

from conformance import Handshake, Table
from rawws import SAMPLE_KEY, request

UPGRADE_REQUIRED = {"upgrade": "websocket", "sec-websocket-version": "13"}
ECHO = "GET /echo HTTP/1.1"
CHAT = "GET /chat HTTP/1.1"  # an endpoint with the subprotocols below
SUBPROTOCOLS = ["chat.v1", "chat.v2", "superchat"]


def rows():
    table = Table()
    _requests(table)
    _upgrade_and_connection(table)
    _keys(table)
    _versions(table)
    _hosts(table)
    _extra_fields(table)
    _subprotocols(table)
    _answers(table)
    return table.rows


def _requests(table):
    """§4.1 points 1 to 3 and §4.2.1 point 1: the request line."""
    section = "4.1"
    table.add(section, "a good request", Handshake(request(ECHO), 101), tls=True)
    table.add(section, "a good request, bytewise", Handshake(request(ECHO), 101, bytewise=True), tls=True)
    good = [
        ("a query is not part of the path", "GET /echo?room=1&x=%20 HTTP/1.1"),
        ("absolute-form target", "GET http://portcullis.test/echo HTTP/1.1"),
        ("absolute-form target with a port", "GET http://portcullis.test:8080/echo HTTP/1.1"),
        ("an unreserved character in %-encoding", "GET /ech%6F HTTP/1.1"),
    ]
    for title, line in good:
        table.add(section, title, Handshake(request(line), 101))
    bad = [
        ("POST", "POST /echo HTTP/1.1", 405),
        ("PUT", "PUT /echo HTTP/1.1", 405),
        ("DELETE", "DELETE /echo HTTP/1.1", 405),
        ("OPTIONS", "OPTIONS /echo HTTP/1.1", 405),
        ("an unknown method", "FETCH /echo HTTP/1.1", 501),
        ("HTTP/1.0", "GET /echo HTTP/1.0", 505),
        ("HTTP/2.0", "GET /echo HTTP/2.0", 505),
        ("no version", "GET /echo", 400),
        ("lower-case version", "GET /echo http/1.1", 400),
        ("lower-case method", "get /echo HTTP/1.1", 501),
        ("two spaces", "GET  /echo HTTP/1.1", 400),
        ("tab for a space", "GET\t/echo HTTP/1.1", 400),
        ("space at the end", "GET /echo HTTP/1.1 ", 400),
        ("a fragment in the target", "GET /echo#top HTTP/1.1", 400),
        ("no slash in front", "GET echo HTTP/1.1", 400),
        ("an unknown path", "GET /nowhere HTTP/1.1", 404),
        ("paths are compared with case", "GET /ECHO HTTP/1.1", 404),
        ("a longer path", "GET /echo/ HTTP/1.1", 404),
    ]
    for title, line, status in bad:
        headers = {"allow": "GET"} if status == 405 else {}
        table.add(section, title, Handshake(request(line), status, headers))


def _upgrade_and_connection(table):
    """§4.2.1 points 3 and 4: both are lists, compared without case."""
    section = "4.2.1"
    good = [
        ("Upgrade in capitals", {"Upgrade": "WEBSOCKET"}),
        ("Upgrade as browsers of old wrote it", {"Upgrade": "WebSocket"}),
        ("Upgrade as a list", {"Upgrade": "h2c, websocket"}),
        ("Connection in capitals", {"Connection": "UPGRADE"}),
        ("Connection in lower case", {"Connection": "upgrade"}),
        ("Connection as a list", {"Connection": "keep-alive, Upgrade"}),
        ("Connection as a list without spaces", {"Connection": "keep-alive,Upgrade"}),
        ("Connection list with tabs and empty elements", {"Connection": ",\tkeep-alive ,, Upgrade\t,"}),
        ("white space around values", {"Upgrade": "  websocket \t", "Connection": " Upgrade  "}),
    ]
    for title, fields in good:
        table.add(section, title, Handshake(request(ECHO, replace=fields), 101))
    lines = ["Connection: keep-alive"]
    table.add(section, "two Connection fields", Handshake(request(ECHO, add=lines), 101))
    lines = ["Connection: keep-alive", "Connection: Upgrade"]
    table.add(section, "Upgrade in the second of two", Handshake(request(ECHO, drop=["Connection"], add=lines), 101))
    bad = [
        ("no Upgrade", {"drop": ["Upgrade"]}),
        ("no Connection", {"drop": ["Connection"]}),
        ("neither", {"drop": ["Upgrade", "Connection"]}),
        ("Upgrade: h2c", {"replace": {"Upgrade": "h2c"}}),
        ("Upgrade: websockets", {"replace": {"Upgrade": "websockets"}}),
        ("Upgrade: web socket", {"replace": {"Upgrade": "web socket"}}),
        ("empty Upgrade", {"replace": {"Upgrade": ""}}),
        ("Connection: keep-alive", {"replace": {"Connection": "keep-alive"}}),
        ("Connection: Upgraded", {"replace": {"Connection": "Upgraded"}}),
        ("empty Connection", {"replace": {"Connection": ""}}),
    ]
    for title, bent in bad:
        table.add(section, title, Handshake(request(ECHO, **bent), 426, UPGRADE_REQUIRED))
    twice = request(ECHO, add=["Upgrade: websocket"])
    table.add(section, "two Upgrade fields", Handshake(twice, 400))


def _keys(table):
    """§4.2.1 point 5: the base64 of 16 bytes."""
    section = "4.2.1"
    # The last is §4.1's own example, with bits set behind the 16 bytes.
    for key in ("AAAAAAAAAAAAAAAAAAAAAA==", "/////////////////////w==", "AQIDBAUGBwgJCgsMDQ4PEC=="):
        fields = {"Sec-WebSocket-Key": key}
        table.add(section, f"key {key}", Handshake(request(ECHO, replace=fields), 101, key=key))
    table.add(section, "no key", Handshake(request(ECHO, drop=["Sec-WebSocket-Key"]), 400))
    bad = [
        ("empty key", ""),
        ("15 bytes", "AAAAAAAAAAAAAAAAAAAA"),
        ("17 bytes", "AAAAAAAAAAAAAAAAAAAAAAA="),
        ("24 characters of 18 bytes", "AAAAAAAAAAAAAAAAAAAAAAAA"),
        ("no padding", SAMPLE_KEY[:-2]),
        ("half of the padding", SAMPLE_KEY[:-1]),
        ("base64url alphabet", "_____________________w=="),
        ("not base64 at all", "this is no base64 key!!!"),
        ("white space inside", "dGhlIHNhbXBs ZSBub25jZQ="),
        ("200 characters", "A" * 198 + "=="),
    ]
    for title, key in bad:
        table.add(section, title, Handshake(request(ECHO, replace={"Sec-WebSocket-Key": key}), 400))
    twice = request(ECHO, add=[f"Sec-WebSocket-Key: {SAMPLE_KEY}"])
    table.add(section, "two keys", Handshake(twice, 400))


def _versions(table):
    """§4.2.1 point 6, §4.2.2 point 4 and §4.4: 426 tells the version spoken here."""
    section = "4.4"
    table.add(section, "no version", Handshake(request(ECHO, drop=["Sec-WebSocket-Version"]), 426, UPGRADE_REQUIRED))
    for version in ("0", "7", "8", "12", "14", "25", "255", "256", "-13", "13.0", "013", "1 3", "13, 8", "thirteen", ""):
        bent = request(ECHO, replace={"Sec-WebSocket-Version": version})
        table.add(section, f"version {version!r}", Handshake(bent, 426, UPGRADE_REQUIRED))
    table.add(section, "two versions", Handshake(request(ECHO, add=["Sec-WebSocket-Version: 8"]), 400))


def _hosts(table):
    """§4.2.1 point 2 and RFC 9112 §3.2."""
    section = "4.2.1"
    for host in ("localhost", "127.0.0.1:8765", "[::1]", "[2001:db8::1]:443", "EXAMPLE.test", "a-b.example.test:1"):
        table.add(section, f"Host: {host}", Handshake(request(ECHO, replace={"Host": host}), 101))
    table.add(section, "no Host", Handshake(request(ECHO, drop=["Host"]), 400))
    for host in ("a b", "user@host", "host:port", "host:80:80", "[::1", "host/path", "a,b", "a?b"):
        table.add(section, f"Host: {host}", Handshake(request(ECHO, replace={"Host": host}), 400))
    table.add(section, "two Hosts", Handshake(request(ECHO, add=["Host: portcullis.test"]), 400))
    table.add(section, "two Hosts, other case", Handshake(request(ECHO, add=["HOST: other.test"]), 400))


def _extra_fields(table):
    """§4.2.1 points 7 to 10 and RFC 9112 §5: what else may stand in the head, and what may not."""
    section = "4.2.1"
    good = [
        ("Origin", ["Origin: http://portcullis.test"]),
        ("an extension that is unknown", ["Sec-WebSocket-Extensions: x-of-nobody; level=9, x-other"]),
        ("a browser's usual fields", ["User-Agent: Test/1.0 (x; y)", "Pragma: no-cache", "Accept-Language: de,en;q=0.5"]),
        ("cookies", ["Cookie: a=b; c=d"]),
        ("unknown fields", ["X-Whatever: 1", "x-Whatever: 2"]),
        ("an empty value", ["X-Empty:"]),
        ("octets past ASCII in a value", ["X-Name: \xe4\xf6\xfc"]),
        ("Content-Length: 0", ["Content-Length: 0"]),
        ("every character a field name may have", ["!#$%&'*+-.^_`|~09AZaz: 1"]),
        ("a tab inside a value", ["X-Tab: a\tb"]),
    ]
    for title, lines in good:
        headers = {"sec-websocket-extensions": None, "sec-websocket-protocol": None}
        table.add(section, title, Handshake(request(ECHO, add=lines), 101, headers))
    lines = ["HOST: portcullis.test", "upgrade: websocket", "cOnNeCtIoN: Upgrade"]
    lines += [f"sec-websocket-KEY: {SAMPLE_KEY}", "SEC-WEBSOCKET-VERSION: 13"]
    everything = ["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"]
    table.add(section, "field names in any case", Handshake(request(ECHO, drop=everything, add=lines), 101))
    bad = [
        ("a folded line", ["X-Folded: one", " two"]),
        ("a folded line with a tab", ["X-Folded: one", "\ttwo"]),
        ("space before the colon", ["X-Space : 1"]),
        ("a line without a colon", ["X-Nothing"]),
        ("a line that starts with a colon", [": 1"]),
        ("a control byte in a value", ["X-Control: a\x01b"]),
        ("NUL in a value", ["X-Nul: a\x00b"]),
        ("DEL in a value", ["X-Del: a\x7fb"]),
        ("a bare CR in a value", ["X-Cr: a\rb"]),
        ("a bare LF as line end", ["X-One: 1\nX-Two: 2"]),
        ("brackets in a field name", ["X[1]: 1"]),
        ("octets past ASCII in a field name", ["X-\xe4: 1"]),
        ("Transfer-Encoding", ["Transfer-Encoding: chunked"]),
        ("two Origins", ["Origin: http://a.test", "Origin: http://b.test"]),
        ("Content-Length that is no number", ["Content-Length: zero"]),
    ]
    for title, lines in bad:
        table.add(section, title, Handshake(request(ECHO, add=lines), 400))
    for origin in ("null", "http://portcullis.test:81", "https://portcullis.test", "http://a.test http://portcullis.test"):
        table.add("10.2", f"Origin: {origin}", Handshake(request(ECHO, add=[f"Origin: {origin}"]), 403))
    table.add(section, "a body", Handshake(request(ECHO, add=["Content-Length: 5"]) + b"hello", 413))
    table.add(section, "Expect", Handshake(request(ECHO, add=["Expect: 100-continue"]), 417))
    table.add(section, "LF for every CRLF", Handshake(request(ECHO).replace(b"\r\n", b"\n"), 400))


def _subprotocols(table):
    """§4.2.2 point 5, /subprotocol/: one of the client's, or none."""
    section = "4.2.2"
    chosen = [
        ("the one offered", ["chat.v1"], "chat.v1"),
        ("the client's first choice wins", ["chat.v2, chat.v1"], "chat.v2"),
        ("unknown ones are passed over", ["x, y, superchat"], "superchat"),
        ("no spaces", ["x,chat.v1"], "chat.v1"),
        ("odd spaces", [" x ,\tchat.v1\t"], "chat.v1"),
        ("a list in two fields", ["x, chat.v2", "chat.v1"], "chat.v2"),
        ("a list in three fields", ["x", "", "chat.v1"], "chat.v1"),
        ("none offered", [], None),
        ("none of them known", ["x, y"], None),
        ("compared with case", ["CHAT.V1"], None),
        ("a prefix is another name", ["chat.v"], None),
        ("a longer name is another", ["chat.v11"], None),
    ]
    for title, values, protocol in chosen:
        lines = [f"Sec-WebSocket-Protocol: {value}" for value in values]
        answer = {"sec-websocket-protocol": protocol}
        table.add(section, title, Handshake(request(CHAT, add=lines), 101, answer), tls=title == "the one offered")
    table.add(
        section,
        "an endpoint without subprotocols",
        Handshake(request(ECHO, add=["Sec-WebSocket-Protocol: chat.v1"]), 101, {"sec-websocket-protocol": None}),
    )
    for title, value in (
        ("the same name twice", "chat.v1, chat.v1"),
        ("not a token", "chat v1"),
        ("a quoted string", '"chat.v1"'),
        ("a separator", "chat/v1"),
        ("empty", ""),
    ):
        bent = request(CHAT, add=[f"Sec-WebSocket-Protocol: {value}"])
        table.add(section, title, Handshake(bent, 400))


def _answers(table):
    """§4.2.2 point 5: what must not be in a 101, and the key of §1.3."""
    section = "4.2.2"
    absent = {"sec-websocket-extensions": None, "sec-websocket-protocol": None, "content-length": None}
    expected = {"sec-websocket-accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", **absent}
    table.add(section, "the standard's own example", Handshake(request(ECHO), 101, expected), tls=True)
