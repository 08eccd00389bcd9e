"""The tables of the study store. A change here needs a step in migrations/versions/; a test compares the two."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, TypeAlias

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from medcore.store.json_values import Json

ID = String(64)
DIGEST = String(64)
JsonColumn: TypeAlias = Annotated[Json, mapped_column(JSON, nullable=False)]


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time; goes in with any time zone, lies there and comes back as UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """All tables."""

    type_annotation_map = {datetime: UtcDateTime, str: Text, float: Double}  # noqa: RUF012  (SQLAlchemy's own form)


class InstallationRow(Base):
    """One row: which key this database belongs to, and the head of the audit trail. Writers lock it."""

    __tablename__ = "installation"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key_check: Mapped[str]
    audit_number: Mapped[int]
    audit_mac: Mapped[str] = mapped_column(DIGEST)
    created_at: Mapped[datetime]


class StudyRow(Base):
    """A study."""

    __tablename__ = "study"
    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(ID, unique=True)
    title: Mapped[str]
    patient: Mapped[str]
    acquired_on: Mapped[date | None]
    added_at: Mapped[datetime] = mapped_column(index=True)
    synthetic: Mapped[bool]
    words: Mapped[str]  # what a search looks through, casefolded
    scans: Mapped[list[ScanRow]] = relationship(
        order_by="ScanRow.number", passive_deletes=True, cascade="save-update, merge, delete", lazy="selectin"
    )


class ScanRow(Base):
    """One volume: everything of it but its voxels."""

    __tablename__ = "scan"
    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(ID, unique=True)
    study_id: Mapped[str] = mapped_column(ID, ForeignKey("study.id", ondelete="CASCADE"), index=True)
    series: Mapped[str]
    name: Mapped[str]
    modality: Mapped[str] = mapped_column(String(16))
    unit: Mapped[str] = mapped_column(String(8))
    shape: Mapped[JsonColumn]
    scale: Mapped[str] = mapped_column(String(16))
    affine: Mapped[JsonColumn]
    frame_of_reference: Mapped[str]
    acquired_on: Mapped[date | None]
    sha256: Mapped[str] = mapped_column(DIGEST)
    body_part: Mapped[str]
    view: Mapped[str]
    transfer_syntax: Mapped[str]
    window_centre: Mapped[float | None]
    window_width: Mapped[float | None]
    low: Mapped[float]
    high: Mapped[float]
    synthetic: Mapped[bool]
    facts: Mapped[JsonColumn]
    issues: Mapped[JsonColumn]
    voxels: Mapped[str] = mapped_column(DIGEST)
    quality: Mapped[QualityRow | None] = relationship(lazy="selectin", passive_deletes=True, cascade="all")


class QualityRow(Base):
    """What the quality check of one version found in the pixels of a scan, and another study with the same picture."""

    __tablename__ = "quality"
    scan_id: Mapped[str] = mapped_column(ID, ForeignKey("scan.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int]
    issues: Mapped[JsonColumn]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    same_as: Mapped[str | None] = mapped_column(ID, ForeignKey("study.id", ondelete="SET NULL"), index=True)


class ThumbnailRow(Base):
    """A small JPEG of a scan, apart from the scan so that lists stay light."""

    __tablename__ = "thumbnail"
    scan_id: Mapped[str] = mapped_column(ID, ForeignKey("scan.id", ondelete="CASCADE"), primary_key=True)
    picture: Mapped[bytes] = mapped_column(LargeBinary)


class RunRow(Base):
    """A run and the prediction it gave."""

    __tablename__ = "run"
    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(ID, unique=True)
    study_id: Mapped[str] = mapped_column(ID, ForeignKey("study.id", ondelete="CASCADE"), index=True)
    scan_id: Mapped[str] = mapped_column(ID, ForeignKey("scan.id", ondelete="CASCADE"), index=True)
    task: Mapped[str] = mapped_column(String(64), index=True)
    model: Mapped[str] = mapped_column(String(128))
    started_at: Mapped[datetime]
    run: Mapped[JsonColumn]
    kind: Mapped[str] = mapped_column(String(32))
    prediction: Mapped[JsonColumn]
    mask: Mapped[str | None] = mapped_column(DIGEST)
    uncertainty: Mapped[str | None] = mapped_column(DIGEST)
    seen: Mapped[str | None] = mapped_column(DIGEST)


class ExplanationRow(Base):
    """A heat map of a run."""

    __tablename__ = "explanation"
    __table_args__ = (UniqueConstraint("run_id", "method", "target", name="one_map_a_question"),)
    number: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ID, ForeignKey("run.id", ondelete="CASCADE"))
    method: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(128))
    layer: Mapped[str]
    heat: Mapped[str] = mapped_column(DIGEST)
    peak: Mapped[float]
    seconds: Mapped[float]
    checks: Mapped[JsonColumn]


class AnnotationsRow(Base):
    """What a reader drew and measured on a study; the version counts the saves."""

    __tablename__ = "annotations"
    study_id: Mapped[str] = mapped_column(ID, ForeignKey("study.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int]
    content: Mapped[JsonColumn]
    saved_at: Mapped[datetime]


class MaskRow(Base):
    """A mask of a scan that no run made; of its labels the file holds the box that is not empty."""

    __tablename__ = "mask"
    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(ID, unique=True)
    scan_id: Mapped[str] = mapped_column(ID, ForeignKey("scan.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    origin: Mapped[str] = mapped_column(String(16))
    names: Mapped[JsonColumn]
    corner: Mapped[JsonColumn]
    labels: Mapped[str] = mapped_column(DIGEST)
    made_at: Mapped[datetime]
    replaces: Mapped[str] = mapped_column(ID)


class CorrectionRow(Base):
    """What a reader did to what a run found: added, never changed; of a redrawn mask the file holds the box in use."""

    __tablename__ = "correction"
    number: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ID, ForeignKey("run.id", ondelete="CASCADE"), index=True)
    act: Mapped[str] = mapped_column(String(16))
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    lesion: Mapped[str]
    takes_back: Mapped[int | None]
    content: Mapped[JsonColumn]
    corner: Mapped[JsonColumn]
    labels: Mapped[str | None] = mapped_column(DIGEST)


class ReadingRow(Base):
    """A reading that was signed off: compressed JSON that is never changed again, and who signed it when."""

    __tablename__ = "reading"
    __table_args__ = (UniqueConstraint("study_id", "version", name="one_reading_a_version"),)
    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(ID, unique=True)
    study_id: Mapped[str] = mapped_column(ID, ForeignKey("study.id", ondelete="CASCADE"), index=True)
    version: Mapped[int]
    signed_by: Mapped[str]
    signed_at: Mapped[datetime]
    sha256: Mapped[str] = mapped_column(DIGEST)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    seal: Mapped[str] = mapped_column(DIGEST)


class ReadingStudyRow(Base):
    """A study that a signed reading shows."""

    __tablename__ = "reading_study"
    reading_id: Mapped[str] = mapped_column(ID, ForeignKey("reading.id", ondelete="CASCADE"), primary_key=True)
    study_id: Mapped[str] = mapped_column(ID, ForeignKey("study.id", ondelete="CASCADE"), primary_key=True, index=True)


class BlobUseRow(Base):
    """Who needs an array file; a file without a row here is swept. A new column with a digest needs rows here."""

    __tablename__ = "blob_use"
    owner: Mapped[str] = mapped_column(String(160), primary_key=True)
    digest: Mapped[str] = mapped_column(DIGEST, primary_key=True, index=True)
    study_id: Mapped[str] = mapped_column(ID, ForeignKey("study.id", ondelete="CASCADE"), index=True)


class AuditRow(Base):
    """Who did what to which study; each row's mac covers the row and the mac before it."""

    __tablename__ = "audit"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(1))
    outcome: Mapped[int]
    recorded: Mapped[datetime]
    agent: Mapped[str]
    study: Mapped[str] = mapped_column(ID)
    patient: Mapped[str]
    model_sha256: Mapped[str] = mapped_column(DIGEST)
    detail: Mapped[str]
    mac: Mapped[str] = mapped_column(DIGEST)
