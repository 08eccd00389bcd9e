"""Quality findings of scans: written when they are made, and the fingerprints by which the same picture is found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import uint8
from numpy.typing import NDArray
from sqlalchemy import select

from medcore.records import Issue
from medcore.store.database import Database
from medcore.store.json_values import from_issues, to_issues
from medcore.store.tables import QualityRow, ScanRow, StudyRow


@dataclass(frozen=True, slots=True)
class NewFindings:
    """What the quality check found.

    Args:
        scan: Its id.
        version: Of the check.
        issues: The findings.
        fingerprint: Of the picture.
        same_as: Another study that holds the same picture, or "".
    """

    scan: str
    version: int
    issues: tuple[Issue, ...]
    fingerprint: bytes
    same_as: str = ""


@dataclass(frozen=True, slots=True)
class Relative:
    """A scan of another study with which a picture is compared.

    Args:
        study: Its study.
        title: Of the study.
        same_voxels: Whether it holds the very same voxels.
        comparable: Whether likeness says anything: not about phantoms, nor about a later scan of the same patient.
    """

    study: str
    title: str
    same_voxels: bool
    comparable: bool


@dataclass(frozen=True, slots=True)
class Findings:
    """The quality findings of one store."""

    database: Database

    def save(self, found: NewFindings) -> bool:
        """Keep the findings of a scan instead of earlier ones; False when the scan was deleted meanwhile."""
        with self.database.writing() as (session, _):
            scan = session.scalars(select(ScanRow).where(ScanRow.id == found.scan)).one_or_none()
            if scan is None:
                return False
            scan.quality = scan.quality or QualityRow(scan_id=found.scan)
            scan.quality.version = found.version
            scan.quality.issues = from_issues(found.issues)
            scan.quality.fingerprint = found.fingerprint
            scan.quality.same_as = found.same_as or None
        return True

    def codes_of_reading(self, scan_id: str) -> frozenset[str]:
        """Codes of the issues that reading found; none when the scan is gone."""
        with self.database.reading() as session:
            found = session.scalars(select(ScanRow.issues).where(ScanRow.id == scan_id)).one_or_none()
        return frozenset(issue.code for issue in to_issues(found or []))

    def unchecked(self, version: int) -> tuple[str, ...]:
        """Scans that were never checked, or by another version of the check."""
        query = select(ScanRow.id).outerjoin(QualityRow).order_by(ScanRow.number)
        with self.database.reading() as session:
            return tuple(session.scalars(query.where(QualityRow.version.is_distinct_from(version))))

    def earlier(self, scan_id: str) -> tuple[tuple[Relative, ...], NDArray[uint8]]:
        """Scans of other studies that came before this one and are of its modality and shape's depth.

        Returns:
            The scans, and their fingerprints (N, bytes).
        """
        with self.database.reading() as session:
            own = session.scalars(select(ScanRow).where(ScanRow.id == scan_id)).one_or_none()
            if own is None:
                return (), np.zeros((0, 0), dtype=np.uint8)
            query = (
                select(ScanRow, StudyRow, QualityRow.fingerprint)
                .join(StudyRow, StudyRow.id == ScanRow.study_id)
                .join(QualityRow, QualityRow.scan_id == ScanRow.id)
                .where(ScanRow.modality == own.modality, ScanRow.study_id != own.study_id, ScanRow.number < own.number)
                .order_by(ScanRow.number)
            )
            patient = session.scalars(select(StudyRow.patient).where(StudyRow.id == own.study_id)).one()
            rows = [row for row in session.execute(query) if _depth(row[0]) == _depth(own)]
            scans = tuple(_relative(scan, study, own, patient) for scan, study, _ in rows)
            prints = np.array([np.frombuffer(mark, dtype=np.uint8) for _, _, mark in rows], dtype=np.uint8)
        return scans, prints


def _relative(scan: ScanRow, study: StudyRow, own: ScanRow, patient: str) -> Relative:
    follow_up = bool(patient) and study.patient == patient and scan.acquired_on != own.acquired_on
    comparable = not (scan.synthetic or own.synthetic or follow_up)
    return Relative(study.id, study.title, same_voxels=scan.voxels == own.voxels, comparable=comparable)


def _depth(row: ScanRow) -> object:
    return row.shape[0] if isinstance(row.shape, list) else None
