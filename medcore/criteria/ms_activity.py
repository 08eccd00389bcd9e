"""Lesion activity in multiple sclerosis: how many lesions are new or larger since the visit before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from medcore.criteria import Criterion, OptionWords
from medcore.criteria._best import Scale
from medcore.criteria._burden import Measure, Step, grown, steps
from medcore.criteria._history import checked
from medcore.criteria._overall import BASELINE, NE, PRESENT, Verdict, in_order, judge_new, judge_nontarget, role
from medcore.criteria._sums import response, row, unknown_sizes
from medcore.errors import N_, Message, Value
from medcore.records import LesionReading, LesionRole, LesionStatus, Response, Timepoint, TimepointResponse

ACTIVE, INACTIVE = "ACTIVE", "NO_ACTIVITY"
ENLARGED_PERCENT = 30.0  # of the volume; the spinal cord toolbox's limit for an enlarging lesion
LEAST_MM = 3.0  # MAGNIMS: a lesion measures at least 3 mm
SCALE = Scale((INACTIVE, ACTIVE), responses=(), stable="", progression=(ACTIVE,), confirm_days=None)


def volume_ml(lesion: LesionReading) -> float | None:
    """Volume."""
    return lesion.volume_ml


def every(visit: Timepoint) -> tuple[LesionReading, ...]:
    """All lesions, whatever their role."""
    return in_order(visit.lesions)


VOLUMES = Measure("ml", volume_ml, 0.0)


@dataclass(frozen=True)
class MsActivity(Criterion):
    """New and enlarging lesions.

    Args:
        enlarged_percent: Rise of the volume since the visit before that makes a lesion enlarging.
        least_mm: A new lesion with a smaller longest diameter does not count; it is noted.
    """

    title = N_("MS lesion activity")
    summary = N_("Multiple sclerosis: lesions that are new or larger than at the visit before.")
    source = "Wattjes 2021, Lancet Neurol 20:653 (MAGNIMS-CMSC-NAIMS)"
    unit = "ml"
    order = SCALE.order
    to_confirm = (
        N_("An enlarging lesion is one whose volume rose by 30 % since the visit before; the guideline has no number."),
        N_("New lesions count from a longest diameter of 3 mm on."),
    )
    option_words = MappingProxyType(
        {
            "enlarged_percent": OptionWords(N_("Growth that counts as enlarged, %")),
            "least_mm": OptionWords(N_("Smallest lesion that counts, mm")),
        }
    )

    enlarged_percent: float = ENLARGED_PERCENT
    least_mm: float = LEAST_MM

    def assess(self, timepoints: Sequence[Timepoint]) -> Response:
        """See Criterion."""
        history = checked(timepoints, most_targets=None)
        rows = [self._row(step) for step in steps(history.visits, every, VOLUMES)]
        return response(self, SCALE, rows, history.issues)

    def _row(self, step: Step) -> TimepointResponse:
        fresh, tiny = self._new(step)
        larger = self._larger(step)
        verdict = self._verdict(step, fresh, larger)
        notes: tuple[Message, ...] = ()
        if tiny:
            text = N_("New, but below {least:.4g} mm and not counted: {lesions}.")
            notes = (Message(text, {"lesions": ", ".join(tiny), "least": self.least_mm}),)
        return row(
            step,
            verdict,
            judge_nontarget(role(step.visit, LesionRole.NONTARGET)),
            judge_new((*step.earlier, step.visit)),
            verdict,
            missing=unknown_sizes(step),
            notes=notes,
            figures={"new": float(len(fresh)), "enlarging": float(len(larger))},
        )

    def _new(self, step: Step) -> tuple[list[str], list[str]]:
        """Lesions with the role new that no earlier visit had, and those of them too small to count."""
        before = {x.id for visit in step.earlier for x in visit.lesions if x.status in PRESENT}
        here = [x for x in every(step.visit) if x.role is LesionRole.NEW and x.status in PRESENT]
        found = [x for x in here if x.id not in before]
        tiny = [x.id for x in found if x.longest_mm is not None and x.longest_mm < self.least_mm]
        return [x.id for x in found if x.id not in tiny], tiny

    def _larger(self, step: Step) -> list[str]:
        """Known lesions that grew since they were last measured, or that the reader calls larger."""
        if not step.earlier:
            return []
        larger = []
        for lesion in every(step.visit):
            sizes = [size for v in step.earlier for x in v.lesions if x.id == lesion.id and (size := VOLUMES.value(x))]
            known = any(x.id == lesion.id for visit in step.earlier for x in visit.lesions)
            now = VOLUMES.value(lesion)
            stated = known and lesion.status is LesionStatus.UNEQUIVOCAL_PROGRESSION
            if stated or (sizes and now is not None and grown(now, sizes[-1], self.enlarged_percent)):
                larger.append(lesion.id)
        return larger

    def _verdict(self, step: Step, fresh: Sequence[str], larger: Sequence[str]) -> Verdict:
        if step.index == 0:
            return Verdict(BASELINE, "baseline", Message(N_("The baseline: what later visits are compared with.")))
        counts: dict[str, Value] = {"new": len(fresh), "larger": len(larger), "lesions": ", ".join((*fresh, *larger))}
        if fresh or larger:
            text = N_("New lesions: {new}; enlarging lesions: {larger} ({lesions}).")
            return Verdict(ACTIVE, "ms.active", Message(text, counts))
        if step.burden.unknown:
            text = N_("No new or enlarging lesion among those assessed, but not all were: {lesions}.")
            return Verdict(NE, "ms.ne", Message(text, {"lesions": ", ".join(step.burden.unknown)}))
        return Verdict(INACTIVE, "ms.none", Message(N_("No new and no enlarging lesion.")))


CRITERION = MsActivity()
