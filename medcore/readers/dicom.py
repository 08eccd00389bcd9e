"""DICOM: every transfer syntax that can be decoded, pixel values as HU, SUV-ready counts, grey or RGB."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import numpy as np

from medcore.errors import (
    N_,
    CorruptFileError,
    MedcoreError,
    Message,
    NoPixelsError,
    TruncatedFileError,
    UnknownFormatError,
)
from medcore.readers import Label, Limits, Place, Reader, Scan, Slice
from medcore.readers._dicom_fast import walk
from medcore.readers._dicom_header import Header, check_size, numbers, read_date, read_facts, read_header, text
from medcore.readers._dicom_pixels import LOSSY, decode, inflate_dataset
from medcore.readers._dicom_values import Values, to_values
from medcore.readers._words import safe_code, safe_description, volume_name
from medcore.records import Issue, Severity
from medcore.volume import Affine, Geometry, Scale, Unit, Volume

DEFLATED = b"1.2.840.10008.1.2.1.99"
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
PHANTOM_MAKER = "MedCore phantom"  # the Manufacturer that our own phantoms name
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

    def read(self, name: str, data: memoryview, limits: Limits) -> Iterable[Scan | Slice]:
        quick = _read_plain(name, data, limits)
        if quick is not None:
            return [quick]
        dataset = parse(name, data, limits)
        syntax = transfer_syntax(dataset)
        if not any(keyword in dataset for keyword in PIXELS):
            raise _no_pixels(dataset, name)
        header = read_header(dataset, name, syntax)
        check_size(header, name, limits)
        stored, photometric = decode(dataset, header, name, limits)
        values = to_values(stored, photometric, header, dataset, name)
        return [_slice_or_scan(values, header, dataset)]


def _read_plain(name: str, data: memoryview, limits: Limits) -> Scan | Slice | None:
    """The image of a plain file by the quick walker; None where pydicom has to look."""
    walked = walk(data)
    if walked is None:
        return None
    dataset, syntax = walked
    header = read_header(dataset, name, syntax)
    check_size(header, name, limits)
    grey = header.photometric in ("MONOCHROME1", "MONOCHROME2") and header.samples == 1
    if not grey or header.frames != 1 or header.bits_allocated not in (8, 16) or header.modality == "PT":
        return None
    stored = dataset.stored(header.rows, header.columns, header.bits_allocated, header.bits_stored, header.signed)
    if stored is None:
        return None
    return _slice_or_scan(to_values(stored, header.photometric, header, dataset, name), header, dataset)


def parse(name: str, data: memoryview, limits: Limits) -> Any:
    """The file as a pydicom dataset.

    Raises:
        ReadError: It is not DICOM, or its structure is damaged.
    """
    import pydicom
    from pydicom import config

    config.settings.reading_validation_mode = config.IGNORE  # a long name is no reason to refuse an image
    has_preamble = bytes(data[128:132]) == b"DICM"
    source = BytesIO(data)
    if has_preamble and DEFLATED in bytes(data[132:1024]):
        source = inflate_dataset(data, limits, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(source, force=not has_preamble)
            len(dataset)
    except MemoryError:
        raise
    except Exception as error:
        raise _damaged(name, error) from error
    if not has_preamble and not any(key in dataset for key in ("SOPClassUID", "Modality", "Rows", "StudyInstanceUID")):
        raise UnknownFormatError(
            N_("“{name}” looks like DICOM at first but holds no DICOM content."),
            hint=N_("Fetch the file again."),
            name=name,
        )
    return dataset


def transfer_syntax(dataset: Any) -> str:
    """The transfer syntax, guessed from how the file was parsed when it does not say."""
    meta = getattr(dataset, "file_meta", None)
    stated = str(meta.get("TransferSyntaxUID") or "").strip("\x00 ") if meta is not None else ""
    if stated:
        return stated
    implicit, little = dataset.original_encoding
    return "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"


def _slice_or_scan(values: Values, header: Header, dataset: Any) -> Scan | Slice:
    label = read_label(dataset, header)
    issues = (*values.issues, *_issues(header, dataset))
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


def read_place(dataset: Any, header: Header, unit: Unit) -> Place | None:
    """Where a single slice lies; None if the header does not say so completely."""
    if header.orientation is None or header.position_mm is None or header.spacing_mm is None:
        return None
    row, column = np.array(header.orientation[:3]), np.array(header.orientation[3:])
    if abs(np.linalg.norm(row) - 1) > 0.01 or abs(np.linalg.norm(column) - 1) > 0.01 or abs(row @ column) > 0.01:
        return None
    o, p = header.orientation, header.position_mm
    return Place(
        series=(
            header.identity.study,
            header.identity.series,
            header.frame_of_reference,
            unit.value,
            *header.image_type[:4],
        ),
        orientation=(o[0], o[1], o[2], o[3], o[4], o[5]),
        position_mm=(p[0], p[1], p[2]),
        spacing_mm=header.spacing_mm,
        step=header.steps,
        number=header.number,
        thickness_mm=(numbers(dataset, "SliceThickness", 1) or (0.0,))[0],
    )


def plane_geometry(header: Header, dataset: Any) -> Geometry:
    """The geometry of an image that stands alone: a radiograph, a frame of a cine, a slice without neighbours."""
    spacing, scale = _plane_spacing(header)
    if header.orientation is not None and header.position_mm is not None and spacing and not header.projection:
        return Geometry(
            slice_affine(header.orientation, header.position_mm, spacing, 1.0),
            frame_of_reference=header.frame_of_reference,
        )
    if spacing is None:
        return Geometry.pixels()
    if not header.projection:
        return Geometry.from_spacing((1.0, *spacing), scale=scale)
    return Geometry(_projection_affine(spacing, dataset), scale=scale)


def slice_affine(
    orientation: tuple[float, ...], position_mm: tuple[float, ...], spacing_mm: tuple[float, float], step_mm: float
) -> Affine:
    """The affine of slices stacked along the normal of their plane (PS3.3, C.7.6.2.1.1)."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    affine = np.eye(4)
    affine[:3, 0] = np.cross(row, column) * step_mm
    affine[:3, 1] = column * spacing_mm[0]
    affine[:3, 2] = row * spacing_mm[1]
    affine[:3, 3] = position_mm
    return affine


