"""Studies, scans and their thumbnails as rows: written, listed, found, and read back as records."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

import numpy as np
from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from medcore.errors import N_, NotFoundError
from medcore.records import Issue, ScanFacts, Study
from medcore.store.blobs import Blobs
from medcore.store.json_values import as_list, as_number, from_issues, to_issues, to_texts
from medcore.store.keys import pseudonym
from medcore.store.tables import BlobUseRow, QualityRow, RunRow, ScanRow, StudyRow, ThumbnailRow
from medcore.volume import Array, Geometry, Scale, Unit, Volume, Window

TITLE_LENGTH = 200
DUPLICATE = "duplicate"  # code of the finding that another study holds the same picture
ASKED_AT_ONCE = 500  # databases limit the number of values in one question


@dataclass(frozen=True, slots=True, eq=False)
class NewScan:
    """A scan to be stored.

    Args:
        volume: The scan.
        issues: What the reader and the quality checks found; BLOCK too.
        series: Pseudonym of its DICOM series, or "".
        thumbnail: A small JPEG.
        voxels: Name of the voxels when `Store.put` has begun to write them; otherwise they are written with the study.
    """

    volume: Volume
    issues: tuple[Issue, ...] = ()
    series: str = ""
    thumbnail: bytes = b""
    voxels: Future[str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class NewStudy:
    """A study to be stored, or further scans of a stored one.

    Args:
        title: What to call it when it is new; never a patient's name.
        scans: At least one.
        key: Pseudonym of its DICOM study; "" for a picture, which is a study of its own, known by its content.
        patient: Pseudonym of the patient, or "".
        joins: Id of a stored study that the scans go into, whatever `key` says; "" for a study of its own.
    """

    title: str
    scans: tuple[NewScan, ...]
    key: str = ""
    patient: str = ""
    joins: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one NewStudy: the study, and how many of its scans were not there before."""

    study: Study
    new_scans: int


def insert_studies(
    session: Session,
    blobs: Blobs,
    new: Sequence[NewStudy],
    *,
    digests: Sequence[Sequence[str]],
    key: bytes,
    added_at: datetime,
) -> tuple[Added, ...]:
    """Write the scans that are not there yet, in the caller's transaction; many studies take as few statements as one.

    Args:
        digests: For each study the names under which `blobs` holds the voxels, one a scan.
        key: Makes the ids.
    """
    ids = [
        study.joins or pseudonym(key, "study", study.key or study.scans[0].volume.sha256 or own[0])
        for study, own in zip(new, digests, strict=True)
    ]
    for study in new:
        if study.joins:
            study_row(session, study.joins)  # it may have been deleted meanwhile
    rows = {row.id: row for row in session.scalars(select(StudyRow).where(StudyRow.id.in_(ids)))}
    fresh: list[list[tuple[ScanRow, bytes]]] = []
    for study_id, study, own in zip(ids, new, digests, strict=True):
        if study_id not in rows:
            rows[study_id] = StudyRow(id=study_id, title=study.title, patient="", added_at=added_at, scans=[])
        fresh.append(_join(rows[study_id], study, own, blobs=blobs, key=key))
    session.add_all(rows.values())
    session.flush()  # what follows refers to these rows
    for study_id, scans in zip(ids, fresh, strict=True):
        for row, picture in scans:
            session.add(BlobUseRow(owner=f"scan:{row.id}", digest=row.voxels, study_id=study_id))
            if picture:
                session.add(ThumbnailRow(scan_id=row.id, picture=picture))
    session.flush()
    return tuple(Added(to_study(rows[study_id]), len(scans)) for study_id, scans in zip(ids, fresh, strict=True))


def _join(
    row: StudyRow, new: NewStudy, digests: Sequence[str], *, blobs: Blobs, key: bytes
) -> list[tuple[ScanRow, bytes]]:
    """Add to a study the scans it lacks; returns them with their thumbnails."""
    known = {scan.id for scan in row.scans}
    ids = scan_ids(new, digests, key=key)
    fresh = [x for x in zip(ids, new.scans, digests, strict=True) if x[0] not in known]
    for _, scan, digest in fresh:
        blobs.keep(digest, scan.volume.voxels)
    added = [(_scan_row(scan_id, scan, digest), scan.thumbnail) for scan_id, scan, digest in fresh]
    row.scans.extend(scan for scan, _ in added)
    _summarise(row, patient=new.patient)
    return added


