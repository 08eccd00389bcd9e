"""How much tracer a region took up: SUVmax, SUVmean, SUVpeak, metabolic volume, total lesion glycolysis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medcore.volume import Geometry, Volume

PEAK_ML = 1.0  # sphere of SUVpeak (PERCIST 1.0, Wahl et al., J Nucl Med 2009)
FINE = 5  # points along each side of a voxel that decide how much of it the sphere covers


@dataclass(frozen=True, slots=True)
class Uptake:
    """Tracer in a region, SUV as the scan gives it (body weight or lean body mass).

    Args:
        highest: SUVmax.
        mean: SUVmean.
        peak: SUVpeak: the highest mean of a sphere of 1 ml whose centre lies in the region.
        volume_ml: Metabolic tumour volume: of the region as it is drawn.
        glycolysis: Total lesion glycolysis: SUVmean times volume, in SUV · ml.
    """

    highest: float
    mean: float
    peak: float
    volume_ml: float

    @property
    def glycolysis(self) -> float:
        """SUVmean times volume."""
        return self.mean * self.volume_ml


def uptake(scan: Volume, inside: NDArray[np.bool_], *, corner: Sequence[int] = (0, 0, 0)) -> Uptake:
    """The uptake of a region of a scan in SUV.

    Args:
        inside: (s, r, c), true in the region; at least one voxel is.
        corner: Where `inside` begins in the scan.

    Raises:
        NoScaleError: The scan has no patient coordinates.
    """
    box = tuple(slice(at, at + size) for at, size in zip(corner, inside.shape, strict=True))
    values = scan.voxels[box][inside].astype(np.float64)
    volume = len(values) * scan.geometry.voxel_ml
    return Uptake(float(values.max()), float(values.mean()), _peak(scan, inside, corner), volume)


def _peak(scan: Volume, inside: NDArray[np.bool_], corner: Sequence[int]) -> float:
    """The mean of the sphere, over the part of it that lies in the scan."""
    ball = _ball(scan.geometry)
    centres = np.argwhere(inside) + np.array(corner)
    low, high = centres.min(axis=0), centres.max(axis=0) + 1
    margin = np.array(ball.shape) // 2
    start = np.maximum(low - margin, 0)
    wide = tuple(slice(a, b) for a, b in zip(start, np.minimum(high + margin, scan.shape), strict=True))
    values = scan.voxels[wide].astype(np.float64)
    total = ndimage.convolve(values, ball, mode="constant")
    count = ndimage.convolve(np.ones_like(values), ball, mode="constant")
    return float((total / count)[tuple((centres - start).T)].max())


def _ball(geometry: Geometry) -> NDArray[np.float64]:
    """Share of each voxel in a sphere of 1 ml about the middle one, by 5 × 5 × 5 points a voxel."""
    radius = (PEAK_ML * 1000 * 3 / (4 * math.pi)) ** (1 / 3)
    reach = [math.ceil(radius / step) for step in geometry.steps]
    fine = [
        (np.arange(FINE * (2 * n + 1)) - (FINE * (2 * n + 1) - 1) / 2) / FINE * step
        for n, step in zip(reach, geometry.steps, strict=True)
    ]
    distance = np.sqrt(sum(np.square(axis) for axis in np.meshgrid(*fine, indexing="ij")))
    shape = [part for n in reach for part in (2 * n + 1, FINE)]
    return np.asarray((distance <= radius).reshape(shape).mean(axis=(1, 3, 5)))