def _plane_spacing(header: Header) -> tuple[tuple[float, float] | None, Scale]:
    """Spacing and what its millimetres mean: only a spacing calibrated apart from the detector's is the patient's."""
    if not header.projection:
        return header.spacing_mm, Scale.PATIENT
    calibrated = header.spacing_mm and header.detector_spacing_mm and header.spacing_mm != header.detector_spacing_mm
    if calibrated:
        return header.spacing_mm, Scale.PATIENT
    return header.detector_spacing_mm or header.spacing_mm, Scale.DETECTOR


AXES = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}


def _projection_affine(spacing: tuple[float, float], dataset: Any) -> Affine:
    """Axes of a radiograph from Patient Orientation; a frontal view with the patient facing us where it is absent."""
    words = [str(word).upper()[:1] for word in dataset.get("PatientOrientation") or ()]
    lateral = text(dataset, "ViewPosition").upper() in ("LL", "RL", "LAT", "LATERAL")
    row, column = words if len(words) == 2 and all(w in AXES for w in words) else ("P" if lateral else "L", "F")
    if abs(np.dot(AXES[row], AXES[column])):
        row, column = "L", "F"
    return slice_affine((*AXES[row], *AXES[column]), (0.0, 0.0, 0.0), spacing, 1.0)


def _issues(header: Header, dataset: Any) -> Iterable[Issue]:
    lossy = header.transfer_syntax in LOSSY or text(dataset, "LossyImageCompression") == "01"
    if lossy and header.transfer_syntax != "1.2.840.10008.1.2.4.90":
        ratio = text(dataset, "LossyImageCompressionRatio")
        yield Issue(
            "lossy",
            Severity.INFO,
            Message(N_("The image was compressed with loss; fine detail may be missing.")),
            measured=float(ratio) if _is_number(ratio) else None,
        )
    if text(dataset, "BurnedInAnnotation").upper() == "YES":
        yield Issue(
            "burned_in_text",
            Severity.WARN,
            Message(N_("The sender says that text is burned into the pixels; it may name the patient.")),
            Message(N_("Look at the image before you share it.")),
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


def _no_pixels(dataset: Any, name: str) -> MedcoreError:
    modality = text(dataset, "Modality") or "?"
    kind = text(dataset, "SOPClassUID")
    if not kind and modality == "?":
        return CorruptFileError(
            N_("The DICOM header of “{name}” is damaged: it says neither what it is nor how large its image is."),
            hint=N_("Export it again from its source."),
            name=name,
        )
    try:
        from pydicom.uid import UID

        kind = UID(kind).name
    except ValueError:
        kind = "?"
    if "Rows" in dataset and "Columns" in dataset:
        return TruncatedFileError(
            N_("“{name}” ends before its pixels: the header is there, the image is not."),
            hint=N_("The file was cut short; fetch it again."),
            name=name,
        )
    return NoPixelsError(
        N_("“{name}” is sound DICOM but carries no image ({kind}, modality {modality})."),
        hint=N_("Send the image series it belongs to."),
        name=name,
        kind=kind if kind.replace(" ", "").replace("-", "").isalnum() else "?",
        modality=modality if modality.isalnum() else "?",
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


def _is_number(value: str) -> bool:
    try:
        return bool(np.isfinite(float(value)))
    except ValueError:
        return False


def _date(iso: str) -> Any:
    from datetime import date

    return date.fromisoformat(iso) if iso else None


READER = Dicom()
