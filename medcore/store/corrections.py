"""Corrections of results: what a reader did to what a model found, each with who and when; the original stays."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from medcore.errors import N_, NotFoundError, StoreError
from medcore.store.audit import Action, Deed, Event
from medcore.store.blobs import Blobs
from medcore.store.cropping import cropped, whole
from medcore.store.database import Database
from medcore.store.json_values import Json, as_list, as_number, as_table, as_text, to_texts
from medcore.store.results import run_row
from medcore.store.studies import scan_row, study_row, to_geometry
from medcore.store.tables import BlobUseRow, CorrectionRow, RunRow
from medcore.volume import Array, Mask

NAMES = "names"  # of the labels, in the content of a redrawn mask
LONGEST_NAME = 80

Writing: TypeAlias = Callable[[], AbstractContextManager[tuple[Session, Callable[[Deed], None]]]]


class Act(StrEnum):
    """What a reader did."""

    REDRAWN = "redrawn"  # the mask, with the brush
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REOPENED = "reopened"  # neither accepted nor rejected any more
    UNDONE = "undone"  # an earlier correction was taken back


@dataclass(frozen=True, slots=True)
class NewCorrection:
    """A correction to be kept.

    Args:
        run: Id of the result.
        by: Who did it; "" for a reader who gave no name.
        lesion: Id of the lesion, or "".
        takes_back: Number of the correction that is undone.
        mask: The whole mask as it is now, on the scan's grid.
        content: What was measured in it, for whoever reads it.
    """

    run: str
    act: Act
    by: str = ""
    lesion: str = ""
    takes_back: int | None = None
    mask: Mask | None = None
    content: Json = None


@dataclass(frozen=True, slots=True)
class Correction:
    """A kept correction; `number` grows with time."""

    number: int
    run: str
    act: Act
    by: str
    at: datetime
    lesion: str
    takes_back: int | None
    content: Json


@dataclass(frozen=True, slots=True)
class Corrections:
    """The corrections of one store: they are added, never changed."""

    database: Database
    blobs: Blobs
    writing: Writing
    clock: Callable[[], datetime]

    def add(self, new: NewCorrection) -> Correction:
        """Keep a correction; the audit trail gets an entry.

        Raises:
            NotFoundError: The result, or the correction to take back, is not in the store.
            StoreError: The mask does not lie on the scan's grid.
        """
        box, corner = (None, None) if new.mask is None else cropped(new.mask.labels)
        digest = None if box is None else self.blobs.put(box)
        by = " ".join(new.by.split())[:LONGEST_NAME]
        with self.writing() as (session, log):
            run = run_row(session, new.run)
            if new.takes_back is not None and _row(session, new.takes_back).run_id != new.run:
                raise StoreError(N_("Only a correction of the same result can be taken back."))
            row = CorrectionRow(
                run_id=new.run,
                act=new.act.value,
                made_by=by,
                made_at=self.clock(),
                lesion=new.lesion,
                takes_back=new.takes_back,
                content=_content(new),
                corner=None if corner is None else list(corner),
                labels=digest,
            )
            session.add(row)
            session.flush()
            if box is not None and new.mask is not None:
                _check_grid(session, run, new.mask)
                self._use(session, run, row, box)
            patient = study_row(session, run.study_id).patient
            log(
                Deed(
                    Event.CHANGED,
                    Action.UPDATE,
                    run.study_id,
                    patient,
                    as_text(as_table(run.run)["weights_sha256"]),
                    detail=f"result {run.task} {new.act.value}",
                    agent=by or "local",
                )
            )
            return _record(row)

    def of(self, run_id: str) -> tuple[Correction, ...]:
        """All corrections of a result, the oldest first."""
        query = select(CorrectionRow).where(CorrectionRow.run_id == run_id).order_by(CorrectionRow.number)
        with self.database.reading() as session:
            return tuple(map(_record, session.scalars(query)))

    def latest(self, run_id: str) -> int:
        """Number of the newest correction of a result; 0 where there is none. It changes with each."""
        query = select(func.max(CorrectionRow.number)).where(CorrectionRow.run_id == run_id)
        with self.database.reading() as session:
            return session.scalar(query) or 0

    def mask(self, number: int) -> Mask:
        """The mask of a correction, (S, R, C) on its scan's grid.

        Raises:
            NotFoundError: There is no such correction, or it has no mask.
            StoreError: Its labels are missing or damaged.
        """
        with self.database.reading() as session:
            row = _row(session, number)
            scan = scan_row(session, run_row(session, row.run_id).scan_id)
        if row.labels is None:
            raise NotFoundError(N_("This correction changed no mask."))
        box = self.blobs.open(row.labels)
        shape = [int(as_number(side)) for side in as_list(scan.shape)]
        corner = [int(as_number(index)) for index in as_list(row.corner)]
        names = {int(label): name for label, name in to_texts(as_table(row.content)[NAMES]).items()}
        return Mask(whole(box, corner, shape), names, to_geometry(scan))

    def _use(self, session: Session, run: RunRow, row: CorrectionRow, box: Array) -> None:
        """Hold the array of a mask."""
        assert row.labels is not None, "called for a mask only"
        self.blobs.keep(row.labels, box)
        session.add(BlobUseRow(owner=f"correction:{row.number}", digest=row.labels, study_id=run.study_id))
        session.flush()


def standing(corrections: tuple[Correction, ...]) -> tuple[Correction, ...]:
    """Those that count: neither taken back nor themselves the taking back of others."""
    gone = {one.takes_back for one in corrections if one.act is Act.UNDONE}
    return tuple(one for one in corrections if one.act is not Act.UNDONE and one.number not in gone)


def _check_grid(session: Session, run: RunRow, mask: Mask) -> None:
    scan = scan_row(session, run.scan_id)
    shape = tuple(int(as_number(side)) for side in as_list(scan.shape))
    if mask.labels.shape != shape or not mask.geometry.close_to(to_geometry(scan)):
        raise StoreError(N_("The corrected mask does not lie on the grid of its scan."))


def _content(new: NewCorrection) -> Json:
    if new.mask is None:
        return new.content
    names: Json = {str(label): name for label, name in sorted(new.mask.names.items()) if label}
    return {**(as_table(new.content) if new.content else {}), NAMES: names}


def _row(session: Session, number: int) -> CorrectionRow:
    row = session.get(CorrectionRow, number)
    if row is None:
        raise NotFoundError(N_("This correction is not in the store."))
    return row


def _record(row: CorrectionRow) -> Correction:
    return Correction(
        number=row.number,
        run=row.run_id,
        act=Act(row.act),
        by=row.made_by,
        at=row.made_at,
        lesion=row.lesion,
        takes_back=row.takes_back,
        content=row.content,
    )
