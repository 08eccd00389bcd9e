"""The store: everything MedCore keeps, behind one door. Arrays go to the disk first, then one transaction follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy import float32
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from medcore.errors import N_, NotFoundError, StoreError
from medcore.predictions import Explanation, Prediction
from medcore.records import Study
from medcore.settings import Settings
from medcore.store import audit, masks, placed, readings, results, studies
from medcore.store.audit import Action, AuditHead, Deed, Entry, Event, study_deed
from medcore.store.blobs import Blobs
from medcore.store.corrections import Corrections
from medcore.store.database import Database, store_url
from medcore.store.faults import Damage, disk_faults
from medcore.store.findings import Findings
from medcore.store.founding import found
from medcore.store.json_values import Json
from medcore.store.keys import subkey
from medcore.store.placed import PlacedScan
from medcore.store.results import Annotations, StoredArray
from medcore.store.studies import Added, NewStudy, clean_title
from medcore.store.tables import InstallationRow, StudyRow, ThumbnailRow
from medcore.volume import Array, Mask, MaskFacts, MaskOrigin, Volume

ORPHAN_SECONDS = 3600.0  # an array that nobody uses and nobody put for this long was left by a crash
WRITERS = 4  # files flushed at once; flushes of one disk overlap well


class Store:
    """Studies, results, annotations and the audit trail of one data folder; safe in many threads and processes."""

    def __init__(self, folder: Path, database: Database, blobs: Blobs, key: bytes, clock: Callable[[], datetime]):
        """Use `Store.open`."""
        self.folder = folder
        self._database = database
        self._blobs = blobs
        self._ids = subkey(key, "ids")
        self._seals = subkey(key, "audit")
        self.pseudonym_key = subkey(key, "pseudonyms")  # what readers turn DICOM ids into pseudonyms with
        self._clock = clock
        self.backend = database.backend  # the kind of database: "sqlite", "postgresql" ...
        self.findings = Findings(database)
        self.corrections = Corrections(database, blobs, self._writing, clock)
        self.readings = readings.SignedReadings(database, subkey(key, "readings"), self._writing, clock)
        self._disk = ThreadPoolExecutor(WRITERS, thread_name_prefix="store")

    @classmethod
    def open(cls, settings: Settings, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Store:
        """Open the store of `settings.data_dir`, or make it; bring its database up to date and drop leftovers.

        Raises:
            StoreError: The folder or the database cannot be used, or belongs to a newer MedCore.
        """
        folder = settings.data_dir.absolute()
        with disk_faults(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = Database(store_url(folder, settings.database_url))
        try:
            key = found(database, folder, now=clock())
            store = cls(folder, database, Blobs(folder / "objects", now=lambda: clock().timestamp()), key, clock)
            store.sweep()
        except BaseException:
            database.close()
            raise
        return store

    def close(self) -> None:
        """Release the database."""
        self._disk.shutdown()
        self._database.close()

    # Studies

    def put(self, volume: Volume) -> Future[str]:
        """Begin to write the voxels of a scan that `add_studies` will bring, while others are still being decoded."""
        return self._disk.submit(self._blobs.put, volume.voxels)

    def discard(self, voxels: Sequence[Future[str]]) -> None:
        """Remove what `put` wrote for studies that will not come after all; what other studies need stays."""
        self._collect(frozenset(name.result() for name in voxels if name.exception() is None))

    def add_studies(self, new: Sequence[NewStudy]) -> tuple[Added, ...]:
        """Store studies, or add the scans that stored ones lack. All of them are kept or, after an error, none.

        The same bytes twice are stored once.

        Raises:
            StoreError: The disk is full or read-only, the database is locked or damaged.
        """
        voxels = [[scan.voxels or self.put(scan.volume) for scan in study.scans] for study in new]
        digests = [[name.result() for name in names] for names in voxels]
        now = self._clock()
        with self._writing() as (session, log):
            added = studies.insert_studies(session, self._blobs, new, digests=digests, key=self._ids, added_at=now)
            for entry in added:
                if entry.new_scans:
                    log(study_deed(entry.study, Event.IMPORTED, Action.CREATE, f"{entry.new_scans} scans"))
        return added

    def studies(self, *, search: str = "", modality: str | None = None, task: str = "") -> tuple[Study, ...]:
        """Studies that match all given words, modality and task; the newest upload first."""
        with self._database.reading() as session:
            return studies.list_studies(session, search=search, modality=modality, task=task)

    def count_studies(self) -> int:
        """How many studies there are."""
        with self._database.reading() as session:
            return session.scalar(select(func.count()).select_from(StudyRow)) or 0

    def study(self, study_id: str) -> Study:
        """One study.

        Raises:
            NotFoundError: There is none.
        """
        with self._database.reading() as session:
            return studies.to_study(studies.study_row(session, study_id))

    def volume(self, scan_id: str) -> Volume:
        """One scan; its voxels are memory-mapped, so only what is looked at is read.

        Raises:
            NotFoundError: There is none.
            StoreError: Its voxels are missing or damaged.
        """
        with self._database.reading() as session:
            row = studies.scan_row(session, scan_id)
        return studies.to_volume(row, self._blobs.open(row.voxels))

    def scans_of(self, series: Sequence[str], frame: str) -> tuple[PlacedScan, ...]:
        """Scans of these series, then those in this frame of reference: what regions may have been drawn on."""
        with self._database.reading() as session:
            return placed.scans_of(session, series, frame)

    def thumbnail(self, scan_id: str) -> bytes:
        """The JPEG of one scan.

        Raises:
            NotFoundError: It has none.
        """
        with self._database.reading() as session:
            row = session.get(ThumbnailRow, scan_id)
        if row is None:
            raise NotFoundError(N_("This scan has no thumbnail."))
        return row.picture

    def rename(self, study_id: str, title: str) -> str:
        """Give a study another title; returns the former one, so that the page can offer to undo it.

        Raises:
            NotFoundError: There is no such study.
            StoreError: The title is empty.
        """
        title = clean_title(title)
        if not title:
            raise StoreError(N_("A study needs a title."))
        with self._writing() as (session, log):
            row, former = studies.rename_study(session, study_id, title)
            log(study_deed(studies.to_study(row), Event.CHANGED, Action.UPDATE, "title"))
        return former

    def delete(self, study_id: str) -> None:
        """Delete a study with its scans, results and annotations for good.

        Raises:
            NotFoundError: There is no such study.
        """
        with self._writing() as (session, log):
            log(study_deed(studies.to_study(studies.study_row(session, study_id)), Event.DELETED, Action.DELETE))
            session.flush()
            readings.forget(session, study_id)
            used = studies.delete_study(session, study_id)
        self._collect(frozenset(used))  # not before the commit: a crash must not leave a study without its voxels

    # Results

    def save_prediction(self, prediction: Prediction, *, seen: NDArray[float32] | None = None) -> None:
        """Store a run with its prediction.

        Args:
            seen: (H, W) float32 in 0..1, what the network saw.

        Raises:
            NotFoundError: Its study or scan was deleted meanwhile.
        """
        run = prediction.run
        arrays = {name: self._put(array) for name, array in results.arrays_of(prediction, seen).items()}
        with self._writing() as (session, log):
            results.insert_prediction(session, self._blobs, prediction, arrays)
            patient = studies.study_row(session, run.study).patient
            log(Deed(Event.ANALYSED, Action.EXECUTE, run.study, patient, run.weights_sha256, detail=run.task))

    def predictions(self, study_id: str) -> tuple[Prediction, ...]:
        """All predictions of a study, the newest first."""
        with self._database.reading() as session:
            rows = results.run_rows(session, study_id)
            return tuple(results.to_prediction(session, self._blobs, row) for row in rows)

    def prediction(self, run_id: str) -> Prediction:
        """One prediction.

        Raises:
            NotFoundError: There is none.
        """
        with self._database.reading() as session:
            return results.to_prediction(session, self._blobs, results.run_row(session, run_id))

    def seen(self, run_id: str) -> NDArray[float32] | None:
        """What the network saw in one run, (H, W) float32 in 0..1, if it was stored.

        Raises:
            NotFoundError: There is no such run.
        """
        with self._database.reading() as session:
            digest = results.run_row(session, run_id).seen
        return None if digest is None else self._blobs.open(digest)

    def save_explanation(self, explanation: Explanation) -> None:
        """Store a heat map; one of the same run, method and target gives way to it.

        Raises:
            NotFoundError: Its run is not in the store.
        """
        heat = self._put(explanation.heat.astype(np.float16))  # to 0.05 % of the peak, in half the space
        with self._writing() as (session, log):
            results.insert_explanation(session, self._blobs, explanation, heat)
            run = explanation.run
            patient = studies.study_row(session, run.study).patient
            log(Deed(Event.EXPLAINED, Action.EXECUTE, run.study, patient, run.weights_sha256, explanation.method))

    def explanations(self, run_id: str) -> tuple[Explanation, ...]:
        """All heat maps of a run, the newest first.

        Raises:
            NotFoundError: There is no such run.
        """
        with self._database.reading() as session:
            run = results.run_row(session, run_id)
            rows = results.explanation_rows(session, run_id)
        return tuple(results.to_explanation(self._blobs, row, run) for row in rows)

    def tasks_run(self) -> dict[str, tuple[str, ...]]:
        """The tasks that were run on each study, by study id; for lists."""
        with self._database.reading() as session:
            return results.tasks_run(session)

    # Annotations

    def annotations(self, study_id: str) -> Annotations:
        """What was drawn and measured on a study; version 0 when nothing was."""
        with self._database.reading() as session:
            return results.read_annotations(session, study_id)

    def save_annotations(self, study_id: str, content: Json, *, version: int, arrays: Sequence[Array] = ()) -> int:
        """Replace the annotations that were read as `version`; returns the new version. `arrays` stay with the study.

        Raises:
            NotFoundError: There is no such study.
            StoreError: Someone saved since.
        """
        named = dict(zip(self.put_arrays(arrays), arrays, strict=True))
        with self._writing() as (session, log):
            studies.keep_arrays(session, self._blobs, study_id, named)
            saved = results.write_annotations(session, study_id, content, version=version, saved_at=self._clock())
            study = studies.to_study(studies.study_row(session, study_id))
            log(study_deed(study, Event.CHANGED, Action.UPDATE, "annotations"))
        return saved

    def put_arrays(self, arrays: Sequence[Array]) -> tuple[str, ...]:
        """Names of arrays for annotations that are about to be saved with them; `array` opens one of these."""
        return tuple(self._put(array).digest for array in arrays)

    def array(self, digest: str) -> Array:
        """An array that annotations name, memory-mapped."""
        return self._blobs.open(digest)

    # Masks

    def save_mask(
        self, scan_id: str, mask: Mask, *, name: str, origin: MaskOrigin, replaces: str = "", instead: str = ""
    ) -> MaskFacts:
        """Store a mask of a scan, as a newer version of the mask `replaces` if one is named. The same twice is one.

        Args:
            instead: Id of a mask that is given up for this one: its state before the latest stroke of the brush.

        Raises:
            NotFoundError: The scan, or the mask to replace, is not in the store.
            StoreError: The mask does not lie on the scan's grid.
        """
        new = masks.NewMask(scan_id, masks.cropped(mask), clean_title(name), origin, replaces)
        stored = self._put(new.box.labels)
        with self._writing() as (session, log):
            facts, fresh = masks.insert_mask(session, self._blobs, new, stored, made_at=self._clock())
            given_up = masks.give_up(session, instead, scan=scan_id) if instead != facts.id else frozenset()
            if fresh:
                action = Action.UPDATE if given_up else Action.CREATE
                log(study_deed(studies.study_of(session, scan_id), Event.CHANGED, action, f"mask {origin.value}"))
        self._collect(given_up)
        return facts

    def masks(self, scan_id: str, *, earlier: bool = False) -> tuple[MaskFacts, ...]:
        """Masks of a scan in the order they were made; with `earlier`, also those that a newer version replaces."""
        with self._database.reading() as session:
            return masks.list_masks(session, scan_id, earlier=earlier)

    def mask(self, mask_id: str) -> Mask:
        """One mask, (S, R, C) on its scan's grid.

        Raises:
            NotFoundError: There is none.
            StoreError: Its labels are missing or damaged.
        """
        with self._database.reading() as session:
            return masks.to_mask(session, self._blobs, masks.mask_row(session, mask_id))

    def delete_mask(self, mask_id: str) -> None:
        """Delete one version of a mask for good; the version before it is the newest again.

        Raises:
            NotFoundError: There is none.
        """
        with self._writing() as (session, log):
            row = masks.mask_row(session, mask_id)
            log(study_deed(studies.study_of(session, row.scan_id), Event.CHANGED, Action.DELETE, f"mask {row.origin}"))
            digest = masks.delete_mask(session, row)
        self._collect(frozenset({digest}))

    # Audit and upkeep

    def record(self, deed: Deed) -> None:
        """Write an entry to the audit trail for something that happened outside the store, such as an export."""
        with self._writing() as (_, log):
            log(deed)

    def audit(self, *, study: str | None = None, limit: int = 200) -> tuple[Entry, ...]:
        """The newest entries of the audit trail, newest first."""
        with self._database.reading() as session:
            return audit.entries(session, study=study, limit=limit)

    def audit_head(self) -> AuditHead:
        """Number and seal of the newest entry; kept elsewhere, it proves that nothing before it was cut off."""
        with self._database.reading() as session:
            row = session.scalars(select(InstallationRow)).one()
            return AuditHead(row.audit_number, row.audit_mac)

    def first_broken_entry(self) -> int | None:
        """Number of the first audit entry that was edited or removed; None when the trail is whole."""
        with self._database.reading() as session:
            return audit.first_broken(session, self._seals)

    def damaged(self) -> tuple[Damage, ...]:
        """Read every stored array in full and report those that are missing or changed."""
        with self._database.reading() as session:
            uses = studies.uses(session)
        return self._blobs.damaged(uses)

    def sweep(self, *, older_than_seconds: float = ORPHAN_SECONDS) -> int:
        """Remove arrays that no study uses and nobody put lately, as a crash leaves them; returns how many."""
        old = self._blobs.older_than(older_than_seconds)
        with self._database.reading() as session:
            orphans = studies.unused(session, old)
        return self._collect(orphans)

    def array_bytes(self) -> int:
        """Room that all arrays take on the disk."""
        return self._blobs.total_bytes()

    @contextmanager
    def _writing(self) -> Iterator[tuple[Session, Callable[[Deed], None]]]:
        """A transaction, and the function that writes to the audit trail within it."""
        with self._database.writing() as (session, installation):
            now = self._clock()
            yield session, lambda deed: audit.append(session, installation, self._seals, deed, recorded=now)

    def _put(self, array: Array) -> StoredArray:
        return StoredArray(array, self._blobs.put(array))

    def _collect(self, candidates: frozenset[str]) -> int:
        """Remove those of the arrays that nobody uses, while nobody can begin to use them."""
        if not candidates:
            return 0
        with self._database.writing() as (session, _):
            orphans = studies.unused(session, candidates)
            self._blobs.remove(orphans)
        return len(orphans)
