"""Makes calls of the C library fail in a running server, or its threads stand still; see faults.c, which has the same layout.

The library is named by FAULTS_LIBRARY.
"""

import contextlib
import mmap
import os
import signal
import struct

import harness

# Bits of what may fail.
MALLOC, ACCEPT, SOCKETPAIR, EPOLL_ADD, EVENTFD, RECV, SEND = (1 << number for number in range(7))
CALLS = {"malloc": MALLOC, "accept": ACCEPT, "socketpair": SOCKETPAIR, "epoll_ctl": EPOLL_ADD, "recv": RECV, "send": SEND}
# Bits of where.
MAIN, LOBBY, SESSIONS, UPGRADE, RELOAD = 1, 2, 4, 8, 16

_SETTINGS = struct.Struct("=6I")  # calls, roles, one_in, at, stalled, seed
_COUNTS = struct.Struct("=8Q")  # seen, and failed of each call
_CALL_COUNT = 7


class FaultyServer(harness.Server):
    """A server whose calls fail when it is told so. Without that it is one like any other."""

    SEED = 20

    def launch(self, calls=0, roles=0, at=0):
        """With calls: the one with that number fails from the start on."""
        name = os.path.join(self.folder, "faults")
        size = _SETTINGS.size + _COUNTS.size
        with open(name, "w+b") as file:
            file.write(bytes(size))
            file.flush()
            self._control = mmap.mmap(file.fileno(), size)
        self._set(calls, roles, at=at)
        self.variables |= {"LD_PRELOAD": os.environ["FAULTS_LIBRARY"], "FAULTS_CONTROL": name}
        super().launch()

    def wait_end_of_start(self):
        """"ready", and then it is told to stop; or "ended"."""
        try:
            self.wait_log("ready")
        except AssertionError:
            self.process.wait(harness.DEADLINE_S)
            return "ended"
        self.signal(signal.SIGTERM)
        return "ready"

    def close(self):
        super().close()
        self._control.close()

    def _set(self, calls=0, roles=0, one_in=0, at=0, stalled=0):
        _SETTINGS.pack_into(self._control, 0, calls, roles, one_in, at, stalled, self.SEED)

    def _counts(self):
        return _COUNTS.unpack_from(self._control, _SETTINGS.size)

    @property
    def seen(self):
        """Calls that might have failed since the last faults() began."""
        return self._counts()[0]

    @property
    def failed(self):
        """Calls that did fail since the last faults() began."""
        return sum(self._counts()[1:])

    @contextlib.contextmanager
    def faults(self, calls, roles, *, one_in=0, at=0):
        """While it lasts, one of so many of these calls fails in the threads of these roles; or only the one with that
        number, counted from 1."""
        self._set()
        _COUNTS.pack_into(self._control, _SETTINGS.size, *[0] * (1 + _CALL_COUNT))
        self._set(calls, roles, one_in, at)
        try:
            yield
        finally:
            self._set()

    @contextlib.contextmanager
    def stalled(self, roles):
        """While it lasts, threads of these roles do nothing: loops with what epoll has told them, upgrade workers with a request,
        and a reload wants memory."""
        self._set(stalled=roles)
        try:
            yield
        finally:
            self._set()
