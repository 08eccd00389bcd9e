"""The audit trail: who did what to which study, each entry sealed to the one before it with a keyed hash.

The seals show an edited, inserted or removed entry. They cannot show that the newest entries were cut off
together with the head of the chain, nor what a holder of the key forged: whoever needs that writes
`AuditHead` down elsewhere from time to time. The columns map to DICOM PS3.15 A.5 audit messages.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from medcore.records import Study
from medcore.store.tables import AuditRow, InstallationRow

FIRST_MAC = "0" * 64


class Event(StrEnum):
    """What happened: DICOM audit event codes (PS3.16 CID 400) where there is one."""

    APPLICATION_STARTED = "110100"
    ACCESSED = "110103"
    DELETED = "110105"
    EXPORTED = "110106"
    IMPORTED = "110107"
    ANALYSED = "medcore-analysed"
    EXPLAINED = "medcore-explained"
    CHANGED = "medcore-changed"
    SIGNED = "medcore-signed"  # a reading became final
    CONFIRMED = "medcore-confirmed"  # a person has looked, and says that no identity stands in the picture


class Action(StrEnum):
    """What was done to the object."""

    CREATE = "C"
    READ = "R"
    UPDATE = "U"
    DELETE = "D"
    EXECUTE = "E"


class Outcome(IntEnum):
    """How it ended (RFC 3881)."""

    SUCCESS = 0
    MINOR_FAILURE = 4
    SERIOUS_FAILURE = 8


@dataclass(frozen=True, slots=True)
class Deed:
    """What an entry says. `study` and `patient` are pseudonyms; `detail` never names a person."""

    event: Event
    action: Action
    study: str = ""
    patient: str = ""
    model_sha256: str = ""
    detail: str = ""
    agent: str = "local"
    outcome: Outcome = Outcome.SUCCESS


def study_deed(study: Study, event: Event, action: Action, detail: str = "") -> Deed:
    """A deed done to a study."""
    return Deed(event, action, study=study.id, patient=study.patient, detail=detail)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the trail."""

    number: int
    recorded: datetime
    deed: Deed


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The newest entry: its number (0: none) and its seal."""

    number: int
    mac: str


def append(session: Session, installation: InstallationRow, key: bytes, deed: Deed, *, recorded: datetime) -> None:
    """Seal one entry to the chain. `installation` is the locked row, so no two writers take the same number."""
    number = installation.audit_number + 1
    row = AuditRow(
        number=number,
        event=deed.event.value,
        action=deed.action.value,
        outcome=int(deed.outcome),
        recorded=recorded,
        agent=deed.agent,
        study=deed.study,
        patient=deed.patient,
        model_sha256=deed.model_sha256,
        detail=deed.detail,
        mac="",
    )
    row.mac = _mac(key, row, installation.audit_mac)
    session.add(row)
    installation.audit_number, installation.audit_mac = number, row.mac


def entries(session: Session, *, study: str | None = None, limit: int = 200) -> tuple[Entry, ...]:
    """The newest entries, newest first."""
    query = select(AuditRow).order_by(AuditRow.number.desc()).limit(limit)
    if study is not None:
        query = query.where(AuditRow.study == study)
    return tuple(Entry(row.number, row.recorded, _deed(row)) for row in session.scalars(query))


def first_broken(session: Session, key: bytes) -> int | None:
    """Number of the first entry that is not what was sealed or is missing; None when the trail is whole."""
    previous, expected = FIRST_MAC, 1
    for row in session.scalars(select(AuditRow).order_by(AuditRow.number).execution_options(yield_per=500)):
        if row.number != expected or not hmac.compare_digest(row.mac, _mac(key, row, previous)):
            return expected
        previous, expected = row.mac, expected + 1
    installation = session.scalars(select(InstallationRow)).one()
    if (installation.audit_number, installation.audit_mac) != (expected - 1, previous):
        return expected
    return None


def _deed(row: AuditRow) -> Deed:
    return Deed(
        event=Event(row.event),
        action=Action(row.action),
        study=row.study,
        patient=row.patient,
        model_sha256=row.model_sha256,
        detail=row.detail,
        agent=row.agent,
        outcome=Outcome(row.outcome),
    )


def _mac(key: bytes, row: AuditRow, previous: str) -> str:
    recorded = row.recorded.astimezone(UTC).isoformat(timespec="microseconds")
    fields = [previous, row.number, row.event, row.action, row.outcome, recorded, row.agent, row.study, row.patient]
    text = json.dumps([*fields, row.model_sha256, row.detail], ensure_ascii=True, separators=(",", ":"))
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()
