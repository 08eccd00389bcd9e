"""The facts of a DICOM header that reading needs, checked: a number that is none is refused here."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from medcore.errors import N_, CorruptFileError, TooLargeError
from medcore.readers import Identity, Limits
from medcore.readers._words import is_kernel
from medcore.volume import Window

PROJECTION = frozenset({"CR", "DX", "MG", "RF", "XA", "IO", "PX", "RG", "DR"})
ORDINARY_TEXT = re.compile(r"[A-Za-z0-9 ._/+-]{1,40}")
SUSPICIOUS_SLOPE = 1e30
# What tells images at one place apart, the likeliest first: name for people, DICOM keyword.
STEPS = {
    "time": "TemporalPositionIdentifier",
    "echo": "EchoTime",
    "b-value": "DiffusionBValue",
    "trigger": "TriggerTime",
    "acquisition": "AcquisitionNumber",
    "acquisition time": "AcquisitionTime",
    "content time": "ContentTime",
}
# Facts worth showing, with their DICOM keywords; serial numbers, people and places stay out.
FACTS = {
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "kvp": "KVP",
    "exposure_mas": "Exposure",
    "slice_thickness_mm": "SliceThickness",
    "kernel": "ConvolutionKernel",
    "field_strength_t": "MagneticFieldStrength",
    "echo_time_ms": "EchoTime",
    "repetition_time_ms": "RepetitionTime",
    "inversion_time_ms": "InversionTime",
    "tracer_half_life_s": "RadionuclideHalfLife",
}
NO_AGENT = frozenset({"NONE", "NO", "N", "NOT GIVEN", "WITHOUT", "0"})


@dataclass(frozen=True, slots=True)
class Header:
    """What a DICOM file says about its pixels."""

    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    photometric: str
    transfer_syntax: str
    modality: str
    image_type: tuple[str, ...]
    slope: float
    intercept: float
    has_rescale: bool
    rescale_type: str
    window: Window | None
    orientation: tuple[float, ...] | None
    position_mm: tuple[float, ...] | None
    spacing_mm: tuple[float, float] | None
    detector_spacing_mm: tuple[float, float] | None
    number: int
    steps: tuple[str, ...]
    frame_of_reference: str
    identity: Identity

    @property
    def projection(self) -> bool:
        """Whether the image is a shadow on a detector rather than a slice."""
        return self.modality in PROJECTION

    @property
    def pixels(self) -> int:
        return self.rows * self.columns * self.frames


def read_header(dataset: Any, name: str, transfer_syntax: str) -> Header:
    """The checked header of a pydicom dataset.

    Raises:
        CorruptFileError: Rows, columns, bits or rescale values are absent or impossible.
    """
    rows, columns = (whole(dataset, key, name) for key in ("Rows", "Columns"))
    frames = whole(dataset, "NumberOfFrames", name, default=1)
    bits = whole(dataset, "BitsAllocated", name, default=_float_bits(dataset))
    if rows < 1 or columns < 1 or frames < 0 or bits not in (1, 8, 16, 32, 64):
        raise _impossible(name, f"{rows} × {columns} × {frames}, {bits} bit")
    stored = whole(dataset, "BitsStored", name, default=bits)
    if not 1 <= stored <= bits:
        raise _impossible(name, f"{stored} of {bits} bit")
    slope, intercept = _rescale(dataset, name)
    return Header(
        rows=rows,
        columns=columns,
        frames=max(frames, 1),
        samples=whole(dataset, "SamplesPerPixel", name, default=1),
        bits_allocated=bits,
        bits_stored=stored,
        signed=whole(dataset, "PixelRepresentation", name, default=0) == 1,
        photometric=text(dataset, "PhotometricInterpretation").upper() or "MONOCHROME2",
        transfer_syntax=transfer_syntax,
        modality=text(dataset, "Modality").upper()[:16],
        image_type=tuple(str(part).upper() for part in values(dataset, "ImageType")),
        slope=slope,
        intercept=intercept,
        has_rescale="RescaleSlope" in dataset,
        rescale_type=text(dataset, "RescaleType").upper(),
        window=read_window(dataset),
        orientation=numbers(dataset, "ImageOrientationPatient", 6),
        position_mm=numbers(dataset, "ImagePositionPatient", 3),
        spacing_mm=spacing(dataset, "PixelSpacing"),
        detector_spacing_mm=spacing(dataset, "ImagerPixelSpacing") or spacing(dataset, "NominalScannedPixelSpacing"),
        number=int((numbers(dataset, "InstanceNumber", 1) or (0.0,))[0]),
        steps=tuple(text(dataset, keyword) for keyword in STEPS.values()),
        frame_of_reference=text(dataset, "FrameOfReferenceUID"),
        identity=Identity(
            study=text(dataset, "StudyInstanceUID"),
            patient=text(dataset, "PatientID"),
            series=text(dataset, "SeriesInstanceUID"),
        ),
    )


def check_size(header: Header, name: str, limits: Limits) -> None:
    """Refuse an image larger than the limits before any of it is decoded.

    Raises:
        TooLargeError: Rows × columns × frames is over the limit.
    """
    size = header.pixels * max(header.samples, 1) * max(header.bits_allocated // 8, 1)
    if header.pixels > limits.max_pixels or size > limits.max_bytes:
        raise TooLargeError(
            N_("“{name}” claims {frames} frames of {columns} × {rows} pixels, more than the limit of {limit} MP."),
            hint=N_(
                "The header may be damaged. If the image is really that large, raise MEDCORE_MAX_IMAGE_MEGAPIXELS."
            ),
            name=name,
            frames=header.frames,
            columns=header.columns,
            rows=header.rows,
            limit=limits.max_pixels // 1_000_000,
        )


def values(dataset: Any, keyword: str) -> list[Any]:
    """The values of an element as a list; empty when it is absent or unreadable."""
    try:
        value = dataset.get(keyword)
    except Exception:  # noqa: BLE001  (pydicom converts on access, and damaged text raises anything)
        return []
    if value is None or isinstance(value, str):
        return [value] if value else []
    try:
        return list(value) if hasattr(value, "__iter__") else [value]
    except TypeError:
        return []


def text(dataset: Any, keyword: str) -> str:
    """The first value as plain text; "" when absent."""
    found = values(dataset, keyword)
    return str(found[0]).replace("\x00", "").strip()[:128] if found else ""


def numbers(dataset: Any, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly `count` finite numbers, or None."""
    found = values(dataset, keyword)
    try:
        result = tuple(float(value) for value in found[:count])
    except (TypeError, ValueError, OverflowError):
        return None
    return result if len(result) == count and all(map(math.isfinite, result)) else None


