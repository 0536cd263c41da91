"""Child processes that end with the gateway, also when it is killed."""

from __future__ import annotations

import ctypes
import signal

PR_SET_PDEATHSIG = 1  # prctl(2)

# Loaded before any fork: between fork and exec a child of a process with threads must allocate as little as it can.
_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the thread that forked this process ends; the `preexec_fn` of a child.

    The child must be started from the main thread: the signal comes when the starting thread ends, not the process.
    """
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
