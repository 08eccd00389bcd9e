"""A stored study as files for others: images and masks in the formats asked for, results as a table, and a notice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, PngImagePlugin
from pydicom.dataset import Dataset

from medcore.deidentify.keyed import moved_day, stand_in_uid
from medcore.deidentify.pixels import Rectangle, covered
from medcore.deidentify.profile import Removed, Subject, deidentify
from medcore.deidentify.stamp import METHOD, NOTICE, add_clean_pixels
from medcore.errors import MedcoreError
from medcore.exports.dicom_headers import Labels
from medcore.exports.dicom_images import Form, datasets
from medcore.exports.dicom_seg import SegLabel, segmentation
from medcore.exports.nifti_images import write_nifti
from medcore.exports.nrrd_images import write_nrrd
from medcore.exports.result_tables import OutgoingResult, TableHead, as_csv, as_json
from medcore.exports.secondary_capture import capture_datasets
from medcore.imaging.overlay import shown_grey
from medcore.records import DatePolicy
from medcore.volume import Mask, Unit, Volume

STRIP_PIXELS = 18  # below a picture, for the notice
SHOWN_SIDE = 4096  # pixels of the longer side of a PNG


class ExportFormat(StrEnum):
    """In which form a study leaves."""

    DICOM = "dicom"
    NIFTI = "nifti"
    NRRD = "nrrd"
    PNG = "png"
    CSV = "csv"
    JSON = "json"
    SEG = "dicom_seg"


@dataclass(frozen=True, slots=True, eq=False)
class NamedMask:
    """A mask to export: labels, a technical name, the model that made it, if any, and how often it was corrected."""

    mask: Mask
    name: str
    model: tuple[str, str] | None = None
    corrections: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class OutgoingScan:
    """One scan on its way out.

    Args:
        number: 1, 2, ... in the study; files are called after it.
        volume: The scan, its name already free of what may be a person's.
        key: Of the scan, for its UIDs.
        masks: Masks on its grid.
        covers: Parts of the picture to blacken, the same on every slice.
    """

    number: int
    volume: Volume
    key: str
    masks: tuple[NamedMask, ...] = ()
    covers: tuple[Rectangle, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class OutgoingStudy:
    """A study on its way out.

    Args:
        subject: Pseudonym, and by how much its dates move.
        key: Of the study, for its UIDs.
        dates: What becomes of its dates.
        scans: Its scans.
        results: For the table; `Run.scan` is looked up in `scan_numbers`.
        scan_numbers: Number of each scan by its id.
    """

    subject: Subject
    key: str
    dates: DatePolicy
    scans: tuple[OutgoingScan, ...]
    results: tuple[OutgoingResult, ...] = ()
    scan_numbers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A scan or mask that one format cannot take, and why."""

    what: str
    form: ExportFormat
    error: MedcoreError


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: paths, what was left out, and what the DICOM pass removed."""

    files: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]
    removed: Removed


def write_study(
    study: OutgoingStudy,
    folder: Path,
    *,
    forms: Iterable[ExportFormat],
    secret: bytes,
    step: Callable[[float], None] = lambda fraction: None,
) -> Written:
    """Write a study in all the forms asked for; names of files and folders come from numbers only.

    Args:
        folder: Made if it is not there.
        secret: Of this installation, for UIDs.
        step: Told the fraction done (0..1); it may raise to stop.

    Raises:
        OSError: The folder cannot be written.
    """
    writer = _Writer(study, folder, tuple(dict.fromkeys(forms)), secret)
    for index, scan in enumerate(study.scans):
        step(index / len(study.scans))
        writer.scan(scan)
    for form in (ExportFormat.CSV, ExportFormat.JSON):
        if form in writer.forms:
            path = folder / f"results.{form.value}"
            path.write_bytes(results_as(form, study))
            writer.files.append(path)
    writer.files.append(_notice(study, folder / "NOTICE.txt"))
    step(1.0)
    return Written(tuple(writer.files), tuple(writer.left_out), writer.removed)


class _Writer:
    """One export under way."""

    def __init__(self, study: OutgoingStudy, folder: Path, forms: Sequence[ExportFormat], secret: bytes) -> None:
        self.study, self.folder, self.forms, self.secret = study, folder, forms, secret
        self.files: list[Path] = []
        self.left_out: list[LeftOut] = []
        self.removed = Removed()
        folder.mkdir(parents=True, exist_ok=True)

    def scan(self, scan: OutgoingScan) -> None:
        """All forms of one scan and its masks."""
        volume, stem = blackened(scan.volume, scan.covers), f"scan-{scan.number:02d}"
        images: list[tuple[str, Dataset]] = []
        if ExportFormat.DICOM in self.forms or (ExportFormat.SEG in self.forms and scan.masks):
            self._try(stem, ExportFormat.DICOM, lambda: images.extend(self._images(scan, volume)))
        if ExportFormat.DICOM in self.forms:
            self.files += [_saved(dataset, self.folder / "dicom" / stem / name) for name, dataset in images]
        for form, write, ending in (
            (ExportFormat.NIFTI, write_nifti, "nii.gz"),
            (ExportFormat.NRRD, write_nrrd, "nrrd"),
            (ExportFormat.PNG, write_png, "png"),
        ):
            if form in self.forms:
                path = self.folder / form.value / f"{stem}.{ending}"
                self._try(stem, form, partial(self._volume, write, volume, path))
        for number, named in enumerate(scan.masks, start=1):
            self._mask(f"{stem}-mask-{number:02d}", named, number, images)

    def _volume(self, write: Callable[[Volume, Path], Path], volume: Volume, path: Path) -> None:
        self.files.append(write(volume, path))

    def _images(self, scan: OutgoingScan, volume: Volume) -> list[tuple[str, Dataset]]:
        study = self.study
        if study.dates is DatePolicy.DROP:
            volume = replace(volume, acquired_on=None)
        labels = Labels(
            seed=stand_in_uid(self.secret, f"export {study.key}"),
            patient=study.subject.patient,
            study=study.key,
            series=scan.key,
            frame=volume.geometry.frame_of_reference and f"frame {volume.geometry.frame_of_reference}",
            number=scan.number,
        )
        try:
            made = datasets(volume, labels=labels, form=Form())
        except MedcoreError:
            made = capture_datasets(volume, labels=labels)
        out = []
        for number, (_, dataset) in enumerate(made, start=1):
            dataset.PatientName = study.subject.patient  # else the pass would look for its words in the other texts
            found = deidentify(dataset, study.subject, secret=self.secret, dates=study.dates)
            self.removed.attributes.update(found.attributes)
            dataset.SeriesDescription = volume.name[:64]
            if scan.covers:
                add_clean_pixels(dataset)
            out.append((f"{number:04d}.dcm", dataset))
        return out

    def _mask(self, stem: str, named: NamedMask, number: int, images: Sequence[tuple[str, Dataset]]) -> None:
        labels = Volume(named.mask.labels, Unit.GREY, "SEG", named.mask.geometry)
        if ExportFormat.NIFTI in self.forms:
            path = self.folder / "nifti" / f"{stem}.nii.gz"
            self._try(stem, ExportFormat.NIFTI, lambda: self.files.append(write_nifti(labels, path)))
        if ExportFormat.NRRD in self.forms:
            path = self.folder / "nrrd" / f"{stem}.nrrd"
            self._try(stem, ExportFormat.NRRD, lambda: self.files.append(write_nrrd(labels, path)))
        if ExportFormat.SEG in self.forms and images:
            label = SegLabel(named.name, self.secret, number, named.model, named.corrections)
            self._try(stem, ExportFormat.SEG, lambda: self.files.append(self._seg(stem, named, images, label)))

    def _seg(self, stem: str, named: NamedMask, images: Sequence[tuple[str, Dataset]], label: SegLabel) -> Path:
        sources = [dataset for _, dataset in images]
        seg = segmentation(named.mask, sources, label, dates=self.study.dates)
        return _saved(seg, self.folder / "dicom_seg" / f"{stem}.dcm")

    def _try(self, what: str, form: ExportFormat, work: Callable[[], object]) -> None:
        try:
            work()
        except MedcoreError as error:
            self.left_out.append(LeftOut(what, form, error))


def blackened(volume: Volume, covers: Sequence[Rectangle]) -> Volume:
    """The scan with rectangles of every slice set to its darkest value."""
    if not covers:
        return volume
    black = 0.0 if volume.unit is Unit.RGB else volume.value_range[0]
    return replace(volume, voxels=covered(np.array(volume.voxels), covers, black))


def write_png(volume: Volume, path: Path) -> Path:
    """The middle slice as it is shown, with the notice on a strip below it and in the file's text."""
    middle = volume.shape[0] // 2
    plane = volume.voxels[middle] if volume.unit is Unit.RGB else shown_grey(volume, side=SHOWN_SIDE)
    picture = Image.fromarray(np.ascontiguousarray(plane, np.uint8))
    page = Image.new(picture.mode, (picture.width, picture.height + STRIP_PIXELS))
    page.paste(picture)
    ImageDraw.Draw(page).text((4, picture.height + 3), NOTICE, fill="white")
    facts = PngImagePlugin.PngInfo()
    facts.add_text("Comment", f"{volume.name}. {NOTICE}", zip=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, pnginfo=facts)
    return path


