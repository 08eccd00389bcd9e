"""Slices of a series put together: sorted along the normal of their plane, and every irregularity named."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from medcore.errors import N_, Message
from medcore.readers import Place, Scan, Slice
from medcore.readers._words import volume_name
from medcore.records import Issue, Severity
from medcore.volume import Affine, Array, Geometry, Volume
from medcore.wire import Memory, SharedArray

SAME_DIRECTION = 2e-3  # of a direction cosine
SAME_SPACING_MM = 1e-3
SAME_PLACE_MM = 0.01
STEP_TOLERANCE = 0.06  # of the step; scanners write positions with a jitter of some hundredths of a millimetre
STEP_TOLERANCE_MIN_MM = 0.025
SHIFT_TOLERANCE_MM = 0.1  # in-plane drift from one slice to the next, or 1 % of the step
PLANES = {"S": "axial", "I": "axial", "P": "coronal", "A": "coronal", "L": "sagittal", "R": "sagittal"}


class Stack:
    """Slices that belong together, written to shared memory as they come."""

    def __init__(self, first: Slice) -> None:
        self.first = first
        self.shape, self.dtype = first.voxels.shape, first.voxels.dtype
        self.memory = Memory()
        self.places: list[Place] = []
        self.parts: list[int] = []
        self.digests: list[bytes] = []
        self.issues: dict[str, Issue] = {}

    @property
    def bytes_a_slice(self) -> int:
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def accepts(self, other: Slice) -> bool:
        """Whether the slice lies in the same grid of the same series."""
        mine, theirs = self.first.place, other.place
        return (
            mine.series == theirs.series
            and mine.step == theirs.step
            and self.shape == other.voxels.shape
            and np.allclose(mine.orientation, theirs.orientation, atol=SAME_DIRECTION)
            and np.allclose(mine.spacing_mm, theirs.spacing_mm, atol=SAME_SPACING_MM)
        )

    def add(self, slice_: Slice, part: int, digest: bytes) -> None:
        """Append one slice; a wider number type of a later slice widens them all."""
        wanted = np.dtype(common_type(self.dtype, slice_.voxels.dtype))
        if wanted != self.dtype:
            self._widen(wanted)
        voxels = slice_.voxels.astype(self.dtype, copy=False)
        self.memory.write(voxels, len(self.places) * self.bytes_a_slice)
        self.places.append(slice_.place)
        self.parts.append(part)
        self.digests.append(digest)
        self.issues.update({issue.code: issue for issue in slice_.issues})

    def slice(self, index: int) -> Array:
        """One slice as it was added."""
        size = self.bytes_a_slice
        return np.frombuffer(self.memory.read(size, index * size), self.dtype).reshape(self.shape)

    def reorder(self, order: list[int]) -> None:
        """Sort the slices in place, so that there is never a second copy of the volume."""
        size, done = self.bytes_a_slice, [False] * len(order)
        for start in range(len(order)):
            if done[start] or order[start] == start:
                continue
            kept, at = self.memory.read(size, start * size), start
            while True:
                done[at] = True
                source = order[at]
                if source == start:
                    self.memory.write(kept, at * size)
                    break
                self.memory.write(self.memory.read(size, source * size), at * size)
                at = source
        for name in ("places", "parts", "digests"):
            values = getattr(self, name)
            setattr(self, name, [values[index] for index in order] + values[len(order) :])

    def keep(self, indices: list[int]) -> None:
        """Move the slices to keep to the front in this order, and forget the rest."""
        rest = sorted(set(range(len(self.places))) - set(indices))
        self.reorder(indices + rest)
        for name in ("places", "parts", "digests"):
            setattr(self, name, getattr(self, name)[: len(indices)])

    def _widen(self, wanted: np.dtype[np.generic]) -> None:
        wider, size = Memory(), int(np.prod(self.shape)) * wanted.itemsize
        for index in range(len(self.places)):
            wider.write(self.slice(index).astype(wanted), index * size)
        self.memory.close()
        self.memory, self.dtype = wider, wanted


def common_type(first: np.dtype[np.generic], second: np.dtype[np.generic]) -> type[np.generic]:
    """The narrowest of uint8, int16, uint16 and float32 that holds both."""
    both = np.promote_types(first, second)
    return next((t for t in (np.uint8, np.int16, np.uint16) if np.can_cast(both, t)), np.float32)


def stack_geometry(stack: Stack) -> tuple[Geometry, list[Issue]]:
    """Sort the slices and derive the affine from the first and last position; every doubt is an issue."""
    issues = _drop_copies(stack)
    normal = normal_of(stack.places[0])
    along = np.array([np.dot(place.position_mm, normal) for place in stack.places])
    stack.reorder([int(index) for index in np.lexsort((np.arange(len(along)), along))])
    along = np.sort(along)
    step = _step(stack, along)
    issues += _step_issues(along, step)
    issues += _shift_issues(stack, normal, step)
    affine = _affine(stack, normal, step)
    return Geometry(affine, frame_of_reference=stack.first.label.frame_of_reference), issues


def finish(stack: Stack, siblings: int) -> tuple[Scan, SharedArray]:
    """The scan of a complete stack, its voxels apart (the scan itself carries only the first slice).

    Args:
        stack: All slices.
        siblings: How many stacks the same series fell into.
    """
    geometry, issues = stack_geometry(stack)
    if siblings > 1:
        issues.append(_split_issue(siblings))
    label, count = stack.first.label, len(stack.places)
    plane = PLANES[geometry.orientation[0]]
    volume = Volume(
        voxels=stack.slice(0)[None],
        unit=stack.first.unit,
        modality=label.modality,
        geometry=geometry,
        name=volume_name(label, plane, count),
        acquired_on=date.fromisoformat(label.acquired_on) if label.acquired_on else None,
        body_part=label.body_part,
        view=label.view,
        transfer_syntax=label.transfer_syntax,
        window=stack.first.window,
        facts=dict(label.facts),
        synthetic=label.synthetic,
    )
    scan = Scan(volume, stack.first.identity, (*stack.issues.values(), *issues))
    return scan, SharedArray(stack.memory, stack.dtype, (count, *stack.shape))


def normal_of(place: Place) -> Array:
    """The unit normal of the slice plane."""
    normal = np.cross(place.orientation[:3], place.orientation[3:])
    result: Array = normal / np.linalg.norm(normal)
    return result


def _drop_copies(stack: Stack) -> list[Issue]:
    """Forget slices that repeat another's position and pixels exactly: that mends without doubt."""
    seen: dict[tuple[object, ...], int] = {}
    kept = []
    for index, place in enumerate(stack.places):
        position = tuple(round(value / SAME_PLACE_MM) for value in place.position_mm)
        if position in seen and np.array_equal(stack.slice(seen[position]), stack.slice(index)):
            continue
        seen.setdefault(position, index)
        kept.append(index)
    dropped = len(stack.places) - len(kept)
    if not dropped:
        return []
    stack.keep(kept)
    return [
        Issue(
            "duplicate_slice",
            Severity.INFO,
            Message(N_("{count} slices were sent twice; each was used once."), {"count": dropped}),
            measured=float(dropped),
            limit=0.0,
        )
    ]


