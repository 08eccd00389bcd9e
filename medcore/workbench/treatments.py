"""Treatments of a patient as dated bars: what a reader types, as JSON and as a table for several patients."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from medcore.errors import N_, HistoryError
from medcore.store.json_values import Json, as_list, as_table, as_text
from medcore.workbench.history_table import table_rows

LONGEST_NAME = 60
TREATMENT_COLUMNS = ("patient", "treatment", "start", "end")
SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Treatment:
    """One treatment.

    Args:
        name: What was given ("TACE", "FOLFOX", "60 Gy").
        start: Its first day.
        end: Its last day; None while it goes on.
    """

    name: str
    start: date
    end: date | None = None


def checked(name: str, start: date | None, end: date | None) -> Treatment:
    """A treatment as it was typed.

    Raises:
        HistoryError: It has no name or no first day, or ends before it begins.
    """
    name = SPACES.sub(" ", name).strip()[:LONGEST_NAME]
    if not name:
        raise HistoryError(N_("The treatment has no name."), hint=N_("Say what was given."))
    if start is None:
        raise HistoryError(
            N_("“{name}” has no first day."), hint=N_("A bar on the timeline needs one; a guess will do."), name=name
        )
    if end is not None and end < start:
        raise HistoryError(
            N_("“{name}” ends on {end}, before it begins on {start}."),
            hint=N_("Correct one of the two days, or leave the last day empty while it goes on."),
            name=name,
            start=start.isoformat(),
            end=end.isoformat(),
        )
    return Treatment(name, start, end)


def ordered(treatments: Sequence[Treatment]) -> tuple[Treatment, ...]:
    """By their first day, each once."""
    return tuple(sorted(dict.fromkeys(treatments), key=lambda one: (one.start, one.end or date.max, one.name)))


def read_treatments(data: bytes) -> Mapping[str, tuple[Treatment, ...]]:
    """Treatments by patient from a CSV table of patient, treatment, start and end (empty while it goes on).

    Raises:
        HistoryError: A column or a day cannot be used.
    """
    found: dict[str, list[Treatment]] = {}
    for line, cells in table_rows(data, TREATMENT_COLUMNS):
        try:
            start, end = (date.fromisoformat(cells[name]) if cells.get(name) else None for name in ("start", "end"))
        except ValueError as error:
            text = N_("Line {line}: a day cannot be read.")
            raise HistoryError(text, hint=N_("Write days as year-month-day, such as 2026-01-31."), line=line) from error
        found.setdefault(cells["patient"], []).append(checked(cells.get("treatment", ""), start, end))
    return {patient: ordered(given) for patient, given in found.items()}


def from_treatments(treatments: Sequence[Treatment]) -> Json:
    """Treatments as JSON."""
    return [
        {"name": one.name, "start": one.start.isoformat(), "end": one.end.isoformat() if one.end else None}
        for one in treatments
    ]


def to_treatments(value: Json) -> tuple[Treatment, ...]:
    """The treatments of `from_treatments`."""
    return tuple(_to_treatment(as_table(one)) for one in as_list(value))


def _to_treatment(table: dict[str, Json]) -> Treatment:
    end = table["end"]
    last = None if end is None else date.fromisoformat(as_text(end))
    return Treatment(as_text(table["name"]), date.fromisoformat(as_text(table["start"])), last)
