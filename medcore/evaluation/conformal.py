"""Conformal sets: the answers that cannot be ruled out at a promised coverage, for ill and well people alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import bool_, float64
from numpy.typing import NDArray

from medcore.cards import Conformal, Estimate
from medcore.evaluation.resampling import mean_estimate
from medcore.volume import Array

COVERAGE = 0.9


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the sets did on other images: how often they held the truth, and how often they left it open."""

    all: Estimate
    positive: Estimate
    negative: Estimate
    undecided: Estimate  # both answers in the set
    empty: Estimate  # neither


def fit_conformal(
    truth: NDArray[bool_], probability: NDArray[float64], source: Array, *, coverage: float = COVERAGE
) -> Conformal:
    """Limits from validation data, for each class its own (Vovk 2012; Sadinle et al. 2019), the loosest of all sources.

    So the promise holds for each source and not only for their mix, in which an easy one hides a hard one.

    Args:
        source: (N,) number of each image's data set; one with too few images of a class to promise anything is silent
            on that class, as long as another one is not.
    """
    return Conformal(
        coverage=coverage,
        positive_from=1 - _loosest(1 - probability[truth], source[truth], coverage),
        negative_to=_loosest(probability[~truth], source[~truth], coverage),
    )


def measure_coverage(truth: NDArray[bool_], probability: NDArray[float64], group: Array, limits: Conformal) -> Coverage:
    """Coverage on a test set, with intervals over patients."""
    may, may_not = probability >= limits.positive_from, probability <= limits.negative_to
    holds = np.where(truth, may, may_not).astype(float64)

    def mean(values: Array, rows: Array) -> Estimate:
        return mean_estimate(np.asarray(values, dtype=float64)[rows], group[rows])

    every = np.ones(len(truth), dtype=bool)
    return Coverage(
        all=mean(holds, every),
        positive=mean(holds, truth),
        negative=mean(holds, ~truth),
        undecided=mean(may & may_not, every),
        empty=mean(~may & ~may_not, every),
    )


def _loosest(misfit: NDArray[float64], source: Array, coverage: float) -> float:
    """The largest conformal quantile of the sources; 1 when none has images enough to promise anything."""
    found = [_quantile(misfit[source == number], coverage) for number in np.unique(source)]
    return max((limit for limit in found if limit is not None), default=1.0)


def _quantile(misfit: NDArray[float64], coverage: float) -> float | None:
    rank = int(np.ceil((len(misfit) + 1) * coverage))
    return float(np.sort(misfit)[rank - 1]) if 0 < rank <= len(misfit) else None
