"""Lung-RADS: the category of the most suspicious nodule of a screening CT, from kind, size, newness and growth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medcore.criteria import Criterion
from medcore.criteria._best import Scale
from medcore.criteria._burden import Measure, Step, steps
from medcore.criteria._history import checked
from medcore.criteria._nodules import GROUND_GLASS, PART_SOLID, SOLID, growing, is_new, mean_mm
from medcore.criteria._overall import NE, PRESENT, Verdict, in_order, judge_new, judge_nontarget, role
from medcore.criteria._sums import response, row
from medcore.errors import N_, Message, Value
from medcore.records import LesionReading, LesionRole, LesionStatus, Response, Timepoint, TimepointResponse

NEGATIVE, BENIGN, PROBABLY_BENIGN, SUSPICIOUS, VERY_SUSPICIOUS = "1", "2", "3", "4A", "4B"
SCALE = Scale(
    (NEGATIVE, BENIGN, PROBABLY_BENIGN, SUSPICIOUS, VERY_SUSPICIOUS),
    responses=(),
    stable="",
    progression=(),
    confirm_days=None,
)
# Mean diameters in mm from which a category begins (ACR Lung-RADS v1.1 table; v2022 keeps the baseline cut-offs seen).
SOLID_BASELINE = ((15.0, VERY_SUSPICIOUS), (8.0, SUSPICIOUS), (6.0, PROBABLY_BENIGN), (0.0, BENIGN))
SOLID_NEW = ((8.0, VERY_SUSPICIOUS), (6.0, SUSPICIOUS), (4.0, PROBABLY_BENIGN), (0.0, BENIGN))
SOLID_GROWING = ((8.0, VERY_SUSPICIOUS), (0.0, SUSPICIOUS))
PART_SOLID_MM = 6.0  # total diameter below which a part-solid nodule of the baseline is category 2
SOLID_PART = ((8.0, VERY_SUSPICIOUS), (6.0, SUSPICIOUS), (0.0, PROBABLY_BENIGN))
SOLID_PART_CHANGED = ((4.0, VERY_SUSPICIOUS), (0.0, SUSPICIOUS))  # a new or growing solid part
GROUND_GLASS_MM = 30.0


def nodules(visit: Timepoint) -> tuple[LesionReading, ...]:
    """All nodules."""
    return in_order(visit.lesions)


def category(nodule: LesionReading, earlier: Sequence[Timepoint], visit: Timepoint) -> str:
    """The category of one nodule; NE where its kind or size is unknown.

    Args:
        earlier: The visits before.
        visit: The visit it is read at.
    """
    size = mean_mm(nodule)
    if nodule.status is LesionStatus.ABSENT:
        return NEGATIVE
    if nodule.status not in PRESENT or size is None:
        return NE
    new, grew = is_new(nodule, earlier), growing(nodule, earlier, visit)
    match nodule.kind:
        case "solid":
            return _from(SOLID_NEW if new else SOLID_GROWING if grew else SOLID_BASELINE, size)
        case "part_solid":
            return _part_solid(nodule, size, earlier, visit)
        case "ground_glass":
            slow = bool(earlier) and not new and not grew
            return PROBABLY_BENIGN if size >= GROUND_GLASS_MM and not slow else BENIGN
        case _:
            return NE


@dataclass(frozen=True)
class LungRads(Criterion):
    """Lung-RADS."""

    title = N_("Lung-RADS")
    summary = N_("Lung cancer screening: the most suspicious nodule, by kind, size, newness and growth.")
    source = "ACR Lung-RADS v1.1 (NBK568579) sizes; growth of v2022"
    unit = "mm"
    order = SCALE.order
    to_confirm = (
        N_("Sizes are those of Lung-RADS v1.1; of v2022 only a part of the table was seen."),
        N_("Not applied: juxtapleural, airway and cystic nodules, category 0, 4X and S, stable nodules stepped down."),
    )

    def assess(self, timepoints: Sequence[Timepoint]) -> Response:
        """See Criterion."""
        history = checked(timepoints, most_targets=None)
        found = [self._row(step) for step in steps(history.visits, nodules, Measure("mm", mean_mm, 0.0, total=max))]
        return response(self, SCALE, found, history.issues)

    @staticmethod
    def _row(step: Step) -> TimepointResponse:
        each = {x.id: category(x, step.earlier, step.visit) for x in nodules(step.visit)}
        known = {name: found for name, found in each.items() if found != NE}
        unknown = [name for name in each if name not in known]
        worst = max(known, key=lambda name: SCALE.order.index(known[name]), default=None)
        if unknown and (worst is None or known[worst] != VERY_SUSPICIOUS):
            reason = Message(N_("Kind or size unknown of: {lesions}."), {"lesions": ", ".join(unknown)})
            verdict = Verdict(NE, "lung_rads.ne", reason)
        elif worst is None:
            verdict = Verdict(NEGATIVE, "lung_rads.1", Message(N_("No lung nodule.")))
        else:
            verdict = _worded(worst, known[worst], step)
        return row(
            step,
            verdict,
            judge_nontarget(role(step.visit, LesionRole.NONTARGET)),
            judge_new((*step.earlier, step.visit)),
            verdict,
        )


def _worded(name: str, found: str, step: Step) -> Verdict:
    nodule = next(x for x in step.visit.lesions if x.id == name)
    kinds = {SOLID: N_("solid"), PART_SOLID: N_("part-solid"), GROUND_GLASS: N_("ground glass")}
    states = (N_("new"), N_("growing"), N_("neither new nor growing"))
    state = 0 if is_new(nodule, step.earlier) else 1 if growing(nodule, step.earlier, step.visit) else 2
    text = N_("{lesion}: {kind!t}, mean diameter {size:.1f} mm, {state!t}.")
    values: dict[str, Value] = {"lesion": name, "size": mean_mm(nodule) or 0.0, "state": states[state]}
    return Verdict(found, f"lung_rads.{found.lower()}", Message(text, {**values, "kind": kinds.get(nodule.kind, "–")}))


def _part_solid(nodule: LesionReading, size: float, earlier: Sequence[Timepoint], visit: Timepoint) -> str:
    solid = nodule.solid_mm
    before = [x for v in earlier for x in v.lesions if x.id == nodule.id and x.status in PRESENT]
    if solid is None:
        return NE if size >= PART_SOLID_MM else (PROBABLY_BENIGN if is_new(nodule, earlier) else BENIGN)
    whole_is_new = is_new(nodule, earlier) and size >= PART_SOLID_MM
    appeared = whole_is_new or (bool(before) and all(x.kind == GROUND_GLASS or x.solid_mm == 0 for x in before))
    if solid > 0 and (appeared or growing(nodule, earlier, visit, solid=True)):
        return _from(SOLID_PART_CHANGED, solid)
    if is_new(nodule, earlier) and size < PART_SOLID_MM:
        return PROBABLY_BENIGN
    return BENIGN if size < PART_SOLID_MM else _from(SOLID_PART, solid)


def _from(table: Sequence[tuple[float, str]], size: float) -> str:
    return next(found for least, found in table if size >= least)


CRITERION = LungRads()
