"""Web pages of other sites may not connect, to whatever endpoint, unless the endpoint's list has them."""

import asyncio
import ssl

import websockets

import harness
import rawws

LISTED = {
    "path": "/listed",
    "handler": "echo",
    "origins": ["https://app.example", "https://*.example.org:8443", "null"],
}
ANY = {"path": "/any", "handler": "echo", "origins": ["*"]}


class Origins(harness.ServerCase):
    settings = {"listeners": harness.DUAL_LISTENERS, "endpoints": (*harness.DEFAULT_ENDPOINTS, LISTED, ANY)}

    def ask(self, path, origin, host="chat.example:8765", listener=0):
        peer = self.server.peer(listener)
        self.addCleanup(peer.drop)
        add = [] if origin is None else [f"Origin: {origin}"]
        peer.send(rawws.request(f"GET {path} HTTP/1.1", replace={"Host": host}, add=add))
        return peer, peer.read_response()

    def assert_admitted(self, *arguments, **options):
        peer, response = self.ask(*arguments, **options)
        self.assertEqual(response.status, 101, arguments)
        peer.drop()

    def assert_refused(self, *arguments, **options):
        peer, response = self.ask(*arguments, **options)
        self.assertEqual(response.status, 403, arguments)
        peer.read(int(response.headers["content-length"]))
        peer.drop()
        return peer

    def test_same_origin(self):
        for path in ("/", "/echo", "/listed", "/any"):
            self.assert_admitted(path, None)
            self.assert_admitted(path, "http://chat.example:8765")
            self.assert_admitted(path, "https://chat.example:8765", listener=1)
        self.assert_admitted("/", "http://chat.example", host="chat.example")
        self.assert_admitted("/", "http://chat.example", host="chat.example:80")
        self.assert_admitted("/", "https://chat.example", host="chat.example:443", listener=1)
        self.assert_admitted("/", "http://[::1]:8765", host="[::1]:8765")

    def test_host_of_an_absolute_target(self):
        """It is what the request is for, whatever Host says."""
        target = "http://chat.example:8765"
        for path in ("", "/", "/echo", "/echo?host=other.example", "?a"):
            self.assert_admitted(target + path, target, host="other.example")
            self.assert_refused(target + path, "http://other.example", host="other.example")

    def test_cross_site(self):
        for origin in (
            "http://evil.example",
            "http://chat.example",
            "https://chat.example:8765",
            "http://chat.example:8766",
            "http://chat.example.:8765",
            "http://chat.example.evil.org:8765",
            "http://evil-chat.example:8765",
            "http://user@chat.example:8765",
            "http://chat.example:8765/",
            "null",
            "",
            "http://chat.example:8765 http://evil.example",
        ):
            for path in ("/", "/echo"):
                self.assert_refused(path, origin)
        self.assert_refused("/", "http://chat.example:8765", listener=1)

    def test_refusal_is_logged(self):
        with harness.Server(endpoints=(LISTED,)) as server, server.peer() as peer:  # one that has not refused many
            peer.send(rawws.request("GET /listed?a=b HTTP/1.1", add=["Origin: http://refused.example"]))
            self.assertEqual(peer.read_answer()[0].status, 403)
            record = server.refusal(peer, "bad_origin")
            self.assertEqual((record["status"], record["path"]), ("403", "/listed"))

    def test_list(self):
        for origin in ("https://app.example", "https://a.example.org:8443", "https://a.b.example.org:8443", "null"):
            self.assert_admitted("/listed", origin)
        for origin in ("http://app.example", "https://example.org:8443", "https://a.example.org", "https://app.example.net"):
            self.assert_refused("/listed", origin)
        for origin in ("http://evil.example", "null", "anything"):
            self.assert_admitted("/any", origin)

    def test_python_client(self):
        async def conversation(scheme, listener, **options):
            url = f"{scheme}://localhost:{self.server.ports[listener]}/"
            page = url.replace("ws", "http", 1).rstrip("/")
            async with websockets.connect(url, origin=page, **options) as client:
                await client.send("hello")
                self.assertEqual(await client.recv(), harness.PREFIX + "hello")
            with self.assertRaises(websockets.InvalidStatusCode) as raised:
                await websockets.connect(url, origin="https://evil.example", **options)
            self.assertEqual(raised.exception.status_code, 403)

        trusting = {"ssl": ssl.create_default_context(cafile=self.server.certificate)}
        for arguments, options in ((("ws", 0), {}), (("wss", 1), trusting)):
            asyncio.run(asyncio.wait_for(conversation(*arguments, **options), harness.DEADLINE_S))


if __name__ == "__main__":
    harness.main()
