"""The export door: what would leave and what holds it back, releases, and the files themselves as a folder or a zip."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from medcore.deidentify.keyed import time_shift
from medcore.deidentify.pixels import Rectangle
from medcore.deidentify.profile import Subject
from medcore.deidentify.titles import safe_title
from medcore.errors import N_, CancelledError, ExportError, Message, NotFoundError, StoreError
from medcore.exports.result_tables import OutgoingResult, ReadLesion
from medcore.exports.study_files import (
    ExportFormat,
    LeftOut,
    NamedMask,
    OutgoingScan,
    OutgoingStudy,
    results_as,
    write_study,
)
from medcore.readers._words import safe_label
from medcore.records import DatePolicy, ScanFacts, Study
from medcore.store.audit import Action, Deed, Event
from medcore.store.store import Store
from medcore.volume import Mask, Scale, Unit, Volume
from medcore.workbench.corrected import Review, box_now
from medcore.workbench.corrections import ResultCorrections, drawn_mask
from medcore.workbench.marks import ScanMarks
from medcore.workbench.private import policy_of
from medcore.workbench.release import Covers, Held, Release, from_marks, picture

LOOKING_SHARE = 0.5  # of the progress bar, for looking at the pictures
FIXED_TIME = (2000, 1, 1, 0, 0, 0)  # of files in a zip: when they were made is nobody's business
MIME = "application/zip"

Progress = Callable[[float, Message], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """What to export and how.

    Args:
        formats: At least one.
        dates: What becomes of the dates; None: they are moved.
        covers: Parts of pictures to blacken, by scan.
        run: Only this result and its scan; "" for the whole study.
    """

    formats: tuple[ExportFormat, ...]
    dates: DatePolicy = DatePolicy.SHIFT
    covers: Covers = field(default_factory=dict)
    run: str = ""


@dataclass(frozen=True, slots=True)
class Exported:
    """What left.

    Args:
        files: Their paths.
        left_out: Scans and masks that a format could not take.
        removed: Names of the DICOM attributes that the pass removed or replaced.
    """

    files: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """An export as one file for the browser."""

    name: str
    data: bytes
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """Everything that leaves goes through here."""

    store: Store
    release: Release

    def resolve(self, target: str) -> tuple[Study, str]:
        """The study with this id and "", or the study of the result with this id and the id.

        Raises:
            NotFoundError: It is the id of neither.
        """
        try:
            return self.store.study(target), ""
        except NotFoundError:
            run = self.store.prediction(target).run
            return self.store.study(run.study), run.id

    def formats(self, study: Study) -> tuple[ExportFormat, ...]:
        """The formats that have something to write for a study."""
        lies = any(_lies_in_a_patient(self.store.volume(scan.id)) for scan in study.scans)
        found = [ExportFormat.DICOM, *([ExportFormat.NIFTI, ExportFormat.NRRD] if lies else []), ExportFormat.PNG]
        masks = any(self.store.masks(scan.id) for scan in study.scans)
        results = self.store.predictions(study.id)
        if lies and (masks or any(drawn_mask(result) is not None for result in results)):
            found.append(ExportFormat.SEG)
        return (*found, ExportFormat.CSV, ExportFormat.JSON) if results else tuple(found)

    def check(
        self,
        study: Study,
        covers: Covers | None = None,
        *,
        run: str = "",
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[Held, ...]:
        """Each scan with what holds it back. Looking at a picture for the first time takes seconds.

        Raises:
            CancelledError: `cancelled` said so.
        """
        scans = self._scans(study, run)
        held = []
        for index, scan in enumerate(scans):
            _stop_if(cancelled)
            if progress is not None:
                progress(index / len(scans), Message(N_("Looking for text in the pictures")))
            held.append(self.release.check(study, scan, (covers or {}).get(scan.id, ())))
        return tuple(held)

    def confirm(self, study: Study, scans: Sequence[str], *, who: str, why: str, covers: Covers | None = None) -> None:
        """Record that a person looked at the scans and lets them go.

        Raises:
            ExportError: Name or reason is missing.
        """
        self.release.confirm(study, scans, who=who, why=why, covers=covers or {})

    def drawn(self, study: Study, scan: str) -> tuple[Rectangle, ...]:
        """Rectangles that were drawn on a scan in the viewer, in its pixels."""
        return from_marks(ScanMarks(self.store).of_scan(study.id, scan), self.store.volume(scan))

    def picture(self, held: Held, covers: Covers) -> bytes:
        """A JPEG of the scan as it would leave, with frames around what was found."""
        return picture(self.store.volume(held.scan.id), covers.get(held.scan.id, ()), held.look.boxes)

    def write(
        self,
        study: Study,
        choice: Choice,
        folder: Path,
        *,
        who: str = "local",
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Exported:
        """Write a study as files, if nothing holds it back; the audit trail gets an entry.

        Raises:
            BurnedInTextError: A picture may show a name, and nobody has released it.
            ExportError: No format was chosen, or the folder is not empty.
            StoreError: The folder cannot be written.
            CancelledError: `cancelled` said so; what was written is removed.
        """
        if not choice.formats:
            raise ExportError(N_("Nothing was chosen to export."), hint=N_("Choose at least one format."))
        tell = progress or (lambda fraction, stage: None)
        looking: Progress = lambda fraction, stage: tell(fraction * LOOKING_SHARE, stage)  # noqa: E731
        self.release.require(self.check(study, choice.covers, run=choice.run, progress=looking, cancelled=cancelled))

        def step(fraction: float) -> None:
            _stop_if(cancelled)
            tell(LOOKING_SHARE + (1 - LOOKING_SHARE) * fraction, Message(N_("Writing files")))

        outgoing = self._outgoing(study, choice)
        with _own_folder(folder) as made:
            written = write_study(outgoing, made, forms=choice.formats, secret=self.store.pseudonym_key, step=step)
        what = (
            f"{','.join(form.value for form in choice.formats)} dates={choice.dates.value} files={len(written.files)}"
        )
        self.store.record(Deed(Event.EXPORTED, Action.READ, study.id, study.patient, detail=what, agent=who))
        return Exported(written.files, written.left_out, tuple(sorted(written.removed.attributes)))

    def package(
        self,
        study: Study,
        choice: Choice,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Package:
        """An export as one zip in memory; see `write`."""
        with tempfile.TemporaryDirectory(prefix="medcore-export-") as temporary:
            folder = Path(temporary) / "export"
            exported = self.write(study, choice, folder, progress=progress, cancelled=cancelled)
            path = Path(temporary) / "export.zip"
            _zip(exported.files, folder, path)
            return Package(f"medcore-{study.id[:8]}.zip", path.read_bytes(), exported.left_out)

    def table(self, run: str, ending: str) -> bytes:
        """The lesions or scores of one result as "csv" or "json", its dates moved; the audit trail gets an entry.

        Raises:
            NotFoundError: There is no such result.
        """
        form = ExportFormat(ending)
        study = self.store.study(self.store.prediction(run).run.study)
        outgoing = self._outgoing(study, Choice((form,), run=run))
        detail = f"{form.value} dates={DatePolicy.SHIFT.value} files=1"
        self.store.record(Deed(Event.EXPORTED, Action.READ, study.id, study.patient, detail=detail))
        return results_as(form, outgoing)

    def _scans(self, study: Study, run: str) -> tuple[ScanFacts, ...]:
        if not run:
            return study.scans
        scan = self.store.prediction(run).run.scan
        return tuple(one for one in study.scans if one.id == scan)

    def _outgoing(self, study: Study, choice: Choice) -> OutgoingStudy:
        """The study as it leaves: without titles, and with its dates moved once only."""
        scans = self._scans(study, choice.run)
        found = (self.store.prediction(choice.run),) if choice.run else self.store.predictions(study.id)
        results = [ResultCorrections(self.store).review(one) for one in found]
        volumes = {scan.id: self.store.volume(scan.id) for scan in scans}
        moved = any(policy_of(volume) is not DatePolicy.KEEP for volume in volumes.values())
        patient = study.patient or study.id[:10].upper()
        secret = self.store.pseudonym_key
        shift = time_shift(secret, study.patient or study.id) if not moved else timedelta(0)
        dates = DatePolicy.SHIFT if moved and choice.dates is DatePolicy.KEEP else choice.dates
        outgoing = [
            OutgoingScan(
                number=number,
                volume=_anonymous(volumes[scan.id]),
                key=scan.id,
                masks=self._masks(scan.id, results),
                covers=tuple(choice.covers.get(scan.id, ())),
            )
            for number, scan in enumerate(study.scans, start=1)
            if scan.id in volumes
        ]
        numbers = {scan.id: number for number, scan in enumerate(study.scans, start=1)}
        outgoing_results = tuple(map(_outgoing_result, results))
        return OutgoingStudy(Subject(patient, shift), study.id, dates, tuple(outgoing), outgoing_results, numbers)

    def _masks(self, scan: str, results: Iterable[Review]) -> tuple[NamedMask, ...]:
        kept = [NamedMask(_anonymous_mask(self.store.mask(facts.id)), "mask") for facts in self.store.masks(scan)]
        made = [
            NamedMask(
                _anonymous_mask(one.mask),
                run.task,
                (run.model, run.model_version),
                len(one.history) if one.edited else 0,
            )
            for one in results
            if one.mask is not None and (run := one.prediction.run).scan == scan
        ]
        return (*kept, *made)


def _outgoing_result(review: Review) -> OutgoingResult:
    rows = [
        ReadLesion(one.id, one.counts, one.standing.value, one.origin.value, one.lesion, one.box and box_now(one))
        for one in review.findings
    ]
    return OutgoingResult(review.prediction, tuple(rows), len(review.history))


def _lies_in_a_patient(volume: Volume) -> bool:
    return volume.geometry.scale is Scale.PATIENT and volume.unit is not Unit.RGB


def _anonymous(volume: Volume) -> Volume:
    """The scan with a name that can name nobody, whatever an earlier version of MedCore has stored."""
    return replace(volume, name=_harmless(volume.name, volume.modality or "picture"))


def _anonymous_mask(mask: Mask) -> Mask:
    """The mask with label names that can name nobody."""
    names = {value: safe_label(name, frozenset()) or f"label {value}" for value, name in mask.names.items()}
    return replace(mask, names=names)


def _harmless(name: str, fallback: str) -> str:
    return safe_title(name.replace(",", " "), "", fallback=fallback).strip()


def check_empty(folder: Path) -> None:
    """Refuse a folder with files in it.

    Raises:
        ExportError: There are files in it, or it is no folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(
            N_("{path} is not an empty folder."),
            hint=N_("Choose a new folder, so that nothing of an earlier export is taken for a part of this one."),
            path=str(folder),
        )


@contextmanager
def _own_folder(folder: Path) -> Iterator[Path]:
    """A new or empty folder; after an error, nothing of the export stays in it.

    Raises:
        ExportError: There are files in it.
        StoreError: It cannot be written.
    """
    check_empty(folder)
    try:
        yield folder
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StoreError(
            N_("{path} cannot be written ({reason})."),
            hint=N_("Choose a folder that you may write to and that has space."),
            path=str(folder),
            reason=error.strerror or type(error).__name__,
        ) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _zip(files: Iterable[Path], folder: Path, path: Path) -> None:
    """Pack files; what is compressed already is only stored."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), FIXED_TIME)
            packed = file.suffix in (".gz", ".png", ".nrrd")
            entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())


def _stop_if(cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise CancelledError(N_("Stopped."))
