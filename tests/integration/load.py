"""Sessions that talk all the time, in the background of a test."""

import threading

import rawws


class Load:
    """Client threads, each with one session that echoes until it is told to stop or the server closes.

    Afterwards `codes` holds the close code each session got (None: no Close frame), `errors` what went wrong, `echoes` how
    many replies came.
    """

    def __init__(self, server, clients=16, listeners=(0,)):
        self.server = server
        self.codes = []
        self.errors = []
        self.echoes = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._started = threading.Barrier(clients + 1)
        self._threads = [
            threading.Thread(target=self._run, args=(number, listeners[number % len(listeners)]))
            for number in range(clients)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self._started.wait(rawws.DEADLINE_S)
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends every session from this side; for sessions that the server has closed, waits for them."""
        self._stop.set()
        self.join()

    def join(self):
        for thread in self._threads:
            thread.join(2 * rawws.DEADLINE_S)
            if thread.is_alive():
                raise TimeoutError("a client does not end")

    def _run(self, number, listener):
        try:
            with self.server.session(listener=listener) as peer:
                peer.echo("first")
                self._started.wait(rawws.DEADLINE_S)
                self._talk(number, peer)
        except Exception as error:  # reported by the test, in its own thread
            self._started.abort()
            with self._lock:
                self.errors.append(f"client {number}: {type(error).__name__}: {error}")

    def _talk(self, number, peer):
        count = 0
        while not self._stop.is_set():
            wanted = f"client {number} message {count}".encode()
            peer.send(rawws.text(wanted))
            got = peer.read_message()
            if got.opcode == rawws.CLOSE:
                code = int.from_bytes(got.payload[:2], "big") if got.payload else None
                peer.send(rawws.close(code))
                self._note(count, code, peer.read_end())
                return
            if got.payload != wanted:
                raise rawws.Violation(f"wrong reply {rawws.short(got)}")
            count += 1
        peer.finish()
        self._note(count, 1000, "fin")

    def _note(self, echoes, code, end):
        with self._lock:
            self.echoes += echoes
            self.codes.append(code)
            if end != "fin":
                self.errors.append(f"ended by {end}")
