"""Rules of endpoints: what clients are told of messages that break them, and that nobody else notices."""

import asyncio
import json
import os
import signal
import subprocess
import unittest

import websockets

import harness
import operating
import rawws
import tokens
from rawws import BINARY, CLOSE, TEXT, frame, text

MODULES = os.environ.get("PORTCULLIS_NODE_MODULES", "")
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "npm_ws_rules.mjs")
MAX_SIZE = 4096
MAX_VIOLATIONS = 10

CHAT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "room": {"type": "string", "pattern": "^[a-z0-9-]{1,32}$"},
        "text": {"type": "string", "maxLength": 200},
        "user": {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 150}}},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "sent": {"type": "string", "format": "date-time"},
    },
    "required": ["room", "text"],
    "additionalProperties": False,
}
# What a checker that knows no bounds would be busy with for years, or forever.
HOSTILE = {
    "properties": {
        "evil": {"pattern": "^(a+)+$"},
        "worse": {"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"},
        "unique": {"uniqueItems": True},
    },
    "propertyNames": {"maxLength": 12},
}


def endpoint(path, **rules):
    rules = {"schema": "chat.json", "max_size": MAX_SIZE, "max_depth": 8, "max_keys": 16, **rules}
    return {"path": path, "handler": "echo", "reply_prefix": "", "auth": "none", "rules": rules}


def chat(**members):
    return json.dumps({"room": "lobby", "text": "hello", **members})


GOOD = (
    chat(),
    chat(text="µ€\U0001f600" * 50, tags=["a", "b"], user={"age": 0}),
    chat(sent="2026-03-01T12:00:00Z"),
    ' {"room":"a-1",\n"text":""}\t',
)

# Message, code, keyword (in the log; "-" for none), path, a part of the reason, close code.
BAD = {
    "a wrong type": (chat(text=5), "schema", "type", "/text", "string", 1008),
    "a missing property": ('{"room":"lobby"}', "schema", "required", "", "lacks the member text", 1008),
    "a string too long": (chat(text="x" * 201), "schema", "maxLength", "/text", "201 characters", 1008),
    "a bad pattern": (chat(room="Lobby"), "schema", "pattern", "/room", "pattern", 1008),
    "a number out of range": (chat(user={"age": 151}), "schema", "maximum", "/user/age", "150", 1008),
    "no date": (chat(sent="yesterday"), "schema", "format", "/sent", "date-time", 1008),
    "an item twice": (chat(tags=["a", "b", "a"]), "schema", "uniqueItems", "/tags", "twice", 1008),
    "an item of a wrong type": (chat(tags=["a", 1]), "schema", "type", "/tags/1", "string", 1008),
    "an unknown property": (chat(**{"a/\"~\n": 1}), "schema", "false", '/a~1"~0?', "not allowed", 1008),
    "not JSON": ("hello there", "not_json", "-", "", "not JSON", 1007),
    "cut JSON": ('{"room":', "not_json", "-", "", "too early", 1007),
    "more than JSON": (chat() + "x", "not_json", "-", "", "behind", 1007),
    "a byte order mark": ("\ufeff" + chat(), "not_json", "bom", "", "byte order mark", 1007),
    "a NUL": (chat() + "\0", "not_json", "nul", "", "NUL", 1007),
    "nothing": ("", "not_json", "-", "", "too early", 1007),
    "a key twice": ('{"room":"a","text":"b","room":"c"}', "json_bounds", "duplicate_key", "", "key twice (byte 23)", 1008),
    "half a pair": ('{"room":"a","text":"\\ud800"}', "json_bounds", "lone_surrogate", "", "surrogate", 1008),
    "an escaped NUL": ('{"room":"a","text":"\\u0000"}', "json_bounds", "escaped_nul", "", "escaped NUL", 1008),
    "too deep": ("[" * 9 + "]" * 9, "json_bounds", "too_deep", "", "too deep", 1008),
    "too many keys": (json.dumps(dict.fromkeys("abcdefghijklmnopq")), "json_bounds", "too_many_keys", "", "too many keys", 1008),
    "a long number": (chat(user={"age": 10**64}), "json_bounds", "number_too_long", "", "characters", 1008),
    "a number that nothing holds": ('{"user":{"age":1e999}}', "number_range", "-", "", "out of range", 1008),
    "binary": (chat().encode(), "not_text", "-", "", "text", 1003),
    "too large": (chat(text="x" * MAX_SIZE), "too_large", "-", "", "larger", 1009),
    "in pieces": (['{"room":1', ',"text":', '"x"}'], "schema", "type", "/room", "string", 1008),
}


