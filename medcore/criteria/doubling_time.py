"""Volume doubling time of nodules, with the growth of Lung-RADS v2022 beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, pi
from types import MappingProxyType

from medcore.criteria import Criterion, OptionWords
from medcore.criteria._best import Scale
from medcore.criteria._burden import Measure, Step, grown, reaches, steps
from medcore.criteria._history import checked, days_between
from medcore.criteria._overall import BASELINE, NE, PRESENT, Verdict, in_order, judge_new, judge_nontarget, role
from medcore.criteria._sums import response, row, unknown_sizes
from medcore.errors import N_, Message, Value
from medcore.records import LesionReading, LesionRole, LesionStatus, Response, Timepoint, TimepointResponse

SUSPICIOUS_DAYS = 400.0  # BTS 2015: a doubling time below 400 days is suspicious
BENIGN_DAYS = 600.0  # BTS 2015: above 600 days it speaks for a benign nodule
GROWTH_PERCENT = 25.0  # BTS 2015 and NELSON: less than 25 % of volume is within the measurement error
LUNG_RADS_GROWTH_MM = 1.5  # Lung-RADS v2022: mean diameter more than 1.5 mm larger ...
LUNG_RADS_DAYS = 365  # ... within 12 months
MM3 = 1000.0  # in a ml
SUSPICIOUS, INDETERMINATE, SLOW, STABLE, NO_GROWTH = "SUSPICIOUS", "INDETERMINATE", "BENIGN", "STABLE", "NO_GROWTH"
SCALE = Scale(
    (NO_GROWTH, STABLE, SLOW, INDETERMINATE, SUSPICIOUS), responses=(), stable="", progression=(), confirm_days=None
)


def doubling_days(first: float, second: float, days: float) -> float | None:
    """VDT = ln 2 · Δt / ln(V2/V1) in days; None where the volume did not grow.

    Args:
        first: Earlier volume.
        second: Later volume, in the same unit.

    >>> round(doubling_days(6**3, 8**3, 90) or 0, 1), doubling_days(2.0, 2.0, 90)
    (72.3, None)
    """
    if first <= 0 or second <= first or days <= 0:
        return None
    return log(2) * days / log(second / first)


def volume_mm3(lesion: LesionReading) -> float | None:
    """Its volume; where none was measured, that of the sphere of its mean diameter (V = πd³/6)."""
    if lesion.volume_ml is not None:
        return lesion.volume_ml * MM3
    diameter = mean_diameter_mm(lesion)
    return None if diameter is None else pi * diameter**3 / 6


def mean_diameter_mm(lesion: LesionReading) -> float | None:
    """Mean of the longest diameter and the one across it; the longest alone where that is all there is."""
    across = lesion.short_axis_mm if lesion.perpendicular_mm is None else lesion.perpendicular_mm
    if lesion.longest_mm is None or across is None:
        return lesion.longest_mm
    return (lesion.longest_mm + across) / 2


def nodules(visit: Timepoint) -> tuple[LesionReading, ...]:
    """All lesions, whatever their role, but for non-target ones that are only described: each has its own growth."""
    described = {
        lesion.id
        for lesion in visit.lesions
        if lesion.role is LesionRole.NONTARGET and lesion.status is LesionStatus.MEASURED and volume_mm3(lesion) is None
    }
    return in_order(lesion for lesion in visit.lesions if lesion.id not in described)


@dataclass(frozen=True, slots=True)
class Growth:
    """What one nodule did over one interval."""

    lesion: str
    category: str
    days: int
    doubling: float | None
    percent: float
    since: str


VOLUMES = Measure("mm³", volume_mm3, 0.0)


@dataclass(frozen=True)
class DoublingTime(Criterion):
    """Volume doubling time.

    Args:
        suspicious_days: Below this a nodule is suspicious.
        benign_days: Above this it is likely benign.
        growth_percent: Least growth of the volume that counts as growth.
    """

    title = N_("Doubling time")
    summary = N_("Lung nodules: days in which the volume doubles.")
    source = "Callister 2015, Thorax 70 Suppl 2:ii1 (BTS); growth: ACR Lung-RADS v2022"
    unit = "mm³"
    order = SCALE.order
    to_confirm = (
        N_("Doubling times are told from 25 % growth of the volume on (BTS, NELSON)."),
        N_("Doubling in less than 400 days is suspicious, in more than 600 days likely benign (BTS)."),
        N_("Without a volume, the sphere of the mean diameter stands in for it."),
    )
    option_words = MappingProxyType(
        {
            "suspicious_days": OptionWords(N_("Suspicious below, days")),
            "benign_days": OptionWords(N_("Likely benign above, days")),
            "growth_percent": OptionWords(N_("Least growth of the volume, %")),
        }
    )

    suspicious_days: float = SUSPICIOUS_DAYS
    benign_days: float = BENIGN_DAYS
    growth_percent: float = GROWTH_PERCENT

    def assess(self, timepoints: Sequence[Timepoint]) -> Response:
        """See Criterion."""
        history = checked(timepoints, most_targets=None)
        rows = [self._row(step) for step in steps(history.visits, nodules, VOLUMES)]
        return response(self, SCALE, rows, history.issues)

    def _row(self, step: Step) -> TimepointResponse:
        visits = (*step.earlier, step.visit)
        growths = [g for lesion in nodules(step.visit) for g in self._growths(lesion, step.earlier, step.visit)]
        verdict = self._verdict(step, growths)
        return row(
            step,
            verdict,
            judge_nontarget(role(step.visit, LesionRole.NONTARGET)),
            judge_new(visits),
            verdict,
            missing=(*unknown_sizes(step), *self._missing(step)),
            notes=_lung_rads_growth(step.earlier, step.visit),
            figures=_figures(growths),
        )

    def _growths(self, lesion: LesionReading, earlier: Sequence[Timepoint], visit: Timepoint) -> list[Growth]:
        """Growth since the last visit with a size and since the first: slow growth shows only over the longer time."""
        now = VOLUMES.value(lesion) if lesion.status in PRESENT else None
        known = [(v, size) for v in earlier for x in v.lesions if x.id == lesion.id and (size := VOLUMES.value(x))]
        if now is None or not known:
            return []
        pairs = [known[-1]] if len(known) == 1 else [known[-1], known[0]]
        found = []
        for before, size in pairs:
            days = days_between(before.acquired_on, visit.acquired_on)
            if days:
                doubling = doubling_days(size, now, days)
                category = self._category(size, now, doubling)
                found.append(Growth(lesion.id, category, days, doubling, (now - size) / size * 100, before.label))
        return found

    def _category(self, before: float, now: float, doubling: float | None) -> str:
        if doubling is None:
            return NO_GROWTH
        if not grown(now, before, self.growth_percent):
            return STABLE
        if not reaches(doubling, self.suspicious_days):
            return SUSPICIOUS
        return INDETERMINATE if reaches(self.benign_days, doubling) else SLOW

    def _verdict(self, step: Step, growths: Sequence[Growth]) -> Verdict:
        if step.index == 0:
            return Verdict(BASELINE, "baseline", Message(N_("The baseline: what later visits are compared with.")))
        worst = max(growths, key=lambda growth: SCALE.order.index(growth.category), default=None)
        unread = [x.id for x in nodules(step.visit) if x.status is LesionStatus.NOT_ASSESSED or _sizeless(x)]
        if worst is None or (unread and worst.category != SUSPICIOUS):
            reason = Message(N_("No lesion has a size at two visits."))
            if unread:
                reason = Message(N_("Growth is not known of: {lesions}."), {"lesions": ", ".join(unread)})
            return Verdict(NE, "doubling.ne", reason)
        return Verdict(worst.category, f"doubling.{worst.category.lower()}", self._words(worst))

    def _words(self, growth: Growth) -> Message:
        values: dict[str, Value] = {
            "lesion": growth.lesion,
            "days": growth.days,
            "percent": growth.percent,
            "since": growth.since,
            "limit": self.growth_percent,
        }
        if growth.doubling is None:
            return Message(N_("No growth: {lesion} changed by {percent:+.1f} % in {days} days since {since}."), values)
        if growth.category == STABLE:
            text = N_(
                "{lesion} grew by {percent:.1f} % in {days} days since {since}: below {limit:.4g} %, "
                "within the measurement error."
            )
            return Message(text, values)
        text = N_(
            "{lesion} grew by {percent:.1f} % in {days} days since {since}: its volume doubles in {doubling:.0f} days "
            "(suspicious below {low:.4g}, likely benign above {high:.4g})."
        )
        limits: dict[str, Value] = {"doubling": growth.doubling, "low": self.suspicious_days, "high": self.benign_days}
        return Message(text, {**values, **limits})

    def _missing(self, step: Step) -> tuple[Message, ...]:
        if step.index and (step.visit.acquired_on is None or all(v.acquired_on is None for v in step.earlier)):
            return (Message(N_("The dates of both visits: a growth rate needs the days between them.")),)
        return ()


def _sizeless(lesion: LesionReading) -> bool:
    return lesion.status in PRESENT and VOLUMES.value(lesion) is None


def _lung_rads_growth(earlier: Sequence[Timepoint], visit: Timepoint) -> tuple[Message, ...]:
    """Nodules whose mean diameter rose by more than 1.5 mm within 12 months."""
    grew = []
    for lesion in nodules(visit):
        now = mean_diameter_mm(lesion)
        for before in earlier:
            days = days_between(before.acquired_on, visit.acquired_on)
            was = next((mean_diameter_mm(x) for x in before.lesions if x.id == lesion.id), None)
            if days is not None and days <= LUNG_RADS_DAYS and was and now and now - was > LUNG_RADS_GROWTH_MM:
                grew.append(lesion.id)
                break
    if not grew:
        return ()
    text = N_("Growth by Lung-RADS v2022 (more than 1.5 mm in 12 months): {lesions}.")
    return (Message(text, {"lesions": ", ".join(grew)}),)


def _figures(growths: Sequence[Growth]) -> Mapping[str, float | None]:
    """Doubling time of each nodule since the last visit (`doubling_days:ID`), and the shortest of all."""
    each: dict[str, float | None] = {}
    for growth in growths:
        each.setdefault(f"doubling_days:{growth.lesion}", growth.doubling)
    known = [growth.doubling for growth in growths if growth.doubling is not None]
    return {"shortest_doubling_days": min(known, default=None), **each}


CRITERION = DoublingTime()
