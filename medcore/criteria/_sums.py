"""Criteria that sum lesions and compare the sum with baseline and nadir: RECIST and its kin."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar

from medcore.criteria import Criterion
from medcore.criteria._best import Scale, best, with_confirmation
from medcore.criteria._burden import Measure, Step, grown, shrunk, steps
from medcore.criteria._history import MAX_TARGETS, MAX_TARGETS_PER_ORGAN, checked
from medcore.criteria._overall import (
    BASELINE,
    CR,
    MR,
    NE,
    NONE,
    PD,
    PR,
    SD,
    Verdict,
    gone,
    judge_new,
    judge_nontarget,
    overall,
    role,
    targets,
)
from medcore.errors import N_, Message
from medcore.records import (
    Issue,
    LesionReading,
    LesionRole,
    LesionStatus,
    Response,
    Threshold,
    Timepoint,
    TimepointResponse,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Where categories begin, in percent of the baseline (response) and of the nadir (progression).

    Args:
        response: Fall from the baseline that makes PR.
        progression: Rise from the nadir that makes PD.
        least: The rise must also reach this, in the unit of the sum.
        minor: Fall from the baseline that makes MR, where the criterion knows it.
        least_fall: The fall that makes PR must also reach this, in the unit of the sum.
    """

    response: float
    progression: float
    least: float = 0.0
    minor: float | None = None
    least_fall: float = 0.0


@dataclass(frozen=True, slots=True)
class Judged:
    """One visit's sum and what it says of the target lesions."""

    step: Step
    verdict: Verdict


