"""Landmarks that a reader sets on both scans: how far the alignment leaves them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from medcore.errors import N_, Message, Value
from medcore.imaging.registration.alignment import Alignment
from medcore.volume import Scale, Triple, Volume

LIMIT_MM = 4.0  # mean residual above which change is not claimed: a reader sets a point to 1 to 2 mm
RADIOGRAPH_LIMIT = 0.03  # of the longer side: 10 mm of a chest; a projection moves with the pose


@dataclass(frozen=True, slots=True)
class Landmark:
    """One place of the patient in both scans.

    Args:
        name: What the reader calls it.
        fixed, moving: In LPS mm of each scan (pixels of a picture without a scale).
    """

    name: str
    fixed: Triple
    moving: Triple


def residuals(alignment: Alignment, landmarks: Sequence[Landmark]) -> tuple[float, ...]:
    """Distance of each landmark of the later scan from where the alignment puts that of the baseline."""
    if not landmarks:
        return ()
    there = alignment.places_in_moving(np.array([one.fixed for one in landmarks]))
    return tuple(np.linalg.norm(there - np.array([one.moving for one in landmarks]), axis=1).tolist())


def with_landmarks(alignment: Alignment, landmarks: Sequence[Landmark], fixed: Volume) -> Alignment:
    """The alignment with what the landmarks say of it; a doubt where they are too far apart."""
    if not landmarks:
        return alignment
    apart = residuals(alignment, landmarks)
    trust = replace(alignment.trust, landmarks=apart)
    limit, mean = _limit(fixed), float(np.mean(apart))
    if mean > limit:
        unit = "px" if fixed.geometry.scale is Scale.NONE or fixed.placeholder_spacing else "mm"
        text = N_(
            "After the alignment {count} landmarks are {mean:.1f} {unit} apart on average; the limit is {limit:.1f}."
        )
        values: dict[str, Value] = {"count": len(apart), "mean": mean, "unit": unit, "limit": limit}
        trust = replace(trust, doubts=(*trust.doubts, Message(text, values)))
    return replace(alignment, trust=trust)


def _limit(fixed: Volume) -> float:
    """In the scan's unit; never below the longest side of a voxel."""
    if fixed.shape[0] == 1:
        _, height, width = (count * step for count, step in zip(fixed.shape, fixed.geometry.steps, strict=True))
        return RADIOGRAPH_LIMIT * max(height, width)
    return max(LIMIT_MM, *fixed.geometry.steps)
