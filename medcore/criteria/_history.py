"""A history made fit for a criterion: from the baseline on, every known lesion at every visit, no contradictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from medcore.errors import N_, HistoryError, Message, Value
from medcore.records import Issue, LesionReading, LesionRole, LesionStatus, Severity, Timepoint

MAX_TARGETS = 5  # RECIST 1.1, section 4.1
MAX_TARGETS_PER_ORGAN = 2  # RECIST 1.1, section 4.1
NODES = "lymph node"  # all nodes are one organ: EORTC, RECIST 1.1 questions and clarifications


@dataclass(frozen=True, slots=True)
class History:
    """The visits from the baseline on; each holds every lesion known by then, what has no row as not assessed."""

    visits: tuple[Timepoint, ...]
    issues: tuple[Issue, ...]


def checked(
    timepoints: Sequence[Timepoint],
    *,
    most_targets: int | None = MAX_TARGETS,
    most_per_organ: int | None = MAX_TARGETS_PER_ORGAN,
) -> History:
    """The history with its baseline first.

    Args:
        most_targets: How many target lesions the criterion admits; None for any number.
        most_per_organ: How many of one organ; None where the criterion has no such limit, as those of brain tumours.

    Raises:
        HistoryError: No visit, two baselines, dates that go back, a lesion twice at a visit or in two roles, or a
            target that the baseline does not have.
    """
    if not timepoints:
        raise HistoryError(N_("There is no time point to assess."), hint=N_("Give at least a baseline."))
    _one_row_a_lesion(timepoints)
    _dates_go_forward(timepoints)
    visits, early = _from_baseline(timepoints)
    _roles_stay(visits)
    _targets_are_of_the_baseline(visits)
    _nothing_is_new_at_the_baseline(visits[0])
    _merged_lesions_are_somewhere(visits)
    whole, dropped = _every_lesion_at_every_visit(visits)
    issues = (*early, *dropped, *_doubtful_dates(visits), *_too_many_targets(visits[0], most_targets, most_per_organ))
    return History(whole, issues)


def warning(code: str, text: str, hint: str = "", **values: Value) -> Issue:
    """An issue that does not stop the assessment; `text` and `hint` are marked with N_ where they are written."""
    return Issue(code, Severity.WARN, Message(text, values), Message(hint, values))


def organ_of(lesion: LesionReading) -> str:
    """The organ that the limit per organ counts; "" where it is unknown."""
    return NODES if lesion.node else lesion.organ.strip().casefold()


def days_between(first: date | None, second: date | None) -> int | None:
    """Days from one visit to the other; None where a date is unknown."""
    return None if first is None or second is None else (second - first).days


def _one_row_a_lesion(timepoints: Sequence[Timepoint]) -> None:
    for visit in timepoints:
        for name, count in Counter(lesion.id for lesion in visit.lesions).items():
            if count > 1:
                raise HistoryError(
                    N_("Lesion {lesion} is there {count} times at {timepoint}."),
                    hint=N_("Keep one row, or give the fragments of a split lesion names of their own and part_of."),
                    lesion=name,
                    count=count,
                    timepoint=visit.label,
                )


def _dates_go_forward(timepoints: Sequence[Timepoint]) -> None:
    known = [visit for visit in timepoints if visit.acquired_on is not None]
    for earlier, later in pairwise(known):
        if (days_between(earlier.acquired_on, later.acquired_on) or 0) < 0:
            raise HistoryError(
                N_("The dates are out of order: {later} ({second}) comes after {earlier} ({first})."),
                hint=N_("Correct the dates or the order; the nadir depends on it."),
                earlier=earlier.label,
                first=str(earlier.acquired_on),
                later=later.label,
                second=str(later.acquired_on),
            )


def _from_baseline(timepoints: Sequence[Timepoint]) -> tuple[tuple[Timepoint, ...], tuple[Issue, ...]]:
    marked = [index for index, visit in enumerate(timepoints) if visit.baseline]
    if len(marked) > 1:
        raise HistoryError(
            N_("There are two baselines: {first} and {second}."),
            hint=N_("Mark one; every change is counted from it."),
            first=timepoints[marked[0]].label,
            second=timepoints[marked[1]].label,
        )
    start = marked[0] if marked else 0
    early = tuple(
        warning("before_baseline", N_("{timepoint} lies before the baseline and is not assessed."), timepoint=v.label)
        for v in timepoints[:start]
    )
    return tuple(timepoints[start:]), early


def _roles_stay(visits: Sequence[Timepoint]) -> None:
    roles: dict[str, LesionRole] = {}
    for visit in visits:
        for lesion in visit.lesions:
            if roles.setdefault(lesion.id, lesion.role) is not lesion.role:
                raise HistoryError(
                    N_("Lesion {lesion} is “{role}” at {timepoint} but was “{before}” earlier."),
                    hint=N_("A lesion keeps its role: targets are chosen at the baseline, a new lesion stays new."),
                    lesion=lesion.id,
                    role=lesion.role.value,
                    before=roles[lesion.id].value,
                    timepoint=visit.label,
                )


def _targets_are_of_the_baseline(visits: Sequence[Timepoint]) -> None:
    at_baseline = {lesion.id for lesion in visits[0].lesions}
    for visit in visits[1:]:
        for lesion in visit.lesions:
            known = lesion.id in at_baseline or lesion.part_of in at_baseline
            if lesion.role is not LesionRole.NEW and not known:
                raise HistoryError(
                    N_("Lesion {lesion} is “{role}” at {timepoint}, but the baseline does not have it."),
                    hint=N_("Give a lesion that was not there the role new; name the parent of a fragment in part_of."),
                    lesion=lesion.id,
                    role=lesion.role.value,
                    timepoint=visit.label,
                )


def _nothing_is_new_at_the_baseline(baseline: Timepoint) -> None:
    away = {LesionStatus.ABSENT, LesionStatus.NOT_ASSESSED}
    for lesion in baseline.lesions:
        if lesion.role is LesionRole.NEW and lesion.status not in away:
            raise HistoryError(
                N_("Lesion {lesion} is “new” at the baseline {timepoint}."),
                hint=N_("What the baseline shows is target or nontarget; new is what a later visit shows first."),
                lesion=lesion.id,
                timepoint=baseline.label,
            )


def _merged_lesions_are_somewhere(visits: Sequence[Timepoint]) -> None:
    for visit in visits:
        here = {lesion.id: lesion.status for lesion in visit.lesions}
        for lesion in visit.lesions:
            if lesion.status is LesionStatus.MERGED and here.get(lesion.merged_into) in {None, LesionStatus.MERGED}:
                raise HistoryError(
                    N_("Lesion {lesion} merged into “{other}”, which {timepoint} does not have."),
                    hint=N_("Give the merged lesion a row of its own; its size stands for both."),
                    lesion=lesion.id,
                    other=lesion.merged_into,
                    timepoint=visit.label,
                )


def _every_lesion_at_every_visit(visits: Sequence[Timepoint]) -> tuple[tuple[Timepoint, ...], tuple[Issue, ...]]:
    """Nothing is dropped in silence: a lesion without a row is not assessed; what has merged stays merged."""
    last: dict[str, LesionReading] = {}
    whole, issues = [], []
    for visit in visits:
        here = {lesion.id for lesion in visit.lesions}
        added = [_unread(lesion) for name, lesion in last.items() if name not in here]
        for lesion in added:
            if lesion.status is LesionStatus.NOT_ASSESSED:
                issues.append(
                    warning(
                        "lesion_without_row",
                        N_("Lesion {lesion} has no row at {timepoint}: it counts as not assessed."),
                        N_("Say what became of it: a size, absent, too_small or not_assessed."),
                        lesion=lesion.id,
                        timepoint=visit.label,
                    )
                )
        lesions = (*visit.lesions, *added)
        last.update({lesion.id: lesion for lesion in lesions})
        whole.append(replace(visit, lesions=lesions))
    return tuple(whole), tuple(issues)


def _unread(lesion: LesionReading) -> LesionReading:
    status = LesionStatus.MERGED if lesion.status is LesionStatus.MERGED else LesionStatus.NOT_ASSESSED
    return LesionReading(
        lesion.id,
        lesion.role,
        status,
        organ=lesion.organ,
        node=lesion.node,
        kind=lesion.kind,
        enhancing=lesion.enhancing,
        part_of=lesion.part_of,
        merged_into=lesion.merged_into,
    )


def _doubtful_dates(visits: Sequence[Timepoint]) -> list[Issue]:
    issues = []
    if any(visit.acquired_on is None for visit in visits):
        issues.append(
            warning(
                "no_date",
                N_("A visit has no date: intervals for confirmation and growth rates cannot be told."),
                N_("Give every time point its date."),
            )
        )
    for earlier, later in pairwise(visits):
        if earlier.acquired_on is not None and earlier.acquired_on == later.acquired_on:
            issues.append(
                warning(
                    "same_date",
                    N_("{earlier} and {later} have the same date."),
                    N_("If one is a second reading of the same scan, keep only one of them."),
                    earlier=earlier.label,
                    later=later.label,
                )
            )
    return issues


def _too_many_targets(baseline: Timepoint, most: int | None, most_per_organ: int | None) -> list[Issue]:
    targets = [lesion for lesion in baseline.lesions if lesion.role is LesionRole.TARGET]
    if most is None:
        return []
    issues = []
    if len(targets) > most:
        issues.append(
            warning(
                "too_many_targets",
                N_("The baseline has {count} targets; the criterion admits {most}. All of them are in the sum."),
                N_("Keep the largest that can be measured reliably and make the others non-target."),
                count=len(targets),
                most=most,
            )
        )
    for organ, count in Counter(filter(None, map(organ_of, targets))).items():
        if most_per_organ is not None and count > most_per_organ:
            issues.append(
                warning(
                    "too_many_targets_in_an_organ",
                    N_("{count} targets are in one organ ({organ}); RECIST admits {most}. All of them are in the sum."),
                    N_("Keep the two largest and make the others non-target."),
                    count=count,
                    organ=organ,
                    most=most_per_organ,
                )
            )
    return issues
