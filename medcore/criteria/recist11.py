"""RECIST 1.1: the sum of diameters of target lesions, nodes by short axis, against baseline and nadir."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from medcore.criteria import OptionWords
from medcore.criteria._burden import Step
from medcore.criteria._overall import PR, SD, Verdict
from medcore.criteria._recist import (
    DIAMETERS,
    LIMITS,
    NO_SIZE,
    SOURCE,
    THICK_SLICE_MM,
    THICK_SLICES,
    unmeasurable_targets,
)
from medcore.criteria._sums import NodeRule, SumCriterion, SumRule
from medcore.errors import N_, Message
from medcore.records import Issue, Timepoint


@dataclass(frozen=True)
class Recist11(SumCriterion):
    """RECIST 1.1.

    Args:
        slice_mm: Slice thickness of the CT; from more than 5 mm on, a target must measure twice as much.
    """

    title = N_("RECIST 1.1")
    summary = N_("Solid tumours: diameters of target lesions, short axis of nodes.")
    source = SOURCE
    unit = "mm"
    to_confirm = (
        THICK_SLICES,
        NO_SIZE,
        N_("A target that returns after a complete response is progression, whatever its size."),
    )
    option_words = MappingProxyType(
        {
            "slice_mm": OptionWords(N_("Slice thickness, mm")),
        }
    )

    slice_mm: float = THICK_SLICE_MM

    @property
    def rule(self) -> SumRule:
        """±30/20 % and 5 mm."""
        return NodeRule(DIAMETERS, LIMITS)

    def unfit(self, baseline: Timepoint) -> tuple[Issue, ...]:
        """Targets that are not measurable."""
        return unmeasurable_targets(baseline, slice_mm=self.slice_mm)

    def notes(self, step: Step, verdict: Verdict) -> tuple[Message, ...]:
        """Where a former partial response is now stable by the numbers."""
        baseline, nadir = step.baseline.sum, step.nadir
        if verdict.category != SD or not baseline or nadir is None or nadir > baseline * (1 - LIMITS.response / 100):
            return ()
        return (
            Message(
                N_(
                    "By the sum alone this visit is {now}; after a confirmed {before} the EORTC counts it as a "
                    "response that goes on until progression."
                ),
                {"now": SD, "before": PR},
            ),
        )


CRITERION = Recist11()
