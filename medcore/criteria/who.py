"""WHO 1979: the sum of products of perpendicular diameters."""

from __future__ import annotations

from dataclasses import dataclass

from medcore.criteria._burden import Step, grown
from medcore.criteria._overall import PD, Verdict
from medcore.criteria._products import PRODUCTS
from medcore.criteria._sums import Limits, SumCriterion, SumRule
from medcore.errors import N_, Message

RESPONSE_PERCENT = 50.0  # Miller 1981: at least a 50 % decrease of the sum of products
PROGRESSION_PERCENT = 25.0  # Miller 1981: at least a 25 % increase
LIMITS = Limits(RESPONSE_PERCENT, PROGRESSION_PERCENT)


@dataclass(frozen=True)
class Who(SumCriterion):
    """WHO response criteria."""

    title = N_("WHO")
    summary = N_("The oldest: products of two diameters. “SD” is its “no change”.")
    source = "Miller 1981, Cancer 47:207"
    unit = "mm²"
    most_targets = None  # WHO names no limit
    to_confirm = (
        N_("A lesion too small to measure counts 5 mm × 5 mm; the paper names no such size."),
        N_("Progression is told from the sum; the paper also accepts 25 % growth of a single lesion."),
    )

    @property
    def rule(self) -> SumRule:
        """−50/+25 % of the products."""
        return SumRule(PRODUCTS, LIMITS)

    def notes(self, step: Step, verdict: Verdict) -> tuple[Message, ...]:
        """Single lesions that grew by 25 % while the sum did not."""
        if verdict.category == PD or step.index == 0:
            return ()
        before = step.at_nadir.values
        alone = [
            name
            for name, value in step.burden.values.items()
            if value is not None and (was := before.get(name)) and grown(value, was, PROGRESSION_PERCENT)
        ]
        if not alone:
            return ()
        return (
            Message(
                N_("Single lesions grew by {limit:.4g} % or more, which WHO may call progression: {lesions}."),
                {"lesions": ", ".join(alone), "limit": PROGRESSION_PERCENT},
            ),
        )


CRITERION = Who()
