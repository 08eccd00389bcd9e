"""Registration of two scans of the same contrast: robust Gauss-Newton steps on their grey values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medcore.imaging.registration.alignment import Motion
from medcore.imaging.registration.pyramid import Level
from medcore.volume import Affine

Floats = NDArray[np.float64]
MOST_POINTS = 40_000
TUKEY = 4.685  # of the robust spread: beyond it a difference has no say (Beaton and Tukey 1974)
STILL_MM = 1e-3  # a step shorter than this ends the search
FEWEST_POINTS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Points of the fixed scan that say something about its position.

    Args:
        places: (N, 3) LPS mm.
        values: (N,) brightness there.
        slopes: (N, 3) change of brightness for each mm.
        middle: (3,) their centre, about which turns are taken.
    """

    places: Floats
    values: Floats
    slopes: Floats
    middle: Floats


def samples(fixed: Level, *, most: int = MOST_POINTS) -> Samples:
    """Foreground points and their surroundings, at most `most`, taken evenly."""
    near = ndimage.binary_dilation(fixed.foreground, iterations=2)
    index = np.argwhere(near)
    index = index[:: max(1, len(index) // most)]
    chosen = tuple(index.T)
    inverse = np.linalg.inv(fixed.geometry.affine[:3, :3])
    by_index = np.stack([_slope(fixed.voxels, axis)[chosen] for axis in range(3)], axis=1)
    places = fixed.geometry.to_lps(index)
    return Samples(places, fixed.voxels[chosen].astype(np.float64), by_index @ inverse, places.mean(axis=0))


def _slope(voxels: NDArray[np.float32], axis: int) -> Floats:
    """Change of brightness for each step along an axis; none along an axis of one voxel."""
    slope = np.gradient(voxels, axis=axis) if voxels.shape[axis] > 1 else np.zeros_like(voxels)
    return np.asarray(slope, dtype=np.float64)


def seek(points: Samples, moving: Level, start: Affine, motion: Motion, *, steps: int = 30) -> Affine:
    """The 4×4 map from the fixed to the moving scan that makes their brightness agree best, near `start`.

    Inverse compositional Gauss-Newton (Baker and Matthews 2004) with Tukey's weights and a free gain and offset of
    brightness, so that noise, a lesion that came or went and a changed scale do not pull it away.

    Returns:
        The map, or `start` where the scans do not overlap.
    """
    jacobian = _jacobian(points, motion)
    around = np.eye(4)
    around[:3, 3] = points.middle
    back = np.linalg.inv(around)
    found = start
    for _ in range(steps):
        values, seen = sampled(moving, points.places @ found[:3, :3].T + found[:3, 3])
        if np.count_nonzero(seen) < FEWEST_POINTS:
            return start
        wrong = _difference(values[seen], points.values[seen])
        weights = _tukey(wrong)
        weighted = jacobian[seen] * weights[:, None]
        normal = weighted.T @ jacobian[seen]
        normal[np.diag_indices_from(normal)] += 1e-6 * np.trace(normal) / len(normal)
        step = _moved(np.asarray(np.linalg.solve(normal, weighted.T @ wrong), dtype=np.float64), motion)
        found = found @ around @ np.linalg.inv(step) @ back
        if _reach(step, points) < STILL_MM:
            break
    return np.asarray(found)


def sampled(moving: Level, places: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Brightness at places (N, 3), linear between voxels, and which of them lie in the scan."""
    index = moving.geometry.to_index(places).T
    ends = np.array(moving.voxels.shape)[:, None] - 0.5
    seen = np.all((index >= -0.5) & (index <= ends), axis=0)
    return ndimage.map_coordinates(moving.voxels, index, order=1, mode="nearest").astype(np.float64), seen


def correlation(points: Samples, moving: Level, found: Affine) -> tuple[float, float]:
    """Correlation of brightness where both scans are, and the share of points where that is so."""
    values, seen = sampled(moving, points.places @ found[:3, :3].T + found[:3, 3])
    if np.count_nonzero(seen) < FEWEST_POINTS:
        return 0.0, float(seen.mean())
    first, second = values[seen] - values[seen].mean(), points.values[seen] - points.values[seen].mean()
    spread = float(np.sqrt((first @ first) * (second @ second)))
    return (float(first @ second) / spread if spread > 0 else 0.0), float(seen.mean())


def best_of(points: Samples, moving: Level, starts: Sequence[Affine], motion: Motion, *, steps: int) -> Affine:
    """The search from each start, and of those the one with the best correlation times overlap."""
    ends = [seek(points, moving, start, motion, steps=steps) for start in starts]
    return max(ends, key=lambda one: _score(points, moving, one))


def _score(points: Samples, moving: Level, found: Affine) -> float:
    similarity, overlap = correlation(points, moving, found)
    return similarity * min(1.0, overlap / 0.5)


def _difference(values: Floats, wanted: Floats) -> Floats:
    """Brightness that is too much, once both have the same spread and middle."""
    gain = float(np.clip(values.std() / max(float(wanted.std()), 1e-6), 0.5, 2.0))
    scaled = values / gain - wanted
    return np.asarray(scaled - np.median(scaled))


def _tukey(wrong: Floats) -> Floats:
    spread = 1.4826 * float(np.median(np.abs(wrong))) + 1e-6
    return np.asarray(np.square(1 - np.square(np.clip(wrong / (TUKEY * spread), -1, 1))))


def _jacobian(points: Samples, motion: Motion) -> Floats:
    """(N, 6), (N, 7) or (N, 12): change of brightness for each parameter of a small motion about the middle."""
    away = points.places - points.middle
    rigid = [points.slopes, np.cross(away, points.slopes)]
    if motion is Motion.RIGID:
        return np.hstack(rigid)
    if motion is Motion.SIMILARITY:
        return np.hstack([*rigid, (points.slopes * away).sum(axis=1, keepdims=True)])
    return np.hstack([points.slopes, (points.slopes[:, :, None] * away[:, None, :]).reshape(len(away), 9)])


def _moved(parameters: Floats, motion: Motion) -> Affine:
    """The 4×4 of a small motion."""
    step = np.eye(4)
    step[:3, 3] = parameters[:3]
    if motion is Motion.RIGID:
        step[:3, :3] = turn(parameters[3:6])
    elif motion is Motion.SIMILARITY:
        step[:3, :3] = turn(parameters[3:6]) * np.exp(np.clip(parameters[6], -0.2, 0.2))
    else:
        step[:3, :3] += parameters[3:].reshape(3, 3)
    return step


def turn(vector: Floats) -> Floats:
    """3×3: a rotation about a vector by its length in radians (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def _reach(step: Affine, points: Samples) -> float:
    """How far a step moves a typical point, mm."""
    radius = float(np.sqrt(points.places.var(axis=0).sum()))
    return float(np.linalg.norm(step[:3, 3]) + radius * np.linalg.norm(step[:3, :3] - np.eye(3)))
