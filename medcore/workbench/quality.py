"""The quality page's door: check scans once, keep what was found, and list studies with the worst first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from medcore.errors import N_, CancelledError, Message, NotFoundError
from medcore.imaging.fingerprint import fingerprint, likeness
from medcore.imaging.quality import VERSION
from medcore.imaging.quality_report import ORDER, inspect, quality_report, worst_first
from medcore.intake import Found
from medcore.records import Issue, ScanFacts, Severity, Study
from medcore.store.findings import NewFindings, Relative
from medcore.store.store import Store
from medcore.store.studies import DUPLICATE
from medcore.workbench.quality_titles import quality_title

MIN_LIKENESS = 0.95  # of the same picture after JPEG and scaling; other patients stay below (docs/quality.md)

Progress = Callable[[float, Message], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """One quality issue and the scans of a study that have it in the same words; `title` is English, to translate."""

    issue: Issue
    title: str
    scans: tuple[ScanFacts, ...]


@dataclass(frozen=True, slots=True)
class StudyQuality:
    """A study and the findings that pass the filters, the worst first."""

    study: Study
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality checks of stored scans. They are made after the upload or at the first look, and kept."""

    store: Store

    def check_missing(self, *, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None) -> int:
        """Check all scans that this version of the check has not seen; returns how many.

        Raises:
            CancelledError: `cancelled` became true; what was found until then is kept.
        """
        scans = self.store.findings.unchecked(VERSION)
        for number, scan in enumerate(scans):
            if cancelled is not None and cancelled():
                raise CancelledError(N_("Stopped."))
            if progress is not None:
                values = {"number": number + 1, "count": len(scans)}
                progress(number / len(scans), Message(N_("Checking scan {number} of {count}"), values))
            with suppress(NotFoundError):  # deleted meanwhile
                self._check(scan)
        return len(scans)

    def checked(self, study: Study) -> Study:
        """The study with the findings about all its scans, which are made now where they are missing.

        Raises:
            StoreError: The voxels of a scan are missing or damaged.
        """
        missing = [scan.id for scan in study.scans if scan.quality_version != VERSION]
        for scan in missing:
            self._check(scan)
        return self.store.study(study.id) if missing else study

    def waiting(self) -> int:
        """How many scans are not checked yet."""
        return len(self.store.findings.unchecked(VERSION))

    def ranked(
        self, *, search: str = "", severities: Sequence[Severity] = (), codes: Sequence[str] = ()
    ) -> tuple[StudyQuality, ...]:
        """Studies with their findings, those with the worst first; without a filter also those without any.

        Args:
            search: Words that the study must contain.
            severities: Those wanted; all when empty.
            codes: Those wanted; all when empty.
        """
        found = []
        for study in self.store.studies(search=search):
            kept = [
                one
                for one in findings(study)
                if (not severities or one.issue.severity in severities) and (not codes or one.issue.code in codes)
            ]
            if kept or not (severities or codes):
                found.append(StudyQuality(study, tuple(kept)))
        return tuple(sorted(found, key=_rank))

    def titles(self) -> dict[str, str]:
        """English titles of all codes that stand in the store, by code."""
        codes = {issue.code for study in self.store.studies() for scan in study.scans for issue in scan.issues}
        return {code: quality_title(code) for code in sorted(codes)}

    def _check(self, scan_id: str) -> None:
        volume = self.store.volume(scan_id)
        known = self.store.findings.codes_of_reading(scan_id)
        mark = fingerprint(volume)
        twin = self._twin(scan_id, mark)
        issues = [issue for issue in inspect(volume) if issue.code not in known]
        if twin is not None:
            issues.append(_duplicate(*twin))
        same_as = twin[0].study if twin else ""
        self.store.findings.save(NewFindings(scan_id, VERSION, worst_first(issues), mark, same_as))

    def _twin(self, scan_id: str, mark: bytes) -> tuple[Relative, float] | None:
        """The scan of another study that holds the same picture, and how alike the two are."""
        others, marks = self.store.findings.earlier(scan_id)
        equal = next((other for other in others if other.same_voxels), None)
        if equal is not None or not others:
            return None if equal is None else (equal, 1.0)
        alike = likeness(mark, marks) * np.array([other.comparable for other in others])
        nearest = int(alike.argmax())
        return (others[nearest], float(alike[nearest])) if alike[nearest] >= MIN_LIKENESS else None


def findings(study: Study) -> tuple[Finding, ...]:
    """All findings about a study, the worst first."""
    scans: dict[tuple[object, ...], dict[str, ScanFacts]] = {}
    first: dict[tuple[object, ...], Issue] = {}
    for scan in study.scans:
        for issue in scan.issues:
            same = (issue.severity, issue.code, str(issue.message), str(issue.hint))
            first.setdefault(same, issue)
            scans.setdefault(same, {})[scan.id] = scan
    of_issue = {id(issue): tuple(scans[same].values()) for same, issue in first.items()}
    return tuple(
        Finding(issue, quality_title(issue.code), of_issue[id(issue)]) for issue in worst_first(first.values())
    )


def with_quality(found: Found) -> Found:
    """A scan that is not stored, with what the checks find about it, the worst first."""
    return replace(found, issues=quality_report(found.volume, found.issues))


def _rank(one: StudyQuality) -> tuple[int, int]:
    """The worst severity first, then the most findings of it."""
    if not one.findings:
        return len(ORDER), 0
    worst = one.findings[0].issue.severity
    return ORDER.index(worst), -sum(finding.issue.severity is worst for finding in one.findings)


def _duplicate(other: Relative, alike: float) -> Issue:
    return Issue(
        DUPLICATE,
        Severity.INFO,
        Message(N_("The same picture is already in the study “{title}”."), {"title": other.title}),
        Message(N_("Keep one of the two; a picture that counts twice spoils an evaluation.")),
        measured=alike,
        limit=MIN_LIKENESS,
    )
