"""Metrics of a binary classifier, each with a 95 % interval over patients, all from one pass of the bootstrap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import bool_, float32, float64, int64
from numpy.typing import NDArray

from medcore.cards import Estimate
from medcore.evaluation.calibration import BINS, equal_bins
from medcore.evaluation.resampling import ROUNDS, bootstrap, interval, members
from medcore.volume import Array

METRICS = (
    "auc",
    "average_precision",
    "accuracy",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
    "precision",
    "negative_predictive_value",
    "f1",
    "brier",
    "ece",
)
WITH_ONE_CLASS = {True: ("sensitivity",), False: ("specificity",)}  # what still has a meaning
MIN_GROUP = 10  # fewer images say nothing that an interval could not swallow


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a model said on labelled images.

    Args:
        truth: (N,) True where the finding is present.
        probability: (N,) calibrated probability of the finding.
        group: (N,) patient or cluster; the bootstrap draws whole groups.
    """

    truth: NDArray[bool_]
    probability: NDArray[float64]
    group: Array

    def only(self, rows: Array) -> Answers:
        """The answers of a choice of rows, boolean (N,) or row numbers."""
        return Answers(self.truth[rows], self.probability[rows], self.group[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Answers from the highest probability down, made ready for weights in that order.

    Args:
        order: (N,) row numbers, the highest probability first.
        truth: (N,) 1 or 0 in that order.
        ends: Last position of each run of equal probabilities.
        called: Number of rows at or above the threshold.
        bins: (N, BINS) 1 where a row belongs to a bin of the calibration error.
        sums: (N, k) what is merely added up: per bin its probabilities and its truths, and the squared error.
    """

    order: NDArray[int64]
    truth: NDArray[float32]
    ends: NDArray[int64]
    called: int
    bins: NDArray[float32]
    sums: NDArray[float32]


def rank(answers: Answers, threshold: float) -> Ranked:
    """Sort answers once for all rounds."""
    order = np.argsort(-answers.probability, kind="stable")
    probability, truth = answers.probability[order], answers.truth[order].astype(float32)
    bins = equal_bins(probability)
    ends = np.flatnonzero(np.append(probability[1:] != probability[:-1], True))
    error = ((probability - truth) ** 2)[:, None]
    sums = np.concatenate([bins * (truth - probability)[:, None], error], axis=1).astype(float32)
    return Ranked(order, truth, ends, int((probability >= threshold).sum()), bins, sums)


def measure(
    answers: Answers, *, threshold: float, seed: int = 0, rounds: int = ROUNDS, names: Sequence[str] = METRICS
) -> Mapping[str, Estimate]:
    """All METRICS, at the threshold where they need one.

    Intervals are percentiles 2.5 and 97.5 of a bootstrap over groups, so images of one patient stay together.
    The bins of the calibration error are those of the whole set in every round. With ill or well people only, the
    figures that need both are left out.
    """
    ranked = rank(answers, threshold)
    whole, drawn = bootstrap(lambda w: figures(w, ranked), answers.group, order=ranked.order, rounds=rounds, seed=seed)
    if answers.truth.all() or not answers.truth.any():
        names = WITH_ONE_CLASS[bool(answers.truth.all())]
    columns = {name: i for i, name in enumerate(METRICS)}
    return {name: interval(whole[columns[name]], drawn[:, columns[name]]) for name in names}


def figures(w: Array, ranked: Ranked) -> NDArray[float64]:
    """All METRICS for weights (rounds, N) in ranked order: (rounds, metrics)."""
    ill = w * ranked.truth
    hit, called = np.cumsum(ill, axis=1), np.cumsum(w, axis=1)
    positive, total = hit[:, -1].astype(float64), called[:, -1].astype(float64)
    at = ranked.called - 1
    tp = hit[:, at].astype(float64) if at >= 0 else np.zeros(len(w))
    fp = (called[:, at] - hit[:, at]).astype(float64) if at >= 0 else np.zeros(len(w))
    negative = total - positive
    gaps = w @ ranked.sums.astype(w.dtype)
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitivity, specificity = tp / positive, 1 - fp / negative
        columns = (
            _area(hit, called, ill, w, ranked.ends) / (positive * negative),
            _steps(hit, called, ill, ranked.ends) / positive,
            (tp + negative - fp) / total,
            (sensitivity + specificity) / 2,
            sensitivity,
            specificity,
            tp / (tp + fp),
            (negative - fp) / (negative - fp + positive - tp),
            2 * tp / (positive + tp + fp),
            gaps[:, -1] / total,
            np.abs(gaps[:, :BINS]).sum(axis=1) / total,
        )
    return np.stack(columns, axis=1).astype(float64)


def _area(hit: Array, called: Array, ill: Array, w: Array, ends: Array) -> NDArray[float64]:
    """Pairs in the right order, ties counting half: the Mann-Whitney statistic."""
    if len(ends) == w.shape[1]:
        return _dot(w - ill, hit)
    hit, false = hit[:, ends], (called - hit)[:, ends]
    return _dot(np.diff(false, axis=1, prepend=0), hit - np.diff(hit, axis=1, prepend=0) / 2)


def _steps(hit: Array, called: Array, ill: Array, ends: Array) -> NDArray[float64]:
    """Sum over the steps of recall of the precision there, times the positives; ties are one step."""
    if len(ends) == ill.shape[1]:
        return _dot(ill, hit / np.maximum(called, 1))
    hit, called = hit[:, ends], called[:, ends]
    return _dot(np.diff(hit, axis=1, prepend=0), hit / np.maximum(called, 1))


def _dot(first: Array, second: Array) -> NDArray[float64]:
    """Row by row, by the BLAS: (rounds, N) and (rounds, N) to (rounds,)."""
    return np.asarray((first[:, None, :] @ second[:, :, None])[:, 0, 0], dtype=float64)


def area_under_curve(truth: NDArray[bool_], probability: NDArray[float64]) -> float:
    """Area under the ROC curve of plain rows."""
    return measure(Answers(truth, probability, np.arange(len(truth))), threshold=0.5, rounds=0, names=("auc",))[
        "auc"
    ].value


def within(answers: Answers, stratum: Array, *, rounds: int = ROUNDS, seed: int = 0) -> Estimate:
    """The AUC over pairs of one stratum only (same region, same source, same patient), so that strata cannot help.

    Args:
        stratum: (N,) what both images of a pair must share.
    """
    rows = [np.flatnonzero(stratum == name) for name in np.unique(stratum)]
    rows = [r for r in rows if answers.truth[r].any() and not answers.truth[r].all()]
    if not rows:
        return Estimate(float("nan"), float("nan"), float("nan"))
    sorted_rows = [r[np.argsort(-answers.probability[r], kind="stable")] for r in rows]
    ranked = [rank(answers.only(r), 0.5) for r in sorted_rows]

    def statistic(w: Array) -> NDArray[float64]:
        right: NDArray[float64] = np.zeros(len(w))
        pairs: NDArray[float64] = np.zeros(len(w))
        for r, facts in zip(sorted_rows, ranked, strict=True):
            part = w[:, r]
            ill = part * facts.truth
            hit, called = np.cumsum(ill, axis=1), np.cumsum(part, axis=1)
            pairs += hit[:, -1].astype(float64) * (called[:, -1] - hit[:, -1])
            right += _area(hit, called, ill, part, facts.ends)
        with np.errstate(invalid="ignore", divide="ignore"):
            return right / pairs

    whole, drawn = bootstrap(statistic, answers.group, rounds=rounds, seed=seed)
    return interval(float(whole), drawn)


def subgroups(answers: Answers, column: Array, *, threshold: float, rounds: int = ROUNDS) -> Mapping[str, Subgroup]:
    """Metrics of each value of a column that has at least MIN_GROUP images."""
    names = [str(name) for name in np.unique(column) if str(name) != ""]
    parts = {name: np.flatnonzero(column.astype(str) == name) for name in names}
    return {
        name: Subgroup(
            count=len(rows),
            positive=int(answers.truth[rows].sum()),
            metrics=measure(answers.only(rows), threshold=threshold, rounds=rounds),
        )
        for name, rows in parts.items()
        if len(rows) >= MIN_GROUP
    }


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Figures of a part of the images."""

    count: int
    positive: int
    metrics: Mapping[str, Estimate]


def patients(group: Array) -> int:
    """Number of groups."""
    return int(members(group).max()) + 1 if len(group) else 0
