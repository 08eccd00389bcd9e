"""What spatial preprocessing takes from a scan: the part cut off, the detail lost, the margin added, in numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medcore.errors import N_, Message
from medcore.imaging.content import content
from medcore.records import Issue, Severity
from medcore.volume import Geometry, Scale, Volume

ROUNDING = 1e-3  # of a voxel: positions this close to a border lie on it
SAME_STEP = 0.01  # share by which a voxel's size may differ and still be called the same
CONTENT_WARN_PERCENT = 0.5  # so much of what is no background may be cut off without a warning


def outside(before: Volume, after: Volume) -> NDArray[np.bool_]:
    """(S, R, C) on the grid of `before`: voxels whose centre lies beyond the field of `after`."""
    return _beyond(before.geometry, before.shape, after.geometry, after.shape)


def losses(before: Volume, after: Volume) -> tuple[Issue, ...]:
    """What a reader of `after` must know that `before` had; nothing where every voxel stayed in its place."""
    if before.shape == after.shape and np.allclose(before.geometry.affine, after.geometry.affine, atol=1e-6):
        return ()
    return (*_cut_off(before, after), *_detail(before, after), *_margin(before, after))


def _beyond(
    of: Geometry, shape: tuple[int, int, int], field: Geometry, size: tuple[int, int, int]
) -> NDArray[np.bool_]:
    matrix = np.linalg.inv(field.affine) @ of.affine
    rows = np.arange(shape[1])[:, np.newaxis]
    columns = np.arange(shape[2])[np.newaxis, :]
    found = np.zeros(shape, dtype=bool)
    for index in range(shape[0]):
        for axis in range(3):
            a, b, c, d = matrix[axis]
            place = a * index + b * rows + c * columns + d
            found[index] |= (place < -0.5 - ROUNDING) | (place > size[axis] - 0.5 + ROUNDING)
    return found


def _cut_off(before: Volume, after: Volume) -> tuple[Issue, ...]:
    gone = outside(before, after)
    if not gone.any():
        return ()
    there = content(before)
    lost = 100.0 * int((there & gone).sum()) / max(int(there.sum()), 1)
    field = 100.0 * int(gone.sum()) / gone.size
    return (
        Issue(
            "field_cut",
            Severity.WARN if lost >= CONTENT_WARN_PERCENT else Severity.INFO,
            Message(
                N_("{field} % of the scan is cut off, with it {content} % of what is brighter than the background."),
                {"field": f"{field:.1f}", "content": f"{lost:.1f}"},
            ),
            measured=round(lost, 2),
            limit=CONTENT_WARN_PERCENT,
        ),
    )


def _detail(before: Volume, after: Volume) -> tuple[Issue, ...]:
    old, new = _steps_along(before, after), after.geometry.steps
    ratios = [fresh / was for fresh, was in zip(new, old, strict=True)]
    unit = "px" if before.geometry.scale is Scale.NONE else "mm"
    values: dict[str, str | int | float] = {"unit": unit, "old": _text(old), "new": _text(new)}
    if max(ratios) > 1 + SAME_STEP:
        worst = int(np.argmax(ratios))
        message = Message(
            N_("Voxels change from {old} to {new} {unit}: structures below about {limit} {unit} are lost."),
            {**values, "limit": f"{2 * new[worst]:.3g}"},  # two voxels a period: the sampling theorem
        )
        return (Issue("detail_lost", Severity.INFO, message, measured=round(max(ratios), 3)),)
    if min(ratios) < 1 - SAME_STEP:
        message = Message(N_("Voxels shrink from {old} to {new} {unit}; no detail is gained by it."), values)
        return (Issue("detail_interpolated", Severity.INFO, message, measured=round(min(ratios), 3)),)
    return ()


def _steps_along(before: Volume, after: Volume) -> tuple[float, float, float]:
    """Size of the old voxels along the new axes, which may be turned."""
    turned = np.abs(np.linalg.inv(before.geometry.affine[:3, :3]) @ after.geometry.affine[:3, :3])
    s, r, c = (before.geometry.steps[int(np.argmax(turned[:, axis] * before.geometry.steps))] for axis in range(3))
    return s, r, c


def _margin(before: Volume, after: Volume) -> tuple[Issue, ...]:
    empty = _beyond(after.geometry, after.shape, before.geometry, before.shape)
    percent = 100.0 * int(empty.sum()) / empty.size
    if percent < 0.05:
        return ()
    message = Message(N_("{percent} % of the result is an added margin."), {"percent": f"{percent:.1f}"})
    return (Issue("margin_added", Severity.INFO, message, measured=round(percent, 2)),)


def _text(steps: tuple[float, float, float]) -> str:
    return " × ".join(f"{step:.3g}" for step in steps)
