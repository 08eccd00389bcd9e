"""What the RANO criteria share: the clinical state and corticosteroids decide beside the sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from medcore.criteria._best import CONFIRMATION_DAYS, Scale
from medcore.criteria._burden import Step
from medcore.criteria._history import days_between, warning
from medcore.criteria._overall import CR, MR, NE, PD, PR, SD, Verdict, overall, targets
from medcore.criteria._sums import SumCriterion, SumRule
from medcore.errors import N_, Message
from medcore.records import Issue, LesionReading, PatientState, Steroids, Timepoint, Trend

MEASURABLE_MM = 10.0  # Wen 2010, Table 2: two perpendicular diameters of at least 10 mm
PSEUDOPROGRESSION_DAYS = 84  # Wen 2010: within 12 weeks of radiotherapy most growth is not progression
NEURO_SCALE = Scale((CR, PR, MR, SD, PD), responses=(CR, PR, MR), confirm_days=CONFIRMATION_DAYS)


@dataclass(frozen=True)
class NeuroCriterion(SumCriterion):
    """A criterion in which imaging alone does not decide."""

    order = NEURO_SCALE.order
    scale = NEURO_SCALE

    def decide(self, step: Step, target: Verdict, nontarget: Verdict, new: Verdict) -> Verdict:
        """The overall response of the imaging, held against the clinical state and steroids."""
        return with_state(overall(target, nontarget, new), step.visit.state)

    def missing(self, step: Step, verdict: Verdict) -> tuple[Message, ...]:
        """Clinical state and steroids, where they are not known."""
        return missing_state(step.index, step.visit.state, verdict)

    def notes(self, step: Step, verdict: Verdict) -> tuple[Message, ...]:
        """Progression soon after radiotherapy."""
        return early_progression(step.visit.acquired_on, step.visit.state, verdict)


class EnhancingRule(SumRule):
    """Sums enhancing targets; non-enhancing tumour (T2/FLAIR) only has to be stable for a complete response."""

    def chosen(self, visit: Timepoint) -> Sequence[LesionReading]:
        """Enhancing targets."""
        return tuple(lesion for lesion in targets(visit) if lesion.enhancing)

    def gone(self, lesion: LesionReading) -> bool:
        """Absent, or not enhancing and not worse."""
        return not lesion.enhancing or super().gone(lesion)


def with_state(verdict: Verdict, state: PatientState) -> Verdict:
    """What the clinical state and steroids make of an imaging response (Wen 2010, Table 4)."""
    if state.clinical is Trend.WORSE and verdict.category != PD:
        return Verdict(PD, "clinical.pd", Message(N_("The patient is clinically worse, without another cause.")))
    if state.steroids is Steroids.MORE and verdict.category in {CR, PR, MR, SD}:
        reason = Message(
            N_(
                "Imaging says {category}, but the steroid dose was raised: neither a response nor stable disease "
                "until the dose is back."
            ),
            {"category": verdict.category},
        )
        return Verdict(NE, "steroids.ne", reason)
    if verdict.category == CR and state.steroids in {Steroids.LESS, Steroids.STABLE}:
        return Verdict(PR, "steroids.pr", Message(N_("All is gone, but a complete response needs to be off steroids.")))
    return verdict


def missing_state(index: int, state: PatientState, verdict: Verdict) -> tuple[Message, ...]:
    """Says that the answer holds only if the unknown state agrees with it."""
    if index == 0 or verdict.category not in {CR, PR, MR, SD}:
        return ()
    messages = []
    if state.steroids is None:
        messages.append(
            Message(
                N_("Steroid dose unknown: {category} holds only if it was not raised (for CR: off steroids)."),
                {"category": verdict.category},
            )
        )
    if state.clinical is None:
        messages.append(
            Message(
                N_("Clinical state unknown: {category} holds only if it is stable or better."),
                {"category": verdict.category},
            )
        )
    return tuple(messages)


def early_progression(acquired_on: date | None, state: PatientState, verdict: Verdict) -> tuple[Message, ...]:
    """A note where progression may be an effect of radiotherapy."""
    days = days_between(state.radiotherapy_ended_on, acquired_on)
    if verdict.category != PD or days is None or not 0 <= days <= PSEUDOPROGRESSION_DAYS:
        return ()
    return (
        Message(
            N_("{days} days after radiotherapy: within 12 weeks growth may be pseudoprogression; confirm it."),
            {"days": days},
        ),
    )


def unmeasurable(chosen: Sequence[LesionReading]) -> tuple[Issue, ...]:
    """A warning for each target that is not 10 mm × 10 mm."""
    return tuple(
        warning(
            "target_not_measurable",
            N_("Target {lesion} measures {longest:.4g} × {perpendicular:.4g} mm; RANO asks for 10 × 10 mm."),
            N_("Make it non-target; also check that it is seen on two slices."),
            lesion=lesion.id,
            longest=lesion.longest_mm,
            perpendicular=lesion.perpendicular_mm,
        )
        for lesion in chosen
        if lesion.longest_mm is not None
        and lesion.perpendicular_mm is not None
        and min(lesion.longest_mm, lesion.perpendicular_mm) < MEASURABLE_MM
    )
