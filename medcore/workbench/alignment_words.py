"""How far from home places end after going to a later study and back, in a unit that means something there."""

from __future__ import annotations

from typing import Literal

from medcore.comparison.doubts import placeholder_spacing
from medcore.errors import N_, Message
from medcore.imaging.registration.alignment import Trust
from medcore.imaging.registration.radiographs import CHEST_MM
from medcore.volume import Volume

LengthUnit = Literal["mm", "voxel", "percent_of_longer_side"]
WORDS: dict[LengthUnit, str] = {
    "mm": N_("{distance:.2f} mm"),
    "voxel": N_("{distance:.2f} voxels"),
    "percent_of_longer_side": N_("{percent:.1f} % of the picture's longer side"),
}


def residual(trust: Trust, baseline: Volume) -> tuple[float, LengthUnit]:
    """In mm where the scan has a scale, else in voxels; of a radiograph in percent of its longer side."""
    if baseline.shape[0] == 1:
        return 100 * trust.inverse_mm / CHEST_MM, "percent_of_longer_side"
    return trust.inverse_mm, length_unit(baseline)


def length_unit(baseline: Volume) -> LengthUnit:
    """What a step between two places of the scan is: mm only where its spacing can be believed."""
    return "voxel" if baseline.spacing_mm is None or placeholder_spacing(baseline) else "mm"


def back_and_forth(trust: Trust, baseline: Volume) -> Message:
    """The residual in words."""
    length, unit = residual(trust, baseline)
    name = "percent" if unit == "percent_of_longer_side" else "distance"
    return Message(WORDS[unit], {name: length})
