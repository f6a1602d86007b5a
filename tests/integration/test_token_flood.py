"""Ten thousand bad tokens, in requests and as messages, while good clients come, talk and go."""

import threading

import harness
import rawws
import tokens

BAD_TOKENS = 10000 if not harness.sanitized() else 2000
FLOODERS = 4
GOOD_CLIENTS = 50
HEADER = {**tokens.ENDPOINT, "path": "/header", "token_sources": ["header"]}


class TokenFlood(harness.ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.server = tokens.TokenServer(endpoints=(tokens.ENDPOINT, HEADER))
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        cls.baseline = cls.server.open_fds()

    def bad_tokens(self):
        """Tokens that look good until the signature, the costliest to refuse, and others."""
        good = self.server.token()
        head, payload, signature = good.split(".")
        forged = ".".join((head, payload, signature[::-1]))
        return [forged, tokens.sign("y" * 32, {"sub": "eve", "exp": 2**40}), self.server.token(lifetime=-5), "a.b.c", "x" * 4000]

    def flood(self, number, failures):
        bad = self.bad_tokens()
        try:
            for index in range(number, BAD_TOKENS, FLOODERS):
                token = bad[index % len(bad)]
                with self.server.peer() as peer:
                    if index % 2:
                        peer.send(rawws.request("GET /header HTTP/1.1", add=[f"Authorization: Bearer {token}"]))
                        if (status := peer.read_response().status) != 401:
                            raise AssertionError(f"status {status}")
                    else:
                        peer.upgrade("/secure", early=rawws.text(token))
                        text = peer.read_message().payload
                        if text not in (b"Authentication failed", b"Token Expired"):
                            raise AssertionError(f"answer {text!r}")
                    peer.reset()  # nothing of it is left behind in the kernel
        except BaseException as failure:
            failures.append(failure)
            raise

    def test_good_clients_get_in(self):
        failures = []
        flooders = [threading.Thread(target=self.flood, args=(n, failures), daemon=True) for n in range(FLOODERS)]
        with self.server.session("/secure") as before:
            tokens.authenticate(before, self.server.token("before"))
            for flooder in flooders:
                flooder.start()
            for number in range(GOOD_CLIENTS):
                token = self.server.token(f"good-{number}")
                with self.server.peer() as peer:
                    if number % 2:
                        peer.upgrade("/header", add=[f"Authorization: Bearer {token}"])
                    else:
                        peer.upgrade("/secure")
                        tokens.authenticate(peer, token)
                    peer.echo("hello", harness.PREFIX)
                    peer.finish()
                before.echo("still here", harness.PREFIX)
            for flooder in flooders:
                flooder.join()
            self.assertEqual(failures, [])
            before.echo("still here", harness.PREFIX)
            before.finish()


if __name__ == "__main__":
    harness.main()
