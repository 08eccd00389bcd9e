"""Signed-off readings: content that is never changed again, sealed with who signed it when; version after version."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias, cast

from sqlalchemy import delete, event, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper, Session, undefer

from medcore.errors import N_, NotFoundError, StoreError
from medcore.store.audit import Action, Deed, Event
from medcore.store.database import Database
from medcore.store.json_values import Json
from medcore.store.studies import study_row
from medcore.store.tables import ReadingRow, ReadingStudyRow

ID_BYTES = 10
LONGEST_NAME = 80
LEVEL = 6  # of the compression; the pictures in it are compressed already

Writing: TypeAlias = Callable[[], AbstractContextManager[tuple[Session, Callable[[Deed], None]]]]


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed version without its content.

    Args:
        study: Id of the study of the baseline.
        version: 1, 2, 3 ... of that study.
        sha256: Of the content.
        sound: The seal fits: nobody changed who, when or what since.
    """

    id: str
    study: str
    version: int
    signed_by: str
    signed_at: datetime
    sha256: str
    sound: bool


@dataclass(frozen=True, slots=True)
class SignedReadings:
    """The signed readings of one store: they are added and read, never changed; they go with the studies they show."""

    database: Database
    seals: bytes
    writing: Writing
    clock: Callable[[], datetime]

    def sign(self, study_id: str, content: Json, *, who: str, studies: Sequence[str], after: int) -> Signed:
        """Freeze a reading as the version that follows `after`.

        Args:
            studies: Ids of all studies that it shows; when one of them is deleted, the reading goes too.
            after: The newest version that the reader has seen; 0 for none.

        Raises:
            NotFoundError: A study was deleted meanwhile.
            StoreError: The name is missing, nothing changed, or someone else signed since.
        """
        name = " ".join(who.split())[:LONGEST_NAME]
        if not name:
            raise StoreError(N_("A reading is signed off by a person: type your name or initials."))
        body, digest = _bytes(content), content_hash(content)
        with self.writing() as (session, log):
            patient = study_row(session, study_id).patient
            newest = _newest(session, study_id)
            if (newest.version if newest else 0) != after:
                raise StoreError(
                    N_("Someone else signed off a version of this reading meanwhile; yours was not signed."),
                    hint=N_("Look at what changed, then sign off again."),
                )
            if newest is not None and newest.sha256 == digest:
                raise StoreError(N_("Nothing changed since version {version}."), version=newest.version)
            row = ReadingRow(
                id=secrets.token_hex(ID_BYTES),
                study_id=study_id,
                version=after + 1,
                signed_by=name,
                signed_at=self.clock(),
                sha256=digest,
                content=gzip.compress(body, LEVEL, mtime=0),
                seal="",
            )
            row.seal = self._seal(row)
            session.add(row)
            session.flush()
            for study in dict.fromkeys((study_id, *studies)):
                study_row(session, study)
                session.add(ReadingStudyRow(reading_id=row.id, study_id=study))
            session.flush()
            detail = f"reading {row.id} version {row.version} sha256 {digest}"
            log(Deed(Event.SIGNED, Action.CREATE, study_id, patient, detail=detail, agent=name))
            return self._facts(row)

    def of(self, study_id: str) -> tuple[Signed, ...]:
        """All versions of a study's reading, the newest first."""
        query = select(ReadingRow).where(ReadingRow.study_id == study_id).order_by(ReadingRow.version.desc())
        with self.database.reading() as session:
            return tuple(self._facts(row) for row in session.scalars(query))

    def open(self, reading_id: str) -> tuple[Signed, Json]:
        """A version as it was signed.

        Raises:
            NotFoundError: There is none of this id.
            StoreError: It is not what was signed.
        """
        query = select(ReadingRow).where(ReadingRow.id == reading_id).options(undefer(ReadingRow.content))
        with self.database.reading() as session:
            row = session.scalars(query).one_or_none()
        if row is None:
            raise NotFoundError(N_("This signed reading is not in the store."))
        signed = self._facts(row)
        try:
            body = gzip.decompress(row.content)
        except (OSError, EOFError):
            body = b""
        if not signed.sound or hashlib.sha256(body).hexdigest() != row.sha256:
            raise StoreError(
                N_("Version {version} of this reading is not what was signed: it was changed or damaged in the store."),
                hint=N_("Put back the last backup of the data folder; do not rely on this version."),
                version=row.version,
            )
        return signed, cast(Json, json.loads(body))

    def _facts(self, row: ReadingRow) -> Signed:
        sound = hmac.compare_digest(row.seal, self._seal(row))
        return Signed(row.id, row.study_id, row.version, row.signed_by, row.signed_at, row.sha256, sound)

    def _seal(self, row: ReadingRow) -> str:
        when = row.signed_at.astimezone(UTC).isoformat(timespec="microseconds")
        text = json.dumps([row.id, row.study_id, row.version, row.signed_by, when, row.sha256], ensure_ascii=True)
        return hmac.digest(self.seals, text.encode(), hashlib.sha256).hex()


def forget(session: Session, study_id: str) -> None:
    """Delete the readings that show a study, in the caller's transaction, before the study itself goes."""
    showing = select(ReadingStudyRow.reading_id).where(ReadingStudyRow.study_id == study_id)
    session.execute(delete(ReadingRow).where(ReadingRow.id.in_(showing)))


def _newest(session: Session, study_id: str) -> ReadingRow | None:
    query = select(ReadingRow).where(ReadingRow.study_id == study_id).order_by(ReadingRow.version.desc()).limit(1)
    return session.scalars(query).one_or_none()


def content_hash(content: Json) -> str:
    """SHA-256 of what a reading says."""
    return hashlib.sha256(_bytes(content)).hexdigest()


def _bytes(content: Json) -> bytes:
    """The one way to write a content down, so that its hash is that of what it says."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _refuse(mapper: Mapper[ReadingRow], connection: Connection, row: ReadingRow) -> None:
    raise StoreError(N_("A signed reading is frozen; sign off a new version instead."))


event.listen(ReadingRow, "before_update", _refuse)
