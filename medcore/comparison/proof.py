"""The pipeline proves itself: a known change is put into a patient's own baseline and must be found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medcore.comparison.compare import Choices, Moment, compare
from medcore.errors import N_, CancelledError, Message, UnfitInputError
from medcore.imaging.registration.alignment import Alignment, Method, Motion, Trust
from medcore.imaging.registration.same_contrast import turn
from medcore.volume import Affine, Mask, Unit, Volume

Progress = Callable[[float, Message], None]
Segment = Callable[[Volume], Mask]
TURN_DEGREES, SHIFT_MM = np.array([2.0, -1.5, 2.5]), np.array([3.0, -2.0, 2.5])
EASE_MM = 10.0  # around a lesion that grows, in which the tissue makes room
SEED = 7


@dataclass(frozen=True, slots=True)
class Proof:
    """What was put in and what was found.

    Args:
        grown_mm: How far the border of each lesion was moved outwards; negative shrinks.
        injected_percent: Change of the lesions' volume that this makes.
        found_percent: Change that the whole pipeline found.
        injected_longest_mm: Change of the longest diameter of the largest lesion.
        found_longest_mm: The same as found; None where the lesion was not found again.
        null_percent: Change found where nothing was changed but the position and the noise.
        aligned: Whether both alignments were trusted.
    """

    grown_mm: float
    injected_percent: float
    found_percent: float
    injected_longest_mm: float
    found_longest_mm: float | None
    null_percent: float
    aligned: bool


def prove(
    baseline: Moment,
    grown_mm: float,
    *,
    segment: Segment | None = None,
    choices: Choices = Choices(),  # noqa: B008
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Proof:
    """Grow or shrink the baseline's lesions, move and noise the scan, and compare it with the baseline.

    Args:
        baseline: A study with its mask.
        grown_mm: How far the borders of the lesions move outwards.
        segment: The model that finds lesions; without it the lesions' true new borders are given, and the proof is of
            alignment, following and measuring alone.

    Raises:
        UnfitInputError: There is no lesion, or shrinking by so much would leave nothing.
        CancelledError: `cancelled` became true.
    """
    tell = progress or (lambda fraction, stage: None)
    if baseline.mask is None or not baseline.mask.labels.any():
        raise UnfitInputError(
            N_("There is no lesion in the baseline to grow or shrink."), hint=N_("Mark a lesion, or give a mask.")
        )
    mask = baseline.mask if segment is None else segment(baseline.scan)
    start = replace(baseline, mask=mask)
    grown_scan, grown_mask = grown(baseline.scan, baseline.mask, grown_mm)
    found = []
    for number, (scan, truth) in enumerate([(grown_scan, grown_mask), (baseline.scan, baseline.mask)]):
        if cancelled is not None and cancelled():
            raise CancelledError(N_("Stopped."))
        tell(number / 2, Message(N_("Finding a known change") if number == 0 else N_("Finding no change")))
        moved_scan, moved_mask = moved(scan, truth)
        later = Moment("proof", moved_scan, moved_mask if segment is None else segment(moved_scan))
        found.append(compare([start, later], choices=choices, cancelled=cancelled))
    direct = compare([baseline, Moment("grown", grown_scan, grown_mask, _unmoved())], choices=choices)
    longest = [_longest_change(one.timepoints[0].lesions, one.timepoints[1].lesions) for one in (direct, found[0])]
    return Proof(
        grown_mm,
        direct.volume_change_percent[1] or 0.0,
        found[0].volume_change_percent[1] or 0.0,
        longest[0] or 0.0,
        longest[1],
        found[1].volume_change_percent[1] or 0.0,
        all(one.alignments[0].trust.trusted for one in found),
    )


def grown(scan: Volume, mask: Mask, mm: float) -> tuple[Volume, Mask]:
    """The scan with every lesion's border moved outwards by `mm`, the tissue around it making room.

    Raises:
        UnfitInputError: Shrinking by so much leaves nothing of a lesion.
    """
    if mm == 0:
        return scan, mask
    depth = _distance(mask)
    if mm < 0 and float(-depth.min()) <= -mm:
        raise UnfitInputError(
            N_("Shrinking by {mm:.1f} mm leaves nothing of the lesions."), hint=N_("Choose a smaller change."), mm=-mm
        )
    near = depth < abs(mm) + EASE_MM
    index = np.argwhere(near)
    here = depth[near]
    there = np.interp(here, [float(depth.min()), mm, abs(mm) + EASE_MM], [float(depth.min()), 0.0, abs(mm) + EASE_MM])
    outwards = _outwards(depth, mask)[near]
    source = mask.geometry.to_index(mask.geometry.to_lps(index) - (here - there)[:, None] * outwards)
    voxels = scan.voxels.copy()
    channels = [voxels] if scan.unit is not Unit.RGB else [voxels[..., c] for c in range(3)]
    for channel in channels:
        values = ndimage.map_coordinates(channel.astype(np.float32), source.T, order=1, mode="nearest")
        channel[near] = np.rint(values) if channel.dtype.kind in "iu" else values
    labels = np.where(depth <= mm, _nearest_label(mask), 0).astype(mask.labels.dtype)
    return replace(scan, voxels=voxels), Mask(labels, mask.names, mask.geometry)


def moved(scan: Volume, mask: Mask) -> tuple[Volume, Mask]:
    """The same patient on another day: turned and shifted a little, on the same grid, with noise of its own."""
    middle = scan.geometry.to_lps((np.array(scan.shape) - 1) / 2)
    motion: Affine = np.eye(4)
    motion[:3, :3] = turn(np.deg2rad(TURN_DEGREES))
    motion[:3, 3] = middle + SHIFT_MM - motion[:3, :3] @ middle
    back = Alignment(motion, Motion.RIGID, Method.GIVEN, Trust(1.0, 1.0, 0.0, 1.0))
    voxels = back.carried(scan, scan.geometry, scan.shape)
    noise = np.random.default_rng(SEED).normal(0.0, _noise(scan), voxels.shape)
    noised = voxels + noise
    if voxels.dtype.kind in "iu":
        limits = np.iinfo(voxels.dtype)
        noised = np.clip(np.rint(noised), limits.min, limits.max)
    return replace(scan, voxels=noised.astype(voxels.dtype), sha256=""), _carried_smoothly(mask, back, scan)


def _carried_smoothly(mask: Mask, back: Alignment, scan: Volume) -> Mask:
    """Each label where it covers most of a voxel, in as many voxels as it fills.

    Nearest voxels would fray the border of a lesion that was turned; half a voxel covered would lose thin ones.
    """
    labels = np.zeros(scan.shape, dtype=mask.labels.dtype)
    best = np.zeros(scan.shape, dtype=np.float32)
    for value in mask.names:
        share = Volume((mask.labels == value).astype(np.float32), Unit.GREY, "", mask.geometry)
        covered = back.carried(share, scan.geometry, scan.shape)
        filled = round(float(covered.sum(dtype=np.float64)))
        if not filled:
            continue
        least = np.partition(covered, covered.size - filled, axis=None)[covered.size - filled]
        inside = (covered >= max(float(least), 1e-3)) & (covered > best)
        labels[inside], best[inside] = value, covered[inside]
    return Mask(labels, mask.names, scan.geometry)


def _unmoved() -> Alignment:
    return Alignment(np.eye(4), Motion.RIGID, Method.GIVEN, Trust(1.0, 1.0, 0.0, 1.0))


def _distance(mask: Mask) -> NDArray[np.float64]:
    """(S, R, C): distance to the border of the nearest lesion in mm, negative inside.

    The border lies half-way between voxels, so half a step in the plane comes off the distance between their centres.
    """
    inside, steps = mask.labels > 0, mask.geometry.steps
    half = (steps[1] + steps[2]) / 4
    outer = ndimage.distance_transform_edt(~inside, sampling=steps) - half
    inner = ndimage.distance_transform_edt(inside, sampling=steps) - half
    return np.asarray(np.where(inside, -inner, outer))


def _outwards(depth: NDArray[np.float64], mask: Mask) -> NDArray[np.float64]:
    """(S, R, C, 3): unit vectors in LPS that point away from the nearest lesion."""
    axes = [np.gradient(depth, axis=axis) if depth.shape[axis] > 1 else np.zeros_like(depth) for axis in range(3)]
    by_index = np.stack(axes, axis=-1)
    slope = by_index @ np.linalg.inv(mask.geometry.affine[:3, :3])
    length = np.linalg.norm(slope, axis=-1, keepdims=True)
    return np.asarray(slope / np.maximum(length, 1e-6))


def _nearest_label(mask: Mask) -> NDArray[np.unsignedinteger]:
    steps = mask.geometry.steps
    nearest = ndimage.distance_transform_edt(
        mask.labels == 0, sampling=steps, return_distances=False, return_indices=True
    )
    return np.asarray(mask.labels[tuple(nearest)])


def _noise(scan: Volume) -> float:
    """Standard deviation of the noise, from differences of neighbours in a row (robust against edges)."""
    rows = scan.voxels[:, :, ::2].astype(np.float32)
    apart = np.abs(np.diff(rows, axis=2))
    return 1.4826 * float(np.median(apart[apart > 0])) / np.sqrt(2) if (apart > 0).any() else 0.0


def _longest_change(before: tuple[object, ...], after: tuple[object, ...]) -> float | None:
    sizes = {one.id: one.longest_mm for one in before}  # type: ignore[attr-defined]
    later = {one.id: one.longest_mm for one in after}  # type: ignore[attr-defined]
    if not sizes:
        return None
    largest = max(sizes, key=lambda name: sizes[name] or 0.0)
    first, second = sizes[largest], later.get(largest)
    return None if first is None or second is None else second - first