class SumRule:
    """The target response from a sum; a criterion with a rule of its own overrides one method."""

    def __init__(self, measure: Measure, limits: Limits) -> None:
        self.measure, self.limits = measure, limits

    def chosen(self, visit: Timepoint) -> Sequence[LesionReading]:
        """The lesions that are summed."""
        return targets(visit)

    def gone(self, lesion: LesionReading) -> bool:
        """Whether nothing of this lesion stands against a complete response."""
        return self.measure.value(lesion) == 0

    def judge(self, visits: Sequence[Timepoint]) -> tuple[Judged, ...]:
        """Every visit's target response."""
        judged: list[Judged] = []
        for step in steps(visits, self.chosen, self.measure):
            judged.append(Judged(step, self.verdict(step, judged)))
        return tuple(judged)

    def verdict(self, step: Step, earlier: Sequence[Judged]) -> Verdict:
        """The target response of one visit; CR first (nothing is left), PD before PR."""
        if step.index == 0:
            return Verdict(BASELINE, "baseline", Message(N_("The baseline: what later visits are compared with.")))
        if not step.burden.values:
            return Verdict(NONE, "target.none", Message(N_("There are no target lesions.")))
        stated = [x.id for x in self.chosen(step.visit) if x.status is LesionStatus.UNEQUIVOCAL_PROGRESSION]
        if stated:
            reason = Message(
                N_("The reader states unequivocal progression of {lesions}."), {"lesions": ", ".join(stated)}
            )
            return Verdict(PD, "target.pd_stated", reason)
        if step.baseline.sum is None or step.nadir is None:
            unknown = {"lesions": ", ".join(step.baseline.unknown)}
            return Verdict(NE, "target.ne_baseline", Message(N_("The baseline lacks {lesions}."), unknown))
        if step.burden.sum is None:
            return self.incomplete(step)
        return self.compare(step, earlier)

    def compare(self, step: Step, earlier: Sequence[Judged]) -> Verdict:
        """The target response of a visit whose sum is known."""
        if all(self.gone(lesion) for lesion in self.chosen(step.visit)):
            return Verdict(CR, "target.cr", Message(N_("All target lesions are gone.")))
        back = self._back_after_cr(step, earlier)
        if back:
            reason = Message(
                N_("{lesions} came back after a complete response."),
                {"lesions": ", ".join(back)},
            )
            return Verdict(PD, "target.pd_reappeared", reason)
        if self.grew(step, step.burden.sum or 0.0):
            return Verdict(PD, "target.pd", self._risen(step))
        now, baseline = step.burden.sum or 0.0, step.baseline.sum or 0.0
        if shrunk(now, baseline, self.limits.response, self.limits.least_fall):
            return Verdict(PR, "target.pr", self._fallen(step, self.limits.response))
        if self.limits.minor is not None and shrunk(now, baseline, self.limits.minor):
            return Verdict(MR, "target.mr", self._fallen(step, self.limits.minor))
        return Verdict(SD, "target.sd", self._stable(step))

    def grew(self, step: Step, now: float) -> bool:
        """Whether the sum `now` (or what is known of it) is a progression over the nadir."""
        return step.nadir is not None and grown(now, step.nadir, self.limits.progression, self.limits.least)

    def thresholds(self, step: Step) -> tuple[Threshold, ...]:
        """Where PD, PR and MR begin for this visit's sum."""
        now, baseline, nadir = step.burden.sum, step.baseline.sum, step.nadir
        if step.index == 0 or now is None or baseline is None or nadir is None:
            return ()
        at = {PD: max(nadir * (1 + self.limits.progression / 100), nadir + self.limits.least)}
        at[PR] = min(baseline * (1 - self.limits.response / 100), baseline - self.limits.least_fall)
        if self.limits.minor is not None:
            at[MR] = baseline * (1 - self.limits.minor / 100)
        return tuple(Threshold(c, x, x - now, (x - now) / now * 100 if now else None) for c, x in at.items())

    def incomplete(self, step: Step) -> Verdict:
        """A sum with gaps proves progression when what was assessed already does; otherwise it proves nothing."""
        names = {"lesions": ", ".join(step.burden.unknown)}
        if self.grew(step, step.burden.assessed):
            reason = Message(
                N_(
                    "Without {lesions} the sum is already {sum:g} {unit}, a progression over the nadir of "
                    "{nadir:g} {unit}."
                ),
                {**self._values(step), **names, "sum": tidy(step.burden.assessed)},
            )
            return Verdict(PD, "target.pd_incomplete", reason)
        return Verdict(NE, "target.ne", Message(N_("Target lesions were not assessed: {lesions}."), names))

    def _back_after_cr(self, step: Step, earlier: Sequence[Judged]) -> list[str]:
        """Lesions other than nodes that are there again although all were gone before (RECIST 1.1, Appendix III)."""
        known = [judged for judged in earlier if judged.verdict.category != NE]
        if not known or known[-1].verdict.category != CR:
            return []
        return [x.id for x in self.chosen(step.visit) if not x.node and not self.gone(x)]

    def _values(self, step: Step) -> dict[str, str | int | float]:
        return {
            "sum": tidy(step.burden.sum or 0.0),
            "unit": self.measure.unit,
            "nadir": tidy(step.nadir or 0.0),
            "baseline": tidy(step.baseline.sum or 0.0),
            "rise": tidy((step.burden.sum or 0.0) - (step.nadir or 0.0)),
            "least": tidy(self.limits.least),
            "limit": tidy(self.limits.progression),
        }

    def _risen(self, step: Step) -> Message:
        values = self._values(step)
        if step.rise_percent is None:
            return Message(N_("The sum rose from a nadir of zero to {sum:g} {unit}."), values)
        if not self.limits.least:
            text = N_(
                "The sum rose by {percent:.1f} % over the nadir, from {nadir:g} to {sum:g} {unit} (limit {limit:g} %)."
            )
        else:
            text = N_(
                "The sum rose by {percent:.1f} % and {rise:g} {unit} over the nadir, from {nadir:g} to "
                "{sum:g} {unit} (limits {limit:g} % and {least:g} {unit})."
            )
        return Message(text, {**values, "percent": step.rise_percent})

    def _fallen(self, step: Step, limit: float) -> Message:
        return Message(
            N_(
                "The sum fell by {percent:.1f} % from the baseline, from {baseline:g} to {sum:g} {unit} "
                "(limit {limit:g} %)."
            ),
            {**self._values(step), "percent": -(step.change_percent or 0.0), "limit": tidy(limit)},
        )

    def _stable(self, step: Step) -> Message:
        values = self._values(step)
        if step.change_percent is None or step.rise_percent is None:
            return Message(N_("The sum of {sum:g} {unit} is neither a response nor a progression."), values)
        text = N_(
            "The sum of {sum:g} {unit} is {change:+.1f} % from the baseline and {percent:+.1f} % "
            "({rise:+g} {unit}) from the nadir: neither a response nor a progression."
        )
        return Message(text, {**values, "change": step.change_percent, "percent": step.rise_percent})


class NodeRule(SumRule):
    """A rule to which a node below 10 mm short axis is normal, so that a sum above zero may be a complete response."""

    def gone(self, lesion: LesionReading) -> bool:
        """See SumRule."""
        return gone(lesion)


