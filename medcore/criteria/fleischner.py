"""Fleischner 2017: when to look again at a nodule found by chance, by kind, size, number and risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from medcore.criteria import Criterion, OptionWords
from medcore.criteria._best import Scale
from medcore.criteria._burden import Measure, Step, steps
from medcore.criteria._history import checked
from medcore.criteria._nodules import GROUND_GLASS, PART_SOLID, SOLID, mean_mm
from medcore.criteria._overall import NE, PRESENT, Verdict, in_order, judge_new, judge_nontarget, role
from medcore.criteria._sums import response, row
from medcore.errors import N_, Message
from medcore.records import LesionReading, LesionRole, LesionStatus, Response, Timepoint, TimepointResponse

SMALL_MM, LARGE_MM = 6.0, 8.0  # MacMahon 2017: below 6 mm, 6 to 8 mm, above 8 mm
NO_FOLLOW_UP, OPTIONAL, ROUTINE, EARLY, WORK_UP = "NONE", "OPTIONAL_12_MONTHS", "6_12_MONTHS", "3_6_MONTHS", "3_MONTHS"
SCALE = Scale((NO_FOLLOW_UP, OPTIONAL, ROUTINE, EARLY, WORK_UP), (), "", (), None)
WORDS = {
    NO_FOLLOW_UP: N_("No routine follow-up."),
    OPTIONAL: N_("Optional CT at 12 months, because of the high risk."),
    ROUTINE: N_("CT at 6 to 12 months, then again at 18 to 24 months (ground glass: every 2 years until 5 years)."),
    EARLY: N_("CT at 3 to 6 months, then by what it shows (part-solid: every year until 5 years)."),
    WORK_UP: N_("CT at 3 months, PET/CT or tissue sampling."),
}


def nodules(visit: Timepoint) -> tuple[LesionReading, ...]:
    """The nodules that are there."""
    return in_order(nodule for nodule in visit.lesions if nodule.status in PRESENT)


def advice(nodule: LesionReading, *, several: bool, high_risk: bool) -> str:
    """What Fleischner 2017 advises for one nodule; NE where its kind or size is unknown."""
    size = mean_mm(nodule)
    if size is None or nodule.kind not in {SOLID, PART_SOLID, GROUND_GLASS}:
        return NE
    if nodule.kind == SOLID:
        return _solid(size, several=several, high_risk=high_risk)
    if several:
        return EARLY  # below 6 mm then at 2 and 4 years
    if size < SMALL_MM:
        return NO_FOLLOW_UP
    return ROUTINE if nodule.kind == GROUND_GLASS else EARLY


@dataclass(frozen=True)
class Fleischner(Criterion):
    """Fleischner 2017.

    Args:
        high_risk: Whether the patient has risk factors (smoking, family history, emphysema ...).
    """

    title = N_("Fleischner 2017")
    summary = N_("Lung nodules found by chance: when to look again. Not below 35 years, with cancer, or in screening.")
    source = "MacMahon 2017, Radiology 284:228"
    unit = "mm"
    order = SCALE.order
    to_confirm = (N_("The table was read from a secondary source, not from the paper."),)
    option_words = MappingProxyType(
        {
            "high_risk": OptionWords(N_("Patient at high risk")),
        }
    )

    high_risk: bool = False

    def assess(self, timepoints: Sequence[Timepoint]) -> Response:
        """See Criterion; every visit is advised on by itself."""
        history = checked(timepoints, most_targets=None)
        rows = [self._row(step) for step in steps(history.visits, nodules, Measure("mm", mean_mm, 0.0, total=max))]
        return response(self, SCALE, rows, history.issues)

    def _row(self, step: Step) -> TimepointResponse:
        there = nodules(step.visit)
        several = len(there) > 1
        each = {x.id: advice(x, several=several, high_risk=self.high_risk) for x in there}
        unknown = [name for name, found in each.items() if found == NE]
        unknown += [x.id for x in in_order(step.visit.lesions) if x.status is LesionStatus.NOT_ASSESSED]
        worst = max((found for found in each.values() if found != NE), key=SCALE.order.index, default=NO_FOLLOW_UP)
        verdict = Verdict(worst, f"fleischner.{worst.lower()}", Message(WORDS[worst]))
        if unknown and worst != WORK_UP:
            reason = Message(N_("Kind or size unknown of: {lesions}."), {"lesions": ", ".join(unknown)})
            verdict = Verdict(NE, "fleischner.ne", reason)
        return row(
            step,
            verdict,
            judge_nontarget(role(step.visit, LesionRole.NONTARGET)),
            judge_new((*step.earlier, step.visit)),
            verdict,
        )


def _solid(size: float, *, several: bool, high_risk: bool) -> str:
    if size < SMALL_MM:
        return OPTIONAL if high_risk else NO_FOLLOW_UP
    if several:
        return EARLY
    return WORK_UP if size > LARGE_MM else ROUTINE


CRITERION = Fleischner()
