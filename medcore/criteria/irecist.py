"""iRECIST: RECIST 1.1 in which progression has to be confirmed, and shrinkage after it sets the bar back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from medcore.criteria import Criterion, OptionWords
from medcore.criteria._best import Scale
from medcore.criteria._history import checked, days_between
from medcore.criteria._immune import Immune, Seen
from medcore.criteria._overall import Verdict, judge_nontarget, role
from medcore.criteria._recist import (
    DIAMETERS,
    LIMITS,
    NO_SIZE,
    SOURCE,
    THICK_SLICE_MM,
    THICK_SLICES,
    unmeasurable_targets,
)
from medcore.criteria._sums import Judged, NodeRule, response, row, unknown_sizes
from medcore.errors import N_, Message
from medcore.records import LesionRole, Response, Timepoint, TimepointResponse

LATE_DAYS = 56  # Seymour 2017: the confirming scan at 4 to 8 weeks
SCALE = Scale(
    ("iCR", "iPR", "iSD", "iUPD", "iCPD"),
    responses=("iCR", "iPR"),
    stable="iSD",
    progression=("iCPD",),
    confirm_days=None,
)


@dataclass(frozen=True)
class IRecist(Criterion):
    """iRECIST.

    Args:
        slice_mm: Slice thickness of the CT, see RECIST 1.1.
    """

    title = N_("iRECIST")
    summary = N_("Immunotherapy: progression counts once a second scan confirms it.")
    source = f"Seymour 2017, Lancet Oncol 18:e143 (iRECIST); {SOURCE}"
    unit = "mm"
    order = SCALE.order
    to_confirm = (
        THICK_SLICES,
        NO_SIZE,
        N_(
            "Unchanged new lesions leave a visit unconfirmed (iUPD) unless the targets do better than when they "
            "appeared."
        ),
        N_("Non-target or new lesions without sizes count as further increased when the reader says so again."),
    )
    option_words = MappingProxyType(
        {
            "slice_mm": OptionWords(N_("Slice thickness, mm")),
        }
    )

    slice_mm: float = THICK_SLICE_MM

    def assess(self, timepoints: Sequence[Timepoint]) -> Response:
        """See Criterion."""
        history = checked(timepoints)
        visits, rule = history.visits, NodeRule(DIAMETERS, LIMITS)
        state = Immune()
        rows = [self._row(visits[: index + 1], judged, rule, state) for index, judged in enumerate(rule.judge(visits))]
        return response(self, SCALE, rows, (*history.issues, *unmeasurable_targets(visits[0], slice_mm=self.slice_mm)))

    @staticmethod
    def _row(visits: Sequence[Timepoint], judged: Judged, rule: NodeRule, state: Immune) -> TimepointResponse:
        step, target = judged.step, judged.verdict
        nontarget = judge_nontarget(role(step.visit, LesionRole.NONTARGET), rule.gone)
        new, sums = state.new_lesions(visits)
        seen = Seen(step, target, nontarget, new)
        started = state.unconfirmed_since
        whole = target if step.index == 0 else state.advance(seen)
        return row(
            step,
            target,
            nontarget,
            new,
            whole,
            thresholds=rule.thresholds(step),
            missing=unknown_sizes(step),
            notes=_late(started, step.visit, whole),
            figures={"new_lesion_sum": sums},
        )


def _late(started: Timepoint | None, now: Timepoint, whole: Verdict) -> tuple[Message, ...]:
    days = days_between(started.acquired_on, now.acquired_on) if started else None
    if days is None or days <= LATE_DAYS or whole.category not in {"iUPD", "iCPD"}:
        return ()
    text = N_("{days} days after the unconfirmed progression; iRECIST asks for 4 to 8 weeks.")
    return (Message(text, {"days": days}),)


CRITERION = IRecist()
