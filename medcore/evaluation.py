"""Metrics of a binary classifier with 95 % intervals, calibration and operating points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy import bool_, float64
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

from medcore.cards import Calibration, Estimate
from medcore.volume import Array

BOOTSTRAP_ROUNDS = 1000
BINS = 10

Metric = Callable[[NDArray[bool_], NDArray[float64]], float]


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


def measure(
    answers: Answers, *, threshold: float, seed: int = 0, rounds: int = BOOTSTRAP_ROUNDS
) -> Mapping[str, Estimate]:
    """AUC, average precision and, at the threshold, accuracy, sensitivity, specificity, precision, F1; and ECE.

    Intervals are percentiles 2.5 and 97.5 of a bootstrap over groups, so images of one patient stay together.
    """
    metrics = _metrics(threshold)
    draws = _resamples(answers.group, seed, rounds)
    estimates = {}
    for name, metric in metrics.items():
        values = [metric(answers.truth[i], answers.probability[i]) for i in draws]
        known = [value for value in values if np.isfinite(value)]
        low, high = np.percentile(known, (2.5, 97.5)) if known else (np.nan, np.nan)
        estimates[name] = Estimate(metric(answers.truth, answers.probability), float(low), float(high))
    return estimates


def fit_calibration(truth: NDArray[bool_], logit: NDArray[float64], weight: NDArray[float64]) -> Calibration:
    """Platt scaling (Platt 1999): logistic regression of the truth on the logit, with sample weights."""
    model = LogisticRegression(C=1e6).fit(logit[:, None], truth, sample_weight=weight)
    return Calibration(slope=float(model.coef_[0, 0]), offset=float(model.intercept_[0]))


def best_threshold(truth: NDArray[bool_], probability: NDArray[float64], weight: NDArray[float64]) -> float:
    """The probability with the largest weighted sensitivity + specificity (Youden's index), halfway down."""
    order = np.argsort(-probability)
    positive = np.cumsum(np.where(truth, weight, 0)[order]) / weight[truth].sum()
    negative = np.cumsum(np.where(truth, 0, weight)[order]) / weight[~truth].sum()
    ranked = probability[order]
    last_of_ties = np.append(ranked[1:] != ranked[:-1], True)
    gain = np.where(last_of_ties, positive - negative, -np.inf)
    best = int(np.argmax(gain))
    following = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float(np.clip((ranked[best] + following) / 2, 0.001, 0.999))


def expected_calibration_error(truth: NDArray[bool_], probability: NDArray[float64]) -> float:
    """Mean distance between probability and frequency over ten equally filled bins (Naeini et al. 2015)."""
    order = np.argsort(probability)
    bins = [b for b in np.array_split(order, BINS) if len(b)]
    gaps = [len(b) * abs(truth[b].mean() - probability[b].mean()) for b in bins]
    return float(sum(gaps) / len(truth))


def area_under_curve(truth: NDArray[bool_], probability: NDArray[float64]) -> float:
    """Area under the ROC curve as the Mann-Whitney statistic; scikit-learn's, fast enough for a bootstrap."""
    positive = int(truth.sum())
    above = rankdata(probability)[truth].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (len(truth) - positive)))


def average_precision(truth: NDArray[bool_], probability: NDArray[float64]) -> float:
    """Mean precision over the steps of recall; ties are one step, as in scikit-learn."""
    order = np.argsort(-probability, kind="stable")
    ranked, hits = probability[order], np.cumsum(truth[order])
    step_ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    gained = np.diff(hits[step_ends], prepend=0)
    return float((gained * hits[step_ends] / (step_ends + 1)).sum() / truth.sum())


def _metrics(threshold: float) -> dict[str, Metric]:
    def rate(numerator: Array, denominator: Array) -> float:
        return float(numerator.sum() / denominator.sum()) if denominator.sum() else float("nan")

    def f1(truth: NDArray[bool_], p: NDArray[float64]) -> float:
        called = p >= threshold
        return float(2 * (truth & called).sum() / max(1, truth.sum() + called.sum()))

    def ranked(score: Callable[..., float]) -> Metric:
        return lambda truth, p: float(score(truth, p)) if truth.any() and not truth.all() else float("nan")

    return {
        "auc": ranked(area_under_curve),
        "average_precision": ranked(average_precision),
        "accuracy": lambda truth, p: float((truth == (p >= threshold)).mean()),
        "sensitivity": lambda truth, p: rate(truth & (p >= threshold), truth),
        "specificity": lambda truth, p: rate(~truth & (p < threshold), ~truth),
        "precision": lambda truth, p: rate(truth & (p >= threshold), p >= threshold),
        "f1": f1,
        "ece": expected_calibration_error,
    }


def _resamples(group: Array, seed: int, rounds: int) -> list[Array]:
    names, member = np.unique(group, return_inverse=True)
    rows = [np.flatnonzero(member == i) for i in range(len(names))]
    random = np.random.default_rng(seed)
    return [np.concatenate([rows[i] for i in random.integers(len(rows), size=len(rows))]) for _ in range(rounds)]
