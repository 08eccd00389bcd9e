"""A cohort: a table of several patients, each assessed by one criterion, for a waterfall and a swimmer chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from medcore.errors import HistoryError, Message
from medcore.records import Response
from medcore.workbench.assess import assess
from medcore.workbench.history_table import patients, read_history
from medcore.workbench.treatments import Treatment

NO_TREATMENTS: Mapping[str, tuple[Treatment, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Member:
    """One patient of a cohort.

    Args:
        response: None where the criterion refuses the history; `refusal` says why.
        best_change_percent: Largest fall of the sum from the baseline, else its smallest rise, over the visits up to
            progression; None where no later sum is known.
    """

    patient: str
    response: Response | None
    refusal: Message | None
    best_change_percent: float | None
    treatments: tuple[Treatment, ...] = ()

    @property
    def days(self) -> tuple[date, ...]:
        """Known days of visits and treatments."""
        visits = [row.acquired_on for row in self.response.timepoints if row.acquired_on] if self.response else []
        given = [day for one in self.treatments for day in (one.start, one.end) if day is not None]
        return tuple(sorted([*visits, *given]))


def cohort(
    data: bytes,
    criterion: str,
    options: Mapping[str, str] | None = None,
    treatments: Mapping[str, tuple[Treatment, ...]] = NO_TREATMENTS,
) -> tuple[Member, ...]:
    """Every patient of a table, in its order; one whose rows cannot be used does not stop the others.

    Args:
        data: As for `read_history`, with the column `patient`.

    Raises:
        HistoryError: The table as a whole cannot be read.
        UnknownNameError: There is no such criterion.
    """
    return tuple(_member(data, name, criterion, options or {}, treatments.get(name, ())) for name in patients(data))


def best_change(response: Response) -> float | None:
    """Smallest change from the baseline up to progression, in percent."""
    changes: list[float] = []
    for row in response.timepoints[1:]:
        if row.change_from_baseline_percent is not None:
            changes.append(row.change_from_baseline_percent)
        if row.timepoint == response.progressed_at:
            break
    return min(changes, default=None)


def waterfall_order(members: Sequence[Member]) -> tuple[Member, ...]:
    """Those with a known change, the largest growth first."""
    known = [one for one in members if one.best_change_percent is not None]
    return tuple(sorted(known, key=lambda one: -(one.best_change_percent or 0.0)))


def _member(
    data: bytes, name: str, criterion: str, options: Mapping[str, str], treatments: tuple[Treatment, ...]
) -> Member:
    try:
        response = assess(read_history(data, patient=name).timepoints, criterion, options)
    except HistoryError as error:
        return Member(name, None, error.message, None, treatments)
    return Member(name, response, None, best_change(response), treatments)
