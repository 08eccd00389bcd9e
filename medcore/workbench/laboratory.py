"""What the device-shift laboratory found, and what its shifts are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from medcore.imaging.shifts import SHIFTS
from medcore.nn.training.laboratory import Laboratory


@dataclass(frozen=True, slots=True)
class LabReport:
    """One laboratory a model, all on the same pictures."""

    labs: tuple[Laboratory, ...]


def shift_titles() -> Mapping[str, tuple[str, str]]:
    """Title and unit of each shift, for the catalogues."""
    return {name: (shift.title, shift.unit) for name, shift in SHIFTS.items()}
