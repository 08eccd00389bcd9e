"""From target, non-target and new lesions to the overall response: Tables 1 and 2 of RECIST 1.1."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from medcore.errors import N_, Message
from medcore.records import LesionReading, LesionRole, LesionStatus, Timepoint

CR, PR, MR, SD, PD, NE = "CR", "PR", "MR", "SD", "PD", "NE"
NOT_CR_NOT_PD = "non-CR/non-PD"
NONE = "NA"  # the patient has no lesion of this role
BASELINE = "BASELINE"  # nothing to compare with yet
YES, NO = "YES", "NO"
NORMAL_NODE_MM = 10.0  # RECIST 1.1, section 3.1: a node below this short axis is normal
PRESENT = {LesionStatus.MEASURED, LesionStatus.TOO_SMALL, LesionStatus.UNEQUIVOCAL_PROGRESSION}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A category with the rule that gave it."""

    category: str
    rule: str
    reason: Message


Gone = Callable[[LesionReading], bool]


def role(visit: Timepoint, which: LesionRole) -> tuple[LesionReading, ...]:
    """The visit's lesions of one role, in the order of their names: the order of rows never matters."""
    return in_order(lesion for lesion in visit.lesions if lesion.role is which)


def in_order(lesions: Iterable[LesionReading]) -> tuple[LesionReading, ...]:
    """Lesions in the order of their names, L2 before L10."""
    return tuple(sorted(lesions, key=lambda lesion: (len(lesion.id), lesion.id)))


def targets(visit: Timepoint) -> tuple[LesionReading, ...]:
    """The visit's target lesions."""
    return role(visit, LesionRole.TARGET)


def gone(lesion: LesionReading) -> bool:
    """Whether nothing pathological is left of it: absent, or a node below 10 mm short axis."""
    match lesion.status:
        case LesionStatus.ABSENT | LesionStatus.MERGED:
            return True
        case LesionStatus.TOO_SMALL:
            return lesion.node and (lesion.short_axis_mm or 0.0) < NORMAL_NODE_MM
        case LesionStatus.MEASURED if lesion.node:
            return lesion.short_axis_mm is not None and lesion.short_axis_mm < NORMAL_NODE_MM
        case LesionStatus.MEASURED:
            return lesion.longest_mm == 0 or (lesion.longest_mm is None and lesion.volume_ml == 0)
        case _:
            return False


def judge_nontarget(lesions: Sequence[LesionReading], is_gone: Gone = gone) -> Verdict:
    """CR, non-CR/non-PD, PD or NE of the non-target lesions; NA where there are none."""
    worse = [lesion.id for lesion in lesions if lesion.status is LesionStatus.UNEQUIVOCAL_PROGRESSION]
    unseen = [lesion.id for lesion in lesions if lesion.status is LesionStatus.NOT_ASSESSED]
    if worse:
        return Verdict(PD, "nontarget.pd", _about(N_("Non-target lesions progressed unequivocally: {lesions}."), worse))
    if not lesions:
        return Verdict(NONE, "nontarget.none", Message(N_("There are no non-target lesions.")))
    if unseen:
        return Verdict(NE, "nontarget.ne", _about(N_("Non-target lesions were not assessed: {lesions}."), unseen))
    if all(map(is_gone, lesions)):
        return Verdict(CR, "nontarget.cr", Message(N_("All non-target lesions are gone.")))
    left = [lesion.id for lesion in lesions if not is_gone(lesion)]
    return Verdict(
        NOT_CR_NOT_PD,
        "nontarget.non_cr_non_pd",
        _about(N_("Non-target lesions are still there, without unequivocal progression: {lesions}."), left),
    )


def judge_new(visits: Sequence[Timepoint]) -> Verdict:
    """YES, NO or NE for new lesions at the last of these visits; one seen before stays until said to be absent."""
    here, unsure = [], []
    for lesion in role(visits[-1], LesionRole.NEW):
        if lesion.status in PRESENT or _was_present(lesion, visits[:-1]):
            here.append(lesion.id)
        elif lesion.status is LesionStatus.NOT_ASSESSED:
            unsure.append(lesion.id)
    if here:
        return Verdict(YES, "new.pd", _about(N_("New lesions: {lesions}."), here))
    if unsure:
        return Verdict(NE, "new.ne", _about(N_("Whether there are new lesions was not assessed: {lesions}."), unsure))
    return Verdict(NO, "new.none", Message(N_("There are no new lesions.")))


def overall(target: Verdict, nontarget: Verdict, new: Verdict) -> Verdict:
    """The overall response of RECIST 1.1, Tables 1 and 2; MR of RANO stands between PR and SD."""
    for verdict in (target, nontarget):
        if verdict.category == PD:
            return verdict
    if new.category in {YES, NE}:
        return Verdict(PD if new.category == YES else NE, new.rule, new.reason)
    if target.category == NONE:
        return _without_targets(nontarget)
    if target.category == CR and nontarget.category in {NOT_CR_NOT_PD, NE}:
        return Verdict(PR, "overall.pr_nontarget_left", nontarget.reason)
    return target


def _without_targets(nontarget: Verdict) -> Verdict:
    if nontarget.category == NONE:
        return Verdict(NE, "overall.ne_no_lesion", Message(N_("The baseline has no lesion that could be followed.")))
    return nontarget


def _was_present(lesion: LesionReading, visits: Sequence[Timepoint]) -> bool:
    """Whether a new lesion that is not assessed now was there when it was last looked at."""
    if lesion.status is not LesionStatus.NOT_ASSESSED:
        return False
    seen = [x.status for visit in visits for x in visit.lesions if x.id == lesion.id]
    looked_at = [status for status in seen if status is not LesionStatus.NOT_ASSESSED]
    return bool(looked_at) and looked_at[-1] in PRESENT


def _about(text: str, lesions: Sequence[str]) -> Message:
    return Message(text, {"lesions": ", ".join(lesions)})
