"""The pipeline proves itself: a known change is put into a patient's own baseline and must be found again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from medcore.comparison.compare import Choices, Compared, Moment, compare
from medcore.comparison.known_change import EASE_MM, Size, by_voxels, grown, motion, moved
from medcore.comparison.uncertainty import SURE
from medcore.errors import N_, CancelledError, Message, UnfitInputError
from medcore.imaging.borders import Borders, borders
from medcore.volume import Mask, Scale, Volume

Progress = Callable[[float, Message], None]
Segment = Callable[[Volume], Mask]
TOLERANCE_MM, TOLERANCE_PERCENT, NULL_PERCENT = 1.0, 10.0, 2.0


@dataclass(frozen=True, slots=True)
class Proof:
    """What was put in and what was found.

    What was put in is known finer than a voxel; what was found is what the voxels of two scans say. So even a perfect
    pipeline is off by up to the limits given here in 95 of 100 cases, and nothing nearer can be asked of it.

    Args:
        grown_mm: How far the border of each lesion was moved outwards; negative shrinks.
        injected_percent: Change of the lesions' volume that this makes.
        found_percent: Change that the whole pipeline found.
        injected_longest_mm: Change of the longest diameter of the largest lesion.
        found_longest_mm: The same as found; None where the lesion was not found again.
        null_percent: Change found where nothing was changed but the position and the noise.
        aligned: Whether both alignments were trusted.
        limit_longest_mm: What voxels of this size add to or take from the change of the diameter: how far it was off as
            it was drawn, and how far it is off wherever else the lesion lies among them, by drawing it in many places.
        limit_percent: The same of the volume after the change, percent of it.
        limit_null_percent: The same where nothing was changed.
    """

    grown_mm: float
    injected_percent: float
    found_percent: float
    injected_longest_mm: float
    found_longest_mm: float | None
    null_percent: float
    aligned: bool
    limit_longest_mm: float = 0.0
    limit_percent: float = 0.0
    limit_null_percent: float = 0.0

    @property
    def longest_recovered(self) -> bool:
        """Whether the change of the diameter was found to 1 mm, or as near as the voxels allow."""
        found = self.found_longest_mm
        return found is not None and abs(found - self.injected_longest_mm) <= max(TOLERANCE_MM, self.limit_longest_mm)

    @property
    def volume_recovered(self) -> bool:
        """Whether the later volume was found to 10 %, or as near as the voxels allow."""
        off = 100 * ((100 + self.found_percent) / max(100 + self.injected_percent, 1e-6) - 1)
        return abs(off) <= max(TOLERANCE_PERCENT, self.limit_percent)

    @property
    def null_kept(self) -> bool:
        """Whether nothing was found where nothing was changed: below 2 %, or as little as the voxels allow."""
        return abs(self.null_percent) <= max(NULL_PERCENT, self.limit_null_percent)


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
        UnfitInputError: There is no lesion, no volume, or shrinking by so much would leave nothing.
        CancelledError: `cancelled` became true.
    """
    tell = progress or (lambda fraction, stage: None)
    _check(baseline)
    assert baseline.mask is not None
    known = borders(baseline.mask, reach_mm=abs(grown_mm) + EASE_MM)
    mask = baseline.mask if segment is None else segment(baseline.scan)
    start = replace(baseline, mask=mask, alignment=None, landmarks=())
    changed, there = grown(baseline.scan, known, grown_mm), motion(known)
    found = []
    for number, (scan, mm) in enumerate([(changed, grown_mm), (baseline.scan, 0.0)]):
        if cancelled is not None and cancelled():
            raise CancelledError(N_("Stopped."))
        tell(number / 2, Message(N_("Finding a known change") if number == 0 else N_("Finding no change")))
        later_scan = moved(scan, there)
        drawn = known.drawn(mm, scan.geometry, scan.shape, there) if segment is None else segment(later_scan)
        found.append(compare([start, Moment("proof", later_scan, drawn)], choices=choices, cancelled=cancelled))
    return _proof(known, grown_mm, found)


def _check(baseline: Moment) -> None:
    if baseline.mask is None or not baseline.mask.labels.any():
        raise UnfitInputError(
            N_("There is no lesion in the baseline to grow or shrink."), hint=N_("Mark a lesion, or give a mask.")
        )
    if baseline.scan.shape[0] < 2 or baseline.scan.geometry.scale is not Scale.PATIENT:
        raise UnfitInputError(
            N_("A known change can be put into a volume only, not into a radiograph or a picture."),
            hint=N_("Choose a CT, MR or PET series as the baseline."),
        )


def _proof(known: Borders, grown_mm: float, found: Sequence[Compared]) -> Proof:
    still, changed = Size.of(known, 0.0), Size.of(known, grown_mm)
    unsure, later_unsure = by_voxels(known, still, 0.0), by_voxels(known, changed, grown_mm)
    return Proof(
        grown_mm,
        100 * (changed.voxels / still.voxels - 1),
        found[0].volume_change_percent[1] or 0.0,
        changed.longest_mm - still.longest_mm,
        _longest_change(found[0], known.surfaces[0].extent.centre),
        found[1].volume_change_percent[1] or 0.0,
        all(one.alignments[0].trust.trusted for one in found),
        abs(known.surfaces[0].extent.diameters.longest - still.longest_mm) + SURE * later_unsure.longest_mm,
        SURE * 100 * later_unsure.voxels,
        SURE * 100 * unsure.voxels,
    )


def _longest_change(found: Compared, centre: tuple[float, float, float]) -> float | None:
    """Of the lesion of the baseline whose middle is nearest to `centre`; None where it was not found again."""
    (first, second), sizes = found.visits, []
    if not first.pieces:
        return None
    apart = [float(np.linalg.norm(np.subtract(piece.extent.centre, centre))) for piece in first.pieces]
    nearest = int(np.argmin(apart))
    track = next(one for one in found.tracks if one.sightings[0].piece == nearest)
    for visit, sighting in zip((first, second), track.sightings, strict=True):
        if sighting.piece is None:
            return None
        sizes.append(visit.pieces[sighting.piece].extent.longest_mm)
    return sizes[1] - sizes[0]
