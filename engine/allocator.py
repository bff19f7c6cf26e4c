"""Memory that is freed stays with a process of ours, so that the next tile finds it there."""

from __future__ import annotations

import ctypes
from functools import cache

# Of glibc's malloc.h: large blocks by mmap, room kept at the top, arenas of threads.
_MMAP_MAX, _TRIM_THRESHOLD, _ARENA_MAX = -4, -1, -8
_NEVER = 2**31 - 1


@cache
def keep_freed_memory() -> None:
    """Let glibc reuse freed blocks of any size; nothing happens elsewhere.

    It gives large blocks back at once otherwise, and the kernel clears every page of the next ones: a third of the time
    of a network on a processor.  The setting is that of the whole process, so only programs of ours make it.
    """
    try:
        tune = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another system's library
        return
    # In one arena, as blocks that do not fit into a thread's own would come from mmap all the same.
    for option, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER), (_ARENA_MAX, 1)):
        tune(option, value)
