"""A quick walk through the plain kind of DICOM file: little endian, uncompressed, one grey frame, no nested surprises.

pydicom spends ten times the pixels' own cost on a header. This walker reads the same few elements and answers None for
anything unusual, so that pydicom, which knows everything, takes over.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

import numpy as np

from medcore.volume import Array

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
MAX_ELEMENTS, MAX_DEPTH = 2000, 6
LONG_VRS = frozenset({b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV"})
SHORT_VRS = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS"}
    | {b"ST", b"TM", b"UI", b"UL", b"US"}
)
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END, PIXEL_DATA = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0x7FE00010
# Every element that reading asks for: tag and value representation. A keyword that is not here is a bug, not absent.
FIELDS = {
    "ImageType": (0x00080008, b"CS"), "SOPClassUID": (0x00080016, b"UI"), "StudyDate": (0x00080020, b"DA"),
    "SeriesDate": (0x00080021, b"DA"), "AcquisitionDate": (0x00080022, b"DA"), "ContentDate": (0x00080023, b"DA"),
    "AcquisitionTime": (0x00080032, b"TM"), "ContentTime": (0x00080033, b"TM"), "Modality": (0x00080060, b"CS"),
    "Manufacturer": (0x00080070, b"LO"), "SeriesDescription": (0x0008103E, b"LO"),
    "ManufacturerModelName": (0x00081090, b"LO"), "PatientID": (0x00100020, b"LO"),
    "ContrastBolusAgent": (0x00180010, b"LO"), "BodyPartExamined": (0x00180015, b"CS"),
    "SliceThickness": (0x00180050, b"DS"), "KVP": (0x00180060, b"DS"),
    "RepetitionTime": (0x00180080, b"DS"), "EchoTime": (0x00180081, b"DS"), "InversionTime": (0x00180082, b"DS"),
    "EchoNumbers": (0x00180086, b"IS"), "MagneticFieldStrength": (0x00180087, b"DS"),
    "RadionuclideHalfLife": (0x00181075, b"DS"), "TriggerTime": (0x00181060, b"DS"), "Exposure": (0x00181152, b"IS"),
    "EstimatedRadiographicMagnificationFactor": (0x00181114, b"DS"), "ImagerPixelSpacing": (0x00181164, b"DS"),
    "ConvolutionKernel": (0x00181210, b"SH"),
    "NominalScannedPixelSpacing": (0x00182010, b"DS"), "ViewPosition": (0x00185101, b"CS"),
    "DiffusionBValue": (0x00189087, b"FD"), "StudyInstanceUID": (0x0020000D, b"UI"),
    "SeriesInstanceUID": (0x0020000E, b"UI"), "AcquisitionNumber": (0x00200012, b"IS"),
    "InstanceNumber": (0x00200013, b"IS"), "PatientOrientation": (0x00200020, b"CS"),
    "ImagePositionPatient": (0x00200032, b"DS"), "ImageOrientationPatient": (0x00200037, b"DS"),
    "FrameOfReferenceUID": (0x00200052, b"UI"), "TemporalPositionIdentifier": (0x00200100, b"IS"),
    "SamplesPerPixel": (0x00280002, b"US"), "PhotometricInterpretation": (0x00280004, b"CS"),
    "NumberOfFrames": (0x00280008, b"IS"), "Rows": (0x00280010, b"US"), "Columns": (0x00280011, b"US"),
    "PixelSpacing": (0x00280030, b"DS"), "BitsAllocated": (0x00280100, b"US"), "BitsStored": (0x00280101, b"US"),
    "HighBit": (0x00280102, b"US"), "PixelRepresentation": (0x00280103, b"US"),
    "BurnedInAnnotation": (0x00280301, b"CS"),
    "WindowCenter": (0x00281050, b"DS"), "WindowWidth": (0x00281051, b"DS"), "RescaleIntercept": (0x00281052, b"DS"),
    "RescaleSlope": (0x00281053, b"DS"), "RescaleType": (0x00281054, b"LO"),
    "LossyImageCompression": (0x00282110, b"CS"), "LossyImageCompressionRatio": (0x00282112, b"DS"),
    "PresentationLUTShape": (0x20500020, b"CS"),
}  # fmt: skip
WANTED = dict(FIELDS.values())
# Presence of any of these is work for pydicom.
UNUSUAL = frozenset(
    {
        0x00283000,
        0x00283010,
        0x52009229,
        0x52009230,
        0x00281101,
        0x00186011,
        0x00540016,
        0x00540022,
        0x3004000C,
        0x00281041,
    }
)
NUMBER_VRS = {b"US": "<H", b"FD": "<d"}


class FastDataset:
    """The few elements that reading needs, with the face of a pydicom dataset."""

    def __init__(self, data: memoryview, implicit: bool) -> None:
        self.data, self.implicit = data, implicit
        self.places: dict[int, tuple[int, int]] = {}
        self.pixels = data[:0]

    file_meta = None

    @property
    def original_encoding(self) -> tuple[bool, bool]:
        return self.implicit, True

    def __contains__(self, keyword: str) -> bool:
        return keyword == "PixelData" or (keyword in FIELDS and FIELDS[keyword][0] in self.places)

    def get(self, keyword: str) -> Any:
        """The value as pydicom would give it, near enough for `_dicom_header`; None when absent or empty."""
        tag, vr = FIELDS[keyword]
        place = self.places.get(tag)
        if place is None or not place[1]:
            return None
        raw = bytes(self.data[place[0] : place[0] + place[1]])
        if vr in NUMBER_VRS:
            return struct.unpack_from(NUMBER_VRS[vr], raw)
        return _words(raw)

    def stored(self, rows: int, columns: int, bits: int, stored_bits: int, signed: bool) -> Array | None:
        """The pixels (1, R, C) with unused high bits cleared; None if their number is not just right."""
        count = rows * columns
        if not count * bits // 8 <= len(self.pixels) < 2 * count * bits // 8:
            return None
        pixels: Array = np.frombuffer(self.pixels, f"<{'i' if signed else 'u'}{bits // 8}", count).reshape(
            1, rows, columns
        )
        if stored_bits < bits:
            low, high = int(pixels.min()), int(pixels.max())
            least = -(1 << (stored_bits - 1)) if signed else 0
            if low < least or high >= least + (1 << stored_bits):
                pixels = (pixels << (bits - stored_bits)) >> (bits - stored_bits)
        return pixels


@lru_cache(maxsize=512)
def _words(raw: bytes) -> tuple[str, ...] | None:
    """The values of a text element; slices of one series repeat most of theirs."""
    words = raw.decode("ascii").strip(" \0").split("\\")
    return tuple(word.strip() for word in words) if any(words) else None


def forget() -> None:
    """Keep nothing of the files read so far."""
    _words.cache_clear()


def walk(data: memoryview, *, partial: bool = False) -> tuple[FastDataset, str] | None:
    """The elements of a plain file and its transfer syntax; None for any file that is not plain.

    Args:
        data: The file.
        partial: Only its first bytes are given, so the pixels need not be there.
    """
    if len(data) < 160 or bytes(data[128:140]) != b"DICM\x02\x00\x00\x00UL\x04\x00":
        return None
    start = 144 + int(struct.unpack_from("<I", data, 140)[0])
    if not 156 <= start <= min(len(data), 4096):
        return None
    syntax = _syntax(bytes(data[144:start]))
    if syntax not in (IMPLICIT, EXPLICIT):
        return None
    dataset = FastDataset(data, syntax == IMPLICIT)
    try:
        plain = _walk(dataset, start, partial)
    except (struct.error, IndexError, UnicodeDecodeError):
        return None
    return (dataset, syntax) if plain else None


def _syntax(meta: bytes) -> str:
    at = meta.find(b"\x02\x00\x10\x00UI")
    if at < 0 or at + 8 > len(meta):
        return ""
    (length,) = struct.unpack_from("<H", meta, at + 6)
    return meta[at + 8 : at + 8 + length].decode("ascii", "replace").strip(" \0")


def _walk(dataset: FastDataset, at: int, partial: bool) -> bool:
    data, implicit, places = dataset.data, dataset.implicit, dataset.places
    size, last, tag = len(data), 0, 0
    for _ in range(MAX_ELEMENTS):
        group, element, vr, short = struct.unpack_from("<HH2sH", data, at)
        tag = group << 16 | element
        if tag <= last or tag in UNUSUAL:
            return False
        last = tag
        if implicit:
            (length,) = struct.unpack_from("<I", data, at + 4)
            at += 8
        elif vr in SHORT_VRS:
            length, at = short, at + 8
        elif vr in LONG_VRS:
            (length,) = struct.unpack_from("<I", data, at + 8)
            at += 12
        else:
            return False
        if tag == PIXEL_DATA:
            if (length == UNDEFINED or at + length > size) and not partial:
                return False
            dataset.pixels = data[at : at + length]
            return _ascii(dataset)
        if length == UNDEFINED:
            at = _skip_sequence(data, at, implicit, 0)
            continue
        if tag in WANTED:
            if not implicit and vr != WANTED[tag]:
                return False
            places[tag] = (at, length)
        at += length
    return False


def _ascii(dataset: FastDataset) -> bool:
    """Whether every text is plain ASCII, so that pydicom would read the very same characters."""
    data = dataset.data
    return all(
        WANTED[tag] in NUMBER_VRS or bytes(data[at : at + length]).isascii()
        for tag, (at, length) in dataset.places.items()
    )


def _skip_sequence(data: memoryview, at: int, implicit: bool, depth: int) -> int:
    """Where a sequence of undefined length ends."""
    if depth > MAX_DEPTH:
        raise IndexError
    while True:
        group, element, length = struct.unpack_from("<HHI", data, at)
        at += 8
        tag = group << 16 | element
        if tag == SEQUENCE_END:
            return at
        if tag != ITEM:
            raise IndexError
        at = _skip_item(data, at, implicit, depth) if length == UNDEFINED else at + length


def _skip_item(data: memoryview, at: int, implicit: bool, depth: int) -> int:
    while True:
        group, element, vr, short = struct.unpack_from("<HH2sH", data, at)
        if group << 16 | element == ITEM_END:
            return at + 8
        if implicit:
            (length,) = struct.unpack_from("<I", data, at + 4)
            at += 8
        elif vr in SHORT_VRS:
            length, at = short, at + 8
        else:
            (length,) = struct.unpack_from("<I", data, at + 8)
            at += 12
        at = _skip_sequence(data, at, implicit, depth + 1) if length == UNDEFINED else at + length