def table_head(study: OutgoingStudy) -> TableHead:
    """Whose results they are, as it may leave."""
    days = [scan.volume.acquired_on for scan in study.scans if scan.volume.acquired_on]
    day = exported_day(min(days, default=None), study)
    return TableHead(study.key, study.subject.patient, day, study.scan_numbers)


def results_as(form: ExportFormat, study: OutgoingStudy) -> bytes:
    """All results as CSV (UTF-8 with a mark, which Excel needs) or JSON."""
    if form is ExportFormat.JSON:
        return as_json(study.results, table_head(study)).encode()
    return as_csv(study.results, table_head(study)).encode("utf-8-sig")


def exported_day(day: date | None, study: OutgoingStudy) -> str:
    """A date as it leaves: kept, moved, or ""."""
    if day is None or study.dates is DatePolicy.DROP:
        return ""
    return (moved_day(day, study.subject.shift) if study.dates is DatePolicy.SHIFT else day).isoformat()


def _notice(study: OutgoingStudy, path: Path) -> Path:
    dates = {
        DatePolicy.KEEP: "Dates of imaging are as they were.",
        DatePolicy.SHIFT: "Dates of imaging are moved by a number of days of the patient's own; intervals are right.",
        DatePolicy.DROP: "Dates of imaging are removed.",
    }[study.dates]
    lines = [
        f"MedCore. {NOTICE}",
        f"De-identified: {METHOD}. Names are pseudonyms that only the sending installation can make.",
        dates,
        "Text burned into pictures was looked for; a person confirmed what was found or covered. Look again before",
        "you publish, and mind that a head scan shows a face.",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _saved(dataset: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path