def _step(stack: Stack, along: Array) -> float:
    if len(along) > 1:
        steps = np.diff(along)
        steps = steps[steps > SAME_PLACE_MM]
        if len(steps):
            return float(np.median(steps))
    return stack.places[0].thickness_mm if 0.01 < stack.places[0].thickness_mm < 1000 else 1.0


def _step_issues(along: Array, step: float) -> list[Issue]:
    steps = np.diff(along)
    tolerance = max(STEP_TOLERANCE * step, STEP_TOLERANCE_MIN_MM)
    odd = steps[np.abs(steps - step) > tolerance]
    if not len(odd):
        return []
    if (odd < SAME_PLACE_MM).any():
        return [_block("duplicate_position", N_("{count} slices lie at the place of another but show something else."),
                       int((odd < SAME_PLACE_MM).sum()), 0.0)]  # fmt: skip
    missing = np.rint(odd / step)
    if (np.abs(odd - missing * step) <= tolerance * missing).all() and (missing >= 2).all():
        return [_block("missing_slice", N_("{count} slices are missing: there are gaps in the series."),
                       int((missing - 1).sum()), 0.0)]  # fmt: skip
    if (odd < step / 2).any():
        return [_block("overlapping_slices", N_("{count} slices lie much closer to a neighbour than the others do."),
                       int((odd < step / 2).sum()), 0.0)]  # fmt: skip
    worst = float(np.abs(odd - step).max())
    return [
        Issue(
            "uneven_spacing",
            Severity.BLOCK,
            Message(
                N_("The slices are unevenly spaced: up to {worst} mm off the step of {step} mm."),
                {"worst": round(worst, 2), "step": round(step, 2)},
            ),
            _RESEND,
            measured=worst,
            limit=tolerance,
        )
    ]


def _shift_issues(stack: Stack, normal: Array, step: float) -> list[Issue]:
    positions = np.array([place.position_mm for place in stack.places])
    inside = positions - np.outer(positions @ normal, normal)
    drift = float(np.linalg.norm(np.diff(inside, axis=0), axis=1).max(initial=0.0))
    limit = max(SHIFT_TOLERANCE_MM, 0.01 * step)
    if drift <= limit:
        return []
    return [
        Issue(
            "shifted_slices",
            Severity.BLOCK,
            Message(
                N_(
                    "The slices do not lie straight above each other (shift {drift} mm): gantry tilt or a mixed series."
                ),
                {"drift": round(drift, 2)},
            ),
            _RESEND,
            measured=drift,
            limit=limit,
        )
    ]


def _affine(stack: Stack, normal: Array, step: float) -> Affine:
    places = stack.places
    first, last = np.array(places[0].position_mm), np.array(places[-1].position_mm)
    regular = float((last - first) @ normal) / (len(places) - 1) if len(places) > 1 else step
    if abs(regular - step) > STEP_TOLERANCE * step:
        regular = step
    row, column = np.array(places[0].orientation[:3]), np.array(places[0].orientation[3:])
    affine = np.eye(4)
    affine[:3, 0] = normal * regular
    affine[:3, 1] = column * places[0].spacing_mm[0]
    affine[:3, 2] = row * places[0].spacing_mm[1]
    affine[:3, 3] = first
    return affine


_RESEND = Message(N_("Send the complete series again from its source; do not measure on this one."))


def _block(code: str, template: str, count: int, limit: float) -> Issue:
    return Issue(code, Severity.BLOCK, Message(template, {"count": count}), _RESEND, measured=float(count), limit=limit)


def _split_issue(siblings: int) -> Issue:
    return Issue(
        "mixed_series",
        Severity.WARN,
        Message(
            N_("The series mixes images of different orientation, spacing or size; it was split into {count} scans."),
            {"count": siblings},
        ),
        Message(N_("Check that you picked the scan you mean.")),
        measured=float(siblings),
        limit=1.0,
    )


def with_hash(scan: Scan, sha256: str) -> Scan:
    """The same scan with the hash of its source bytes."""
    return replace(scan, volume=replace(scan.volume, sha256=sha256))