class RulesServer(operating.AdminServer):
    def start(self):
        for name, schema in (("chat.json", CHAT), ("hostile.json", HOSTILE)):
            self.write_schema(name, schema)
        return super().start()

    def write_schema(self, name, schema):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            json.dump(schema, file)


class RulesCase(harness.ServerCase):
    """Each test has a server of its own: its log has the first few lines of a kind alone."""

    endpoints = ()

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        settings = {"limits": {"max_message": "16M"}, "pool": {"session_threads": 1}, **self.settings}
        self.server = RulesServer(endpoints=self.endpoints, **settings)
        self.addCleanup(self.server.close)
        self.server.start()
        self.baseline = self.server.open_fds()

    def tearDown(self):
        super().tearDown()
        self.server.stop()

    def connect(self, path, **options):
        options = {"max_size": None, "open_timeout": harness.DEADLINE_S, "ping_interval": None, **options}
        return websockets.connect(f"ws://127.0.0.1:{self.server.ports[0]}{path}", **options)

    def converse(self, conversation):
        asyncio.run(asyncio.wait_for(conversation, 2 * harness.DEADLINE_S))

    def reload(self):
        mark = self.server.mark()
        self.server.write_config()
        self.server.signal(signal.SIGHUP)
        self.server.wait_log("reloaded", after=mark)

    async def assert_error(self, client, code, path, reason):
        reply = json.loads(await client.recv())
        self.assertEqual(list(reply), ["error"])
        error = reply["error"]
        self.assertEqual((error["code"], error["path"]), (code, path))
        self.assertIn(reason, error["reason"])
        self.assertEqual(sorted(error), ["code", "path", "reason"])

    async def assert_closed(self, client, code, reason):
        with self.assertRaises(websockets.ConnectionClosed) as caught:
            await client.recv()
        self.assertEqual((caught.exception.rcvd.code, caught.exception.rcvd.reason), (code, reason))

    async def assert_echo(self, client, message):
        await client.send(message)
        whole = message if isinstance(message, (str, bytes)) else message[0][:0].join(message)
        self.assertEqual(await client.recv(), whole)