def scan_ids(new: NewStudy, digests: Sequence[str], *, key: bytes) -> list[str]:
    """Ids of the scans: the same source bytes give the same ids, on this installation only.

    Several volumes may come from the same bytes; they are told apart by their order.
    """
    seen: dict[tuple[str, str], int] = {}
    ids = []
    for scan, digest in zip(new.scans, digests, strict=True):
        source = (scan.series, scan.volume.sha256 or digest)
        seen[source] = seen.get(source, 0) + 1
        ids.append(pseudonym(key, "scan", new.key or new.joins, *source, str(seen[source])))
    return ids


def list_studies(session: Session, *, search: str, modality: str | None, task: str) -> tuple[Study, ...]:
    """Studies that match, the newest upload first and each upload in its own order.

    Args:
        search: Words that title, patient, modality or date must all contain.
        modality: One of the study's modalities, or None for any; "" is a picture that names none.
        task: A task that was run on the study, or "".
    """
    query = select(StudyRow).order_by(StudyRow.added_at.desc(), StudyRow.number)
    for word in plain(search).split():
        query = query.where(StudyRow.words.contains(word, autoescape=True))
    if modality is not None:
        query = query.where(exists().where(ScanRow.study_id == StudyRow.id, ScanRow.modality == modality))
    if task:
        query = query.where(exists().where(RunRow.study_id == StudyRow.id, RunRow.task == task))
    return tuple(map(to_study, session.scalars(query)))


def study_row(session: Session, study_id: str) -> StudyRow:
    """The row of one study.

    Raises:
        NotFoundError: There is none.
    """
    row = session.scalars(select(StudyRow).where(StudyRow.id == study_id)).one_or_none()
    if row is None:
        raise NotFoundError(
            N_("This study is not in the store."), hint=N_("It may have been deleted; choose another one on Studies.")
        )
    return row


def scan_row(session: Session, scan_id: str) -> ScanRow:
    """The row of one scan.

    Raises:
        NotFoundError: There is none.
    """
    row = session.scalars(select(ScanRow).where(ScanRow.id == scan_id)).one_or_none()
    if row is None:
        raise NotFoundError(
            N_("This scan is not in the store."), hint=N_("It may have been deleted; choose another one on Studies.")
        )
    return row


def study_of(session: Session, scan_id: str) -> Study:
    """The study of one scan.

    Raises:
        NotFoundError: There is no such scan.
    """
    return to_study(study_row(session, scan_row(session, scan_id).study_id))


def rename_study(session: Session, study_id: str, title: str) -> tuple[StudyRow, str]:
    """Give a study another title; returns its row and the former title."""
    row = study_row(session, study_id)
    former, row.title = row.title, title
    _summarise(row, patient=row.patient)
    return row, former


def delete_study(session: Session, study_id: str) -> tuple[str, ...]:
    """Delete a study and all that hangs on it; returns the names of the arrays that it used."""
    used = tuple(session.scalars(select(BlobUseRow.digest).where(BlobUseRow.study_id == study_id).distinct()))
    session.execute(delete(StudyRow).where(StudyRow.id == study_id))
    return used


def keep_arrays(session: Session, blobs: Blobs, study_id: str, arrays: Mapping[str, Array]) -> None:
    """Keep arrays, by their names, as long as a study: what its annotations name."""
    for digest, array in arrays.items():
        blobs.keep(digest, array)
        session.merge(BlobUseRow(owner=f"annotations:{study_id}", digest=digest, study_id=study_id))


def unused(session: Session, digests: frozenset[str]) -> frozenset[str]:
    """Those of the arrays that nobody needs."""
    asked, used = sorted(digests), set[str]()
    for start in range(0, len(asked), ASKED_AT_ONCE):
        some = asked[start : start + ASKED_AT_ONCE]
        used.update(session.scalars(select(BlobUseRow.digest).where(BlobUseRow.digest.in_(some)).distinct()))
    return digests - used


def uses(session: Session) -> tuple[tuple[str, str], ...]:
    """Every array in use with the first study that needs it."""
    query = select(BlobUseRow.digest, func.min(BlobUseRow.study_id)).group_by(BlobUseRow.digest)
    return tuple((digest, study) for digest, study in session.execute(query.order_by(BlobUseRow.digest)))


