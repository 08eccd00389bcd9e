"""The bootstrap over patients: weights instead of copies, many rounds at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy import float32, float64, int64
from numpy.typing import NDArray

from medcore.cards import Estimate
from medcore.volume import Array

ROUNDS = 1000
CHUNK = 8  # rounds at a time: with 10,000 images their weights stay within the processor's cache

Statistic = Callable[[Array], NDArray[float64]]  # weights (rounds, N) to values (rounds, ...)


def weights(group: Array, *, rounds: int = ROUNDS, seed: int = 0) -> Iterator[NDArray[float32]]:
    """How often each row is drawn, for some rounds at a time, (rounds, N); groups are drawn whole.

    Args:
        group: (N,) patient or cluster of each row.
    """
    member = members(group)
    count = int(member.max()) + 1
    alone = count == len(member) and bool((member == np.arange(count)).all())
    random = np.random.default_rng(seed)
    for start in range(0, rounds, CHUNK):
        size = min(CHUNK, rounds - start)
        drawn = random.integers(count, size=(size, count), dtype=int64)
        times: NDArray[float32] = np.empty((size, count), dtype=float32)
        for row, choice in enumerate(drawn):
            times[row] = np.bincount(choice, minlength=count)
        yield times if alone else times[:, member]


def members(group: Array) -> NDArray[int64]:
    """Groups numbered in the order of their first appearance, so that names and row order do not change a draw."""
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse.ravel()], dtype=int64)


def bootstrap(
    statistic: Statistic, group: Array, *, order: Array | None = None, rounds: int = ROUNDS, seed: int = 0
) -> tuple[NDArray[float64], NDArray[float64]]:
    """A statistic of all rows, and of each round (rounds, ...).

    Args:
        order: Row numbers in the order in which the statistic takes its weights; as they are when None.
    """
    count = len(group)
    whole = statistic(np.ones((1, count)))[0]  # in float64: this is the figure that is printed
    drawn = [
        statistic(w if order is None else np.ascontiguousarray(w[:, order]))
        for w in weights(group, rounds=rounds, seed=seed)
    ]
    return whole, np.concatenate(drawn) if drawn else np.empty((0, *np.shape(whole)))


def interval(value: float, drawn: Array) -> Estimate:
    """The value with the percentiles 2.5 and 97.5 of its rounds; rounds in which it has no meaning are left out."""
    known = drawn[np.isfinite(drawn)]
    low, high = np.percentile(known, (2.5, 97.5)) if len(known) else (np.nan, np.nan)
    return Estimate(float(value), float(low), float(high))


def mean_estimate(values: Sequence[float] | Array, group: Array, *, rounds: int = ROUNDS, seed: int = 0) -> Estimate:
    """The mean of one value an image, with its interval over patients; values that are not finite are left out."""
    numbers = np.asarray(values, dtype=float64)
    known = np.isfinite(numbers)
    if not known.any():
        return Estimate(float("nan"), float("nan"), float("nan"))
    numbers, kept = numbers[known], np.asarray(group)[known]

    def mean(w: NDArray[float32]) -> NDArray[float64]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((w @ numbers) / w.sum(axis=1), dtype=float64)

    whole, drawn = bootstrap(mean, kept, rounds=rounds, seed=seed)
    return interval(float(whole), drawn)


def median_estimate(values: Sequence[float] | Array, group: Array, *, rounds: int = ROUNDS, seed: int = 0) -> Estimate:
    """The median of one value an image, with its interval over patients; values that are not finite are left out."""
    numbers = np.asarray(values, dtype=float64)
    known = np.isfinite(numbers)
    if not known.any():
        return Estimate(float("nan"), float("nan"), float("nan"))
    order = np.argsort(numbers[known], kind="stable")
    numbers, kept = numbers[known][order], np.asarray(group)[known][order]

    def median(w: NDArray[float32]) -> NDArray[float64]:
        reached = w.cumsum(axis=1)
        half = reached[:, -1:] / 2
        low, high = (reached >= half).argmax(axis=1), (reached > half).argmax(axis=1)
        return np.asarray((numbers[low] + numbers[high]) / 2, dtype=float64)

    whole, drawn = bootstrap(median, kept, rounds=rounds, seed=seed)
    return interval(float(whole), drawn)
