"""Calibration on validation data (Platt, temperature, isotonic), its error and its diagram, and operating points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import bool_, float32, float64
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from medcore.cards import Calibration, Estimate
from medcore.errors import N_, CardError
from medcore.volume import Array

BINS = 10
CALIBRATIONS = ("platt", "temperature", "isotonic")
OPERATING_POINTS = ("youden", "sensitivity", "specificity")
EDGE = 0.001  # a probability is never called impossible or certain


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Images of similar probability: their mean probability, and how often the finding was there (95 % interval)."""

    count: int
    probability: float
    frequency: Estimate


def fit_calibration(
    truth: NDArray[bool_], logit: NDArray[float64], weight: NDArray[float64], *, method: str = "platt"
) -> Calibration:
    """Map logits to probabilities by one of CALIBRATIONS, with sample weights.

    Platt (1999): logistic regression on the logit. Temperature (Guo et al. 2017): a slope alone. Isotonic
    (Zadrozny & Elkan 2002): any rising function, for a validation set of some thousand images.

    Raises:
        CardError: There is no such method.
    """
    match method:
        case "platt":
            model = LogisticRegression(C=1e6).fit(logit[:, None], truth, sample_weight=weight)
            return Calibration(slope=float(model.coef_[0, 0]), offset=float(model.intercept_[0]))
        case "temperature":
            signed = np.where(truth, logit, -logit)
            found = minimize_scalar(
                lambda log_slope: float((weight * np.logaddexp(0, -np.exp(log_slope) * signed)).sum()),
                bounds=(-4, 4),
                method="bounded",
            )
            return Calibration(slope=float(np.exp(found.x)))
        case "isotonic":
            rising = IsotonicRegression(y_min=EDGE, y_max=1 - EDGE, out_of_bounds="clip").fit(logit, truth, weight)
            knots = zip(rising.X_thresholds_, rising.y_thresholds_, strict=True)
            return Calibration(knots=tuple((float(x), float(y)) for x, y in knots))
        case _:
            raise CardError(N_("There is no “{name}” among: {known}."), name=method, known=", ".join(CALIBRATIONS))


def probabilities(logits: Sequence[float] | Array, calibration: Calibration) -> NDArray[float64]:
    """Calibrated probabilities of logits (N,)."""
    return np.array([calibration.probability(float(x)) for x in logits], dtype=float64)


def equal_bins(probability: NDArray[float64]) -> NDArray[float32]:
    """(N, BINS) 1 where a row belongs to one of the equally filled bins (Naeini et al. 2015)."""
    rank = np.empty(len(probability), dtype=int)
    rank[np.argsort(probability, kind="stable")] = np.arange(len(probability))
    edges = np.cumsum([len(part) for part in np.array_split(np.arange(len(probability)), BINS)])
    bins: NDArray[float32] = np.zeros((len(probability), BINS), dtype=float32)
    bins[np.arange(len(probability)), np.searchsorted(edges, rank, side="right")] = 1
    return bins


def expected_calibration_error(truth: NDArray[bool_], probability: NDArray[float64]) -> float:
    """Mean distance between probability and frequency over equally filled bins."""
    gaps = equal_bins(probability).astype(float64).T @ (truth - probability)
    return float(np.abs(gaps).sum() / len(truth))


def reliability(truth: NDArray[bool_], probability: NDArray[float64]) -> tuple[ReliabilityBin, ...]:
    """The reliability diagram over the same bins, with Wilson intervals."""
    found = []
    for column in equal_bins(probability).T.astype(bool):
        count = int(column.sum())
        if not count:
            continue
        test = binomtest(int(truth[column].sum()), count).proportion_ci(method="wilson")
        frequency = Estimate(float(truth[column].mean()), float(test.low), float(test.high))
        found.append(ReliabilityBin(count, float(probability[column].mean()), frequency))
    return tuple(found)


def best_threshold(
    truth: NDArray[bool_],
    probability: NDArray[float64],
    weight: NDArray[float64],
    *,
    method: str = "youden",
    target: float = 0.95,
) -> float:
    """The operating point on validation data, halfway to the next probability below.

    Args:
        method: "youden": largest weighted sensitivity + specificity. "sensitivity": the highest threshold that finds
            at least `target` of the positives. "specificity": the lowest that calls at least `target` of the
            negatives negative.

    Raises:
        CardError: There is no such method.
    """
    order = np.argsort(-probability)
    found = np.cumsum(np.where(truth, weight, 0)[order]) / weight[truth].sum()
    false = np.cumsum(np.where(truth, 0, weight)[order]) / weight[~truth].sum()
    ranked = probability[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    match method:
        case "youden":
            best = ends[int(np.argmax(found[ends] - false[ends]))]
        case "sensitivity":
            best = ends[min(int(np.argmax(found[ends] >= target - 1e-12)), len(ends) - 1)]
        case "specificity":
            allowed = ends[1 - false[ends] >= target - 1e-12]
            if not len(allowed):
                return float(np.clip((ranked[0] + 1) / 2, EDGE, 1 - EDGE))
            best = allowed[-1]
        case _:
            raise CardError(N_("There is no “{name}” among: {known}."), name=method, known=", ".join(OPERATING_POINTS))
    following = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float(np.clip((ranked[best] + following) / 2, EDGE, 1 - EDGE))
