"""One more millimetre, for every criterion: what each would say if one lesion were so much longer or shorter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from medcore.comparison.certainty import changed
from medcore.criteria import Criterion, load_criteria
from medcore.errors import HistoryError
from medcore.records import Timepoint

REACH_MM = 15.0
STEP_MM = 0.5


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of changes over which a category holds, both ends included, in mm."""

    from_mm: float
    to_mm: float
    category: str


@dataclass(frozen=True, slots=True)
class FlipRow:
    """What one criterion would say, from the lesion much shorter to much longer.

    Args:
        order: Its categories from best to worst.
        now: What it says of the sizes as they are.
    """

    criterion: str
    title: str
    order: tuple[str, ...]
    now: str
    stretches: tuple[Stretch, ...]

    @property
    def nearest_mm(self) -> float | None:
        """The smallest change that flips the category, with its sign; None where none in reach does."""
        here = next(one for one in self.stretches if one.from_mm <= 0 <= one.to_mm)
        ends = [here.from_mm - STEP_MM, here.to_mm + STEP_MM]
        inside = [mm for mm in ends if self.stretches[0].from_mm <= mm <= REACH_MM]
        return min(inside, key=abs, default=None)


@lru_cache(maxsize=32)
def flip_map(
    history: tuple[Timepoint, ...], lesion: str, chosen: str, options: tuple[tuple[str, str], ...]
) -> tuple[FlipRow, ...]:
    """A row for each criterion that the history suits and that has an answer; the chosen one first.

    Args:
        lesion: Measured at the last visit.
        chosen: Id of the criterion that `options` are of.
    """
    criteria = {**load_criteria()}
    criteria[chosen] = criteria[chosen].configured(dict(options))
    least = -min(REACH_MM, _whole_steps(history[-1], lesion))
    steps = [least + STEP_MM * number for number in range(round((REACH_MM - least) / STEP_MM) + 1)]
    histories = [changed(history, len(history) - 1, lesion, mm) for mm in steps]
    ordered = sorted(criteria.values(), key=lambda one: one.id != chosen)
    rows = [_row(one, history, histories, steps) for one in ordered]
    return tuple(row for row in rows if row is not None)


def _row(
    criterion: Criterion,
    history: Sequence[Timepoint],
    histories: Sequence[Sequence[Timepoint]],
    steps: Sequence[float],
) -> FlipRow | None:
    try:
        now = criterion.assess(history).timepoints[-1].overall
        said = [criterion.assess(one).timepoints[-1].overall for one in histories]
    except HistoryError:
        return None
    if set(said) == {"NE"}:
        return None
    stretches = []
    for category, group in groupby(zip(steps, said, strict=True), key=lambda pair: pair[1]):
        places = [mm for mm, _ in group]
        stretches.append(Stretch(places[0], places[-1], category))
    return FlipRow(criterion.id, criterion.title, criterion.order, now, tuple(stretches))


def _whole_steps(visit: Timepoint, lesion: str) -> float:
    """How much shorter the lesion may get, in whole steps."""
    one = next(one for one in visit.lesions if one.id == lesion)
    length = (one.short_axis_mm if one.node else one.longest_mm) or REACH_MM
    return max(0.0, (length // STEP_MM - 1) * STEP_MM)