def whole(dataset: Any, keyword: str, name: str, *, default: int | None = None) -> int:
    """One whole number.

    Raises:
        CorruptFileError: It is absent without a default, or no number.
    """
    found = values(dataset, keyword)
    try:
        if found:
            return int(found[0])
    except (TypeError, ValueError, OverflowError):
        raise _impossible(name, keyword) from None
    if default is None:
        raise _impossible(name, keyword)
    return default


def spacing(dataset: Any, keyword: str) -> tuple[float, float] | None:
    """(between rows, between columns) in mm, or None when absent, zero or negative."""
    found = numbers(dataset, keyword, 2)
    return (found[0], found[1]) if found and 1e-6 < min(found) <= max(found) < 1e4 else None


def read_window(dataset: Any) -> Window | None:
    """The first window of the header, or None."""
    centre, width = numbers(dataset, "WindowCenter", 1), numbers(dataset, "WindowWidth", 1)
    return Window(centre[0], width[0]) if centre and width and 0 < width[0] < 1e9 else None


def read_date(dataset: Any) -> str:
    """The date of the acquisition as ISO text, or ""."""
    for keyword in ("AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate"):
        digits = text(dataset, keyword).replace(".", "")[:8]
        try:
            return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])).isoformat()
        except ValueError:
            continue
    return ""


def read_facts(dataset: Any) -> tuple[tuple[str, str], ...]:
    """Technical facts of the acquisition; a text that is not plain is left out, it might hold a name."""
    found = ((fact, text(dataset, keyword)) for fact, keyword in FACTS.items())
    plain = [(fact, value) for fact, value in found if ORDINARY_TEXT.fullmatch(value) and "^" not in value]
    kept = [(fact, value) for fact, value in plain if fact != "kernel" or is_kernel(value)]
    agent = text(dataset, "ContrastBolusAgent").upper()  # free text: only whether there is one is kept
    return (*kept, ("contrast_agent", "no" if agent in NO_AGENT else "yes")) if agent else tuple(kept)


def _float_bits(dataset: Any) -> int:
    return 64 if "DoubleFloatPixelData" in dataset else 32 if "FloatPixelData" in dataset else 8


def _rescale(dataset: Any, name: str) -> tuple[float, float]:
    result = []
    for keyword, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)):
        if keyword not in dataset:
            result.append(default)
            continue
        found = numbers(dataset, keyword, 1)
        if found is None or abs(found[0]) > SUSPICIOUS_SLOPE:
            raise CorruptFileError(
                N_("“{name}” has a {field} that is not a usable number, so its values cannot be trusted."),
                hint=N_("Export it again from its source; the rescale values are damaged in this copy."),
                name=name,
                field=keyword,
            )
        result.append(found[0])
    if result[0] == 0:
        raise CorruptFileError(
            N_("“{name}” has a {field} of zero, which makes every pixel the same."),
            hint=N_("Export it again from its source; the rescale values are damaged in this copy."),
            name=name,
            field="RescaleSlope",
        )
    return result[0], result[1]


def _impossible(name: str, what: str) -> CorruptFileError:
    return CorruptFileError(
        N_("The DICOM header of “{name}” is damaged or contradicts itself ({what})."),
        hint=N_("Export it again from its source."),
        name=name,
        what=what,
    )
