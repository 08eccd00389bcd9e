"""PERCIST 1.0: the SUL peak of the hottest lesion of each scan, ±30 % and 0.8 units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from medcore.criteria._burden import Measure, Step, change_percent, grown
from medcore.criteria._history import warning
from medcore.criteria._metabolic import METABOLIC, METABOLIC_SCALE, uptake
from medcore.criteria._overall import Verdict, targets
from medcore.criteria._sul import sul
from medcore.criteria._sums import Limits, SumCriterion, SumRule
from medcore.errors import N_, Message
from medcore.records import Issue, LesionReading, Timepoint

CHANGE_PERCENT = 30.0  # Wahl 2009, Table 3
CHANGE_SUL = 0.8  # Wahl 2009, Table 3
TLG_PERCENT = 75.0  # Wahl 2009: rise of total lesion glycolysis of the five hottest lesions
TLG_LESIONS = 5
LIVER_FACTOR, LIVER_SDS = 1.5, 2.0  # Wahl 2009: measurable from 1.5 × liver mean + 2 SD on
TLG = "tlg"


def hottest(values: Sequence[float]) -> float:
    """The peak that counts: that of the hottest lesion, which need not be the same at every scan."""
    return max(values)


def glycolysis(lesions: Sequence[LesionReading]) -> float | None:
    """Total lesion glycolysis of the five hottest; None where it is not known of all of them."""
    chosen = sorted(lesions, key=lambda lesion: (-(lesion.suv_peak or 0.0), lesion.id))[:TLG_LESIONS]
    values = [0.0 if PEAK.value(lesion) == 0 else lesion.tlg for lesion in chosen]
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


PEAK = Measure("SUL", uptake, 0.0, total=hottest)


class HottestLesion(SumRule):
    """Peak of the hottest lesion, or 75 % more total lesion glycolysis."""

    def grew(self, step: Step, now: float) -> bool:
        """See SumRule."""
        if super().grew(step, now):
            return True
        first = glycolysis(targets(step.earlier[0])) if step.earlier else None
        total = glycolysis(targets(step.visit))
        return bool(first) and total is not None and grown(total, first or 0.0, TLG_PERCENT)


@dataclass(frozen=True)
class Percist(SumCriterion):
    """PERCIST 1.0."""

    title = N_("PERCIST 1.0")
    summary = N_("PET: SUL peak of the hottest lesion of each scan.")
    source = "Wahl 2009, J Nucl Med 50 Suppl 1:122S"
    unit = "SUL"
    order = METABOLIC_SCALE.order
    scale = METABOLIC_SCALE
    names = METABOLIC
    to_confirm = (
        N_("Progression is told from the nadir; the paper compares with the baseline."),
        N_("Where the liver is diseased, 2.0 × blood pool + 2 SD takes the place of 1.5 × liver + 2 SD."),
        N_("SUL is computed with the lean body mass after Janmahasatian; its coefficients were not read in the paper."),
    )

    @property
    def rule(self) -> SumRule:
        """±30 % and 0.8 SUL."""
        limits = Limits(CHANGE_PERCENT, CHANGE_PERCENT, CHANGE_SUL, least_fall=CHANGE_SUL)
        return HottestLesion(PEAK, limits)

    def prepared(self, visits: Sequence[Timepoint]) -> Sequence[Timepoint]:
        """SUV as SUL where the body is known at the baseline; size and sex carry over, weight where it is not given."""
        if not _body_known(visits[0]):
            return visits
        body, converted = visits[0].state, []
        for visit in visits:
            body = replace(
                body,
                weight_kg=visit.state.weight_kg or body.weight_kg,
                height_cm=visit.state.height_cm or body.height_cm,
            )
            lesions = tuple(
                replace(
                    lesion,
                    suv_peak=sul(
                        lesion.suv_peak, weight_kg=body.weight_kg or 0, height_cm=body.height_cm or 0, sex=body.sex
                    ),
                )
                if lesion.suv_peak is not None
                else lesion
                for lesion in visit.lesions
            )
            converted.append(replace(visit, lesions=lesions))
        return converted

    def unfit(self, baseline: Timepoint) -> tuple[Issue, ...]:
        """Whether the values are SUL, and whether the hottest lesion is measurable."""
        issues = []
        if not _body_known(baseline):
            issues.append(
                warning(
                    "taken_as_sul",
                    N_("suv_peak is taken as SUL peak, since weight, height and sex are not given."),
                    N_("If it is SUV by body weight, add weight_kg, height_cm and sex: 0.8 units are asked in SUL."),
                )
            )
        mean, spread = baseline.state.liver_suv_mean, baseline.state.liver_suv_sd
        peaks = [lesion.suv_peak for lesion in targets(baseline) if lesion.suv_peak is not None]
        if mean is not None and spread is not None and peaks and max(peaks) < LIVER_FACTOR * mean + LIVER_SDS * spread:
            issues.append(
                warning(
                    "target_not_measurable",
                    N_("The hottest lesion has {peak:.2f} SUL; PERCIST asks for {least:.2f} (1.5 × liver + 2 SD)."),
                    N_("A change of so little uptake is within the noise of the measurement."),
                    peak=max(peaks),
                    least=LIVER_FACTOR * mean + LIVER_SDS * spread,
                )
            )
        return tuple(issues)

    def figures(self, step: Step) -> Mapping[str, float | None]:
        """Total lesion glycolysis and its change."""
        first = glycolysis(targets((*step.earlier, step.visit)[0]))
        now = glycolysis(targets(step.visit))
        return {TLG: now, "tlg_change_percent": change_percent(first, now)}

    def missing(self, step: Step, verdict: Verdict) -> tuple[Message, ...]:
        """The liver, without which nobody can tell whether the lesion is measurable."""
        if step.index == 0 and step.visit.state.liver_suv_mean is None:
            return (Message(N_("Uptake of the liver (mean, SD), to tell whether the hottest lesion is measurable.")),)
        return ()


def _body_known(baseline: Timepoint) -> bool:
    state = baseline.state
    return bool(state.weight_kg and state.height_cm and state.sex)


CRITERION = Percist()
