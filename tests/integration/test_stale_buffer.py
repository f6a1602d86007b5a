"""No request is completed by what an earlier one left in a worker's buffer.

The borrowed HTTP parser is handed a buffer's size and not its data's, so that a head without an end, behind an empty line,
was continued by the bytes of the connection before it. With a single worker the two surely share that buffer.
"""

import harness
import rawws

SECRET = "left-behind-by-somebody-else"


class StaleBuffer(harness.ServerCase):
    settings = {
        "pool": {"upgrade_threads": 1},
        "limits": {"handshake_timeout": "2s"},
        "endpoints": (
            *harness.DEFAULT_ENDPOINTS,
            {"path": "/chat", "handler": "echo", "auth": "none", "subprotocols": [SECRET]},
        ),
    }

    def leave_behind(self):
        """A good request whose fields, read again, would make an upgrade with a telltale subprotocol of the next one."""
        with self.server.peer() as peer:
            peer.send(rawws.request("GET /chat HTTP/1.1", add=[f"Sec-WebSocket-Protocol: {SECRET}"]))
            peer.read_upgrade(rawws.SAMPLE_KEY)
            peer.finish()

    def test_no_header_comes_from_the_connection_before(self):
        starts = (
            b"\r\n\r\nGET /chat HTTP/1.1\r\n",
            b"\r\n\r\nGET /chat HTTP/1.1",
            b"\r\n\r\nGET ",
            b"\r\n\r\n",
            b"\r\nGET /chat HTTP/1.1\r\nHost: portcullis.test\r\n",
            b"GET /chat HTTP/1.1\r\nHost: portcullis.test\r\n",
            b"GET /chat HTTP/1.1\r\n",
            b"GET /chat",
        )
        for start in starts:
            with self.subTest(start=start):
                self.leave_behind()
                with self.server.peer() as peer:
                    peer.send(start)
                    answer = peer.read_all()
                    self.assertNotIn(b" 101 ", answer)
                    self.assertNotIn(SECRET.encode(), answer)

    def test_one_after_the_other_is_served(self):
        for _ in range(20):
            self.leave_behind()
            with self.server.peer() as peer:
                peer.send(rawws.request("GET /nowhere HTTP/1.1"))
                self.assertEqual(peer.read_answer()[0].status, 404)


if __name__ == "__main__":
    harness.main()
