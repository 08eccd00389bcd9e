"""Best overall response over a history, with and without confirmation (RECIST 1.1, section 4.4 and Table 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from medcore.criteria._history import days_between
from medcore.records import TimepointResponse

NOT_EVALUABLE = "NE"
CONFIRMATION_DAYS = 28  # RECIST 1.1, section 4.4.1: not less than 4 weeks
STABLE_DAYS = 42  # RECIST 1.1, section 4.4.3: in general not less than 6 to 8 weeks; the protocol sets it


@dataclass(frozen=True, slots=True)
class Scale:
    """How categories rank for the best response.

    Args:
        order: From best to worst.
        responses: Those that want confirmation.
        stable: The category that an unconfirmed response falls back to.
        progression: Those that end the count.
        confirm_days: Least days to the confirming visit; None where nothing is confirmed.
    """

    order: tuple[str, ...]
    responses: tuple[str, ...] = ("CR", "PR")
    stable: str = "SD"
    progression: tuple[str, ...] = ("PD",)
    confirm_days: int | None = CONFIRMATION_DAYS


@dataclass(frozen=True, slots=True)
class Best:
    """The best response, the best that was confirmed, and the first visit with progression."""

    response: str
    confirmed: str
    progressed_at: str | None


def with_confirmation(rows: Sequence[TimepointResponse], scale: Scale) -> tuple[TimepointResponse, ...]:
    """The rows with `confirmed` filled in for those that are responses."""
    if scale.confirm_days is None:
        return tuple(rows)
    return tuple(
        replace(row, confirmed=_confirmed(rows, index, scale)) if row.overall in scale.responses else row
        for index, row in enumerate(rows)
    )


def best(rows: Sequence[TimepointResponse], scale: Scale) -> Best:
    """The best response of the visits after the baseline, up to the first progression.

    Args:
        rows: With `confirmed` filled in, the baseline first.
    """
    first = next((index for index, row in enumerate(rows) if row.overall in scale.progression), None)
    counted = [row for row in rows[1:first] if row.overall in scale.order]
    progressed, at = (None, None) if first is None else (rows[first].overall, rows[first].timepoint)
    top = min((row.overall for row in counted), key=scale.order.index, default=progressed or NOT_EVALUABLE)
    sure = top if scale.confirm_days is None else _best_confirmed(rows, counted, progressed, scale)
    return Best(top, sure, at)


def _best_confirmed(
    rows: Sequence[TimepointResponse], counted: Sequence[TimepointResponse], progressed: str | None, scale: Scale
) -> str:
    sure = [row.overall for row in counted if row.confirmed or row.overall not in scale.responses]
    sure = [category for category in sure if category != scale.stable]
    stable = any(
        scale.order.index(row.overall) <= scale.order.index(scale.stable)
        and _long_enough(rows[0].acquired_on, row.acquired_on)
        for row in counted
        if scale.stable in scale.order
    )
    if stable:
        sure.append(scale.stable)
    return min(sure, key=scale.order.index, default=progressed or NOT_EVALUABLE)


def _long_enough(baseline: date | None, now: date | None) -> bool:
    return (days_between(baseline, now) or 0) >= STABLE_DAYS


def _confirmed(rows: Sequence[TimepointResponse], index: int, scale: Scale) -> bool:
    """Whether a visit 28 days on is at least as good, with nothing worse between; what was not evaluable aside."""
    for later in rows[index + 1 :]:
        if later.overall == NOT_EVALUABLE:
            continue
        if later.overall not in scale.order[: scale.order.index(rows[index].overall) + 1]:
            return False
        days = days_between(rows[index].acquired_on, later.acquired_on)
        if days is not None and scale.confirm_days is not None and days >= scale.confirm_days:
            return True
    return False
