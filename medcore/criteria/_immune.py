"""The memory of iRECIST: which progression waits for its confirmation, and how large everything was then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from medcore.criteria._burden import Step, grown, reaches
from medcore.criteria._history import MAX_TARGETS, MAX_TARGETS_PER_ORGAN, days_between, organ_of
from medcore.criteria._overall import (
    CR,
    NE,
    NO,
    NONE,
    NOT_CR_NOT_PD,
    PD,
    PR,
    SD,
    YES,
    Verdict,
    in_order,
    judge_new,
    role,
)
from medcore.criteria._recist import DIAMETERS, PROGRESSION_MIN_MM, PROGRESSION_PERCENT, measurable
from medcore.errors import N_, Message
from medcore.records import LesionReading, LesionRole, LesionStatus, Timepoint

TARGET, NONTARGET, NEW = "target", "nontarget", "new"
FIRST_DAYS = 26  # Seymour 2017: at least 4 weeks, with the 2 days that recist.eortc.org allows
NAMES = {TARGET: N_("target lesions"), NONTARGET: N_("non-target lesions"), NEW: N_("new lesions")}
RANK = {CR: 0, PR: 1, SD: 2, PD: 3}


@dataclass(frozen=True, slots=True)
class Seen:
    """What RECIST 1.1 says of one visit."""

    step: Step
    target: Verdict
    nontarget: Verdict
    new: Verdict


@dataclass(slots=True)
class Waiting:
    """A progression that waits for confirmation.

    Args:
        kinds: The categories it was seen in.
        target_sum: Smallest sum since: further growth is counted from it, small steps adding up (recist.eortc.org).
        sizes: Smallest size since of each non-target and new lesion.
        known: New lesions by then.
        target: The target category then.
    """

    since: Timepoint
    kinds: frozenset[str]
    target_sum: float
    sizes: dict[str, float]
    known: frozenset[str]
    target: str


@dataclass(slots=True)
class Immune:
    """Goes through the visits in their order."""

    waiting: Waiting | None = None
    confirmed: bool = False
    accepted: dict[str, float] = field(default_factory=dict)  # new lesions the bar was reset over: smallest sizes
    measured: dict[str, bool] = field(default_factory=dict)  # new lesions: measurable when they were chosen

    @property
    def unconfirmed_since(self) -> Timepoint | None:
        """The visit whose progression waits for confirmation."""
        return self.waiting.since if self.waiting else None

    def new_lesions(self, visits: Sequence[Timepoint]) -> tuple[Verdict, float | None]:
        """Whether there are new lesions, and the sum of those chosen for measurement (≤ 5, ≤ 2 an organ)."""
        present = role(visits[-1], LesionRole.NEW)
        taken = [lesion for lesion in present if self.measured.get(lesion.id)]
        organs = Counter(map(organ_of, taken))
        for lesion in sorted(present, key=lambda x: (-(DIAMETERS.value(x) or 0.0), x.id)):
            if lesion.id in self.measured or lesion.status in {LesionStatus.ABSENT, LesionStatus.NOT_ASSESSED}:
                continue
            room = len(taken) < MAX_TARGETS and (
                not organ_of(lesion) or organs[organ_of(lesion)] < MAX_TARGETS_PER_ORGAN
            )
            self.measured[lesion.id] = room and measurable(lesion)
            if self.measured[lesion.id]:
                taken.append(lesion)
                organs[organ_of(lesion)] += 1
        values = [DIAMETERS.value(lesion) for lesion in taken]
        known = [value for value in values if value is not None]
        return judge_new(visits), sum(known) if taken and len(known) == len(values) else None

    def advance(self, seen: Seen) -> Verdict:
        """The immune response of the next visit."""
        if self.confirmed:
            return Verdict("iCPD", "irecist.icpd_before", Message(N_("Progression was confirmed at an earlier visit.")))
        kinds = self._progressing(seen)
        if self.waiting is not None:
            return self._after_progression(self.waiting, seen, kinds)
        if kinds:
            self.waiting = self._start(seen, kinds)
            return self._unconfirmed(seen, kinds)
        return self._settled(seen)

    def _progressing(self, seen: Seen) -> frozenset[str]:
        kinds = {TARGET} if seen.target.category == PD else set()
        if seen.nontarget.category == PD:
            kinds.add(NONTARGET)
        if seen.new.category == YES and self._beyond_accepted(seen.step.visit):
            kinds.add(NEW)
        return frozenset(kinds)

    def _beyond_accepted(self, visit: Timepoint) -> bool:
        """New lesions that the bar was reset over progress again only by RECIST's own measure, or by another one."""
        for lesion in _present(visit):
            before = self.accepted.get(lesion.id)
            if before is None or lesion.status is LesionStatus.UNEQUIVOCAL_PROGRESSION:
                return True
            if grown(DIAMETERS.value(lesion) or 0.0, before, PROGRESSION_PERCENT, PROGRESSION_MIN_MM):
                return True
        return False

    def _after_progression(self, waiting: Waiting, seen: Seen, kinds: frozenset[str]) -> Verdict:
        further = self._further(waiting, seen, kinds)
        days = days_between(waiting.since.acquired_on, seen.step.visit.acquired_on)
        if further is not None and (days is None or days >= FIRST_DAYS):
            self.confirmed = True
            return further
        if further is not None:
            text = N_("Further growth after {days} days; iRECIST confirms progression from 4 weeks on.")
            return Verdict("iUPD", "irecist.iupd_early", Message(text, {"days": days or 0}))
        if not kinds and NE in {seen.target.category, seen.nontarget.category, seen.new.category}:
            return self._settled(seen, unsure=True)
        if not kinds or (kinds == {NEW} and RANK.get(seen.target.category, 3) < RANK.get(waiting.target, 3)):
            self._reset(seen.step.visit)
            return self._settled(seen)
        self._remember(waiting, seen)
        text = N_("Progression of the {kind!t} is still there but went no further.")
        return Verdict("iUPD", "irecist.iupd_unchanged", _named(text, kinds))

    def _further(self, waiting: Waiting, seen: Seen, kinds: frozenset[str]) -> Verdict | None:
        """What confirms the progression: further growth where it was, or progression where there was none."""
        fresh = kinds - waiting.kinds
        if fresh:
            return Verdict("iCPD", "irecist.icpd_other", _named(N_("Progression now also of the {kind!t}."), fresh))
        rise = seen.step.burden.assessed - waiting.target_sum
        if TARGET in kinds and reaches(rise, PROGRESSION_MIN_MM):
            text = N_("The sum rose by another {rise:.4g} mm since the unconfirmed progression (limit {least:.4g} mm).")
            return Verdict("iCPD", "irecist.icpd_target", Message(text, {"rise": rise, "least": PROGRESSION_MIN_MM}))
        if NONTARGET in kinds and _any_larger(role(seen.step.visit, LesionRole.NONTARGET), waiting.sizes):
            return Verdict("iCPD", "irecist.icpd_nontarget", Message(N_("Non-target lesions increased further.")))
        return self._further_new(waiting, seen.step.visit) if NEW in kinds else None

    def _further_new(self, waiting: Waiting, visit: Timepoint) -> Verdict | None:
        more = [lesion.id for lesion in in_order(_present(visit)) if lesion.id not in waiting.known]
        if more:
            text = N_("More new lesions: {lesions}.")
            return Verdict("iCPD", "irecist.icpd_more_new", Message(text, {"lesions": ", ".join(more)}))
        chosen = [lesion for lesion in _present(visit) if self.measured.get(lesion.id)]
        rise = sum((DIAMETERS.value(x) or 0.0) - waiting.sizes.get(x.id, 0.0) for x in chosen)
        if chosen and reaches(rise, PROGRESSION_MIN_MM):
            text = N_("The measured new lesions grew by another {rise:.4g} mm (limit {least:.4g} mm).")
            return Verdict("iCPD", "irecist.icpd_new", Message(text, {"rise": rise, "least": PROGRESSION_MIN_MM}))
        others = [lesion for lesion in _present(visit) if not self.measured.get(lesion.id)]
        if _any_larger(others, waiting.sizes):
            return Verdict("iCPD", "irecist.icpd_new_nontarget", Message(N_("New lesions increased further.")))
        return None

    def _start(self, seen: Seen, kinds: frozenset[str]) -> Waiting:
        visit = seen.step.visit
        others = (*role(visit, LesionRole.NONTARGET), *role(visit, LesionRole.NEW))
        sizes = {x.id: size for x in others if (size := DIAMETERS.value(x)) is not None}
        known = frozenset(lesion.id for lesion in _present(visit))
        return Waiting(visit, kinds, seen.step.burden.assessed, sizes, known, seen.target.category)

    def _remember(self, waiting: Waiting, seen: Seen) -> None:
        if seen.step.burden.sum is not None:
            waiting.target_sum = min(waiting.target_sum, seen.step.burden.sum)
        for lesion in seen.step.visit.lesions:
            size = DIAMETERS.value(lesion)
            if size is not None and lesion.id in waiting.sizes:
                waiting.sizes[lesion.id] = min(waiting.sizes[lesion.id], size)

    def _reset(self, visit: Timepoint) -> None:
        """The bar is set back: new lesions that stay are accepted at their size."""
        self.waiting = None
        for lesion in _present(visit):
            size = DIAMETERS.value(lesion) or 0.0
            self.accepted[lesion.id] = min(size, self.accepted.get(lesion.id, size))

    def _unconfirmed(self, seen: Seen, kinds: frozenset[str]) -> Verdict:
        verdicts = {TARGET: seen.target, NONTARGET: seen.nontarget, NEW: seen.new}
        first = next(verdicts[kind] for kind in (TARGET, NONTARGET, NEW) if kind in kinds)
        return Verdict("iUPD", f"irecist.iupd_{first.rule.partition('.')[0]}", first.reason)

    def _settled(self, seen: Seen, *, unsure: bool = False) -> Verdict:
        """The response where nothing progresses: RECIST's, with an i."""
        target, nontarget, new = seen.target, seen.nontarget, seen.new
        if new.category == NE or (unsure and target.category not in RANK):
            doubtful = new if new.category == NE else target
            return Verdict(NE, doubtful.rule, doubtful.reason)
        if unsure and nontarget.category == NE:
            return Verdict(NE, nontarget.rule, nontarget.reason)
        left = nontarget.category in {NOT_CR_NOT_PD, NE} or new.category != NO
        if target.category == NONE:
            category = {CR: "iCR", NOT_CR_NOT_PD: "non-iCR/non-iUPD"}.get(nontarget.category, NE)
            return Verdict(category, nontarget.rule, nontarget.reason)
        if target.category == CR and left:
            reason = nontarget.reason if nontarget.category in {NOT_CR_NOT_PD, NE} else new.reason
            return Verdict("iPR", "overall.pr_nontarget_left", reason)
        category = f"i{target.category}" if target.category in RANK else target.category
        return Verdict(category, target.rule, target.reason)


def _present(visit: Timepoint) -> list[LesionReading]:
    away = {LesionStatus.ABSENT, LesionStatus.NOT_ASSESSED, LesionStatus.MERGED}
    return [lesion for lesion in role(visit, LesionRole.NEW) if lesion.status not in away]


def _any_larger(lesions: Sequence[LesionReading], before: Mapping[str, float]) -> bool:
    """Any increase, which need not be unequivocal again; without two sizes the reader's word counts."""
    for lesion in lesions:
        size, was = DIAMETERS.value(lesion), before.get(lesion.id)
        if size is None or was is None:
            if lesion.status is LesionStatus.UNEQUIVOCAL_PROGRESSION:
                return True
        elif size > was:
            return True
    return False


def _named(text: str, kinds: frozenset[str]) -> Message:
    return Message(text, {"kind": next(NAMES[kind] for kind in (TARGET, NONTARGET, NEW) if kind in kinds)})
