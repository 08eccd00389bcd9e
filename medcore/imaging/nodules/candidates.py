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
SCALES = len(OCTAVES[0]) - 1  # of an octave
LEAST_HU = 25.0  # response: about a fifth of the contrast of a ball of the fitting size
ROUND = 0.12  # the weakest curvature as a share of the strongest; along a vessel it is near zero
MOST_A_LITRE, MOST = 90.0, (120.0, 500.0)
SHARES = (0.35, 0.25, 0.16, 0.12, 0.07, 0.05)  # of each scale: forks of vessels are many and small
GLASS_HU = -600.0  # cut here, a vessel is no brighter than ground glass and, being thin, answers less than it
GLASS_SHARES = (0.0, 0.0, 0.15, 0.12, 0.06, 0.04)  # of places found so; small faint ones are noise
APART = 0.6  # of the larger radius: nearer ones are the same


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
    wanted = [most[i : i + SCALES] for i in range(0, len(most), SCALES)]
    first = next((number for number, counts in enumerate(wanted) if any(counts)), len(wanted))
    found = [np.zeros((0, 5))]
    level, inside, geometry = _capped(field, float32(bright_hu)), field.inside, field.geometry
    for number, (sigmas, counts) in enumerate(zip(OCTAVES, wanted, strict=True)):
        if number:
            level, inside, geometry = _halved(level, inside, geometry, averaged=number <= first)
        if number < first:
            continue
        _stop_if(cancelled)
        spare, wider = np.empty_like(level), np.empty_like(level)  # used again and again: fresh memory takes its time
        if number == first:
            level, wider = blurred(level, _still_to_blur(sigmas[0], geometry, number), spare, wider), level
        for (low, high), count in zip(pairwise(sigmas), counts, strict=True):
            _stop_if(cancelled)
            step = float(np.sqrt(high**2 - low**2))
            wider = blurred(level, [step / mm for mm in geometry.steps], spare, wider)
            if count:
                np.subtract(level, wider, out=spare)
                peaks = _peaks(level, spare, inside, geometry, sigma_mm=float(np.sqrt(low * high)))
                found.append(_strongest(peaks, count))
            level, wider = wider, level
    return np.concatenate(found)


def _capped(field: Field, bright_hu: float32) -> NDArray[float32]:
    """The lungs' values, nothing brighter than `bright_hu`, in the plainest of surroundings; slice by slice."""
    values = np.empty_like(field.values)
    for plane, source, inside in zip(values, field.values, field.inside, strict=True):
        np.minimum(source, bright_hu, out=plane)
        np.copyto(plane, float32(LUNG_HU), where=~inside)
    return values


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise CancelledError(N_("Stopped."))


def _still_to_blur(sigma_mm: float, geometry: Geometry, halved: int) -> list[float]:
    """Sigma in voxels that makes a grid as smooth as `sigma_mm`, whose voxels were averaged in twos so many times."""
    # The mean of N voxels in a row is as smooth as with a variance of (N² - 1) / 12 of their steps squared.
    done = (1 - 4.0**-halved) / 12.0
    return [float(np.sqrt(max((sigma_mm / mm) ** 2 - done, 0.0))) for mm in geometry.steps]


def blurred(
    values: NDArray[float32], sigmas: list[float], spare: NDArray[float32], into: NDArray[float32]
) -> NDArray[float32]:
    """Gaussian average with a sigma in voxels for each axis; the border goes on as it ends.

    Args:
        values: (S, R, C).
        spare: Of the same shape, written over.
        into: Of the same shape, where the average goes.
    """
    sizes = [2 * int(np.ceil(3 * s)) + 1 for s in sigmas]
    across = spare if len(values) > 1 else into
    for plane, blurry in zip(values, across, strict=True):
        cv2.GaussianBlur(
            plane, (sizes[2], sizes[1]), sigmas[2], blurry, sigmaY=sigmas[1], borderType=cv2.BORDER_REPLICATE
        )
    if len(values) > 1:
        flat, done = (one.reshape(len(values), -1) for one in (across, into))
        cv2.GaussianBlur(flat, (1, sizes[0]), 0.01, done, sigmaY=sigmas[0], borderType=cv2.BORDER_REPLICATE)
    return into


