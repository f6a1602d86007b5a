"""Conversations with npm's ws: ws and wss, IPv4 and IPv6.

PORTCULLIS_NODE_MODULES names the folder whose node_modules holds ws; scripts/test sets it.
"""

import json
import os
import subprocess
import unittest

import harness

PLAIN, TLS = 0, 1
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "npm_ws_client.mjs")
MODULES = os.environ.get("PORTCULLIS_NODE_MODULES", "")


@unittest.skipUnless(MODULES, "PORTCULLIS_NODE_MODULES is not set: run scripts/test, which installs npm's ws")
class NpmClient(harness.ServerCase):
    settings = {
        "listeners": harness.DUAL_LISTENERS,
        "compression": {"server_context_takeover": True, "client_context_takeover": True, "min_size": 1},
    }

    def converse(self, listener, host, compression):
        url = f"{'wss' if listener == TLS else 'ws'}://{host}:{self.server.ports[listener]}/"
        done = subprocess.run(
            ["node", SCRIPT, MODULES, self.server.certificate, url, json.dumps(compression)],
            capture_output=True,
            text=True,
            timeout=2 * harness.DEADLINE_S,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def check(self, listener, host, compression):
        mark = self.server.mark()
        result = self.converse(listener, host, compression)
        self.assertEqual(result["texts"], ["ok"] * 4)
        self.assertEqual(result["prefix"], harness.PREFIX)
        self.assertTrue(result["binary"])
        self.assertEqual(result["fragments"], harness.PREFIX + "fragmented")
        self.assertEqual(result["pong"], "are you there?")
        self.assertEqual(result["extensions"], "permessage-deflate" if compression else "")
        self.assertEqual(result["code"], 4000)
        record = self.server.wait_log("session_end", after=mark, code_received=4000)
        self.assertEqual(record["cause"], "client_closed")
        self.assertEqual(record["messages_in"], "7")

    def test_conversation(self):
        for listener in (PLAIN, TLS):
            for host in ("127.0.0.1", "[::1]"):
                with self.subTest(listener=listener, host=host):
                    self.check(listener, host, False)
                    self.check(listener, host, {"threshold": 0})

    def test_compression(self):
        for compression in (
            {"threshold": 0, "clientNoContextTakeover": True, "serverNoContextTakeover": True},
            {"threshold": 0, "clientMaxWindowBits": 9, "serverMaxWindowBits": 9},
            {"threshold": 1024, "serverMaxWindowBits": 8, "zlibDeflateOptions": {"level": 9}},
        ):
            with self.subTest(compression=compression):
                self.check(PLAIN, "127.0.0.1", compression)


if __name__ == "__main__":
    harness.main()
