"""Grey values: what a window shows, robust ranges, normalisation."""

from __future__ import annotations

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medcore.volume import Array, Unit, Volume

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def grey_plane(scan: Volume, index: int | None = None) -> Array:
    """One slice as grey values (R, C); colour becomes its luma. The middle slice when no index is given."""
    plane: Array = scan.voxels[scan.shape[0] // 2 if index is None else index]
    if scan.unit is Unit.RGB:
        if np.array_equal(plane[..., 0], plane[..., 1]) and np.array_equal(plane[..., 0], plane[..., 2]):
            return np.ascontiguousarray(plane[..., 0])
        return np.asarray(np.rint(plane @ np.array(LUMA)), dtype=np.uint8)
    return plane


def normalise(plane: NDArray[float32], *, low_percent: float, high_percent: float) -> NDArray[float32]:
    """Map the percentiles of a plane to 0 and 1 and clip what lies beyond; a flat plane becomes zeros."""
    low, high = np.percentile(plane, (low_percent, high_percent))
    if high <= low:
        return np.zeros_like(plane)
    return np.asarray(np.clip((plane - low) / (high - low), 0, 1), dtype=float32)
