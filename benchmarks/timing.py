"""Paired CPU timing: alternate the candidates in one process and compare their medians."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """CPU milliseconds of one candidate over all rounds."""

    median_ms: float
    least_ms: float
    most_ms: float


def alternate(candidates: Mapping[str, Callable[[], object]], *, rounds: int = 9) -> Mapping[str, Timing]:
    """CPU time of each candidate, taken in turn, after one round that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, work in candidates.items():
            started = time.process_time()
            work()
            if number:
                taken[name].append((time.process_time() - started) * 1000)
    return {name: Timing(statistics.median(ms), min(ms), max(ms)) for name, ms in taken.items()}


def cpu_seconds(children: Iterable[int] = ()) -> float:
    """CPU time so far of this process and of living child processes, all their threads, to the nanosecond.

    Args:
        children: Their process ids.
    """
    clocks = [(~child << 3) | 2 for child in children]  # the kernel's name of another process's clock (Linux)
    return time.process_time() + sum(time.clock_gettime(clock) for clock in clocks)


def on_one_processor() -> None:
    """Keep this process and the children it will start on one processor, so that ratios compare like with like.

    Two busy neighbours slow each other down, and only what runs in several processes would pay for it.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def report(title: str, timings: Mapping[str, Timing]) -> None:
    """Print a table of medians."""
    print(f"\n{title} (CPU ms, one thread: median, least, most)")
    for name, t in timings.items():
        print(f"  {name:<52} {t.median_ms:9.2f} {t.least_ms:9.2f} {t.most_ms:9.2f}")


def judge(name: str, ratio: float, limit: float) -> bool:
    """Print a ratio beside its promise; gives whether it is kept."""
    kept = ratio <= limit
    print(f"  {'kept  ' if kept else 'BROKEN'} {name}: {ratio:.3f} (promised at most {limit})")
    return kept


def finish(kept: bool) -> None:
    """Exit with 1 when a promise is broken."""
    sys.exit(0 if kept else 1)
