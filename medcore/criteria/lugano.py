"""Lugano 2014 for lymphoma by PET: the Deauville score that the reader gives, with the change of uptake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from medcore.criteria._best import Scale
from medcore.criteria._burden import Measure, Step
from medcore.criteria._metabolic import CMR, PMD, PMR, uptake
from medcore.criteria._overall import CR, NE, PD, PR, SD, YES, Verdict
from medcore.criteria._sums import Judged, Limits, SumCriterion, SumRule
from medcore.errors import N_, HistoryError, Message
from medcore.records import Trend

NMR = "NMR"  # no metabolic response
COMPLETE_SCORE = 3  # Cheson 2014: scores 1 to 3 are a complete metabolic response
WORST_SCORE = 5
CHANGE_PERCENT = 25.0  # the paper gives no number; that of the EORTC stands in where the reader states no trend
LUGANO_SCALE = Scale((CMR, PMR, NMR, PMD), responses=(CMR, PMR), stable=NMR, progression=(PMD,), confirm_days=None)


class DeauvilleRule(SumRule):
    """Score 1 to 3 is complete; 4 and 5 are told apart by the change of uptake."""

    def verdict(self, step: Step, earlier: Sequence[Judged]) -> Verdict:
        """See SumRule; lesions are optional, the score is not."""
        if step.index == 0:
            return super().verdict(step, earlier)
        score = step.visit.state.deauville
        if score is None:
            return Verdict(NE, "deauville.ne", Message(N_("There is no Deauville score at this visit.")))
        if not 1 <= score <= WORST_SCORE:
            raise HistoryError(
                N_("The Deauville score at {timepoint} is {score}; it runs from 1 to 5."),
                timepoint=step.visit.label,
                score=score,
            )
        if score <= COMPLETE_SCORE:
            text = N_("Deauville {score}: uptake not above the liver, a complete metabolic response.")
            return Verdict(CR, "deauville.cr", Message(text, {"score": score}))
        return self._by_uptake(step, earlier, score)

    def _by_uptake(self, step: Step, earlier: Sequence[Judged], score: int) -> Verdict:
        trend = step.visit.state.uptake
        if trend is not None:
            category = {Trend.BETTER: PR, Trend.STABLE: SD, Trend.WORSE: PD}[trend]
            text = {
                Trend.BETTER: N_("Deauville {score} with less uptake than at the baseline."),
                Trend.STABLE: N_("Deauville {score} with uptake unchanged."),
                Trend.WORSE: N_("Deauville {score} with more uptake."),
            }[trend]
            return Verdict(category, f"deauville.{category.lower()}", Message(text, {"score": score}))
        measured = super().verdict(step, earlier)
        if measured.category in {PR, SD, PD}:
            return measured
        text = N_("Deauville {score} needs the change of uptake: less, unchanged or more.")
        return Verdict(NE, "deauville.ne_uptake", Message(text, {"score": score}))


@dataclass(frozen=True)
class Lugano(SumCriterion):
    """Lugano by PET."""

    title = N_("Lugano (PET)")
    summary = N_("Lymphoma: the Deauville score you give, with the change of uptake.")
    source = "Cheson 2014, J Clin Oncol 32:3059"
    unit = "SUV"
    order = LUGANO_SCALE.order
    scale = LUGANO_SCALE
    names = MappingProxyType({CR: CMR, PR: PMR, SD: NMR, PD: PMD})
    most_targets = 6  # Cheson 2014: up to six
    to_confirm = (N_("Where no trend of uptake is given, 25 % of the summed SUV tells it; the paper names no number."),)

    @property
    def rule(self) -> SumRule:
        """The given score."""
        return DeauvilleRule(Measure("SUV", uptake, 0.0), Limits(CHANGE_PERCENT, CHANGE_PERCENT))

    def decide(self, step: Step, target: Verdict, nontarget: Verdict, new: Verdict) -> Verdict:
        """New foci are progression whatever the score; what is left with a score of 1 to 3 does not matter."""
        if new.category == YES:
            return Verdict(PD, new.rule, new.reason)
        return nontarget if nontarget.category == PD else target

    def missing(self, step: Step, verdict: Verdict) -> tuple[Message, ...]:
        """The score."""
        if step.visit.state.deauville is None:
            return (Message(N_("The Deauville score.")),)
        return ()


CRITERION = Lugano()
