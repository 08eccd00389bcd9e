"""RANO-BM for brain metastases: the sum of longest diameters, with one lesion grown by 5 mm for progression."""

from __future__ import annotations

from dataclasses import dataclass

from medcore.criteria._burden import TOO_SMALL_MM, Measure, Step, grown, reaches
from medcore.criteria._history import warning
from medcore.criteria._neuro import NeuroCriterion
from medcore.criteria._overall import Verdict, targets
from medcore.criteria._recist import MEASURABLE_MM, NO_SIZE, PROGRESSION_MIN_MM, PROGRESSION_PERCENT, RESPONSE_PERCENT
from medcore.criteria._sums import Limits, SumRule
from medcore.errors import N_, Message
from medcore.records import Issue, LesionReading, Timepoint


def longest_mm(lesion: LesionReading) -> float | None:
    """Longest diameter."""
    return lesion.longest_mm


class OneLesionGrew(SumRule):
    """The 5 mm of progression are asked of one lesion, not of the sum (Lin 2015, Table 4)."""

    def grew(self, step: Step, now: float) -> bool:
        """See SumRule; a lesion is compared with its size at the visit of the nadir."""
        before = step.at_nadir.values
        alone = any(
            value is not None and reaches(value - (before.get(name) or 0.0), PROGRESSION_MIN_MM)
            for name, value in step.burden.values.items()
        )
        return alone and super().grew(step, now)


@dataclass(frozen=True)
class RanoBm(NeuroCriterion):
    """RANO-BM."""

    title = N_("RANO-BM")
    summary = N_("Brain metastases: longest diameters, steroids and clinical state.")
    source = "Lin 2015, Lancet Oncol 16:e270"
    unit = "mm"
    most_per_organ = None  # the brain is one organ
    to_confirm = (
        NO_SIZE,
        N_("The 5 mm of growth of one lesion are counted from the visit that had the smallest sum."),
        N_("A complete response on steroids counts as partial; raised steroids leave a visit not evaluable."),
    )

    @property
    def rule(self) -> SumRule:
        """±30/20 % of the longest diameters."""
        return OneLesionGrew(Measure("mm", longest_mm, TOO_SMALL_MM), Limits(RESPONSE_PERCENT, PROGRESSION_PERCENT))

    def unfit(self, baseline: Timepoint) -> tuple[Issue, ...]:
        """Targets below 10 mm."""
        return tuple(
            warning(
                "target_not_measurable",
                N_("Target {lesion} measures {size:.4g} mm at the baseline; a target needs {least:.4g} mm."),
                N_("Make it non-target: small lesions change by a large percentage through the reading alone."),
                lesion=lesion.id,
                size=lesion.longest_mm,
                least=MEASURABLE_MM,
            )
            for lesion in targets(baseline)
            if lesion.longest_mm is not None and lesion.longest_mm < MEASURABLE_MM
        )

    def notes(self, step: Step, verdict: Verdict) -> tuple[Message, ...]:
        """Where the sum grew by 20 % but no lesion by 5 mm."""
        now, nadir = step.burden.sum, step.nadir
        notes = super().notes(step, verdict)
        enough = now is not None and nadir is not None and grown(now, nadir, PROGRESSION_PERCENT)
        if step.index and enough and not self.rule.grew(step, now or 0.0):
            text = N_("The sum rose by {limit:.4g} % or more, but no single lesion by {least:.4g} mm.")
            values = {"limit": PROGRESSION_PERCENT, "least": PROGRESSION_MIN_MM}
            return (*notes, Message(text, values))
        return notes


CRITERION = RanoBm()
