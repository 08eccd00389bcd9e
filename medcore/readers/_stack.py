"""Slices of a series put together in shared memory: one scan, or one for each time step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from medcore.errors import N_, Message
from medcore.readers import Place, Scan, Slice
from medcore.readers._regular import (
    SAME_PLACE_MM,
    drift_of,
    normal_of,
    regular_affine,
    shift_issue,
    shifted,
    step_issues,
    step_of,
    steps_of,
    tilt_issue,
)
from medcore.readers._words import volume_name
from medcore.records import Issue, Severity
from medcore.volume import Array, Geometry, Volume
from medcore.wire import Memory, SharedArray

SAME_DIRECTION = 2e-3  # of a direction cosine
SAME_SPACING_MM = 1e-3
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
            and self.shape == other.voxels.shape
            and _close(mine.orientation, theirs.orientation, SAME_DIRECTION)
            and _close(mine.spacing_mm, theirs.spacing_mm, SAME_SPACING_MM)
        )

    def add(self, slice_: Slice, part: int, digest: bytes) -> None:
        """Append one slice; a wider number type of a later slice widens them all."""
        if slice_.voxels.dtype != self.dtype:
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


def _close(first: Sequence[float], second: Sequence[float], tolerance: float) -> bool:
    return first == second or all(abs(a - b) <= tolerance for a, b in zip(first, second, strict=True))


def common_type(first: np.dtype[np.generic], second: np.dtype[np.generic]) -> type[np.generic]:
    """The narrowest of uint8, int16, uint16 and float32 that holds both."""
    both = np.promote_types(first, second)
    return next((t for t in (np.uint8, np.int16, np.uint16) if np.can_cast(both, t)), np.float32)


def finish(stack: Stack, siblings: int) -> Iterator[tuple[Scan, SharedArray]]:
    """The scans of a complete stack, one for each time step; voxels apart (a scan itself carries only a slice).

    Args:
        stack: All slices.
        siblings: How many stacks the same series fell into.
    """
    issues = _drop_copies(stack)
    if siblings > 1:
        issues.append(_split_issue(siblings))
    groups = steps_of(stack.places)
    if len(groups) > 1:
        issues.append(_steps_issue(len(groups)))
    stack.reorder([index for group in groups for index in group.indices])
    start = 0
    for number, group in enumerate(groups):
        geometry, found = regular_geometry(stack, start, len(group.indices))
        suffix = f", {group.name} {number + 1}/{len(groups)}" if len(groups) > 1 else ""
        scan = _scan(stack, geometry, len(group.indices), suffix, start)
        voxels = SharedArray(stack.memory, stack.dtype, (len(group.indices), *stack.shape), start * stack.bytes_a_slice)
        yield replace(scan, issues=(*scan.issues, *issues, *group.issues, *found)), voxels
        start += len(group.indices)


def regular_geometry(stack: Stack, start: int, count: int) -> tuple[Geometry, list[Issue]]:
    """The geometry of `count` sorted slices from `start` on; a tilted gantry is straightened on the way."""
    places = stack.places[start : start + count]
    normal = normal_of(places[0])
    along = np.array([np.dot(place.position_mm, normal) for place in places])
    step = step_of(places, along)
    issues = step_issues(along, step)
    drift = drift_of(places, normal)
    if drift.tilted:
        for index, offset in enumerate(drift.offsets_mm):
            moved = shifted(stack.slice(start + index), offset, places[0])
            stack.memory.write(moved, (start + index) * stack.bytes_a_slice)
        issues.append(tilt_issue(drift))
    elif drift.largest_mm > drift.limit_mm:
        issues.append(shift_issue(drift))
    affine = regular_affine(places, normal, along, step, drift)
    return Geometry(affine, frame_of_reference=stack.first.label.frame_of_reference), issues


def _scan(stack: Stack, geometry: Geometry, count: int, suffix: str, start: int) -> Scan:
    label = stack.first.label
    volume = Volume(
        voxels=stack.slice(start)[None],
        unit=stack.first.unit,
        modality=label.modality,
        geometry=geometry,
        name=volume_name(label, PLANES[geometry.orientation[0]], count) + suffix,
        acquired_on=date.fromisoformat(label.acquired_on) if label.acquired_on else None,
        body_part=label.body_part,
        view=label.view,
        transfer_syntax=label.transfer_syntax,
        window=stack.first.window,
        facts=dict(label.facts),
        synthetic=label.synthetic,
    )
    return Scan(volume, stack.first.identity, tuple(stack.issues.values()))


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


def _steps_issue(count: int) -> Issue:
    return Issue(
        "several_steps",
        Severity.INFO,
        Message(
            N_(
                "The series shows each place {count} times (time, echo, weighting); each time became a scan of its own."
            ),
            {"count": count},
        ),
        measured=float(count),
    )


def with_hash(scan: Scan, sha256: str) -> Scan:
    """The same scan with the hash of its source bytes."""
    return replace(scan, volume=replace(scan.volume, sha256=sha256))
