"""Candidates for nodules: bright blobs of 3 to 35 mm inside the lungs, at six scales, with vessels held back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray

from medcore.errors import N_, CancelledError
from medcore.imaging.nodules.field import Field
from medcore.volume import Geometry, Triple

LUNG_HU = -850.0  # stands for what lies outside the lungs, so that the wall is no blob
BRIGHT_HU = -350.0  # values are cut here, or vessels would outdo whatever is ground glass
OCTAVES = ((0.8, 1.3, 2.0), (2.0, 3.2, 5.0), (5.0, 8.0, 12.5))  # sigmas in mm; each octave on a grid twice as coarse
LEAST_HU = 25.0  # response: about a fifth of the contrast of a ball of the fitting size
ROUND = 0.12  # the weakest curvature as a share of the strongest; along a vessel it is near zero
MOST_A_LITRE, MOST = 90.0, (120.0, 500.0)
SHARES = (0.35, 0.25, 0.16, 0.12, 0.07, 0.05)  # of each scale: forks of vessels are many and small
GLASS_HU = -600.0  # cut here, a vessel is no brighter than ground glass and, being thin, answers less than it
GLASS_SHARES = (0.0, 0.0, 0.15, 0.12, 0.06, 0.04)  # of places found so; small faint ones are noise
APART = 0.6  # of the larger radius: nearer ones are the same
NEIGHBOURS = np.array([(s, r, c) for s in (-1, 0, 1) for r in (-1, 0, 1) for c in (-1, 0, 1) if (s, r, c) != (0, 0, 0)])


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place where a nodule may be.

    Args:
        centre_lps_mm: In the patient.
        radius_mm: Of the ball that answers best.
        response: How far it stands out, in HU, less for what is drawn out.
    """

    centre_lps_mm: Triple
    radius_mm: float
    response: float


def candidates(field: Field, *, cancelled: Callable[[], bool] = lambda: False) -> tuple[Candidate, ...]:
    """Places to look at, the most striking first.

    The response is a difference of Gaussians (Lowe 2004) times the root of how round the place is, from the eigenvalues
    of its Hessian matrix.

    Raises:
        CancelledError: `cancelled` became true; asked at each scale.
    """
    most = float(np.clip(MOST_A_LITRE * field.volume_ml / 1000.0, *MOST))
    bright = _blobs(field, BRIGHT_HU, [round(share * most) for share in SHARES], cancelled)
    glass = _blobs(field, GLASS_HU, [round(share * most) for share in GLASS_SHARES], cancelled)
    return _distinct(np.concatenate([bright, glass]))


def _blobs(field: Field, bright_hu: float, most: Sequence[int], cancelled: Callable[[], bool]) -> NDArray[float64]:
    """(N, 5), as `_peaks` gives them, of all scales.

    Args:
        bright_hu: What is brighter counts as this.
        most: How many of each scale, the strongest first; a scale of 0 is not looked at.
    """
    values = np.where(field.inside, np.minimum(field.values, np.float32(bright_hu)), np.float32(LUNG_HU))
    inside, geometry = field.inside, field.geometry
    level = blurred(values, [OCTAVES[0][0] / mm for mm in geometry.steps])
    found = [np.zeros((0, 5))]
    quota = iter(most)
    for number, sigmas in enumerate(OCTAVES):
        if number:
            level, inside, geometry = _halved(level, inside, geometry)
        for low, high in pairwise(sigmas):
            if cancelled():
                raise CancelledError(N_("Stopped."))
            step = float(np.sqrt(high**2 - low**2))
            wider = blurred(level, [step / mm for mm in geometry.steps])
            if count := next(quota):
                peaks = _peaks(level, wider, inside, geometry, sigma_mm=float(np.sqrt(low * high)))
                found.append(_strongest(peaks, count))
            level = wider
    return np.concatenate(found)


def blurred(values: NDArray[float32], sigmas: list[float]) -> NDArray[float32]:
    """Gaussian average with a sigma in voxels for each axis; the border goes on as it ends."""
    out = np.empty_like(values)
    sizes = [2 * int(np.ceil(3 * s)) + 1 for s in sigmas]
    for k in range(len(values)):
        out[k] = cv2.GaussianBlur(
            values[k], (sizes[2], sizes[1]), sigmas[2], sigmaY=sigmas[1], borderType=cv2.BORDER_REPLICATE
        )
    if len(values) == 1:
        return out
    flat = out.reshape(len(out), -1)
    along = cv2.GaussianBlur(flat, (1, sizes[0]), 0.01, sigmaY=sigmas[0], borderType=cv2.BORDER_REPLICATE)
    return np.asarray(along.reshape(values.shape), dtype=float32)


