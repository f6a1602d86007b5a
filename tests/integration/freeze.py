"""Stops one thread of a process from outside while the others go on, as a debugger does: by ptrace (SIGSTOP stops all)."""

import ctypes
import os
import unittest

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17  # linux/ptrace.h, sys/ptrace.h
_WALL = 0x40000000  # wait for threads of others, too

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def _ptrace(request, task):
    if _libc.ptrace(request, task, None, None) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def find_thread(pid, name):
    """The number of the thread of that name: of several the oldest, which for the program's own name is the main thread."""
    for task in sorted(map(int, os.listdir(f"/proc/{pid}/task"))):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as comm:
            if comm.read().strip() == name:
                return task
    raise AssertionError(f"no thread {name}")


class Frozen:
    """with Frozen(task): it does not run. Enter and leave on the same thread: the kernel knows it as the tracer."""

    def __init__(self, task):
        self._task = task

    def __enter__(self):
        try:
            _ptrace(_SEIZE, self._task)
        except PermissionError:
            raise unittest.SkipTest("this machine does not let a process trace its own child") from None
        _ptrace(_INTERRUPT, self._task)
        os.waitpid(self._task, _WALL)
        return self

    def __exit__(self, *_):
        _ptrace(_DETACH, self._task)
