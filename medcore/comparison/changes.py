"""What changed between the baseline and one later study, place by place and lesion by lesion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medcore.comparison.compare import Compared, Moment
from medcore.comparison.tracks import Track
from medcore.comparison.visits import Visit
from medcore.imaging.change_map import ChangeMap, MaskChange, Progress, change_map, mask_change
from medcore.imaging.registration.alignment import Alignment, Motion
from medcore.imaging.registration.bending import tissue_growth
from medcore.volume import Mask, Scale

Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LesionChange:
    """How one lesion's place changed, counted in voxels of the baseline's grid.

    Args:
        id: Of its track.
        gained, lost, kept: Voxels.
        tissue_percent: How much the tissue that it covered at the baseline grew, as the alignment stretches it; None
            for a rigid alignment, which stretches nothing, and for a lesion that the baseline does not have.
    """

    id: str
    gained: int
    lost: int
    kept: int
    tissue_percent: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class VisitChange:
    """What changed at one later study.

    Args:
        map: Of grey values; None for radiographs.
        masks: Of all lesions together; None where a study has no mask.
        lesions: Each by itself, in the order of the tracks.
        growth: (S, R, C) on the baseline's grid, 1 for unchanged tissue; None for a rigid alignment.
        voxel_ml: Of the baseline; None where millilitres are not true.
    """

    map: ChangeMap | None
    masks: MaskChange | None
    lesions: tuple[LesionChange, ...]
    growth: Singles | None
    voxel_ml: float | None


def visit_change(
    moments: tuple[Moment, ...],
    found: Compared,
    number: int,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> VisitChange:
    """Compare one later study with the baseline.

    Args:
        number: Of the study, from 1.

    Raises:
        CancelledError: `cancelled` became true.
    """
    first, later, alignment = moments[0].scan, moments[number], found.alignments[number - 1]
    changed = None
    if first.shape[0] > 1:
        changed = change_map(first, later.scan, alignment, progress=progress, cancelled=cancelled)
    stretches = alignment.motion in (Motion.AFFINE, Motion.DEFORMABLE)
    growth = tissue_growth(alignment, first.geometry, first.shape) if stretches else None
    masks: MaskChange | None = None
    lesions: tuple[LesionChange, ...] = ()
    if found.visits:
        before, after = found.visits[0], found.visits[number]
        masks = mask_change(before.mask, after.mask, alignment)
        seen = [(track, track.sightings[0].piece, track.sightings[number].piece) for track in found.tracks]
        lesions = _lesions(seen, before, after, alignment, growth)
    true = first.geometry.scale is Scale.PATIENT and not found.relative
    return VisitChange(changed, masks, lesions, growth, first.geometry.voxel_ml if true else None)


def _lesions(
    seen: Sequence[tuple[Track, int | None, int | None]],
    before: Visit,
    after: Visit,
    alignment: Alignment,
    growth: Singles | None,
) -> tuple[LesionChange, ...]:
    """Each track by itself: the lesion that it is at the baseline against the one that it is later."""
    first = before.numbered()
    names = {value: str(value) for value in range(1, len(after.pieces) + 1)}
    later = Mask(after.numbered(), names, after.mask.geometry)
    second = alignment.carried_mask(later, before.mask.geometry, first.shape).labels
    out = []
    for track, here, there in seen:
        if here is None and there is None:
            continue
        one = first == here + 1 if here is not None else np.zeros(first.shape, dtype=bool)
        other = second == there + 1 if there is not None else np.zeros(first.shape, dtype=bool)
        stretched = None if growth is None or not one.any() else 100 * (float(growth[one].mean()) - 1)
        counts = [int(np.count_nonzero(part)) for part in (other & ~one, one & ~other, one & other)]
        out.append(LesionChange(track.id, counts[0], counts[1], counts[2], stretched))
    return tuple(out)
