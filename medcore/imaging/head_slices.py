"""Slices of a head as a network sees them: cut to the head, in one grey scale, square, with the way back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medcore.imaging.content import content
from medcore.imaging.intensity import LUMA
from medcore.volume import Array, Unit, Volume

PREPROCESSING_VERSION = 1
LOW_PERCENT, HIGH_PERCENT = 1.0, 99.0  # of what stands out from the background
LEAST_SHARE = 0.06  # of a row that stands out, for the row to belong to the head: less is noise or ghosting
MARGIN = 0.03  # of the head's longer side, left around it
MEAN, SPREAD = 0.3, 0.25  # fixed, so that the network sees about -1..3


@dataclass(frozen=True, slots=True)
class Scaling:
    """The grey values that become 0 and 1."""

    low: float
    high: float

    def apply(self, values: Array) -> NDArray[float32]:
        """Values in 0..1, clipped."""
        span = max(self.high - self.low, 1e-6)
        return np.asarray(np.clip((np.asarray(values, dtype=float32) - self.low) / span, 0, 1), dtype=float32)


@dataclass(frozen=True, slots=True)
class Square:
    """A square of a slice: where it begins in pixel edges (may lie outside), and its height and width in pixels."""

    top: float
    left: float
    height: float
    width: float

    def matrix(self, side: int) -> NDArray[float64]:
        """(3, 3): (row, column, 1) of the network's grid to the slice's, both in pixel edges."""
        return np.array([[self.height / side, 0, self.top], [0, self.width / side, self.left], [0, 0, 1]])


def grey_voxels(scan: Volume) -> Array:
    """(S, R, C) grey values; colour becomes its luma."""
    if scan.unit is not Unit.RGB:
        return scan.voxels
    return np.asarray(scan.voxels @ np.array(LUMA, dtype=float32), dtype=float32)


def grey_scaling(voxels: Array, standing_out: NDArray[np.bool_]) -> Scaling:
    """The scale of a whole scan, so that all its slices share it."""
    values = voxels[standing_out]
    if not len(values):
        return Scaling(float(voxels.min()), float(voxels.max()))
    step = max(1, len(values) // 1_000_000)
    low, high = np.percentile(values[::step], (LOW_PERCENT, HIGH_PERCENT))
    return Scaling(min(float(low), 0.1 * float(high)), float(high))


def head_square(standing_out: NDArray[np.bool_], steps: tuple[float, float]) -> Square:
    """The square around the head in slices (N, R, C) that lie on each other.

    Args:
        steps: Length of a row step and of a column step, in one unit.
    """
    spans = []
    for axis in (2, 1):
        share = standing_out.mean(axis=axis).max(axis=0)  # of each row, in the slice where it is fullest
        used = np.flatnonzero(share >= LEAST_SHARE)
        spans.append((int(used[0]), int(used[-1]) + 1) if len(used) else (0, len(share)))
    (top, bottom), (left, right) = spans
    side = max((bottom - top) * steps[0], (right - left) * steps[1]) * (1 + 2 * MARGIN)
    height, width = side / steps[0], side / steps[1]
    return Square((top + bottom - height) / 2, (left + right - width) / 2, height, width)


def cut_square(plane: NDArray[float32], square: Square, side: int) -> NDArray[float32]:
    """The square of a plane (R, C) on the network's grid (side, side); zeros beyond the plane.

    Shrinking averages over the area that a pixel covers, so it does not alias.
    """
    blurred = plane
    for axis, length in enumerate((square.height, square.width)):
        if (shrink := length / side) > 1.0:  # as wide as the new pixel
            sigma = 0.5 * float(np.sqrt(shrink**2 - 1))
            kernel = cv2.getGaussianKernel(2 * int(np.ceil(3 * sigma)) + 1, sigma, cv2.CV_32F)
            one = np.ones((1, 1), dtype=float32)
            blurred = cv2.sepFilter2D(
                blurred, cv2.CV_32F, one if axis == 0 else kernel, kernel if axis == 0 else one,
                borderType=cv2.BORDER_REPLICATE,
            )  # fmt: skip
    return np.asarray(_warp(blurred, square, (side, side), square.height / side, square.width / side), dtype=float32)


def put_back(found: NDArray[float32], square: Square, shape: tuple[int, int]) -> NDArray[float32]:
    """What the network says on its grid (side, side), carried to the slice's own grid (R, C); 0 beyond the square."""
    side = found.shape[0]
    inverse = Square(-square.top * side / square.height, -square.left * side / square.width, 0, 0)
    return _warp(found, inverse, shape, side / square.height, side / square.width)


def _warp(
    plane: NDArray[float32], origin: Square, shape: tuple[int, int], row_step: float, column_step: float
) -> NDArray[float32]:
    """Linear interpolation; place of a new pixel's centre in the old grid = step × (index + ½) + origin - ½."""
    matrix = np.array(
        [
            [column_step, 0, 0.5 * column_step + origin.left - 0.5],
            [0, row_step, 0.5 * row_step + origin.top - 0.5],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(plane, matrix, (shape[1], shape[0]), flags=flags, borderValue=0), dtype=float32)


def stands_out(scan: Volume) -> NDArray[np.bool_]:
    """(S, R, C): what stands out from the dark background of a scan."""
    return content(scan)
