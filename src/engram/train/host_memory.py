"""Memory of the host that is freed is kept for the next step, where the C library lets us say so (glibc).

By default glibc gives large blocks, and the free end of its heap, back to the system when tensors die and asks for new
ones, whose pages the system must make and clear again. A training step needs the same blocks again and again, so on a
CPU a tenth of its time and more can go into that. Nothing that is computed changes; the process holds what it once
needed until it ends.
"""

from __future__ import annotations

import ctypes
import platform

# Numbers of mallopt(3) in malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# Blocks up to this size come from the heap, which is kept, and the heap is cut only above this much free at its end.
LARGEST_BLOCK = 2**30
LARGEST = 2**31 - 1


def keep_freed() -> bool:
    """Ask the allocator of this process to keep what is freed; return whether it will. May be called again."""
    if platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, LARGEST_BLOCK)) and bool(mallopt(_TRIM_THRESHOLD, LARGEST))
