"""RANO 2.0 for gliomas: enhancing and non-enhancing tumour judged apart, by area or by volume, then together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import pi
from types import MappingProxyType

from medcore.criteria import Criterion, OptionWords
from medcore.criteria._burden import TOO_SMALL_MM, Measure, Step
from medcore.criteria._history import checked
from medcore.criteria._neuro import (
    NEURO_SCALE,
    early_progression,
    missing_state,
    unmeasurable,
    with_state,
)
from medcore.criteria._overall import (
    CR,
    MR,
    NE,
    NONE,
    PD,
    PR,
    SD,
    Verdict,
    judge_new,
    judge_nontarget,
    overall,
    role,
    targets,
)
from medcore.criteria._products import PRODUCTS
from medcore.criteria._sums import Judged, Limits, SumRule, response, row, unknown_sizes
from medcore.errors import N_, HistoryError
from medcore.records import LesionReading, LesionRole, Response, Timepoint, TimepointResponse

MOST_TARGETS = 3  # Wen 2023: to confirm
AREA = Limits(50.0, 25.0)  # Wen 2023: −50/+25 % of the products
AREA_MINOR = Limits(50.0, 25.0, minor=25.0)  # the same for non-enhancing tumour, with MR from 25 %
VOLUME = Limits(65.0, 40.0)  # Wen 2023: −65/+40 % of the volume
VOLUME_MINOR = Limits(65.0, 40.0, minor=40.0)  # the same for non-enhancing tumour, with MR from 40 %
SPHERE_5MM_ML = pi * TOO_SMALL_MM**3 / 6000  # a lesion too small to measure: a sphere of 5 mm
BETTER_FIRST = (CR, PR, MR, SD)


def volume_ml(lesion: LesionReading) -> float | None:
    """Volume."""
    return lesion.volume_ml


class Arm(SumRule):
    """The targets of one kind: enhancing or not."""

    def __init__(self, measure: Measure, limits: Limits, *, enhancing: bool) -> None:
        super().__init__(measure, limits)
        self.enhancing = enhancing

    def chosen(self, visit: Timepoint) -> Sequence[LesionReading]:
        """Targets of this arm."""
        return tuple(lesion for lesion in targets(visit) if lesion.enhancing is self.enhancing)

    def stable_or_gone(self, lesion: LesionReading) -> bool:
        """Non-target tumour that does not enhance only has to be stable for a complete response."""
        return not lesion.enhancing or self.gone(lesion)


@dataclass(frozen=True)
class Rano2(Criterion):
    """RANO 2.0.

    Args:
        method: "area", "volume", or "" for area unless the table has volumes only.
    """

    title = N_("RANO 2.0")
    summary = N_("Gliomas: enhancing and non-enhancing tumour by area or volume, with steroids and clinical state.")
    source = "Wen 2023, J Clin Oncol 41:5187"
    unit = "mm²"  # or ml, as the response says
    order = NEURO_SCALE.order
    to_confirm = (
        N_(
            "Minor response, of non-enhancing tumour only: 25 to below 50 % of the area, 40 to below 65 % of the "
            "volume."
        ),
        N_("The baseline is the MRI after radiotherapy; progression within 12 weeks of it is to be confirmed."),
        N_("In mixed tumours a response of one kind stands beside stable disease of the other."),
        N_("At most three targets."),
        N_("A lesion too small to measure counts 5 mm × 5 mm, or a sphere of 5 mm."),
    )
    option_words = MappingProxyType(
        {
            "method": OptionWords(
                N_("Measured by"),
                {"": N_("area, unless only volumes are known"), "area": N_("area"), "volume": N_("volume")},
            ),
        }
    )

    method: str = ""

    def assess(self, timepoints: Sequence[Timepoint]) -> Response:
        """See Criterion."""
        history = checked(timepoints, most_targets=MOST_TARGETS, most_per_organ=None)
        visits = history.visits
        enhancing, other = self._arms(visits[0])
        pairs = zip(enhancing.judge(visits), other.judge(visits), strict=True)
        rows = [self._row(visits[: index + 1], *pair, enhancing, other) for index, pair in enumerate(pairs)]
        unfit = unmeasurable(targets(visits[0])) if enhancing.measure is PRODUCTS else ()
        return response(self, NEURO_SCALE, rows, (*history.issues, *unfit), unit=enhancing.measure.unit)

    def _arms(self, baseline: Timepoint) -> tuple[Arm, Arm]:
        """The rules for enhancing and for non-enhancing targets."""
        if self._method(baseline) == "volume":
            measure = Measure("ml", volume_ml, SPHERE_5MM_ML)
            return Arm(measure, VOLUME, enhancing=True), Arm(measure, VOLUME_MINOR, enhancing=False)
        return Arm(PRODUCTS, AREA, enhancing=True), Arm(PRODUCTS, AREA_MINOR, enhancing=False)

    def _method(self, baseline: Timepoint) -> str:
        if self.method not in {"", "area", "volume"}:
            raise HistoryError(
                N_("“{value}” is not a value of the option “{option}”."),
                hint=N_("It is area or volume."),
                value=self.method,
                option="method",
            )
        if self.method:
            return self.method
        lacking = [lesion for lesion in targets(baseline) if PRODUCTS.value(lesion) is None]
        return "volume" if lacking and all(lesion.volume_ml is not None for lesion in targets(baseline)) else "area"

    def _row(
        self, visits: Sequence[Timepoint], first: Judged, second: Judged, enhancing: Arm, other: Arm
    ) -> TimepointResponse:
        shown = first if first.step.baseline.values else second  # the arm whose sum stands in the table
        step, state = shown.step, visits[-1].state
        target = combined(first.verdict, second.verdict)
        nontarget = judge_nontarget(role(visits[-1], LesionRole.NONTARGET), enhancing.stable_or_gone)
        new = judge_new(visits)
        whole = target if step.index == 0 else with_state(overall(target, nontarget, new), state)
        missing = (*unknown_sizes(first.step), *unknown_sizes(second.step), *missing_state(step.index, state, whole))
        answer = row(
            step,
            target,
            nontarget,
            new,
            whole,
            thresholds=(enhancing if shown is first else other).thresholds(step),
            missing=missing,
            notes=early_progression(visits[-1].acquired_on, state, whole),
            figures=_figures(first.step, second.step),
        )
        return replace(answer, lesions={**first.step.burden.values, **second.step.burden.values})


def combined(enhancing: Verdict, other: Verdict) -> Verdict:
    """The target response of a mixed tumour: progression of either; else the lesser, a response beside SD standing.

    CR + SD is SD, PR + SD is PR, PR + MR is MR (Wen 2023, mixed tumours).
    """
    both = [verdict for verdict in (enhancing, other) if verdict.category != NONE]
    if len(both) < 2:
        return both[0] if both else enhancing
    for category in (PD, NE):
        found = next((verdict for verdict in both if verdict.category == category), None)
        if found is not None:
            return found
    if enhancing.category not in BETTER_FIRST or other.category not in BETTER_FIRST:
        return enhancing  # the baseline
    better, lesser = sorted(both, key=lambda verdict: BETTER_FIRST.index(verdict.category))
    return better if lesser.category == SD and better.category in {PR, MR} else lesser


def _figures(first: Step, second: Step) -> dict[str, float | None]:
    return {
        "enhancing_sum": first.burden.sum,
        "enhancing_change_from_baseline_percent": first.change_percent,
        "enhancing_change_from_nadir_percent": first.rise_percent,
        "non_enhancing_sum": second.burden.sum,
        "non_enhancing_change_from_baseline_percent": second.change_percent,
        "non_enhancing_change_from_nadir_percent": second.rise_percent,
    }


CRITERION = Rano2()