class Reject(RulesCase):
    endpoints = (endpoint("/chat"), endpoint("/any-number", max_violations=0))

    async def each_kind(self, compression):
        """Each in a session of its own, which goes on; the log tells what was wrong, and nothing of the message."""
        for title, (message, code, keyword, path, reason, _) in BAD.items():
            with self.subTest(title, compression=compression):
                mark = self.server.mark()
                async with self.connect("/chat", compression=compression) as client:
                    await client.send(message)
                    await self.assert_error(client, code, path, reason)
                    await self.assert_echo(client, GOOD[0])
                record = self.server.wait_log("session_end", after=mark, cause="client_closed", violations="1")
                self.assertEqual((record["messages_in"], record["messages_out"]), ("2", "2"))
                for line in self.server.records("message_invalid", session=record["session"]):
                    self.assertEqual((line["action"], line["endpoint"]), ("reject", "/chat"))
                    self.assertEqual((line["violation"], line["keyword"]), (code, keyword))
                    self.assertIn(reason, line["reason"])

    def test_each_kind(self):
        self.converse(self.each_kind("deflate"))
        lines = self.server.records("message_invalid")
        kinds = {kind[1] for kind in BAD.values()}
        self.assertEqual({line["violation"] for line in lines if "violation" in line}, kinds)

    def test_each_kind_without_compression(self):
        self.converse(self.each_kind(None))

    def test_good_ones(self):
        async def conversation():
            for compression in ("deflate", None):
                async with self.connect("/chat", compression=compression) as client:
                    for message in GOOD:
                        await self.assert_echo(client, message)
                    await self.assert_echo(client, list(GOOD[0]))  # a frame for each character
            self.assertEqual(self.server.records("message_invalid"), [])

        self.converse(conversation())
        self.assertNotIn("violations", self.server.wait_log("session_end"))

    def test_the_tenth_is_the_last(self):
        async def conversation():
            message, code, _, path, reason, _ = BAD["a wrong type"]
            async with self.connect("/chat") as client:
                for _ in range(MAX_VIOLATIONS):
                    await client.send(message)
                for _ in range(MAX_VIOLATIONS):
                    await self.assert_error(client, code, path, reason)
                await self.assert_closed(client, 1008, "Too many messages broke the rules of the endpoint.")

        self.converse(conversation())
        record = self.server.wait_log("session_end", cause="too_many_violations", violations=str(MAX_VIOLATIONS))
        self.assertEqual((record["code_sent"], record["closed_by"]), ("1008", "server"))

    def test_nothing_behind_the_last(self):
        """What was sent behind the tenth, be it good, goes nowhere."""
        with self.server.session("/chat") as peer:
            peer.send(text("no") * MAX_VIOLATIONS + text(GOOD[0]) + text("no") + rawws.close(1000))
            for _ in range(MAX_VIOLATIONS):
                self.assertEqual(json.loads(peer.read_message().payload)["error"]["code"], "not_json")
            got = peer.read_message()
            self.assertEqual((got.opcode, got.payload[:2]), (CLOSE, (1008).to_bytes(2, "big")))
            peer.read_end()
            record = self.server.session_end(peer, cause="too_many_violations", violations=MAX_VIOLATIONS)
            self.assertEqual(record["messages_in"], str(MAX_VIOLATIONS))

    def test_any_number(self):
        async def conversation():
            async with self.connect("/any-number") as client:
                for _ in range(100):
                    await client.send(BAD["not JSON"][0])
                    await self.assert_error(client, "not_json", "", "not JSON")
                await self.assert_echo(client, GOOD[0])

        self.converse(conversation())
        self.server.wait_log("session_end", cause="client_closed", violations="100")

    def test_list(self):
        with self.server.session("/chat") as peer:
            peer.echo(GOOD[0])
            for _ in range(3):
                peer.send(text("no"))
                peer.read_message()
            listed = self.server.ctl("sessions", "list", json_output=True)["sessions"]
            self.assertEqual([item["violations"] for item in listed], [3])
            peer.finish()

    @unittest.skipUnless(MODULES, "PORTCULLIS_NODE_MODULES is not set: run scripts/test, which installs npm's ws")
    def test_npm(self):
        url = f"ws://127.0.0.1:{self.server.ports[0]}/chat"
        bad = [entry[0] for title, entry in BAD.items() if title not in ("binary", "in pieces")][:MAX_VIOLATIONS]
        done = subprocess.run(
            ["node", SCRIPT, MODULES, url, json.dumps({"good": GOOD, "bad": bad})],
            capture_output=True,
            text=True,
            timeout=2 * harness.DEADLINE_S,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["echoed"], list(GOOD))
        told = [(reply["error"]["code"], reply["error"]["path"]) for reply in map(json.loads, result["told"])]
        expected = [(entry[1], entry[3]) for entry in BAD.values() if entry[0] in bad]
        self.assertEqual(told, expected)
        self.assertEqual((result["code"], result["reason"]), (1008, "Too many messages broke the rules of the endpoint."))


class Sums(RulesCase):
    endpoints = (endpoint("/chat"),)

    def tearDown(self):
        pass  # the test ends the server itself

    def test_sums(self):
        """What the log does not write out it counts, and the offence is reported."""
        with self.server.session("/chat") as peer:
            peer.send(text(BAD["too deep"][0]) * (MAX_VIOLATIONS - 1) + text(BAD["not JSON"][0]))
            while peer.read_message().opcode != CLOSE:
                pass
            peer.send(rawws.close(1008))
            peer.read_end()
            self.server.session_end(peer, cause="too_many_violations")
        self.server.stop()  # what was counted is written then, if the period is not over before
        sums = {"json_bounds": 0, "not_json": 0}
        for record in self.server.records("violations"):
            for label in sums:
                sums[label] += int(record.get(label, 0))
        self.assertEqual(sums, {"json_bounds": MAX_VIOLATIONS - 1, "not_json": 1})
        offences = [int(record.get("invalid_messages", 0)) for record in self.server.records("refusals")]
        self.assertEqual(sum(offences), 1)


class Close(RulesCase):
    endpoints = (endpoint("/chat", on_violation="close"), endpoint("/text", on_violation="close", schema="", type="binary"))

    def test_each_kind(self):
        async def conversation():
            for title, (message, code, _, path, _, close_code) in BAD.items():
                with self.subTest(title):
                    mark = self.server.mark()
                    async with self.connect("/chat") as client:
                        await self.assert_echo(client, GOOD[0])
                        await client.send(message)
                        reason = f"{code}: {path}" if path else code
                        await self.assert_closed(client, close_code, reason)
                    record = self.server.wait_log("session_end", after=mark, cause="invalid_message", violations="1")
                    self.assertEqual((record["code_sent"], record["messages_out"]), (str(close_code), "1"))
                    self.assertEqual(record["detail"].replace('\\"', '"'), reason)

        self.converse(conversation())

    def test_not_binary(self):
        async def conversation():
            async with self.connect("/text") as client:
                await self.assert_echo(client, b"\0\xff")
                await client.send("text")
                await self.assert_closed(client, 1003, "not_binary")

        self.converse(conversation())

    def test_long_path(self):
        """Whole characters, and no more than a Close frame holds."""

        async def conversation():
            async with self.connect("/chat") as client:
                await client.send(chat(**{"€" * 100: 1}))
                with self.assertRaises(websockets.ConnectionClosed) as caught:
                    await client.recv()
                reason = caught.exception.rcvd.reason
                self.assertRegex(reason, r"^schema: /€+\.\.\.$")
                self.assertLessEqual(len(reason.encode()), 123)
                self.assertGreater(len(reason.encode()), 115)

        self.converse(conversation())


