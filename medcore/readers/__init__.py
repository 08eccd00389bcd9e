"""The file formats that MedCore reads: a file in this folder is a format, found by the first bytes of what it reads."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from medcore.errors import N_, EmptyFileError, UnknownFormatError, UnsupportedFormatError
from medcore.records import Issue
from medcore.registry import load_entries
from medcore.volume import Array, Unit, Volume, Window

HEAD_BYTES = 4096  # enough of a file to tell its format
# Formats that are known not to be read: first bytes, where they stand, name.
FOREIGN = (
    (b"%PDF-", 0, "PDF"),
    (b"%!PS", 0, "PostScript"),
    (b"<svg", 0, "SVG"),
    (b"<!DOCTYPE html", 0, "HTML"),
    (b"GIF8", 0, "GIF"),
    (b"Rar!", 0, "RAR"),
    (b"7z\xbc\xaf", 0, "7-Zip"),
    (b"\x89HDF", 0, "HDF5"),
    (b"MATLAB", 0, "MATLAB"),
    (b"ftyp", 4, "MP4"),
    (b"\x00\x00\x00\x0cjP  ", 0, "JPEG 2000"),
    (b"\xff\x4f\xff\x51", 0, "JPEG 2000"),
    (b"ISc(", 0, "Bruker"),
    (b"ustar", 257, "tar"),
    (b"\x1f\x8b", 0, "gzip"),
    (b"\xd0\xcf\x11\xe0", 0, "Microsoft Office"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may ask for.

    Args:
        max_pixels: Rows × columns × frames.
        max_bytes: Of the voxels it unpacks to.
    """

    max_pixels: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Raw identifiers of a file. They leave the intake only as keyed pseudonyms; "" where there is none."""

    study: str = ""
    patient: str = ""
    series: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """One complete image read from a file.

    Args:
        volume: The image.
        identity: Who and what it belongs to.
        issues: What is doubtful about it.
    """

    volume: Volume
    identity: Identity = field(default_factory=Identity)
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a slice lies in the patient and which series it belongs to.

    Args:
        series: What all slices of one stack share: series, frame of reference, kind of image.
        orientation: Direction cosines of a row and of a column (DICOM Image Orientation Patient).
        position_mm: LPS mm of the first voxel's centre.
        spacing_mm: (between rows, between columns).
        step: What may tell two images at one place apart (time, echo, b-value ...), as texts in a fixed order.
        number: Instance number, for telling and for ties.
        thickness_mm: Slice thickness; 0 if unknown.
    """

    series: tuple[str, ...]
    orientation: tuple[float, float, float, float, float, float]
    position_mm: tuple[float, float, float]
    spacing_mm: tuple[float, float]
    step: tuple[str, ...] = ()
    number: int = 0
    thickness_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class Label:
    """What a volume says about itself besides voxels and geometry; the same for all slices of a series."""

    modality: str
    description: str = ""  # only words that cannot name a person
    body_part: str = ""
    view: str = ""
    transfer_syntax: str = ""
    acquired_on: str = ""  # ISO date
    frame_of_reference: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    synthetic: bool = False  # made by a phantom


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """One slice of a series that spans several files; the intake stacks them.

    Args:
        voxels: (R, C), or (R, C, 3) uint8 for colour.
        unit: What a value means.
        place: Where it lies.
        label: What it says of itself.
        identity: Who and what it belongs to.
        window: The grey range it asks for.
        issues: What is doubtful about it.
    """

    voxels: Array
    unit: Unit
    place: Place
    label: Label
    identity: Identity
    window: Window | None = None
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """Regions as pixels of planes in the patient (DICOM SEG).

    Args:
        pixels: (F, R, C) unsigned; 0..`full` of one region a frame, or region numbers of a label map.
        regions: (F,) the region of each frame; 0 where the pixels themselves are region numbers.
        planes: (F, 11) LPS mm of the first pixel's centre, direction of a row, direction of a column, spacing between
            rows, between columns.
        full: The value of a pixel that belongs wholly to the region.
        step_mm: Distance from plane to plane, in the order of trust; what the header does not say is left out.
    """

    pixels: Array
    regions: Array
    planes: Array
    full: int = 1
    step_mm: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Outlined:
    """Regions as closed plane polygons in the patient (RTSTRUCT); polygons of one region and plane are even-odd.

    Args:
        points_mm: (P, 3) LPS, polygon after polygon.
        starts: (K + 1,) where each polygon begins in `points_mm`, and its length at the end.
        regions: (K,) the region of each polygon.
    """

    points_mm: Array
    starts: Array
    regions: Array