def _halved(
    level: NDArray[float32], inside: NDArray[np.bool_], geometry: Geometry, *, averaged: bool
) -> tuple[NDArray[float32], NDArray[np.bool_], Geometry]:
    """Every other voxel.

    Args:
        averaged: With its next neighbours, where nothing has been smoothed yet.
    """
    factors = [2 if n > 1 else 1 for n in level.shape]
    part = tuple(slice(None, None, f) for f in factors)
    affine = geometry.affine.copy()
    affine[:3, :3] = affine[:3, :3] * factors
    if averaged:
        affine[:3, 3] = geometry.to_lps((np.array(factors) - 1) / 2)
        level = _in_twos(level)
    else:
        level = np.ascontiguousarray(level[part])
    return level, np.ascontiguousarray(inside[part]), Geometry(affine)


def _in_twos(values: NDArray[float32]) -> NDArray[float32]:
    """The mean of two voxels along each axis; the last one of an odd number goes on as it ends."""
    slices, rows, columns = values.shape
    size = (columns + 1) // 2, (rows + 1) // 2
    planes = np.empty(((slices + 1) // 2, size[1], size[0]), dtype=float32)
    for k in range(len(planes)):
        pair = cv2.addWeighted(values[2 * k], 0.5, values[min(2 * k + 1, slices - 1)], 0.5, 0.0)
        even = cv2.copyMakeBorder(pair, 0, rows % 2, 0, columns % 2, cv2.BORDER_REPLICATE)
        planes[k] = cv2.resize(even, size, interpolation=cv2.INTER_AREA)
    return planes


def _peaks(
    level: NDArray[float32],
    response: NDArray[float32],
    inside: NDArray[np.bool_],
    geometry: Geometry,
    *,
    sigma_mm: float,
) -> NDArray[float64]:
    """(N, 5): place in LPS mm, radius in mm, response, of the local maxima inside the lungs."""
    at = _maxima(response, inside)
    mine = response[tuple(at.T)]
    if not len(at):
        return np.zeros((0, 5))
    roundness = _roundness(level, at, geometry)
    keep = roundness > ROUND
    at, mine, roundness = at[keep], mine[keep], roundness[keep]
    places = geometry.to_lps(at + _between(response, at))
    radius = np.full(len(at), sigma_mm * np.sqrt(3.0))
    return np.column_stack([places, radius, mine * np.sqrt(roundness)])


def _maxima(response: NDArray[float32], inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(N, 3): voxels inside that answer more than LEAST_HU and no less than their 26 neighbours; slice by slice."""
    square, last = np.ones((3, 3), np.uint8), len(response) - 1
    strongest = [cv2.dilate(response[0], square)] * 2
    found = []
    for k, plane in enumerate(response):
        strongest.append(cv2.dilate(response[min(k + 1, last)], square))
        around = cv2.max(cv2.max(*strongest[:2]), strongest[2])
        strongest.pop(0)
        peaks = np.flatnonzero((plane >= around) & (plane > LEAST_HU) & inside[k])
        found.append(peaks + k * plane.size)
    return np.column_stack(np.unravel_index(np.concatenate(found), response.shape))


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
    kept, count = np.empty_like(found), 0
    for row in found:
        others = kept[:count]
        distance = np.linalg.norm(others[:, :3] - row[:3], axis=1)
        if not (distance < np.maximum(2.0, APART * np.maximum(others[:, 3], row[3]))).any():
            kept[count] = row
            count += 1
    return tuple(Candidate((x, y, z), r, v) for x, y, z, r, v in kept[:count].tolist())
