"""The door to the response criteria: from a table or from time points to what each criterion says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from medcore.comparison.certainty import Chances, Flip, Noise, category_chances, flips
from medcore.criteria import Criterion, OptionWords, load_criteria, load_criterion
from medcore.errors import HistoryError, Message
from medcore.records import Response, Timepoint
from medcore.workbench.history_table import read_history


@dataclass(frozen=True, slots=True)
class CriterionFacts:
    """What a page needs to offer a criterion.

    Args:
        order: Its categories from best to worst.
        options: What can be set, with the value it has unless set.
        words: How each option is called, and what it may be.
    """

    id: str
    title: str
    summary: str
    source: str
    unit: str
    order: tuple[str, ...]
    options: Mapping[str, str | float | bool]
    words: Mapping[str, OptionWords]


@dataclass(frozen=True, slots=True)
class Certainty:
    """How sure a response is: the chances of every visit, and the smallest change that flips the last one."""

    chances: tuple[Chances, ...]
    flips: tuple[Flip, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A criterion that cannot be applied to a history, and why."""

    criterion: str
    title: str
    reason: Message
    hint: Message


def criteria() -> tuple[CriterionFacts, ...]:
    """All criteria, by id."""
    return tuple(_facts(criterion) for criterion in load_criteria().values())


def assess(timepoints: Sequence[Timepoint], criterion: str, options: Mapping[str, str] | None = None) -> Response:
    """What one criterion says of a history.

    Raises:
        UnknownNameError: There is no such criterion.
        HistoryError: The history contradicts itself, or an option is not one of the criterion's.
    """
    chosen = load_criterion(criterion)
    return chosen.configured(options or {}).assess(timepoints)


def assess_table(data: bytes, criterion: str, options: Mapping[str, str] | None = None) -> Response:
    """What one criterion says of a CSV table; what is doubtful about the table stands first among the issues.

    Raises:
        UnknownNameError: There is no such criterion.
        HistoryError: The table or the history cannot be used; the message names the line.
    """
    load_criterion(criterion)  # a wrong name is told before a wrong table
    table = read_history(data)
    answer = assess(table.timepoints, criterion, options)
    return replace(answer, issues=(*table.issues, *answer.issues))


def certainty(
    timepoints: Sequence[Timepoint], criterion: str, noise: Noise, options: Mapping[str, str] | None = None
) -> Certainty:
    """How sure the response is under measurement error, and what would flip its last answer.

    Raises:
        UnknownNameError: There is no such criterion.
        HistoryError: As for `assess`.
    """
    chosen = load_criterion(criterion).configured(options or {})
    return Certainty(category_chances(chosen, timepoints, noise), flips(chosen, timepoints))


def assess_all(timepoints: Sequence[Timepoint]) -> tuple[Response | Refused, ...]:
    """What every criterion says of a history, side by side; one that refuses it says why."""
    answers: list[Response | Refused] = []
    for name, criterion in load_criteria().items():
        try:
            answers.append(criterion.assess(timepoints))
        except HistoryError as error:
            answers.append(Refused(name, criterion.title, error.message, error.hint))
    return tuple(answers)


def _facts(criterion: Criterion) -> CriterionFacts:
    return CriterionFacts(
        id=criterion.id,
        title=criterion.title,
        summary=criterion.summary,
        source=criterion.source,
        unit=criterion.unit,
        order=criterion.order,
        options=criterion.options(),
        words=criterion.option_words,
    )
