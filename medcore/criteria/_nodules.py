"""What the lung nodule rules share: mean diameter, kind, and whether a nodule is new or has grown."""

from __future__ import annotations

from collections.abc import Sequence

from medcore.criteria._history import days_between
from medcore.criteria._overall import PRESENT
from medcore.records import LesionReading, LesionRole, Timepoint

SOLID, PART_SOLID, GROUND_GLASS = "solid", "part_solid", "ground_glass"
GROWTH_MM = 1.5  # Lung-RADS v2022: mean diameter more than 1.5 mm larger ...
GROWTH_DAYS = 366  # ... within 12 months


def mean_mm(nodule: LesionReading) -> float | None:
    """Mean of long and short axis to one decimal (Lung-RADS v2022); the longest alone where there is no other."""
    across = nodule.perpendicular_mm if nodule.short_axis_mm is None else nodule.short_axis_mm
    if nodule.longest_mm is None:
        return None
    return round(nodule.longest_mm if across is None else (nodule.longest_mm + across) / 2, 1)


def is_new(nodule: LesionReading, earlier: Sequence[Timepoint]) -> bool:
    """Whether no earlier visit showed it, there being one."""
    return bool(earlier) and nodule.role is LesionRole.NEW and not _before(nodule, earlier)


def growing(nodule: LesionReading, earlier: Sequence[Timepoint], visit: Timepoint, *, solid: bool = False) -> bool:
    """Whether its mean diameter (or its solid part) rose by more than 1.5 mm over any visit of the last 12 months."""
    now = nodule.solid_mm if solid else mean_mm(nodule)
    for before, was in _before(nodule, earlier):
        days = days_between(before.acquired_on, visit.acquired_on)
        size = was.solid_mm if solid else mean_mm(was)
        recent = days is None or days <= GROWTH_DAYS
        if recent and now is not None and size is not None and now - size > GROWTH_MM + 1e-9:
            return True
    return False


def _before(nodule: LesionReading, earlier: Sequence[Timepoint]) -> list[tuple[Timepoint, LesionReading]]:
    return [(v, x) for v in earlier for x in v.lesions if x.id == nodule.id and x.status in PRESENT]
