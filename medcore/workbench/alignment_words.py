"""How far from home places end after going to a later study and back, in a unit that means something there."""

from __future__ import annotations

from medcore.comparison.doubts import placeholder_spacing
from medcore.errors import N_, Message
from medcore.imaging.registration.alignment import Trust
from medcore.imaging.registration.radiographs import CHEST_MM
from medcore.volume import Volume


def back_and_forth(trust: Trust, baseline: Volume) -> Message:
    """In mm where the scan has a scale, else in voxels; of a radiograph as a share of its longer side."""
    if baseline.shape[0] == 1:
        return Message(
            N_("{percent:.1f} % of the picture's longer side"), {"percent": 100 * trust.inverse_mm / CHEST_MM}
        )
    if baseline.spacing_mm is None or placeholder_spacing(baseline):
        return Message(N_("{distance:.2f} voxels"), {"distance": trust.inverse_mm})
    return Message(N_("{distance:.2f} mm"), {"distance": trust.inverse_mm})
