"""The lungs of a scan on a grid of about 1 mm, where candidates are looked for: small, and alike for every scanner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medcore.errors import N_, CancelledError
from medcore.imaging.regions import RegionMask, segment
from medcore.imaging.regions._shapes import cut_at_ends
from medcore.volume import Array, Geometry, Unit, Volume

STEP_MM, COARSE_MM = 1.0, 2.0
MARGIN_MM = 6.0  # around the lungs' box
AIR_HU, WATER_HU = -1024.0, 200.0  # values are cut here: bone and metal are as bright as soft tissue


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """The box of the lungs.

    Args:
        values: (S, R, C) float32 HU, cut at AIR_HU and WATER_HU.
        inside: (S, R, C) the lungs with their vessels, closed over what bulges into them.
        geometry: Of this grid.
        lungs: What was found, on a grid of about 2 mm of the whole scan, and how far to trust it.
        volume_ml: Of the lungs that the scan shows.
        partial: The lungs go on beyond the first or the last slice.
    """

    values: NDArray[float32]
    inside: NDArray[np.bool_]
    geometry: Geometry
    lungs: RegionMask
    volume_ml: float
    partial: bool = False


def lung_field(scan: Volume, *, cancelled: Callable[[], bool] = lambda: False) -> Field | None:
    """The lungs on a grid of about 1 mm; None where there are none.

    Raises:
        UnfitInputError: The scan is no CT in HU.
        CancelledError: `cancelled` became true.
    """
    coarse = _overview(scan, cancelled)
    small = Volume(coarse[0].astype(np.int16), Unit.HU, "CT", coarse[1])
    lungs = segment("lungs", small, cancelled=cancelled)
    labels = lungs.mask.labels > 0
    if not labels.any():
        return None
    box = _box(labels, coarse[1], scan)
    part = tuple(slice(low, high) for low, high in box)
    affine = scan.geometry.affine.copy()
    affine[:3, 3] = scan.geometry.to_lps(np.array([low for low, _ in box]))
    values, geometry = resampled(scan.voxels[part], Geometry(affine), STEP_MM, cancelled=cancelled)
    inside = _on_grid(labels, coarse[1], geometry, values.shape)
    np.clip(values, AIR_HU, WATER_HU, out=values)
    return Field(values, inside, geometry, lungs, float(sum(lungs.volumes_ml.values())), cut_at_ends(labels, small))


def _overview(scan: Volume, cancelled: Callable[[], bool]) -> tuple[NDArray[float32], Geometry]:
    """The scan on about COARSE_MM; of thin slices only some are looked at, which is enough to tell air from tissue."""
    every = max(1, int(COARSE_MM / scan.geometry.steps[0] + 1e-6))
    affine = scan.geometry.affine.copy()
    affine[:3, 0] *= every
    return resampled(scan.voxels[::every], Geometry(affine), COARSE_MM, cancelled=cancelled)


def resampled(
    voxels: Array, geometry: Geometry, step_mm: float, *, cancelled: Callable[[], bool] = lambda: False
) -> tuple[NDArray[float32], Geometry]:
    """Voxels averaged down, or interpolated linearly, to about `step_mm` along each axis, and where they lie.

    A slice thinner than two steps is left alone along its axis: it would only be averaged with itself.

    Raises:
        CancelledError: `cancelled` became true; asked at each slice.
    """
    shape = np.array(voxels.shape)
    lengths = shape * np.array(geometry.steps)
    wanted = np.where(shape == 1, 1, np.maximum(1, np.rint(lengths / step_mm))).astype(int)
    factors = shape / wanted
    plane = (int(wanted[2]), int(wanted[1]))
    how = cv2.INTER_AREA if factors[1] >= 1 and factors[2] >= 1 else cv2.INTER_LINEAR
    source = voxels if voxels.dtype in (np.int16, np.uint16, np.float32) else voxels.astype(np.float32)
    values = np.empty(tuple(wanted), dtype=float32)
    kept: dict[int, NDArray[float32]] = {}

    def plane_of(s: int) -> NDArray[float32]:
        if s not in kept:
            for old in [k for k in kept if k < s - 8]:
                del kept[old]
            kept[s] = cv2.resize(np.ascontiguousarray(source[s]), plane, interpolation=how).astype(float32)
        return kept[s]

    for k in range(int(wanted[0])):
        if cancelled():
            raise CancelledError(N_("Stopped."))
        weights = _weights(k, float(factors[0]), int(shape[0]))
        np.multiply(plane_of(weights[0][0]), weights[0][1], out=values[k])
        for s, weight in weights[1:]:
            cv2.scaleAdd(plane_of(s), weight, values[k], values[k])
    affine = geometry.affine.copy()
    affine[:3, :3] = affine[:3, :3] * factors
    affine[:3, 3] = geometry.to_lps(factors / 2 - 0.5)
    return values, Geometry(affine)


def _weights(k: int, factor: float, count: int) -> list[tuple[int, float]]:
    """The slices, and the share of each, that make the k-th slice of a grid `factor` times as coarse."""
    low, high = k * factor, (k + 1) * factor
    if factor > 1:  # the mean of the slices that it covers
        used = range(int(low), min(int(np.ceil(high - 1e-9)), count))
        lengths = [min(s + 1, high) - max(s, low) for s in used]
        return [(s, length / sum(lengths)) for s, length in zip(used, lengths, strict=True)]
    at = float(np.clip((low + high) / 2 - 0.5, 0, count - 1))
    below = int(at)
    return [(s, w) for s, w in ((below, 1 - at + below), (below + 1, at - below)) if w > 0]


def _box(labels: NDArray[np.bool_], geometry: Geometry, scan: Volume) -> list[tuple[int, int]]:
    """First voxel and the one after the last of the lungs' box on the scan's own grid, with its margin."""
    found = []
    for axis in range(3):
        used = np.flatnonzero(labels.any(axis=tuple(a for a in range(3) if a != axis)))
        factor = scan.shape[axis] / labels.shape[axis]
        margin = MARGIN_MM / geometry.steps[axis] * factor
        low, high = used[0] * factor - margin, (used[-1] + 1) * factor + margin
        found.append((max(0, int(low)), min(scan.shape[axis], int(np.ceil(high)))))
    return found


def _on_grid(labels: NDArray[np.bool_], coarse: Geometry, fine: Geometry, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Coarse labels on the fine grid, which is parallel to it."""
    start = coarse.to_index(fine.to_lps(np.zeros(3)))
    step = np.array(fine.steps) / np.array(coarse.steps)
    soft = labels.astype(float32)
    rows, columns = ((start[axis] + step[axis] * np.arange(shape[axis])).astype(float32) for axis in (1, 2))
    across, down = np.meshgrid(columns, rows)
    inside = np.empty(shape, dtype=bool)
    for k in range(shape[0]):
        at = float(np.clip(start[0] + step[0] * k, 0, labels.shape[0] - 1))
        below = int(at)
        above = min(below + 1, labels.shape[0] - 1)
        mixed = cv2.addWeighted(soft[below], 1 - at + below, soft[above], at - below, 0.0)
        inside[k] = cv2.remap(mixed, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) > 0.5
    return inside
