"""A session that sends more than it may a second is ended with 4429; the replies it is owed come first."""

import harness
import rawws
from rawws import BINARY, frame, text

MESSAGES = 20
BYTES = 10000


class RateCase(harness.ServerCase):
    def assert_limited(self, wire, replies):
        """Sends all at once; so many replies come, then 4429, and the log tells why. Another session goes on."""
        with self.server.session() as other, self.server.session() as peer:
            peer.send(wire)
            for _ in range(replies):
                self.assertNotEqual(peer.read_message().opcode, rawws.CLOSE)
            got = peer.read_message()
            self.assertEqual((got.opcode, got.payload[:2]), (rawws.CLOSE, (4429).to_bytes(2, "big")))
            peer.send(rawws.close(4429))
            self.assertEqual(peer.read_end(), "fin")
            record = self.server.session_end(peer)
            self.assertEqual((record["cause"], record["closed_by"]), ("rate_limited", "server"))
            other.echo("undisturbed")
            other.finish()


class Messages(RateCase):
    settings = {"limits": {"messages_per_second": MESSAGES}}

    def test_messages(self):
        self.assert_limited(b"".join(text(f"{n}") for n in range(MESSAGES * 3)), MESSAGES)

    def test_pings_count(self):
        self.assert_limited(b"".join(rawws.ping(b"%d" % n) for n in range(MESSAGES * 3)), MESSAGES)


class Bytes(RateCase):
    settings = {"limits": {"bytes_per_second": BYTES}}

    def test_bytes(self):
        """A message passes while anything is left of the second's worth: the fourth of these takes the rest."""
        self.assert_limited(frame(BINARY, bytes(BYTES * 3 // 10)) * 20, 4)


class NoLimit(harness.ServerCase):
    def test_none_by_default(self):
        with self.server.session() as peer:
            peer.send(text("x") * 5000)
            for _ in range(5000):
                self.assertNotEqual(peer.read_message().opcode, rawws.CLOSE)
            peer.finish()


if __name__ == "__main__":
    harness.main()
