"""Curves over all thresholds: ROC and precision-recall with bands, confusion counts, net benefit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medcore.evaluation.classification import Answers
from medcore.evaluation.resampling import bootstrap

# Cumulative hits and false calls to the values on the grid of the curve.
_Read: TypeAlias = Callable[[NDArray[float64], NDArray[float64]], NDArray[float64]]

GRID = 101
BAND_ROUNDS = 400


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve on a fixed grid with a pointwise 95 % band over patients; all four have one length."""

    x: tuple[float, ...]
    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts at one threshold."""

    threshold: float
    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int


def confusion(answers: Answers, threshold: float) -> Confusion:
    """What a threshold gets right and wrong."""
    called, truth = answers.probability >= threshold, answers.truth
    return Confusion(
        threshold,
        int((called & truth).sum()),
        int((called & ~truth).sum()),
        int((~called & ~truth).sum()),
        int((~called & truth).sum()),
    )


def roc_curve(answers: Answers, *, rounds: int = BAND_ROUNDS) -> Curve:
    """Sensitivity over the false positive rate."""
    x = np.linspace(0, 1, GRID)

    def at(hit: NDArray[float64], false: NDArray[float64]) -> NDArray[float64]:
        return np.asarray(np.interp(x, np.append(0, false / false[-1]), np.append(0, hit / hit[-1])))

    return _banded(answers, x, at, rounds)


def precision_recall_curve(answers: Answers, *, rounds: int = BAND_ROUNDS) -> Curve:
    """Precision over recall; a recall between two steps takes the precision of the step that reaches it."""
    x = np.linspace(0, 1, GRID)

    def at(hit: NDArray[float64], false: NDArray[float64]) -> NDArray[float64]:
        step = np.searchsorted(hit / hit[-1], x - 1e-12)
        step = np.minimum(step, len(hit) - 1)
        return np.asarray(hit[step] / np.maximum(hit[step] + false[step], 1e-12))

    return _banded(answers, x, at, rounds)


def decision_curve(answers: Answers, *, rounds: int = BAND_ROUNDS) -> Curve:
    """Net benefit per image over the threshold probability (Vickers & Elkin 2006).

    True positives less false positives, these weighed by threshold / (1 − threshold), over the number of images.
    """
    x = np.linspace(0.01, 0.99, 99)
    order = np.argsort(-answers.probability, kind="stable")
    ranked, truth = answers.probability[order], answers.truth[order].astype(float32)
    called = np.searchsorted(-ranked, -x, side="right")

    def statistic(w: NDArray[float32]) -> NDArray[float64]:
        hit, total = _padded(np.cumsum(w * truth, axis=1)), _padded(np.cumsum(w, axis=1))
        tp, calls = hit[:, called], total[:, called]
        return np.asarray((tp - (calls - tp) * (x / (1 - x))) / w.sum(axis=1, keepdims=True), dtype=float64)

    whole, drawn = bootstrap(statistic, answers.group, order=order, rounds=rounds)
    return _curve(x, whole, drawn)


def _padded(sums: NDArray[float32]) -> NDArray[float64]:
    return np.pad(sums.astype(float64), ((0, 0), (1, 0)))


def _banded(answers: Answers, x: NDArray[float64], at: _Read, rounds: int) -> Curve:
    order = np.argsort(-answers.probability, kind="stable")
    ranked, truth = answers.probability[order], answers.truth[order].astype(float32)
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))

    def statistic(w: NDArray[float32]) -> NDArray[float64]:
        hit = np.cumsum(w * truth, axis=1)[:, ends].astype(float64)
        false = np.cumsum(w * (1 - truth), axis=1)[:, ends].astype(float64)
        return np.stack([_read(at, h, f, len(x)) for h, f in zip(hit, false, strict=True)])

    whole, drawn = bootstrap(statistic, answers.group, order=order, rounds=rounds)
    return _curve(x, whole, drawn)


def _read(at: _Read, hit: NDArray[float64], false: NDArray[float64], count: int) -> NDArray[float64]:
    return at(hit, false) if hit[-1] > 0 and false[-1] > 0 else np.full(count, np.nan)


def _curve(x: NDArray[float64], whole: NDArray[float64], drawn: NDArray[float64]) -> Curve:
    known = drawn[np.isfinite(drawn).all(axis=1)]
    low, high = np.percentile(known, (2.5, 97.5), axis=0) if len(known) else (whole, whole)
    return Curve(tuple(x.tolist()), tuple(whole.tolist()), tuple(low.tolist()), tuple(high.tolist()))
