"""How unlike the training images an input is: the distance of its pooled features from theirs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medcore.volume import Array

DIRECTIONS = 64  # most directions of variation that are kept; the rest counts as one
KEPT_VARIANCE = 0.99
REFUSED_ON_VALIDATION = 0.02  # share of validation images beyond the threshold


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """Where the features of training images lie.

    Args:
        mean: (K,) of the pooled features.
        directions: (r, K) directions of variation, each divided by its standard deviation.
        rest: Root mean square distance of training images from the plane of the directions.
    """

    mean: NDArray[float32]
    directions: NDArray[float32]
    rest: float

    def distance(self, features: Array) -> NDArray[float64]:
        """Distance of pooled features (N, K); about 1 for an image like those of training.

        Mahalanobis' within the directions (Lee et al. 2018), and the residual of Ndiour et al. 2020 beside it.
        """
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


def gate_threshold(distance: Array, *, refused: float = REFUSED_ON_VALIDATION) -> float:
    """The distance that a given share of validation images exceeds."""
    return float(np.quantile(distance, 1 - refused))