class Report(RulesCase):
    endpoints = (endpoint("/chat", on_violation="report"),)

    def test_each_kind(self):
        async def conversation():
            async with self.connect("/chat") as client:
                for _ in range(2):
                    for message, *_ in BAD.values():
                        await self.assert_echo(client, message)
                    for message in GOOD:
                        await self.assert_echo(client, message)

        self.converse(conversation())
        record = self.server.wait_log("session_end", cause="client_closed", violations=str(2 * len(BAD)))
        self.assertEqual(record["messages_in"], record["messages_out"])
        lines = [line for line in self.server.records("message_invalid") if "violation" in line]
        self.assertEqual({line["violation"] for line in lines}, {entry[1] for entry in BAD.values()})
        self.assertEqual({line["action"] for line in lines}, {"report"})


class Rates(RulesCase):
    """A message a second, or a thousand bytes: of many at once few pass, however slow the machine is."""

    endpoints = (
        endpoint("/messages", schema="", messages_per_second=1),
        endpoint("/bytes", schema="", bytes_per_second=1000),
        endpoint("/close", schema="", messages_per_second=1, on_violation="close"),
        endpoint("/report", schema="", messages_per_second=1, on_violation="report"),
    )

    def exceed(self, path, code):
        """How many of 100 messages, sent at once, pass before the session is put out."""
        with self.server.session(path) as peer:
            peer.send(text("x" * 600) * 100)
            passed = 0
            told = 0
            while (got := peer.read_message()).opcode != CLOSE:
                if got.payload == b"x" * 600:
                    passed += 1
                else:
                    told += 1
                    self.assertEqual(json.loads(got.payload)["error"]["code"], code)
            self.assertEqual(got.payload[:2], (1008).to_bytes(2, "big"))
            self.assertEqual(told, MAX_VIOLATIONS)
            peer.send(rawws.close(1008))
            peer.read_end()
            self.server.session_end(peer, cause="too_many_violations", violations=MAX_VIOLATIONS)
        return passed

    def test_messages(self):
        self.assertGreaterEqual(self.exceed("/messages", "message_rate"), 1)

    def test_bytes(self):
        self.assertGreaterEqual(self.exceed("/bytes", "byte_rate"), 2)

    def test_close(self):
        with self.server.session("/close") as peer:
            peer.send(text("x") * 100)
            while (got := peer.read_message()).opcode != CLOSE:
                self.assertEqual(got.payload, b"x")
            self.assertEqual(got.payload, (4429).to_bytes(2, "big") + b"message_rate")
            peer.send(rawws.close(4429))
            peer.read_end()
            self.server.session_end(peer, cause="invalid_message", violations=1)

    def test_report(self):
        with self.server.session("/report") as peer:
            peer.send(text("x") * 100)
            for _ in range(100):
                self.assertEqual(peer.read_message().payload, b"x")
            peer.finish()
            record = self.server.session_end(peer, cause="client_closed")
            self.assertGreater(int(record["violations"]), 50)
        line = self.server.wait_log("message_invalid")
        self.assertEqual((line["action"], line["violation"]), ("report", "message_rate"))


class Token(RulesCase):
    endpoints = ({**tokens.ENDPOINT, "rules": {"schema": "chat.json"}},)

    def test_the_token_is_not_meant(self):
        with self.server.session(tokens.ENDPOINT["path"]) as peer:
            tokens.authenticate(peer, self.server.token("ann"))
            peer.send(text("no JSON"))
            self.assertEqual(json.loads(peer.read_message().payload)["error"]["code"], "not_json")
            peer.echo(GOOD[0], harness.PREFIX)
            peer.finish()
        self.assertEqual(self.server.wait_log("message_invalid")["user"], "ann")


