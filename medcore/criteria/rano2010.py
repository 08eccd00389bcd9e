"""RANO 2010 for gliomas: products of enhancing lesions, T2/FLAIR, steroids and clinical state together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from medcore.criteria import OptionWords
from medcore.criteria._neuro import EnhancingRule, NeuroCriterion, unmeasurable
from medcore.criteria._overall import role, targets
from medcore.criteria._products import PRODUCTS
from medcore.criteria._sums import Limits, SumRule
from medcore.errors import N_
from medcore.records import Issue, LesionReading, LesionRole, Timepoint

RESPONSE_PERCENT = 50.0  # Wen 2010, Table 4
PROGRESSION_PERCENT = 25.0  # Wen 2010, Table 4
MINOR_PERCENT = 25.0  # van den Bent 2011 (low grade): 25 to below 50 %


@dataclass(frozen=True)
class Rano2010(NeuroCriterion):
    """RANO 2010.

    Args:
        low_grade: Low-grade glioma or meningioma: T2/FLAIR targets count too, and there is a minor response.
    """

    title = N_("RANO 2010")
    summary = N_("Gliomas: products of enhancing lesions with T2/FLAIR, steroids and clinical state.")
    source = "Wen 2010, J Clin Oncol 28:1963; low grade: van den Bent 2011, Lancet Oncol 12:583"
    unit = "mm²"
    most_per_organ = None  # the brain is one organ
    to_confirm = (
        N_("A lesion too small to measure counts 5 mm × 5 mm; the paper names no such size."),
        N_("A complete response on steroids counts as partial; raised steroids leave a visit not evaluable."),
    )
    option_words = MappingProxyType(
        {
            "low_grade": OptionWords(N_("Low-grade glioma")),
        }
    )

    low_grade: bool = False

    @property
    def rule(self) -> SumRule:
        """−50/+25 % of the products."""
        if self.low_grade:
            return SumRule(PRODUCTS, Limits(RESPONSE_PERCENT, PROGRESSION_PERCENT, minor=MINOR_PERCENT))
        return EnhancingRule(PRODUCTS, Limits(RESPONSE_PERCENT, PROGRESSION_PERCENT))

    def nontargets(self, visit: Timepoint) -> Sequence[LesionReading]:
        """Non-target lesions and, where it is not summed, non-enhancing tumour."""
        summed = {lesion.id for lesion in self.rule.chosen(visit)}
        rest = tuple(lesion for lesion in targets(visit) if lesion.id not in summed)
        return (*role(visit, LesionRole.NONTARGET), *rest)

    def unfit(self, baseline: Timepoint) -> tuple[Issue, ...]:
        """Targets below 10 × 10 mm."""
        return unmeasurable(self.rule.chosen(baseline))


CRITERION = Rano2010()
