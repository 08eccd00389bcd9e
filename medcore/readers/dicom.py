"""DICOM: every transfer syntax that can be decoded, pixel values as HU, SUV-ready counts, grey or RGB."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np

from medcore.errors import (
    N_,
    CorruptFileError,
    MedcoreError,
    Message,
    TruncatedFileError,
    UnknownFormatError,
)
from medcore.readers import Label, Limits, Markup, Reader, Scan, Slice
from medcore.readers._dicom_fast import walk
from medcore.readers._dicom_frames import dose_grid, frame_headers
from medcore.readers._dicom_header import Header, check_size, numbers, read_date, read_facts, read_header, text
from medcore.readers._dicom_kinds import without_image
from medcore.readers._dicom_notes import notes
from medcore.readers._dicom_pixels import decode, inflate_dataset
from medcore.readers._dicom_place import plane_geometry, read_place
from medcore.readers._dicom_regions import read_segmentation, read_structures
from medcore.readers._dicom_values import Values, to_values
from medcore.readers._suv import uptake
from medcore.readers._words import safe_code, safe_description, volume_name
from medcore.records import Issue, Severity
from medcore.volume import Array, Unit, Volume, Window

DEFLATED = b"1.2.840.10008.1.2.1.99"
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
PHANTOM_MAKER = "MedCore phantom"  # the Manufacturer that our own phantoms name
MAX_ELEMENTS = 100_000  # of one header; real ones have some hundreds
FIRST_GROUPS = (0x0002, 0x0008)
STACKED = frozenset({"CT", "MR", "PT", "NM", "OT", "RTDOSE", "CTPT", "MRPT", "SC"})


class Dicom(Reader):
    """DICOM files, with or without the 128-byte preamble."""

    title = N_("DICOM")
    order = 10

    def recognises(self, head: bytes, name: str) -> bool:
        if head[128:132] == b"DICM":
            return True
        if len(head) < 8:
            return False
        group, element = struct.unpack_from("<HH", head)
        return group in FIRST_GROUPS and element < 0x0100 and _plausible_element(head)

    def read(self, name: str, data: memoryview, limits: Limits) -> Iterable[Scan | Slice | Markup]:
        quick = _read_plain(name, data, limits)
        if quick is not None:
            return [quick]
        dataset = parse(name, data, limits)
        syntax = transfer_syntax(dataset)
        if text(dataset, "Modality") == "RTSTRUCT":
            return [read_structures(dataset, name, limits)]
        if not any(keyword in dataset for keyword in PIXELS):
            raise without_image(dataset, name)
        header = read_header(dataset, name, syntax)
        check_size(header, name, limits)
        stored, photometric = decode(dataset, header, name, limits)
        if header.modality == "SEG" and stored.ndim == 3:
            return [read_segmentation(dataset, header, stored, name)]
        if "PerFrameFunctionalGroupsSequence" in dataset and stored.ndim == 3:
            slices = _enhanced(stored, photometric, header, dataset, name)
            if slices:
                return slices
        values = to_values(stored, photometric, header, dataset, name)
        if header.modality == "PT" and values.unit is Unit.GREY:
            values = _with_uptake(values, dataset)
        return _grid(values, header, dataset) or [slice_or_scan(values, header, dataset)]


def _enhanced(stored: Array, photometric: str, header: Header, dataset: Any, name: str) -> list[Slice]:
    """Each frame of an enhanced object as a slice; empty if a frame does not say where it lies."""
    slices = []
    for index, (frame, thickness) in enumerate(frame_headers(dataset, header)):
        values = to_values(stored[index : index + 1], photometric, frame, dataset, name)
        if header.modality == "PT" and values.unit is Unit.GREY:
            values = _with_uptake(values, dataset)
        place = read_place(dataset, frame, values.unit)
        if place is None:
            return []
        issues = (*values.issues, *notes(header, dataset))
        place = replace(place, thickness_mm=thickness)
        label = read_label(dataset, header)
        slices.append(Slice(values.voxels[0], values.unit, place, label, header.identity, values.window, issues))
    return slices


def _grid(values: Values, header: Header, dataset: Any) -> list[Slice]:
    """Frames of a regular grid with one position for all; empty if it is none."""
    place = read_place(dataset, header, values.unit) if header.frames > 1 and values.unit is not Unit.RGB else None
    if place is None:
        return []
    issues, label = (*values.issues, *notes(header, dataset)), read_label(dataset, header)
    voxels = values.voxels
    dose = numbers(dataset, "DoseGridScaling", 1)
    if dose is not None and header.modality == "RTDOSE":
        voxels = (voxels.astype(np.float64) * dose[0]).astype(np.float32)
    return [
        Slice(voxels[index], values.unit, plane, label, header.identity, values.window, issues)
        for index, plane in enumerate(dose_grid(dataset, header, place))
    ]


def _with_uptake(values: Values, dataset: Any) -> Values:
    """PET values as SUV where the header proves the factor."""
    found = uptake(dataset)
    if not found.factor:
        return replace(values, issues=(*values.issues, found.issue))
    voxels = values.voxels.astype(np.float32) * np.float32(found.factor)
    window = values.window and Window(values.window.centre * found.factor, values.window.width * found.factor)
    return Values(voxels, Unit.SUV, window, (*values.issues, found.issue))


def _read_plain(name: str, data: memoryview, limits: Limits) -> Scan | Slice | None:
    """The image of a plain file by the quick walker; None where pydicom has to look."""
    walked = walk(data)
    if walked is None:
        return None
    dataset, syntax = walked
    header = read_header(dataset, name, syntax)
    check_size(header, name, limits)
    grey = header.photometric in ("MONOCHROME1", "MONOCHROME2") and header.samples == 1
    if not grey or header.frames != 1 or header.bits_allocated not in (8, 16) or header.modality in ("PT", "SEG"):
        return None
    stored = dataset.stored(header.rows, header.columns, header.bits_allocated, header.bits_stored, header.signed)
    if stored is None:
        return None
    return slice_or_scan(to_values(stored, header.photometric, header, dataset, name), header, dataset)


def parse(name: str, data: memoryview, limits: Limits) -> Any:
    """The file as a pydicom dataset.

    Raises:
        ReadError: It is not DICOM, or its structure is damaged.
    """
    from pydicom import config
    from pydicom.filereader import read_partial

    config.settings.reading_validation_mode = config.IGNORE  # a long name is no reason to refuse an image
    has_preamble = bytes(data[128:132]) == b"DICM"
    source = BytesIO(data)
    deflated = has_preamble and DEFLATED in bytes(data[132:1024])
    if deflated:
        source = inflate_dataset(data, limits, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = read_partial(source, stop_when=_Guard(name).counted, force=not has_preamble)
            len(dataset)
    except (MemoryError, MedcoreError):
        raise
    except Exception as error:
        raise _damaged(name, error) from error
    if deflated:
        dataset.file_meta.TransferSyntaxUID = DEFLATED.decode()  # what the file is, though it was read unpacked
    if not has_preamble and not any(key in dataset for key in ("SOPClassUID", "Modality", "Rows", "StudyInstanceUID")):
        raise UnknownFormatError(
            N_("“{name}” looks like DICOM at first but holds no DICOM content."),
            hint=N_("Fetch the file again."),
            name=name,
        )
    return dataset


class _Guard:
    """Counts the elements of a header while they are read."""

    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0

    def counted(self, tag: object, vr: object, length: object) -> bool:
        """Never stops; raises where a header has more elements than any device writes."""
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise CorruptFileError(
                N_("The header of “{name}” has more than {limit} elements."),
                hint=N_("The file is damaged or built to harm; export it again from its source."),
                name=self.name,
                limit=MAX_ELEMENTS,
            )
        return False


def transfer_syntax(dataset: Any) -> str:
    """The transfer syntax, guessed from how the file was parsed when it does not say."""
    meta = getattr(dataset, "file_meta", None)
    stated = str(meta.get("TransferSyntaxUID") or "").strip("\x00 ") if meta is not None else ""
    if stated:
        return stated
    implicit, little = dataset.original_encoding
    return "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"


def slice_or_scan(values: Values, header: Header, dataset: Any) -> Scan | Slice:
    """A slice if the image lies in a series, else a scan of its own."""
    label = read_label(dataset, header)
    issues = (*values.issues, *notes(header, dataset))
    stackable = header.frames == 1 and header.modality in STACKED and values.unit is not Unit.RGB
    place = read_place(dataset, header, values.unit) if stackable else None
    if place is not None:
        return Slice(values.voxels[0], values.unit, place, label, header.identity, values.window, issues)
    geometry = plane_geometry(header, dataset)
    if header.frames > 1:
        issues = (*issues, _time_issue(header.frames))
    volume = Volume(
        voxels=values.voxels,
        unit=values.unit,
        modality=label.modality,
        geometry=geometry,
        name=volume_name(label, "", values.voxels.shape[0]),
        body_part=label.body_part,
        view=label.view,
        transfer_syntax=label.transfer_syntax,
        acquired_on=_date(label.acquired_on),
        window=values.window,
        facts=dict(label.facts),
        synthetic=label.synthetic,
    )
    return Scan(volume, header.identity, issues)


def read_label(dataset: Any, header: Header) -> Label:
    """What the header says about the scan, in words that cannot name a person."""
    return Label(
        modality=header.modality if header.modality.isalnum() else "",
        description=safe_description(text(dataset, "SeriesDescription")),
        body_part=safe_code(text(dataset, "BodyPartExamined")),
        view=safe_code(text(dataset, "ViewPosition")),
        transfer_syntax=header.transfer_syntax,
        acquired_on=read_date(dataset),
        frame_of_reference=header.frame_of_reference,
        facts=read_facts(dataset),
        synthetic=text(dataset, "Manufacturer") == PHANTOM_MAKER,
    )


def _time_issue(frames: int) -> Issue:
    return Issue(
        "frames_not_depth",
        Severity.INFO,
        Message(
            N_("The {frames} frames have no positions in the patient; they are shown in their order."),
            {"frames": frames},
        ),
    )


def _damaged(name: str, error: Exception) -> MedcoreError:
    if isinstance(error, EOFError | struct.error):
        return TruncatedFileError(
            N_("“{name}” ends in the middle of its header."),
            hint=N_("The file was cut short; fetch it again."),
            name=name,
        )
    return CorruptFileError(
        N_("The DICOM structure of “{name}” is damaged ({reason})."),
        hint=N_("Export it again from its source."),
        name=name,
        reason=type(error).__name__,
    )


def _plausible_element(head: bytes) -> bool:
    """Whether a file without a preamble starts with a DICOM element: explicit VR, or a small implicit length."""
    if head[4:6].isalpha() and head[4:6].isupper():
        return True
    (length,) = struct.unpack_from("<I", head, 4)
    return bool(length <= 256)


def _date(iso: str) -> Any:
    from datetime import date

    return date.fromisoformat(iso) if iso else None


READER = Dicom()
