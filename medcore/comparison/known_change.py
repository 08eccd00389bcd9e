"""A change that is known: lesions grow or shrink by parts of a voxel, and the patient lies elsewhere another day."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medcore.errors import N_, UnfitInputError
from medcore.imaging.borders import Borders
from medcore.imaging.lesions import lesions
from medcore.imaging.registration.alignment import Alignment, Method, Motion, Trust
from medcore.imaging.registration.same_contrast import turn
from medcore.volume import Affine, Array, Geometry, Unit, Volume

Floats = NDArray[np.float64]
TURN_DEGREES = np.array([2.0, -1.5, 2.5])
SHIFT_MM, MOST_SHIFT = np.array([2.5, 2.0, 3.0]), 0.05  # along slice, row and column; share of the scan
EASE_MM = 10.0  # around a lesion that grows, in which the tissue makes room
SEED = 7
PLACES = 8  # drawn to learn what the place among the voxels does to a size; an eighth more or less costs seconds


@dataclass(frozen=True, slots=True)
class Size:
    """How many voxels all lesions fill, and the longest diameter of the largest one; or errors of both.

    Args:
        voxels: As an error a share of the true number.
        longest_mm: In a slice.
    """

    voxels: float
    longest_mm: float

    @staticmethod
    def of(borders: Borders, mm: float) -> Size:
        """Finer than voxels tell it, with all borders moved outwards by `mm`."""
        return Size(borders.filled(mm), borders.longest_mm(0, mm))


def by_voxels(borders: Borders, true: Size, mm: float) -> Size:
    """Root mean square error of sizes counted in voxels, over places and turns of the lesions among them.

    Args:
        true: Size of the lesions with their borders moved outwards by `mm`.
    """
    rng = np.random.default_rng(SEED)
    box, depth = borders.depth_mm()
    affine = borders.geometry.affine.copy()
    affine[:3, 3] = borders.geometry.to_lps(np.array([side.start for side in box]))
    grid = Geometry(affine, borders.geometry.scale)
    wrong = []
    for _ in range(PLACES):
        away = affine[:3, :3] @ rng.uniform(-0.5, 0.5, 3)
        there = _turned(grid, depth.shape, np.abs(TURN_DEGREES) * rng.uniform(-1, 1, 3), away)
        found = borders.drawn(mm, grid, depth.shape, there)
        longest = borders.largest().drawn(mm, grid, depth.shape, there)
        sizes = [one.diameters.longest for one in lesions(longest)[:1]]
        wrong.append(
            [np.count_nonzero(found.labels) / max(true.voxels, 1.0) - 1, (sizes[0] if sizes else 0.0) - true.longest_mm]
        )
    voxels, longest_mm = np.sqrt(np.square(wrong).mean(axis=0))
    return Size(float(voxels), float(longest_mm))


def grown(scan: Volume, borders: Borders, mm: float) -> Volume:
    """The scan with every lesion's border moved outwards by `mm`, the tissue around it making room.

    Args:
        borders: Of its lesions, known as far as `mm` and `EASE_MM` around them.

    Raises:
        UnfitInputError: Shrinking by so much leaves nothing of the lesions.
    """
    if mm == 0:
        return scan
    if all(float(one.distance_mm.min()) > mm for one in borders.surfaces):
        raise UnfitInputError(
            N_("Shrinking by {mm:.1f} mm leaves nothing of the lesions."), hint=N_("Choose a smaller change."), mm=-mm
        )
    box, depth = borders.depth_mm()
    outwards = _outwards(depth, borders)
    near = depth < abs(mm) + EASE_MM
    here, index = depth[near], np.argwhere(near) + [side.start for side in box]
    core = min(float(here.min()), mm - 1e-3)
    there = np.interp(here, [core, mm, abs(mm) + EASE_MM], [core, 0.0, abs(mm) + EASE_MM])
    geometry = borders.geometry
    source = geometry.to_index(geometry.to_lps(index) - (here - there)[:, None] * outwards[near])
    return replace(scan, voxels=_fetched(scan, tuple(index.T), source), sha256="")


def motion(borders: Borders) -> Affine:
    """4×4, LPS mm: from where the patient lies on another day to where the patient lay.

    The shift is at most a twentieth of the scan and goes towards its middle, so that no lesion at its edge leaves it.
    """
    steps, shape = np.array(borders.geometry.steps), np.array(borders.shape)
    middle = np.mean([np.mean(one.ends, axis=0) for one in borders.surfaces], axis=0)
    towards = np.where(middle < (shape - 1) / 2, -1.0, 1.0)
    shift = towards * np.minimum(SHIFT_MM, MOST_SHIFT * shape * steps) / steps
    return _turned(borders.geometry, borders.shape, TURN_DEGREES, borders.geometry.affine[:3, :3] @ shift)


def moved(scan: Volume, there: Affine) -> Volume:
    """The same patient on another day: turned and shifted a little, on the same grid, with noise of its own.

    Args:
        there: Of `motion`.
    """
    back = Alignment(there, Motion.RIGID, Method.GIVEN, Trust(1.0, 1.0, 0.0, 1.0))
    voxels = back.carried(scan, scan.geometry, scan.shape)
    noise = np.random.default_rng(SEED).standard_normal(voxels.shape, dtype=np.float32)
    noise *= _noise(scan)
    noise += voxels
    if voxels.dtype.kind in "iu":
        limits = np.iinfo(voxels.dtype)
        noise = np.clip(np.rint(noise), limits.min, limits.max)
    return replace(scan, voxels=noise.astype(voxels.dtype), sha256="")


def _turned(geometry: Geometry, shape: tuple[int, ...], degrees: Floats, shift_mm: Floats) -> Affine:
    """4×4, LPS mm: a turn about the middle of a grid, and a shift."""
    middle = geometry.to_lps((np.array(shape) - 1) / 2)
    matrix: Affine = np.eye(4)
    matrix[:3, :3] = turn(np.deg2rad(degrees))
    matrix[:3, 3] = middle + shift_mm - matrix[:3, :3] @ middle
    return matrix


def _fetched(scan: Volume, here: tuple[Array, ...], source: Floats) -> Array:
    """The scan's voxels, those at `here` taken from the places (N, 3) of `source`."""
    from scipy import ndimage

    voxels = scan.voxels.copy()
    channels = [voxels] if scan.unit is not Unit.RGB else [voxels[..., c] for c in range(3)]
    low, high = source.min(axis=0).astype(int) - 1, source.max(axis=0).astype(int) + 3
    first = np.clip(low, 0, np.array(scan.shape) - 1)
    box = tuple(slice(int(a), int(b)) for a, b in zip(first, np.maximum(high, first + 1), strict=True))
    for channel in channels:
        part = channel[box].astype(np.float32)
        values = ndimage.map_coordinates(part, (source - first).T, order=1, mode="nearest")
        channel[here] = np.rint(values) if channel.dtype.kind in "iu" else values
    return voxels


def _outwards(depth: Floats, borders: Borders) -> Floats:
    """(s, r, c, 3): unit vectors in LPS that point away from the nearest lesion."""
    known = np.where(np.isfinite(depth), depth, depth[np.isfinite(depth)].max())
    axes = [np.gradient(known, axis=axis) if known.shape[axis] > 1 else np.zeros_like(known) for axis in range(3)]
    slope = np.stack(axes, axis=-1) @ np.linalg.inv(borders.geometry.affine[:3, :3])
    length = np.linalg.norm(slope, axis=-1, keepdims=True)
    return np.asarray(slope / np.maximum(length, 1e-6))


def _noise(scan: Volume) -> np.float32:
    """Standard deviation of the noise, from differences of neighbours in a row (robust against edges)."""
    rows = scan.voxels[:, :, ::2].astype(np.float32)
    apart = np.abs(np.diff(rows, axis=2))
    return np.float32(1.4826 * float(np.median(apart[apart > 0])) / np.sqrt(2) if (apart > 0).any() else 0.0)
