"""Growth of each lesion for a chart: its volume at every visit and in how many days that doubled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medcore.criteria.doubling_time import doubling_days, volume_mm3
from medcore.records import LesionStatus, Timepoint


@dataclass(frozen=True, slots=True)
class GrowthCurve:
    """One lesion over the visits, in their order.

    Args:
        days: From the first dated visit; None for a visit without a date.
        volumes_mm3: None where it was not measured. Without a volume, that of the sphere of its mean diameter.
        doubling_days: Since the visit with a size before it; None where there is none or the volume did not grow.
    """

    lesion: str
    days: tuple[int | None, ...]
    volumes_mm3: tuple[float | None, ...]
    doubling_days: tuple[float | None, ...]


def growth_curves(history: Sequence[Timepoint]) -> tuple[GrowthCurve, ...]:
    """A curve for each lesion that has a volume at two dated visits."""
    first = next((visit.acquired_on for visit in history if visit.acquired_on), None)
    days = tuple((visit.acquired_on - first).days if visit.acquired_on and first else None for visit in history)
    lesions = dict.fromkeys(one.id for visit in history for one in visit.lesions)
    curves = [_curve(lesion, history, days) for lesion in lesions]
    return tuple(
        one
        for one in curves
        if sum(day is not None and bool(size) for day, size in zip(one.days, one.volumes_mm3, strict=True)) > 1
    )


def _curve(lesion: str, history: Sequence[Timepoint], days: tuple[int | None, ...]) -> GrowthCurve:
    sizes = [
        next(
            (volume_mm3(one) for one in visit.lesions if one.id == lesion and one.status is LesionStatus.MEASURED), None
        )
        for visit in history
    ]
    doublings: list[float | None] = []
    before: tuple[float, int] | None = None
    for day, size in zip(days, sizes, strict=True):
        if day is None or not size:
            doublings.append(None)
            continue
        doublings.append(doubling_days(before[0], size, day - before[1]) if before else None)
        before = (size, day)
    return GrowthCurve(lesion, days, tuple(sizes), tuple(doublings))