def to_study(row: StudyRow) -> Study:
    """The record of one study."""
    return Study(
        id=row.id,
        title=row.title,
        patient=row.patient,
        acquired_on=row.acquired_on,
        added_at=row.added_at,
        scans=tuple(map(to_facts, row.scans)),
        synthetic=row.synthetic,
    )


def to_facts(row: ScanRow) -> ScanFacts:
    """What is known of a scan without its voxels."""
    geometry = to_geometry(row)
    return ScanFacts(
        id=row.id,
        name=row.name,
        modality=row.modality,
        shape=cast(tuple[int, int, int], tuple(int(as_number(side)) for side in as_list(row.shape))),
        unit=row.unit,
        spacing_mm=None if geometry.scale is Scale.NONE else geometry.spacing_mm,
        orientation=geometry.orientation,
        body_part=row.body_part,
        view=row.view,
        acquired_on=row.acquired_on,
        sha256=row.sha256,
        transfer_syntax=row.transfer_syntax,
        value_range=(row.low, row.high),
        synthetic=row.synthetic,
        issues=(*to_issues(row.issues), *_quality_issues(row.quality)),
        quality_version=row.quality.version if row.quality else 0,
    )


def _quality_issues(row: QualityRow | None) -> tuple[Issue, ...]:
    """What the quality check found; that a picture is there twice only while the other one is still there."""
    found = to_issues(row.issues) if row else ()
    return tuple(issue for issue in found if issue.code != DUPLICATE or (row and row.same_as))


def to_geometry(row: ScanRow) -> Geometry:
    """Where the voxels of a scan lie."""
    affine = np.array([as_number(value) for value in as_list(row.affine)]).reshape(4, 4)
    return Geometry(affine, Scale(row.scale), row.frame_of_reference)


def to_volume(row: ScanRow, voxels: Array) -> Volume:
    """The scan with its voxels."""
    window = None
    if row.window_centre is not None and row.window_width is not None:
        window = Window(row.window_centre, row.window_width)
    return Volume(
        voxels=voxels,
        unit=Unit(row.unit),
        modality=row.modality,
        geometry=to_geometry(row),
        name=row.name,
        acquired_on=row.acquired_on,
        sha256=row.sha256,
        body_part=row.body_part,
        view=row.view,
        transfer_syntax=row.transfer_syntax,
        window=window,
        synthetic=row.synthetic,
        facts=to_texts(row.facts),
    )


def clean_title(title: str) -> str:
    """A title on one line, without control characters, of a bearable length."""
    printable = "".join(letter if letter.isprintable() else " " for letter in title)
    return " ".join(printable.split())[:TITLE_LENGTH]


def plain(text: str) -> str:
    """Text as a search compares it: no capitals, no accents, full-width letters as plain ones."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def _scan_row(scan_id: str, scan: NewScan, digest: str) -> ScanRow:
    volume = scan.volume
    low, high = volume.value_range
    return ScanRow(
        id=scan_id,
        series=scan.series,
        name=volume.name,
        modality=volume.modality,
        unit=volume.unit.value,
        shape=list(volume.shape),
        scale=volume.geometry.scale.value,
        affine=volume.geometry.affine.reshape(-1).tolist(),
        frame_of_reference=volume.geometry.frame_of_reference,
        acquired_on=volume.acquired_on,
        sha256=volume.sha256 or digest,
        body_part=volume.body_part,
        view=volume.view,
        transfer_syntax=volume.transfer_syntax,
        window_centre=None if volume.window is None else volume.window.centre,
        window_width=None if volume.window is None else volume.window.width,
        low=low,
        high=high,
        synthetic=volume.synthetic,
        facts=dict(volume.facts),
        issues=from_issues(scan.issues),
        voxels=digest,
        quality=None,  # so that nobody asks the database for it
    )


def _summarise(row: StudyRow, *, patient: str) -> None:
    """Bring what the study says of its scans, and what a search looks through, up to date."""
    row.patient = row.patient or patient
    days: list[date] = sorted({scan.acquired_on for scan in row.scans if scan.acquired_on})
    row.acquired_on = days[0] if days else None
    row.synthetic = all(scan.synthetic for scan in row.scans)
    words = [row.title, row.patient, *(day.isoformat() for day in days)]
    words += [word for scan in row.scans for word in (scan.modality, scan.body_part, scan.name)]
    row.words = plain("\n".join(dict.fromkeys(words)))