def _halved(
    level: NDArray[float32], inside: NDArray[np.bool_], geometry: Geometry
) -> tuple[NDArray[float32], NDArray[np.bool_], Geometry]:
    """Every other voxel of what is smooth enough for it."""
    factors = [2 if n > 1 else 1 for n in level.shape]
    part = tuple(slice(None, None, f) for f in factors)
    affine = geometry.affine.copy()
    affine[:3, :3] = affine[:3, :3] * factors
    return np.ascontiguousarray(level[part]), np.ascontiguousarray(inside[part]), Geometry(affine)


def _peaks(
    level: NDArray[float32],
    wider: NDArray[float32],
    inside: NDArray[np.bool_],
    geometry: Geometry,
    *,
    sigma_mm: float,
) -> NDArray[float64]:
    """(N, 5): place in LPS mm, radius in mm, response, of the local maxima inside the lungs."""
    response = level - wider
    at = np.argwhere((response > LEAST_HU) & inside)
    last = np.array(level.shape) - 1
    mine = response[tuple(at.T)]
    for offset in NEIGHBOURS:
        near = response[tuple(np.clip(at + offset, 0, last).T)]
        keep = mine >= near
        at, mine = at[keep], mine[keep]
    if not len(at):
        return np.zeros((0, 5))
    roundness = _roundness(level, at, geometry)
    keep = roundness > ROUND
    at, mine, roundness = at[keep], mine[keep], roundness[keep]
    places = geometry.to_lps(at + _between(response, at))
    radius = np.full(len(at), sigma_mm * np.sqrt(3.0))
    return np.column_stack([places, radius, mine * np.sqrt(roundness)])


def _between(response: NDArray[float32], at: NDArray[np.int64]) -> NDArray[float64]:
    """(N, 3): where between the voxels the peak is, from a parabola along each axis."""
    last = np.array(response.shape) - 1
    here = response[tuple(at.T)].astype(float64)
    shift = np.zeros(at.shape)
    for axis in range(3):
        step = np.eye(3, dtype=int)[axis]
        before, after = (response[tuple(np.clip(at + s * step, 0, last).T)].astype(float64) for s in (-1, 1))
        bend = before - 2 * here + after
        shift[:, axis] = np.where(bend < -1e-6, np.clip((before - after) / np.minimum(2 * bend, -1e-6), -0.5, 0.5), 0)
    return shift


def _roundness(level: NDArray[float32], at: NDArray[np.int64], geometry: Geometry) -> NDArray[float64]:
    """(N,): the weakest of the three curvatures of a bright place over the strongest; 0 where one of them is upward."""
    last = np.array(level.shape) - 1
    steps = np.array(geometry.steps)

    def value(offset: tuple[int, int, int]) -> NDArray[float64]:
        return np.asarray(level[tuple(np.clip(at + np.array(offset), 0, last).T)], dtype=float64)

    hessian = np.empty((len(at), 3, 3))
    axes = np.eye(3, dtype=int)
    for i in range(3):
        ahead, behind = (value(tuple((s * axes[i]).tolist())) for s in (1, -1))
        hessian[:, i, i] = (ahead - 2 * value((0, 0, 0)) + behind) / steps[i] ** 2
        for j in range(i):
            mixed = sum(s * t * value(tuple((s * axes[i] + t * axes[j]).tolist())) for s in (1, -1) for t in (1, -1))
            hessian[:, i, j] = hessian[:, j, i] = mixed / (4 * steps[i] * steps[j])
    bends = -np.linalg.eigvalsh(hessian)  # the largest last becomes the smallest first
    weakest, strongest = bends.min(axis=1), bends.max(axis=1)
    flat = np.array(level.shape) == 1
    if flat.any():  # a single slice has no curvature across
        weakest = np.sort(bends, axis=1)[:, 1]
    return np.asarray(np.clip(weakest, 0, None) / np.maximum(strongest, 1e-6))


def _strongest(found: NDArray[float64], most: int) -> NDArray[float64]:
    return found[np.argsort(-found[:, 4], kind="stable")[:most]]


def _distinct(found: NDArray[float64]) -> tuple[Candidate, ...]:
    """The strongest first, those near a stronger one left out."""
    found = _strongest(found, len(found))
    kept: list[NDArray[float64]] = []
    for row in found:
        if kept:
            others = np.array(kept)
            distance = np.linalg.norm(others[:, :3] - row[:3], axis=1)
            if (distance < np.maximum(2.0, APART * np.maximum(others[:, 3], row[3]))).any():
                continue
        kept.append(row)
    return tuple(Candidate((float(x), float(y), float(z)), float(r), float(v)) for x, y, z, r, v in kept)
