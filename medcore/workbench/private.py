"""What of an upload may enter the store: no file name that may be a person's, and dates by the chosen policy."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from pathlib import PurePosixPath

from medcore.deidentify.keyed import moved_day, time_shift
from medcore.deidentify.titles import safe_title
from medcore.errors import N_, Message
from medcore.intake import Found
from medcore.records import DatePolicy, Issue, Severity
from medcore.store.store import Store
from medcore.volume import Volume

DATES_FACT = "dates"  # among the facts of a scan: what became of its date when it came in; absent: it was kept
PICTURE = "Picture"  # a title is data, so it has one language
CODE_LETTERS = 4


class Privacy:
    """The policy of one upload. Studies of one patient are treated alike, whatever was chosen for later ones."""

    def __init__(self, store: Store, dates: DatePolicy) -> None:
        self.store, self.dates = store, dates
        self._kept: dict[str, DatePolicy] = {}

    def private(self, found: Found) -> Found:
        """The scan as it may be stored."""
        named = found if found.study_key else self._renamed(found)
        return self._redated(named)

    def _renamed(self, found: Found) -> Found:
        """A file is called by the words of its name that cannot name a person."""
        old = found.volume.name
        new = self._title(old, found.volume)
        issues = tuple(_without_name(issue, old, new) for issue in found.issues)
        return replace(found, volume=replace(found.volume, name=new), issues=issues)

    def _title(self, name: str, volume: Volume) -> str:
        stem = PurePosixPath(name.replace("\\", "/")).name
        for ending in (PurePosixPath(stem).suffix, ".nii"):
            stem = stem.removesuffix(ending)
        digest = hmac.digest(self.store.pseudonym_key, f"title {volume.sha256} {stem}".encode(), hashlib.sha256)
        return safe_title(stem, digest.hex()[:CODE_LETTERS].upper(), fallback=volume.modality or PICTURE)

    def _redated(self, found: Found) -> Found:
        day, subject = found.volume.acquired_on, found.patient or found.study_key
        if day is None:
            return found
        policy = self._policy(found.patient)
        issues = found.issues if policy is self.dates else (*found.issues, _alike(policy))
        if policy is DatePolicy.KEEP:
            return replace(found, issues=issues)
        shift = time_shift(self.store.pseudonym_key, subject)
        moved = moved_day(day, shift) if policy is DatePolicy.SHIFT and subject else None
        facts = {**found.volume.facts, DATES_FACT: policy.value}
        return replace(found, volume=replace(found.volume, acquired_on=moved, facts=facts), issues=issues)

    def _policy(self, patient: str) -> DatePolicy:
        """The policy of the patient's stored studies, else that of this upload."""
        if not patient:
            return self.dates
        if patient not in self._kept:
            self._kept[patient] = self._stored_policy(patient) or self.dates
        return self._kept[patient]

    def _stored_policy(self, patient: str) -> DatePolicy | None:
        studies = (study for study in self.store.studies(search=patient) if study.patient == patient)
        for study in studies:
            if study.scans:
                return policy_of(self.store.volume(study.scans[0].id))
        return None


def policy_of(volume: Volume) -> DatePolicy:
    """What became of the date of a stored scan when it came in."""
    return DatePolicy(volume.facts.get(DATES_FACT, DatePolicy.KEEP))


def _without_name(issue: Issue, old: str, new: str) -> Issue:
    """An issue whose sentence quotes no file name."""
    return replace(issue, message=_renamed(issue.message, old, new), hint=_renamed(issue.hint, old, new))


def _renamed(message: Message, old: str, new: str) -> Message:
    values = {
        key: new if isinstance(value, str) and old and old in value else value for key, value in message.values.items()
    }
    return Message(message.template, values)


def _alike(policy: DatePolicy) -> Issue:
    texts = {
        DatePolicy.KEEP: N_("The date is kept, as in this patient's earlier studies, so that intervals stay right."),
        DatePolicy.SHIFT: N_("The date is moved, as in this patient's earlier studies, so that intervals stay right."),
        DatePolicy.DROP: N_("The date is left out, as in this patient's earlier studies."),
    }
    return Issue("dates_as_before", Severity.INFO, Message(texts[policy]))
