"""Sets the wall clock of a running server; see clock.c. The library is named by CLOCK_LIBRARY."""

import mmap
import os
import struct

import tokens


class ClockServer(tokens.TokenServer):
    """A server that wants tokens and whose wall clock is what it is told."""

    def launch(self):
        name = os.path.join(self.folder, "clock")
        with open(name, "w+b") as file:
            file.write(bytes(8))
            file.flush()
            self._shift = mmap.mmap(file.fileno(), 8)
        self.variables = {"LD_PRELOAD": os.environ["CLOCK_LIBRARY"], "CLOCK_SHIFT": name}
        super().launch()

    def shift(self, seconds):
        """From now on its clock is so many seconds ahead of ours."""
        struct.pack_into("=q", self._shift, 0, int(seconds * 1000))

    def close(self):
        super().close()
        self._shift.close()
