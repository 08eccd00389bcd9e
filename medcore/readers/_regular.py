"""Is a series regular? Steps, gaps, overlaps, shifts and tilt of its slices, each found by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medcore.errors import N_, Message
from medcore.readers import Place
from medcore.records import Issue, Severity
from medcore.volume import Affine, Array

SAME_PLACE_MM = 0.01
STEP_TOLERANCE = 0.06  # of the step; scanners write positions with a jitter of some hundredths of a millimetre
STEP_TOLERANCE_MIN_MM = 0.025
SHIFT_TOLERANCE_MM = 0.1  # in-plane drift from one slice to the next, or 1 % of the step
STEP_NAMES = ("time", "echo", "b-value", "trigger", "acquisition", "time", "time")  # as `_dicom_header.STEPS`
# Findings after which a voxel does not lie where the affine says.
IRREGULAR = frozenset({"duplicate_position", "missing_slice", "overlapping_slices", "uneven_spacing", "shifted_slices"})
RESEND = Message(N_("Send the complete series again from its source; do not measure on this one."))


@dataclass(frozen=True, slots=True)
class Group:
    """Slices that make one volume: where they stand in the stack, sorted along the normal."""

    name: str
    indices: tuple[int, ...]
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """How slices wander within their plane.

    Args:
        offsets_mm: (N, 3) in-plane offset of each slice from the middle one.
        largest_mm: Largest offset from one slice to the next.
        limit_mm: What is tolerated.
        degrees: Angle of the stacking direction against the normal.
        tilted: Whether the offsets grow evenly, as under a tilted gantry.
    """

    offsets_mm: Array
    largest_mm: float
    limit_mm: float
    degrees: float
    tilted: bool


def normal_of(place: Place) -> Array:
    """The unit normal of the slice plane."""
    normal = np.cross(place.orientation[:3], place.orientation[3:])
    result: Array = normal / np.linalg.norm(normal)
    return result


def steps_of(places: Sequence[Place]) -> list[Group]:
    """Split images that share places into volumes: by time, echo or weighting, else by their numbers."""
    normal = normal_of(places[0])
    along = [float(np.dot(place.position_mm, normal)) for place in places]
    keys = [round(value / SAME_PLACE_MM) for value in along]
    repeats = [keys.count(key) for key in set(keys)] if len(set(keys)) < len(keys) else [1]
    order = sorted(range(len(places)), key=lambda index: (along[index], places[index].number))
    if max(repeats) == 1:
        return [Group("", tuple(order))]
    for position, name in enumerate(STEP_NAMES):
        groups: dict[str, list[int]] = {}
        for index in order:
            groups.setdefault(places[index].step[position] if places[index].step else "", []).append(index)
        apart = all(len({keys[index] for index in group}) == len(group) for group in groups.values())
        if apart and len(groups) == max(repeats):
            return [Group(name, tuple(groups[value])) for value in sorted(groups, key=_as_number)]
    if min(repeats) == max(repeats):
        return _by_number(order, keys, max(repeats))
    return [Group("", tuple(order))]


def step_of(places: Sequence[Place], along: Array) -> float:
    """The usual distance between neighbours in mm; for a single slice its thickness, or 1."""
    steps = np.diff(along)
    steps = steps[steps > SAME_PLACE_MM]
    if len(steps):
        return float(np.median(steps))
    return places[0].thickness_mm if 0.01 < places[0].thickness_mm < 1000 else 1.0


def step_issues(along: Array, step: float) -> list[Issue]:
    """What is wrong with the distances between sorted slices."""
    steps = np.diff(along)
    tolerance = max(STEP_TOLERANCE * step, STEP_TOLERANCE_MIN_MM)
    odd = steps[np.abs(steps - step) > tolerance]
    if not len(odd):
        return []
    same, close = int((odd < SAME_PLACE_MM).sum()), int((odd < step / 2).sum())
    if same:
        return [_block("duplicate_position", N_("{count} slices lie at the place of another but differ."), same)]
    missing = np.rint(odd / step)
    if (np.abs(odd - missing * step) <= tolerance * missing).all() and (missing >= 2).all():
        count = int((missing - 1).sum())
        return [_block("missing_slice", N_("{count} slices are missing: there are gaps in the series."), count)]
    if close:
        return [
            _block("overlapping_slices", N_("{count} slices lie much closer to a neighbour than others do."), close)
        ]
    worst = float(np.abs(odd - step).max())
    text = Message(
        N_("The slices are unevenly spaced: up to {worst} mm off the step of {step} mm."),
        {"worst": round(worst, 2), "step": round(step, 2)},
    )
    return [Issue("uneven_spacing", Severity.BLOCK, text, RESEND, measured=worst, limit=tolerance)]


def drift_of(places: Sequence[Place], normal: Array) -> Drift:
    """How the slices wander within their plane from one to the next."""
    positions = np.array([place.position_mm for place in places])
    along = positions @ normal
    inside = positions - np.outer(along, normal)
    offsets = inside - inside[len(places) // 2]
    largest = float(np.linalg.norm(np.diff(inside, axis=0), axis=1).max(initial=0.0))
    extent = float(along[-1] - along[0])
    limit = max(SHIFT_TOLERANCE_MM, 0.01 * extent / max(len(places) - 1, 1))
    if extent <= 0 or largest == 0:
        return Drift(offsets, largest, limit, 0.0, False)
    slope = (inside[-1] - inside[0]) / extent
    residual = np.linalg.norm(offsets - np.outer(along - along[len(places) // 2], slope), axis=1).max()
    total = float(np.linalg.norm(inside[-1] - inside[0]))
    degrees = math.degrees(math.atan2(total, extent))
    return Drift(
        offsets, largest, limit, degrees, bool(residual <= SHIFT_TOLERANCE_MM and degrees > 0.5 and len(places) > 2)
    )


def shifted(pixels: Array, offset_mm: Array, place: Place) -> Array:
    """A slice moved within its plane by an offset (linear interpolation); what comes in is its darkest value."""
    import cv2

    rows = float(np.dot(offset_mm, place.orientation[3:])) / place.spacing_mm[0]
    columns = float(np.dot(offset_mm, place.orientation[:3])) / place.spacing_mm[1]
    move = np.array([[1, 0, columns], [0, 1, rows]], dtype=np.float64)
    size = (pixels.shape[1], pixels.shape[0])
    edge = [float(pixels.min())] * 4
    return np.asarray(cv2.warpAffine(pixels, move, size, flags=cv2.INTER_LINEAR, borderValue=edge)).astype(pixels.dtype)


def regular_affine(places: Sequence[Place], normal: Array, along: Array, step: float, drift: Drift) -> Affine:
    """The affine of slices stacked along their normal."""
    mean = float(along[-1] - along[0]) / (len(places) - 1) if len(places) > 1 else step
    row, column = np.array(places[0].orientation[:3]), np.array(places[0].orientation[3:])
    origin = np.array(places[0].position_mm) - (drift.offsets_mm[0] if drift.tilted else 0.0)
    affine = np.eye(4)
    affine[:3, 0] = normal * (mean if abs(mean - step) <= STEP_TOLERANCE * step else step)
    affine[:3, 1] = column * places[0].spacing_mm[0]
    affine[:3, 2] = row * places[0].spacing_mm[1]
    affine[:3, 3] = origin
    return affine


def tilt_issue(drift: Drift) -> Issue:
    """The note that a tilted gantry was straightened."""
    text = Message(
        N_("The gantry was tilted by {degrees}°; the slices were moved into place by linear interpolation."),
        {"degrees": round(drift.degrees, 1)},
    )
    return Issue("gantry_tilt", Severity.WARN, text, measured=drift.degrees, limit=0.5)


def shift_issue(drift: Drift) -> Issue:
    """The refusal of slices that do not lie above each other."""
    text = Message(
        N_("The slices do not lie above each other: a shift of {drift} mm from one to the next."),
        {"drift": round(drift.largest_mm, 2)},
    )
    return Issue("shifted_slices", Severity.BLOCK, text, RESEND, measured=drift.largest_mm, limit=drift.limit_mm)


def _by_number(order: Sequence[int], keys: Sequence[int], count: int) -> list[Group]:
    """The n-th image at each place makes the n-th volume: likely, but said."""
    seen: dict[int, int] = {}
    groups: list[list[int]] = [[] for _ in range(count)]
    for index in order:
        rank = seen.get(keys[index], 0)
        seen[keys[index]] = rank + 1
        groups[rank].append(index)
    doubt = Issue(
        "steps_by_number",
        Severity.WARN,
        Message(N_("Several images share each place and the header does not say why; they were sorted by number.")),
        Message(N_("Check that each scan shows one moment only.")),
    )
    return [Group("set", tuple(group), (doubt,)) for group in groups]


def _as_number(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return math.inf, value


def _block(code: str, template: str, count: int) -> Issue:
    return Issue(code, Severity.BLOCK, Message(template, {"count": count}), RESEND, measured=float(count), limit=0.0)
