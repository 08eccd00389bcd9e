"""The sum of a visit, its baseline and its nadir: what every criterion that sums lesions stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from medcore.records import LesionReading, LesionStatus, Timepoint

Quantity = Callable[[LesionReading], float | None]
TOO_SMALL_MM = 5.0  # RECIST 1.1, section 4.1: a lesion too small to measure counts as 5 mm
SAME = 1e-9  # relative: sums of decimal millimetres that agree so far are equal, so that 20.0 % is 20.0 %


@dataclass(frozen=True, slots=True)
class Measure:
    """How a lesion enters the sum.

    Args:
        of: The size of a measured lesion; None where the table lacks it.
        too_small: What a lesion counts that is visible but too small to measure.
        total: How parts make the whole: their sum, or the largest of them where the hottest lesion counts.
    """

    unit: str
    of: Quantity
    too_small: float
    total: Callable[[Sequence[float]], float] = sum

    def value(self, lesion: LesionReading) -> float | None:
        """The lesion's part of the sum; None where it is unknown."""
        match lesion.status:
            case LesionStatus.ABSENT | LesionStatus.MERGED:
                return 0.0
            case LesionStatus.TOO_SMALL:
                size = self.of(lesion)
                return self.too_small if size is None else size  # EORTC: what can be measured is recorded as measured
            case LesionStatus.NOT_ASSESSED:
                return None
            case _:
                return self.of(lesion)


@dataclass(frozen=True, slots=True)
class Burden:
    """The sum of one visit.

    Args:
        values: Each lesion's part, None where unknown.
        sum: None where a part is unknown, or where there is nothing to sum.
        assessed: The sum of the known parts: a lower bound.
    """

    values: Mapping[str, float | None]
    sum: float | None
    assessed: float

    @property
    def unknown(self) -> tuple[str, ...]:
        """Lesions whose part is unknown."""
        return tuple(name for name, value in self.values.items() if value is None)


@dataclass(frozen=True, slots=True)
class Step:
    """One visit with what it is compared to.

    Args:
        baseline: The baseline's burden.
        nadir: Smallest sum before this visit, the baseline's included (at the baseline: its own).
        at_nadir: The burden that had it, the first where several did.
        earlier: Visits before this one, from the baseline on.
    """

    index: int
    visit: Timepoint
    burden: Burden
    baseline: Burden
    nadir: float | None
    at_nadir: Burden
    earlier: tuple[Timepoint, ...]

    @property
    def change_percent(self) -> float | None:
        """From the baseline."""
        return change_percent(self.baseline.sum, self.burden.sum)

    @property
    def rise_percent(self) -> float | None:
        """From the nadir."""
        return change_percent(self.nadir, self.burden.sum)


def burden(lesions: Sequence[LesionReading], measure: Measure) -> Burden:
    """The sum of these lesions."""
    values = {lesion.id: measure.value(lesion) for lesion in lesions}
    known = [value for value in values.values() if value is not None]
    whole = bool(values) and len(known) == len(values)
    total = float(measure.total(known)) if known else 0.0
    return Burden(values, total if whole else None, total)


def steps(
    visits: Sequence[Timepoint], choose: Callable[[Timepoint], Sequence[LesionReading]], measure: Measure
) -> Iterator[Step]:
    """Every visit with its baseline and nadir.

    Args:
        choose: The lesions of a visit that are in the sum.
    """
    burdens = [burden(choose(visit), measure) for visit in visits]
    for index, visit in enumerate(visits):
        before = [b for b in burdens[: max(index, 1)] if b.sum is not None]
        lowest = min(before, key=lambda b: b.sum or 0.0, default=None)
        yield Step(
            index=index,
            visit=visit,
            burden=burdens[index],
            baseline=burdens[0],
            nadir=lowest.sum if lowest else None,
            at_nadir=lowest or burdens[0],
            earlier=tuple(visits[:index]),
        )


def change_percent(reference: float | None, now: float | None) -> float | None:
    """Change in percent of the reference; None where either is unknown or the reference is zero."""
    return None if reference is None or now is None or reference == 0 else (now - reference) / reference * 100


def reaches(value: float, limit: float) -> bool:
    """Whether a value is at its limit or above, equal up to rounding.

    >>> reaches(0.1 + 0.2, 0.3), reaches(84.12, 70.1 * 1.2), reaches(19.99, 20.0)
    (True, True, False)
    """
    return value >= limit - SAME * max(1.0, abs(limit))


def grown(now: float, reference: float, percent: float, least: float = 0.0) -> bool:
    """Whether the value rose by at least `percent` of the reference and by at least `least`; growth from zero counts.

    >>> grown(120, 100, 20), grown(17, 14, 20, 5), grown(5, 0, 20, 5), grown(0, 0, 20)
    (True, False, True, False)
    """
    return now > reference and reaches(now, reference * (1 + percent / 100)) and reaches(now - reference, least)


def shrunk(now: float, reference: float, percent: float, least: float = 0.0) -> bool:
    """Whether the value fell by at least `percent` of the reference and by at least `least`.

    >>> shrunk(70, 100, 30), shrunk(70.1, 100, 30), shrunk(0, 0, 30)
    (True, False, False)
    """
    return now < reference and reaches(reference * (1 - percent / 100), now) and reaches(reference - now, least)
