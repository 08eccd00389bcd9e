"""Two models on the same images: DeLong's test, McNemar's test, and the paired bootstrap over patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy import bool_, float32, float64
from numpy.typing import NDArray
from scipy.stats import binomtest, norm, rankdata

from medcore.cards import Estimate
from medcore.evaluation.classification import METRICS, Answers, figures, rank
from medcore.evaluation.resampling import ROUNDS, interval, weights


@dataclass(frozen=True, slots=True)
class Comparison:
    """First model less second.

    Args:
        differences: Of each metric, with its interval from the paired bootstrap over patients.
        p_bootstrap: Two-sided, of each difference.
        p_delong: Of the AUCs; images count as independent, so with several a patient it is too bold.
        p_mcnemar: Of the calls at the thresholds, exact; independent images too.
    """

    differences: Mapping[str, Estimate]
    p_bootstrap: Mapping[str, float]
    p_delong: float
    p_mcnemar: float


def compare(
    first: Answers, second: Answers, *, thresholds: tuple[float, float], rounds: int = ROUNDS, seed: int = 0
) -> Comparison:
    """Compare two models' answers to the same images, row by row the same."""
    drawn, whole = [], []
    for answers, threshold in zip((first, second), thresholds, strict=True):
        ranked = rank(answers, threshold)
        chunks = weights(answers.group, rounds=rounds, seed=seed)  # the same draws for both: pairs
        drawn.append(np.concatenate([figures(w[:, ranked.order], ranked) for w in chunks]))
        whole.append(figures(np.ones((1, len(answers.truth)), dtype=float32), ranked)[0])
    gap, rounds_gap = whole[0] - whole[1], drawn[0] - drawn[1]
    return Comparison(
        differences={name: interval(gap[i], rounds_gap[:, i]) for i, name in enumerate(METRICS)},
        p_bootstrap={name: _two_sided(rounds_gap[:, i]) for i, name in enumerate(METRICS)},
        p_delong=delong(first.truth, first.probability, second.probability),
        p_mcnemar=mcnemar(first, second, thresholds),
    )


def delong(truth: NDArray[bool_], first: NDArray[float64], second: NDArray[float64]) -> float:
    """Two-sided p of equal AUCs (DeLong et al. 1988, by the ranks of Sun & Xu 2014)."""
    area, covariance = delong_covariance(truth, np.stack([first, second]))
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    if variance <= 0:
        return 1.0
    return float(2 * norm.sf(abs(area[0] - area[1]) / np.sqrt(variance)))


def delong_covariance(truth: NDArray[bool_], scores: NDArray[float64]) -> tuple[NDArray[float64], NDArray[float64]]:
    """AUCs (models,) and their covariance (models, models) of scores (models, N)."""
    ill, well = scores[:, truth], scores[:, ~truth]
    m, n = ill.shape[1], well.shape[1]
    together = np.stack([rankdata(np.concatenate([i, w])) for i, w in zip(ill, well, strict=True)])
    own_ill, own_well = rankdata(ill, axis=1), rankdata(well, axis=1)
    area = together[:, :m].sum(axis=1) / m / n - (m + 1) / 2 / n
    share_ill = (together[:, :m] - own_ill) / n
    share_well = 1 - (together[:, m:] - own_well) / m
    covariance = np.atleast_2d(np.cov(share_ill)) / m + np.atleast_2d(np.cov(share_well)) / n
    return area, covariance


def mcnemar(first: Answers, second: Answers, thresholds: tuple[float, float]) -> float:
    """Two-sided exact p of equally many wrong calls (McNemar 1947)."""
    right = [(a.probability >= t) == a.truth for a, t in zip((first, second), thresholds, strict=True)]
    only_first, only_second = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)


def _two_sided(gaps: NDArray[float64]) -> float:
    known = gaps[np.isfinite(gaps)]
    if not len(known):
        return float("nan")
    tail = min((known <= 0).sum(), (known >= 0).sum())
    return float(min(1.0, 2 * (tail + 1) / (len(known) + 1)))
