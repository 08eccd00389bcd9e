"""What the PET criteria share: their names for the categories."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from medcore.criteria._best import Scale
from medcore.criteria._overall import CR, PD, PR, SD
from medcore.records import LesionReading

CMR, PMR, SMD, PMD = "CMR", "PMR", "SMD", "PMD"
METABOLIC: Mapping[str, str] = MappingProxyType({CR: CMR, PR: PMR, SD: SMD, PD: PMD})
METABOLIC_SCALE = Scale((CMR, PMR, SMD, PMD), responses=(CMR, PMR), stable=SMD, progression=(PMD,), confirm_days=None)


def uptake(lesion: LesionReading) -> float | None:
    """Peak uptake."""
    return lesion.suv_peak
