"""EORTC PET criteria of 1999: the summed uptake of the targets, ±25 %."""

from __future__ import annotations

from dataclasses import dataclass

from medcore.criteria._burden import Measure, Step, grown
from medcore.criteria._metabolic import METABOLIC, METABOLIC_SCALE, PMD, uptake
from medcore.criteria._overall import Verdict, targets
from medcore.criteria._sums import Limits, SumCriterion, SumRule
from medcore.errors import N_, Message

CHANGE_PERCENT = 25.0  # Young 1999: 25 % of SUV, either way
EXTENT_PERCENT = 20.0  # Young 1999: 20 % of the longest dimension is a visible increase of extent
FAINT_SUV = 0.0  # the paper gives an uptake too faint to measure no number


@dataclass(frozen=True)
class EortcPet(SumCriterion):
    """EORTC PET."""

    title = N_("EORTC PET")
    summary = N_("PET: uptake of the targets, 25 % either way.")
    source = "Young 1999, Eur J Cancer 35:1773"
    unit = "SUV"
    order = METABOLIC_SCALE.order
    scale = METABOLIC_SCALE
    names = METABOLIC
    most_targets = None
    to_confirm = (
        N_("Progression is told from the nadir; the paper compares with the baseline."),
        N_("After one cycle of treatment a fall of 15 % already counts; it is not applied."),
    )

    @property
    def rule(self) -> SumRule:
        """±25 %."""
        return SumRule(Measure("SUV", uptake, FAINT_SUV), Limits(CHANGE_PERCENT, CHANGE_PERCENT))

    def notes(self, step: Step, verdict: Verdict) -> tuple[Message, ...]:
        """Where the extent grew although the uptake did not."""
        if verdict.category == PMD or step.index == 0:
            return ()
        first = {lesion.id: lesion.longest_mm for lesion in step.earlier[0].lesions}
        longer = [
            lesion.id
            for lesion in targets(step.visit)
            if lesion.longest_mm and (was := first.get(lesion.id)) and grown(lesion.longest_mm, was, EXTENT_PERCENT)
        ]
        if not longer:
            return ()
        text = N_("Longer by {limit:.4g} % or more, which the EORTC may call progression: {lesions}.")
        return (Message(text, {"lesions": ", ".join(longer), "limit": EXTENT_PERCENT}),)


CRITERION = EortcPet()
