"""How unlike the training images an input is: how far its pooled features lie from theirs, and towards what."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from medcore.volume import Array

DIRECTIONS = 64  # most directions of variation that are kept; the rest counts as one
KEPT_VARIANCE = 0.99
REFUSED_ON_VALIDATION = 0.02  # share of validation images beyond the threshold
PULL = 0.1  # inverse strength of the pull towards zero of what tells strangers apart (benchmarks in docs/training.md)
MOST = 5.0  # logarithm of the largest factor by which a strange picture lies further away


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """Where the features of training images lie.

    Args:
        mean: (K,) of the pooled features.
        directions: (r, K) directions of variation, each divided by its standard deviation.
        rest: Root mean square distance of training images from the plane of the directions.
        away: (K,) along which pictures of other things differ from its own, in logits; None where none were shown.
        start: Where along it an image begins to count as strange.
    """

    mean: NDArray[float32]
    directions: NDArray[float32]
    rest: float
    away: NDArray[float32] | None = None
    start: float = 0.0

    def distance(self, features: Array) -> NDArray[float64]:
        """Distance of pooled features (N, K); about 1 for an image like those of training.

        Mahalanobis' within the directions (Lee et al. 2018), and the residual of Ndiour et al. 2020 beside it;
        times e for each logit by which the image lies on the strangers' side (outlier exposure, Hendrycks et al. 2019).
        """
        near = self._from_own(features)
        return near if self.away is None else near * np.exp(np.clip(self.strangeness(features), 0, MOST))

    def strangeness(self, features: Array) -> NDArray[float64]:
        """Logits (N,) by which features (N, K) lie beyond the start, towards the strangers."""
        assert self.away is not None, "asked only where there is a direction"
        return np.asarray(np.asarray(features, dtype=float64) @ self.away.astype(float64) - self.start, dtype=float64)

    def _from_own(self, features: Array) -> NDArray[float64]:
        centred = np.asarray(features, dtype=float64) - self.mean
        inside = centred @ self.directions.T.astype(float64)
        length = np.linalg.norm(self.directions, axis=1).astype(float64)
        plane = (inside / length) @ (self.directions / length[:, None])
        beyond = np.linalg.norm(centred - plane, axis=1) / max(self.rest, 1e-12)
        return np.asarray(np.sqrt((np.mean(inside**2, axis=1) + beyond**2) / 2), dtype=float64)


def fit_gate(features: Array) -> Gate:
    """A gate for pooled features (N, K) of training images."""
    numbers = np.asarray(features, dtype=float64)
    mean = numbers.mean(axis=0)
    centred = numbers - mean
    _, spread, turned = np.linalg.svd(centred, full_matrices=False)
    share = np.cumsum(spread**2) / max(float((spread**2).sum()), 1e-30)
    count = int(np.clip(np.searchsorted(share, KEPT_VARIANCE) + 1, 1, min(DIRECTIONS, len(spread))))
    deviation = np.maximum(spread[:count] / np.sqrt(max(1, len(numbers) - 1)), 1e-6)
    directions = turned[:count] / deviation[:, None]
    left = centred - (centred @ turned[:count].T) @ turned[:count]
    rest = float(np.sqrt((left**2).sum(axis=1).mean()))
    return Gate(mean.astype(float32), directions.astype(float32), max(rest, 1e-6))


def with_strangers(gate: Gate, own: Array, strangers: Array, validation: Array) -> Gate:
    """The gate, which now knows along what pictures of other things lie.

    Args:
        own: (N, K) features of training images.
        strangers: (M, K) of pictures of other things.
        validation: (V, K) of validation images, of which REFUSED_ON_VALIDATION may lie on the strangers' side.
    """
    scaler = StandardScaler().fit(np.concatenate([own, strangers]).astype(float64))
    shown = scaler.transform(np.concatenate([own, strangers]).astype(float64))
    other = np.arange(len(shown)) >= len(own)
    line = LogisticRegression(C=PULL, class_weight="balanced", max_iter=2000).fit(shown, other)
    away = (line.coef_[0] / scaler.scale_).astype(float32)
    middle = float(scaler.mean_ @ away.astype(float64) - line.intercept_[0])
    drawn = replace(gate, away=away, start=middle)
    start = middle + max(0.0, float(np.quantile(drawn.strangeness(validation), 1 - REFUSED_ON_VALIDATION)))
    return replace(drawn, start=float(float32(start)))


def gate_threshold(distance: Array, *, refused: float = REFUSED_ON_VALIDATION) -> float:
    """The distance that a given share of validation images exceeds."""
    return float(np.quantile(distance, 1 - refused))
