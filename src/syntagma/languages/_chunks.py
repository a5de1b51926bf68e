"""Work in pieces of fixed size, spread over threads; NumPy releases the interpreter lock inside its loops."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

TOKENS_PER_CHUNK = 2**18
"""One piece's intermediate arrays (2 to 4 bytes a token) then stay in a core's second-level cache."""


def sentences_per_chunk(sentence_length: int) -> int:
    """A function of the sentence length alone, so that pieces, and their random streams, are the same for every n."""
    return max(1, TOKENS_PER_CHUNK // sentence_length)


def for_each_chunk(work: Callable[[int, int, int], None], count: int, size: int, threads: int | None) -> None:
    """Call `work(chunk, start, stop)` for all pieces of `size` out of `count`, in any order, in `threads` threads."""
    chunks = -(-count // size)
    threads = min(chunks, threads or _usable_cores())

    def one(chunk: int) -> None:
        work(chunk, chunk * size, min((chunk + 1) * size, count))

    if threads <= 1:
        for chunk in range(chunks):
            one(chunk)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(one, range(chunks)):
            pass


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
