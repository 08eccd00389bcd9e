"""Choi criteria for gastrointestinal stromal tumours: a small change of size or a fall of density counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medcore.criteria._burden import Step, shrunk
from medcore.criteria._overall import CR, NE, PR, SD, Verdict, targets
from medcore.criteria._recist import DIAMETERS, NO_SIZE
from medcore.criteria._sums import Judged, Limits, SumCriterion, SumRule
from medcore.errors import N_, Message
from medcore.records import LesionStatus, Timepoint

SIZE_PERCENT = 10.0  # Choi 2007: a 10 % change of the sum of longest diameters
DENSITY_PERCENT = 15.0  # Choi 2007: a 15 % fall of the mean attenuation
DENSITY = "density_hu"
DENSITY_CHANGE = "density_change_percent"


def density_hu(visit: Timepoint) -> float | None:
    """Mean HU over the targets that are there; None where one of them lacks it."""
    there = [x for x in targets(visit) if x.status is LesionStatus.MEASURED and x.longest_mm != 0]
    values = [lesion.hu_mean for lesion in there]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


class SizeOrDensity(SumRule):
    """PR by size or density; PD by size, unless density says PR."""

    def __init__(self) -> None:
        super().__init__(DIAMETERS, Limits(SIZE_PERCENT, SIZE_PERCENT))

    def compare(self, step: Step, earlier: Sequence[Judged]) -> Verdict:
        """See SumRule."""
        by_size = super().compare(step, earlier)
        if by_size.category == CR or by_size.rule == "target.pd_reappeared":
            return by_size
        density = self._density(step)
        if density is None:
            return by_size if by_size.category == PR else self._no_density(by_size)
        if density.category == PR and by_size.category != PR:
            return density
        return by_size

    def incomplete(self, step: Step) -> Verdict:
        """See SumRule; growth in size proves nothing while the density of a lesion is unknown."""
        names = {"lesions": ", ".join(step.burden.unknown)}
        return Verdict(NE, "target.ne", Message(N_("Target lesions were not assessed: {lesions}."), names))

    def _density(self, step: Step) -> Verdict | None:
        """PR or SD by density; None where it is unknown."""
        first, now = density_hu(step.earlier[0]), density_hu(step.visit)
        if first is None or now is None or first <= 0:
            return None
        values = {"percent": (first - now) / first * 100, "first": first, "now": now, "limit": DENSITY_PERCENT}
        text = N_("The density fell by {percent:.1f} % from {first:.4g} to {now:.4g} HU (limit {limit:.4g} %).")
        return Verdict(PR if shrunk(now, first, DENSITY_PERCENT) else SD, "target.pr_density", Message(text, values))

    @staticmethod
    def _no_density(by_size: Verdict) -> Verdict:
        text = N_("Without the density of every target at both visits, {category} by size does not decide.")
        return Verdict(NE, "target.ne_density", Message(text, {"category": by_size.category}))


@dataclass(frozen=True)
class Choi(SumCriterion):
    """Choi criteria."""

    title = N_("Choi")
    summary = N_("Stromal tumours: 10 % in size or 15 % in density on CT.")
    source = "Choi 2007, J Clin Oncol 25:1753"
    unit = "mm"
    most_targets = None
    to_confirm = (
        NO_SIZE,
        N_(
            "The density is the plain mean over the targets; size grows from the nadir, density falls from the "
            "baseline."
        ),
    )

    @property
    def rule(self) -> SumRule:
        """10 % of size, 15 % of density."""
        return SizeOrDensity()

    def figures(self, step: Step) -> Mapping[str, float | None]:
        """Density and its change."""
        first, now = density_hu((*step.earlier, step.visit)[0]), density_hu(step.visit)
        change = None if first is None or now is None or first <= 0 else (now - first) / first * 100
        return {DENSITY: now, DENSITY_CHANGE: change}

    def missing(self, step: Step, verdict: Verdict) -> tuple[Message, ...]:
        """The density, where it is not known."""
        if self.figures(step)[DENSITY] is None and verdict.category != CR:
            return (Message(N_("The mean density (hu_mean) of every target is needed.")),)
        return ()


CRITERION = Choi()