class Hostile(RulesCase):
    """One loop for all: whoever sends what costs most, the others are served meanwhile."""

    endpoints = (
        endpoint("/hostile", schema="hostile.json", max_size=0, max_keys=0, max_items=0, max_number_size=0, max_violations=0),
    )
    MESSAGES = {
        "a deep one": ("[" * 100_000, "json_bounds"),
        "a deep object": ('{"a":' * 100_000, "json_bounds"),
        "many keys": (json.dumps({str(n): 0 for n in range(1_000_000)}, separators=(",", ":")), None),
        "many keys, the last too long": (json.dumps({**{f"{n}": n for n in range(100_000)}, "x" * 13: 1}), "schema"),
        "a long pattern": (json.dumps({"evil": "a" * 50_000 + "!"}), "schema"),
        "another": (json.dumps({"worse": "a" * 50_000}), "schema"),
        "many items": (json.dumps({"unique": [*range(300_000), 0]}), "schema"),
        "a long number": ("1" * 1_000_000, "number_range"),
        "a long exponent": ("1e" + "9" * 1_000_000, "number_range"),
        "a long string": ('"' + "\\u0041" * 500_000, "not_json"),
    }

    def test_others_are_served(self):
        async def echo(ended):
            rounds = 0
            async with self.connect("/echo") as client:
                while not ended.is_set():
                    await self.assert_echo(client, "meanwhile")
                    rounds += 1
            return rounds

        async def attack(message, code):
            async with self.connect("/hostile", compression=None) as client:
                for _ in range(2):
                    await client.send(message)
                    reply = await client.recv()
                    if code is None:
                        self.assertEqual(reply, message)
                    else:
                        self.assertEqual(json.loads(reply)["error"]["code"], code)

        async def conversation(message, code):
            ended = asyncio.Event()
            echoes = asyncio.create_task(echo(ended))
            await attack(message, code)
            ended.set()
            self.assertGreater(await echoes, 0)

        for title, (message, code) in self.MESSAGES.items():
            with self.subTest(title):
                self.converse(conversation(message, code))

    def test_a_flood_of_them(self):
        """Many in one read: they wait for each other and for the rest, and each gets its answer."""
        count = 40
        with self.server.session("/hostile") as peer, self.server.session("/echo") as other:
            peer.send(text(json.dumps({"evil": "a" * 1000 + "!"})) * count)
            other.echo('"meanwhile"')
            for _ in range(count):
                self.assertEqual(json.loads(peer.read_message().payload)["error"]["path"], "/evil")
            peer.finish()
            other.finish()
            self.server.session_end(peer, cause="client_closed", violations=count)


class Reload(RulesCase):
    endpoints = (endpoint("/chat"),)

    def test_sessions_keep_theirs(self):
        """A session's rules are those of its beginning; those that come later have the new ones."""
        with self.server.session("/chat") as old:
            old.echo(chat())
            self.server.write_schema("chat.json", {"type": "integer"})
            self.reload()
            with self.server.session("/chat") as new:
                for peer, good, bad in ((old, chat(), "5"), (new, "5", chat())):
                    peer.echo(good)
                    peer.send(text(bad))
                    error = json.loads(peer.read_message().payload)["error"]
                    self.assertEqual((error["code"], error["path"]), ("schema", ""))
                new.finish()
            old.echo(chat())
            old.finish()

    def test_a_schema_for_the_first_time(self):
        self.server.sections["endpoints"] = (endpoint("/chat", schema="", max_size=0),)
        self.reload()
        with self.server.session("/chat") as old:
            old.echo("anything")
            self.server.sections["endpoints"] = (endpoint("/chat"),)
            self.reload()
            with self.server.session("/chat") as new:
                new.echo(chat())
                new.send(text("anything"))
                self.assertEqual(json.loads(new.read_message().payload)["error"]["code"], "not_json")
                new.finish()
            old.echo("anything")
            old.send(frame(BINARY, b"\0"))
            self.assertEqual(old.read_message().payload, b"\0")
            old.finish()

    def test_a_broken_schema_changes_nothing(self):
        with open(os.path.join(self.server.folder, "chat.json"), "w", encoding="utf-8") as file:
            file.write('{"type": "strin')
        mark = self.server.mark()
        self.server.write_config()
        self.server.signal(signal.SIGHUP)
        self.server.wait_log("reload_refused", after=mark)
        with self.server.session("/chat") as peer:
            peer.echo(chat())
            peer.send(frame(TEXT, b"5"))
            self.assertEqual(json.loads(peer.read_message().payload)["error"]["code"], "schema")
            peer.finish()


if __name__ == "__main__":
    harness.main()
