"""Patches around a place in the patient, straight and slanting, from the scan's own voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray
from scipy import ndimage

from medcore.volume import Array, Volume

Floats = NDArray[float64]
STRAIGHT_SHARE = 1e-6  # of the largest step: less than that is none

# Each plane as (down, across) in LPS: axial as a reader sees it, coronal and sagittal with the head up.
STRAIGHT = np.array([[(0, 1, 0), (1, 0, 0)], [(0, 0, -1), (1, 0, 0)], [(0, 0, -1), (0, 1, 0)]], dtype=float64)
_S = np.sqrt(0.5)
# The six planes half way between two of them (Setio et al. 2016): along a vessel, some of them show that it is none.
SLANTING = np.array(
    [
        [(0, _S, _S), (1, 0, 0)],
        [(0, _S, -_S), (1, 0, 0)],
        [(0, 1, 0), (_S, 0, _S)],
        [(0, 1, 0), (_S, 0, -_S)],
        [(0, 0, -1), (_S, _S, 0)],
        [(0, 0, -1), (_S, -_S, 0)],
    ],
    dtype=float64,
)


def plane_patches(
    scan: Volume,
    centres_lps_mm: NDArray[float64],
    *,
    planes: NDArray[float64] = STRAIGHT,
    side: int,
    pixel_mm: float,
    outside: float,
) -> NDArray[float32]:
    """Patches (N, P, side, side) in the scan's values, interpolated linearly: axial, coronal, sagittal by default.

    Args:
        planes: (P, 2, 3), of each the directions down and across in LPS.
        centres_lps_mm: (N, 3); each lies in the middle of its patches.
        outside: Value of what the scan does not show; the first and last slice go on for half a patch.
    """
    offsets = np.asarray((np.arange(side) - (side - 1) / 2) * pixel_mm, dtype=float64)
    steps = planes @ np.linalg.inv(scan.geometry.affine[:3, :3]).T  # (P, 2, 3), of the index for a mm
    steps[np.abs(steps) < STRAIGHT_SHARE * np.abs(steps).max()] = 0.0
    at = scan.geometry.to_index(centres_lps_mm)
    patches = np.empty((len(at), len(planes), side, side), dtype=float32)
    for number, place in enumerate(at):
        for plane, (down, across) in enumerate(steps):
            if np.count_nonzero(across) == 1 and not (down * across).any():
                seen = _of_lines(scan.voxels, place, down, across, offsets, outside=outside)
            elif np.count_nonzero(down) == 1 and not (down * across).any():
                seen = _of_lines(scan.voxels, place, across, down, offsets, outside=outside).T
            else:
                seen = _of_points(scan.voxels, place, down, across, offsets, outside=outside)
            patches[number, plane] = seen
    return patches


def _of_lines(
    voxels: Array, place: Floats, mixed: Floats, straight: Floats, offsets: Floats, *, outside: float
) -> NDArray[float32]:
    """(side, side): lines of voxels along one axis of the array, `mixed` leading from line to line; few steps of work.

    Args:
        place: Index of the middle.
        mixed, straight: Steps of the index for a mm; the second runs along one axis, the first along the other two.
    """
    axis = int(np.flatnonzero(straight)[0])
    first, second = (_neighbours(place[a] + offsets * mixed[a], voxels, a) for a in range(3) if a != axis)
    along = _neighbours(place[axis] + offsets * straight[axis], voxels, axis)
    begin = int(along.low.min())
    near = np.moveaxis(voxels, axis, 2)[:, :, begin : int(along.high.max()) + 1]
    here = _mixed(near[first.low, second.low], near[first.low, second.high], second.share[:, None])
    there = _mixed(near[first.high, second.low], near[first.high, second.high], second.share[:, None])
    lines = _mixed(here, there, first.share[:, None])
    seen = _mixed(lines[:, along.low - begin], lines[:, along.high - begin], along.share)
    seen[~(first.within & second.within), :] = outside
    seen[:, ~along.within] = outside
    return seen


@dataclass(frozen=True, slots=True, eq=False)
class _Neighbours:
    """The two voxels on either side of places along an axis, and the share of the upper one."""

    low: NDArray[np.intp]
    high: NDArray[np.intp]
    share: NDArray[float32]
    within: NDArray[np.bool_]


def _neighbours(at: Floats, voxels: Array, axis: int) -> _Neighbours:
    last = voxels.shape[axis] - 1
    kept = np.minimum(np.maximum(at, 0.0), last)
    # Slices go on as they end, since a short series shows no more; beside the field there is nothing.
    within = np.ones(len(at), dtype=bool) if axis == 0 else kept == at
    low = kept.astype(np.intp)
    return _Neighbours(low, np.minimum(low + 1, last), (kept - low).astype(float32), within)


def _mixed(one: Array, other: Array, share: NDArray[float32]) -> NDArray[float32]:
    return np.asarray(one + share * np.subtract(other, one, dtype=float32), dtype=float32)


def _of_points(
    voxels: Array, place: Floats, down: Floats, across: Floats, offsets: Floats, *, outside: float
) -> NDArray[float32]:
    """(side, side): the same for any directions, as in a tilted scan."""
    points = place + offsets[:, None, None] * down + offsets[None, :, None] * across
    shape = np.array(voxels.shape)
    low = np.clip(np.floor(points.min(axis=(0, 1))).astype(int), 0, shape - 1)
    high = np.clip(np.ceil(points.max(axis=(0, 1))).astype(int) + 1, 1, shape)
    block = voxels[low[0] : high[0], low[1] : high[1], low[2] : high[2]].astype(float32)
    inside = np.moveaxis(points - low, -1, 0)
    inside[0] = np.clip(inside[0], 0, block.shape[0] - 1)
    return np.asarray(ndimage.map_coordinates(block, inside, order=1, mode="constant", cval=outside), dtype=float32)
