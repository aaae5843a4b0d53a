"""Keeping freed memory for the next step, on Linux."""

import ctypes
import sys

_MMAP_MAX, _TRIM_THRESHOLD, _TOP_PAD = -4, -1, -2  # names in malloc.h


def keep_freed_memory() -> bool:
    """Ask glibc to keep freed memory instead of returning it to the system.

    Training on a CPU frees and takes large blocks at every step; with the default settings each comes back as fresh
    pages that the kernel has to clear first. What that costs is measured in `benchmarks/speed.py`.

    Returns:
        Whether the C library took the settings; elsewhere than on Linux with glibc nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all([mallopt(_MMAP_MAX, 0), mallopt(_TRIM_THRESHOLD, 2**31 - 1), mallopt(_TOP_PAD, 64 * 2**20)])