@dataclass(frozen=True, slots=True, eq=False)
class Markup:
    """Regions that were drawn on a scan and stored apart from it; once the scan is there, they become masks of it.

    Args:
        kind: DICOM modality: "SEG" or "RTSTRUCT".
        names: Region number (from 1) to name, in words that cannot name a person.
        series: Identifiers of the series it was drawn on, the likeliest first.
        frame_of_reference: Identifier of the frame of reference of its positions.
        drawn: The regions.
        identity: Who and what it belongs to. Like the two above, pseudonyms outside of the intake.
        issues: What is doubtful about it.
        transfer_syntax: DICOM Transfer Syntax UID, or "".
        sha256: Of the source bytes.
    """

    kind: str
    names: Mapping[int, str]
    series: tuple[str, ...]
    frame_of_reference: str
    drawn: Painted | Outlined
    identity: Identity = field(default_factory=Identity)
    issues: tuple[Issue, ...] = ()
    transfer_syntax: str = ""
    sha256: str = ""

    @property
    def title(self) -> str:
        """What to call it: the names of its first regions."""
        return ", ".join(list(self.names.values())[:3])[:80] or self.kind


class Reader(ABC):
    """One file format.

    `title` is an English name marked for translation. `order` decides who is asked first: formats with an
    unmistakable signature have the low numbers.
    """

    title: str
    order: int = 50

    @abstractmethod
    def recognises(self, head: bytes, name: str) -> bool:
        """Whether the first bytes (at most `HEAD_BYTES`) are of this format. The name is a hint, never a proof."""

    @abstractmethod
    def read(self, name: str, data: memoryview, limits: Limits) -> Iterable[Scan | Slice | Markup]:
        """What the file holds. Called in a child process, because the bytes are untrusted.

        Raises:
            ReadError: It cannot be read; message and hint name the file.
        """


def readers() -> Sequence[Reader]:
    """All formats, the ones with the surest signature first."""
    found = load_entries(sys.modules[__name__], "READER", Reader)
    return sorted(found.values(), key=lambda reader: reader.order)


def reader_for(name: str, data: memoryview) -> Reader:
    """The reader whose signature the file carries.

    Raises:
        EmptyFileError: No bytes.
        UnknownFormatError: No format matches.
    """
    if not len(data):
        raise EmptyFileError(
            N_("“{name}” is empty: it has no bytes."),
            hint=N_("The copy or the download probably failed; fetch the file again."),
            name=name,
        )
    head = bytes(data[:HEAD_BYTES])
    for reader in readers():
        if reader.recognises(head, name):
            return reader
    foreign = next((title for mark, at, title in FOREIGN if head[at : at + len(mark)] == mark), None)
    if foreign is not None:
        raise UnsupportedFormatError(
            N_("“{name}” is a {format} file, which MedCore does not read."),
            hint=N_("Export the images themselves: DICOM is best, PNG or TIFF will do."),
            name=name,
            format=foreign,
        )
    raise UnknownFormatError(
        N_("“{name}” is in no format that MedCore reads; its name does not count, only its content."),
        hint=N_("Send DICOM, NIfTI, NRRD, MetaImage, NumPy, PNG, JPEG, TIFF, BMP or WebP files, or a zip of them."),
        name=name,
    )
