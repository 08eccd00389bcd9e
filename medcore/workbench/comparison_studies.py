"""Which stored studies may be compared, what speaks against it, and their masks as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType

import numpy as np

from medcore.errors import N_, Message, UnfitInputError
from medcore.records import Issue, ScanFacts, Severity, Study
from medcore.volume import Mask, Volume

MOST_LABELS = 254


def same_patient(one: Study, other: Study) -> bool:
    """Whether two studies carry the same pseudonym; two without one are strangers."""
    return one.id == other.id or (bool(one.patient) and one.patient == other.patient)


def when(study: Study, dates: Mapping[str, date]) -> date | None:
    """The date that a study carries; else the one that the reader knows."""
    return study.acquired_on or dates.get(study.id)


def joined(masks: Sequence[Mask], scan: Volume) -> Mask:
    """Several masks of one scan as one, each label of each with a number of its own; the later one lies on top.

    Raises:
        UnfitInputError: There are more labels than a mask can hold.
    """
    if len(masks) == 1:
        return masks[0]
    labels = np.zeros(scan.shape, dtype=np.uint8)
    names: dict[int, str] = {}
    for mask in masks:
        for value, name in mask.names.items():
            number = len(names) + 1
            if number > MOST_LABELS:
                raise UnfitInputError(
                    N_("These masks have more than {most} labels together."),
                    hint=N_("Choose fewer masks for this study."),
                    most=MOST_LABELS,
                )
            names[number] = name
            labels[mask.labels == value] = number
    return Mask(labels, names, scan.geometry)


def no_lesion(scan: Volume) -> Mask:
    """The mask of a study in which the reader found no lesion."""
    return Mask(np.zeros(scan.shape, dtype=np.uint8), {1: "lesion"}, scan.geometry)


def study_doubts(
    studies: Sequence[Study], scans: Sequence[str], dates: Mapping[str, date] = MappingProxyType({})
) -> tuple[Issue, ...]:
    """Different patients, missing dates, a scan twice or unfit: each with its consequence.

    Args:
        dates: Of studies that carry none, as the reader knows them.
    """
    found = []
    strangers = [one for one in studies[1:] if not same_patient(one, studies[0])]
    if strangers:
        text = N_("“{title}” does not carry the pseudonym of the baseline's patient.")
        hint = N_("A comparison of two patients says nothing about treatment. Go on only if you know it is one person.")
        found += [_warning("other_patient", text, hint, title=one.title) for one in strangers]
    days = [when(one, dates) for one in studies]
    if None in days:
        text = N_("A study has no date, so the order is the one you chose.")
        hint = N_("Intervals cannot be told: no doubling time, and no confirmation after four weeks.")
        found.append(_warning("no_date", text, hint))
    known = [day for day in days if day is not None]
    if len(set(known)) < len(known):
        text = N_("Two of the studies have the same date.")
        hint = N_("Between scans of one day a change is error of measurement, not response.")
        found.append(_warning("same_date", text, hint))
    if len(set(scans)) < len(scans):
        text, hint = N_("The same scan is chosen twice."), N_("It can show no change; choose another study.")
        found.append(_warning("same_scan", text, hint))
    for study, scan in zip(studies, scans, strict=True):
        facts = next((one for one in study.scans if one.id == scan), None)
        if facts is not None and any(issue.severity is Severity.BLOCK for issue in facts.issues):
            text = N_("The quality check says not to use the scan of “{title}”.")
            hint = N_("What is measured in it may be wrong; see the page Quality.")
            found.append(_warning("unfit_scan", text, hint, title=study.title))
    return tuple(found)


def largest(scans: Sequence[ScanFacts]) -> ScanFacts:
    """The scan with the most voxels."""
    return max(scans, key=lambda one: int(np.prod(one.shape)))


def alike(scans: Sequence[ScanFacts], first: ScanFacts) -> ScanFacts | None:
    """The largest scan of the same modality that is a volume, or a picture, as the first is."""
    kin = [one for one in scans if one.modality == first.modality and (one.shape[0] == 1) == (first.shape[0] == 1)]
    same_name = [one for one in kin if one.name == first.name]
    return largest(same_name or kin) if kin else None


def before(one: Study, other: Study) -> bool:
    """Whether both have a date and the first is earlier."""
    return one.acquired_on is not None and other.acquired_on is not None and one.acquired_on < other.acquired_on


def _warning(code: str, text: str, hint: str, **values: str) -> Issue:
    return Issue(code, Severity.WARN, Message(text, values), Message(hint))
