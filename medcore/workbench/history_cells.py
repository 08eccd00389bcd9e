"""The columns of a history table: what each may hold, in which unit, and what is wrong with a cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from math import isfinite

from medcore.errors import N_, HistoryError, Message, Value
from medcore.records import LesionRole, LesionStatus, Steroids, Trend

# Column: smallest and largest plausible value. Beyond them a unit was mistaken.
NUMBERS: dict[str, tuple[float, float]] = {
    "longest_mm": (0, 600),
    "short_axis_mm": (0, 600),
    "perpendicular_mm": (0, 600),
    "volume_ml": (0, 30_000),
    "hu_mean": (-1100, 4000),
    "suv_peak": (0, 1000),
    "tlg": (0, 1_000_000),
    "viable_mm": (0, 600),
    "solid_mm": (0, 600),
    "liver_suv_mean": (0, 100),
    "liver_suv_sd": (0, 100),
    "weight_kg": (0.3, 400),
    "height_cm": (30, 260),
    "deauville": (1, 5),
}
SIZE_COLUMNS = ("longest_mm", "short_axis_mm", "perpendicular_mm", "volume_ml", "suv_peak", "viable_mm")
STATE_COLUMNS = (
    "clinical",
    "steroids",
    "deauville",
    "uptake",
    "liver_suv_mean",
    "liver_suv_sd",
    "weight_kg",
    "height_cm",
    "sex",
    "radiotherapy_ended_on",
)
COLUMNS = (
    "timepoint",
    "date",
    "lesion",
    "organ",
    "node",
    "role",
    "longest_mm",
    "short_axis_mm",
    "perpendicular_mm",
    "volume_ml",
    "hu_mean",
    "suv_peak",
    "status",
    "tlg",
    "viable_mm",
    "solid_mm",
    "kind",
    "enhancing",
    "part_of",
    "merged_into",
    "baseline",
    "patient",
    *STATE_COLUMNS,
)
CHOICES = {
    "role": LesionRole,
    "status": LesionStatus,
    "clinical": Trend,
    "uptake": Trend,
    "steroids": Steroids,
}
KINDS = ("solid", "part_solid", "ground_glass")
TRUE, FALSE = {"1", "true", "yes", "y"}, {"0", "false", "no", "n", ""}
OTHER_UNIT = re.compile(
    r"^(longest|short_axis|perpendicular|volume|hu|suv|diameter|viable|solid)"
    r"(_(mm|cm|m|um|ml|cc|cm3|mm3|l|in|inch|mean|peak|max|diameter))?$"
)
NEEDS: dict[str, str] = {"longest": "mm", "short_axis": "mm", "perpendicular": "mm", "volume": "ml"}


class CellError(Exception):
    """One cell cannot be used; the reader of the table adds the line."""

    def __init__(self, problem: str, hint: str = "", **values: Value) -> None:
        self.problem, self.hint = problem, Message(hint, values)
        super().__init__(problem)


def check_columns(columns: Sequence[str]) -> list[str]:
    """The columns that are not used.

    Raises:
        HistoryError: One of them looks like a known column in another unit or with a typing error: leaving it out
            in silence would lose measurements.
    """
    unused = []
    for column in columns:
        if column in COLUMNS or not column:
            continue
        unit = OTHER_UNIT.match(column)
        if unit:
            raise HistoryError(
                N_("The unit of column “{column}” is not one that is read."),
                hint=N_(
                    "Lengths are longest_mm, short_axis_mm, perpendicular_mm; the volume is volume_ml; then hu_mean, "
                    "suv_peak."
                ),
                column=column,
            )
        near = get_close_matches(column, COLUMNS, n=1, cutoff=0.8)
        if near:
            raise HistoryError(
                N_("Column “{column}” is not known."),
                hint=N_("Is it “{near}”? Rename or remove it."),
                column=column,
                near=near[0],
            )
        unused.append(column)
    return unused


def cell_value(column: str, text: str) -> object:
    """What a cell means; None for an empty one.

    Raises:
        CellError: It means nothing.
    """
    if column in {"node", "enhancing", "baseline"}:
        return _flag(column, text)
    if not text:
        return None
    if column in {"date", "radiotherapy_ended_on"}:
        return as_date(text)
    if column in NUMBERS:
        return _number(column, text)
    return _choice(column, text) if column in CHOICES else _word(column, text)


def as_date(text: str) -> date:
    """A date of the form 2026-01-31, or 20260131.

    Raises:
        CellError: It is another form, in which day and month could be mistaken.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CellError(
            N_("“{text}” is not a date."),
            N_("Write dates as 2026-01-31; other forms mistake day and month."),
            text=text,
        ) from error


def as_flag(text: str) -> bool:
    """Whether a cell says yes."""
    return text.strip().lower() in TRUE


def written(value: object) -> str:
    """A value as a cell; "" for None."""
    return "" if value is None else as_text(value)


def as_text(value: object) -> str:
    """A value as a cell: 1 for true, "" for false and None, numbers without a needless .0."""
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _flag(column: str, text: str) -> bool | None:
    plain = text.strip().lower()
    if plain not in TRUE | FALSE:
        raise CellError(N_("“{text}” is not 0 or 1."), N_("The column {column} is 0 or 1."), text=text, column=column)
    return None if not plain else plain in TRUE


def _number(column: str, text: str) -> float | int:
    low, high = NUMBERS[column]
    values: dict[str, Value] = {"text": text, "column": column, "low": low, "high": high}
    try:
        number = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError as error:
        raise CellError(
            N_("“{text}” is not a number."), N_("{column} holds the number alone; its unit is in its name."), **values
        ) from error
    if not isfinite(number) or not low <= number <= high:
        raise CellError(
            N_("{text} is no plausible value."),
            N_("{column} runs from {low:g} to {high:g}; check the unit."),
            **values,
        )
    if column == "deauville":
        return int(number)
    return number


def _word(column: str, text: str) -> str:
    if column == "kind" and _plain(text) not in KINDS:
        raise CellError(N_("the kind of nodule is not known."), N_("It is solid, part_solid or ground_glass."))
    if column == "sex" and text.strip().upper()[:1] not in {"F", "M"}:
        raise CellError(N_("the sex is not F or M."), N_("The formulas of the lean body mass know only these two."))
    return _plain(text) if column == "kind" else text


def _choice(column: str, text: str) -> object:
    kind = CHOICES[column]
    plain = _plain(text)
    if column == "role":
        plain = plain.replace("_", "")
    try:
        return kind(plain)
    except ValueError as error:
        raise CellError(
            N_("“{text}” is not a value of {column}."),
            N_("It is one of: {known}."),
            text=text,
            column=column,
            known=", ".join(str(item.value) for item in kind),
        ) from error


def _plain(text: str) -> str:
    return "_".join(text.strip().lower().replace("-", " ").split())