@dataclass(frozen=True)
class SumCriterion(Criterion):
    """A criterion with one sum over the target lesions."""

    order: ClassVar[tuple[str, ...]] = (CR, PR, SD, PD)
    scale: ClassVar[Scale] = Scale((CR, PR, SD, PD))
    names: ClassVar[Mapping[str, str]] = MappingProxyType({})  # what this criterion calls CR, PR, SD and PD
    most_targets: ClassVar[int | None] = MAX_TARGETS
    most_per_organ: ClassVar[int | None] = MAX_TARGETS_PER_ORGAN

    @property
    @abstractmethod
    def rule(self) -> SumRule:
        """How target lesions are summed and compared."""

    def assess(self, timepoints: Sequence[Timepoint]) -> Response:
        """See Criterion."""
        history = checked(timepoints, most_targets=self.most_targets, most_per_organ=self.most_per_organ)
        visits = self.prepared(history.visits)
        judged = self.rule.judge(visits)
        rows = [self._row(visits[: index + 1], one) for index, one in enumerate(judged)]
        issues = (*history.issues, *self.unfit(visits[0]))
        return response(self, self.scale, rows, issues)

    def prepared(self, visits: Sequence[Timepoint]) -> Sequence[Timepoint]:
        """The visits with their values in the unit of the criterion."""
        return visits

    def nontargets(self, visit: Timepoint) -> Sequence[LesionReading]:
        """The lesions that are followed without being summed."""
        return role(visit, LesionRole.NONTARGET)

    def unfit(self, baseline: Timepoint) -> tuple[Issue, ...]:
        """What makes the baseline unfit for this criterion, such as targets that are not measurable."""
        return ()

    def decide(self, step: Step, target: Verdict, nontarget: Verdict, new: Verdict) -> Verdict:
        """The overall response."""
        return overall(target, nontarget, new)

    def notes(self, step: Step, verdict: Verdict) -> tuple[Message, ...]:
        """What a reader should know beside the answer."""
        return ()

    def figures(self, step: Step) -> Mapping[str, float | None]:
        """Further numbers by name."""
        return {}

    def missing(self, step: Step, verdict: Verdict) -> tuple[Message, ...]:
        """What the answer would need and the history lacks."""
        return ()

    def _row(self, visits: Sequence[Timepoint], judged: Judged) -> TimepointResponse:
        step, target = judged.step, judged.verdict
        nontarget = judge_nontarget(self.nontargets(step.visit), self.rule.gone)
        new = judge_new(visits)
        whole = target if step.index == 0 else self.decide(step, target, nontarget, new)
        return row(
            step,
            self._named(target),
            nontarget,
            new,
            self._named(whole),
            thresholds=tuple(
                replace(one, category=self.names.get(one.category, one.category)) for one in self.rule.thresholds(step)
            ),
            missing=(*unknown_sizes(step), *self.missing(step, whole)),
            notes=self.notes(step, whole),
            figures=self.figures(step),
        )

    def _named(self, verdict: Verdict) -> Verdict:
        return replace(verdict, category=self.names.get(verdict.category, verdict.category))


def row(
    step: Step,
    target: Verdict,
    nontarget: Verdict,
    new: Verdict,
    whole: Verdict,
    *,
    thresholds: tuple[Threshold, ...] = (),
    missing: tuple[Message, ...] = (),
    notes: tuple[Message, ...] = (),
    figures: Mapping[str, float | None] = MappingProxyType({}),
) -> TimepointResponse:
    """One visit's answer as a record."""
    return TimepointResponse(
        timepoint=step.visit.label,
        acquired_on=step.visit.acquired_on,
        sum=step.burden.sum,
        sum_of_assessed=step.burden.assessed,
        baseline=step.baseline.sum,
        nadir=step.nadir,
        change_from_baseline_percent=step.change_percent,
        change_from_nadir_percent=step.rise_percent,
        target=target.category,
        nontarget=nontarget.category,
        new=new.category,
        overall=whole.category,
        rule=whole.rule,
        reason=whole.reason,
        thresholds=thresholds,
        missing=missing,
        notes=notes,
        lesions=step.burden.values,
        figures=dict(figures),
    )


def response(
    criterion: Criterion, scale: Scale, rows: Sequence[TimepointResponse], issues: tuple[Issue, ...], *, unit: str = ""
) -> Response:
    """The answer over the whole history; `unit` where it is not the criterion's usual one."""
    confirmed = with_confirmation(rows, scale)
    top = best(confirmed, scale)
    return Response(
        criterion=criterion.id,
        title=criterion.title,
        unit=unit or criterion.unit,
        source=criterion.source,
        timepoints=confirmed,
        best=top.response,
        best_confirmed=top.confirmed,
        progressed_at=top.progressed_at,
        to_confirm=tuple(Message(text) for text in criterion.to_confirm),
        issues=issues,
    )


def tidy(value: float) -> float:
    """A number with the digits it deserves in a sentence.

    >>> tidy(12345.678), tidy(47.126), tidy(0.065449)
    (12345.7, 47.13, 0.06545)
    """
    return round(value, 1 if abs(value) >= 100 else 2) if abs(value) >= 1 else float(f"{value:.4g}")


def unknown_sizes(step: Step) -> tuple[Message, ...]:
    """Names the lesions whose size the sum lacks, and why."""
    status = {lesion.id: lesion.status for lesion in step.visit.lesions}
    unseen = [name for name in step.burden.unknown if status.get(name) is LesionStatus.NOT_ASSESSED]
    unsized = [name for name in step.burden.unknown if status.get(name) is not LesionStatus.NOT_ASSESSED]
    messages = []
    if unseen:
        messages.append(Message(N_("Not assessed: {lesions}."), {"lesions": ", ".join(unseen)}))
    if unsized:
        messages.append(
            Message(N_("Without the size that this criterion sums: {lesions}."), {"lesions": ", ".join(unsized)})
        )
    return tuple(messages)
