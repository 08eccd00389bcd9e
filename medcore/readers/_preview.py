"""The first look: a radiograph decoded at reduced resolution, or the middle slice of a zipped series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
from isal import isal_zlib

from medcore.readers import Limits, Markup, Scan, Slice
from medcore.readers._archive import DEFLATED, InflateError, raw_member, unpack_member
from medcore.readers._dicom_fast import walk
from medcore.readers._dicom_header import Header, check_size, numbers, read_header
from medcore.readers._dicom_pixels import first_frame
from medcore.readers._dicom_values import to_values
from medcore.readers.dicom import READER, parse, slice_or_scan, transfer_syntax
from medcore.volume import Array

HEAD_BYTES = 16_384  # of an unpacked file; a longer header falls back to reading the series
PACKED_HEAD_BYTES = 6_144
JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
SCREEN_PIXELS = 600  # the shorter side of a first picture is at least this


def middle_slice(
    name: str, data: memoryview, members: Sequence[Mapping[str, Any]], limits: Mapping[str, int], sizes: Limits
) -> Scan | Slice | None:
    """The slice in the middle of the largest plain series of a zip, found by its headers alone; None if there is none.

    Only the first bytes of each member are unpacked, and one member whole.
    """
    places: dict[str, list[tuple[float, int]]] = {}
    for index, member in enumerate(members):
        walked = walk(memoryview(_head(name, data, member)), partial=True)
        position = numbers(walked[0], "ImagePositionPatient", 3) if walked else None
        orientation = numbers(walked[0], "ImageOrientationPatient", 6) if walked else None
        if walked and position and orientation:
            along = float(np.dot(np.cross(orientation[:3], orientation[3:]), position))
            series = "".join(map(str, walked[0].get("SeriesInstanceUID") or ()))
            places.setdefault(series, []).append((along, index))
    if not places:
        return None
    largest = sorted(max((len(found), found) for found in places.values())[1])
    chosen = members[largest[len(largest) // 2][1]]
    plain = memoryview(unpack_member(name, data, chosen, limits))
    item = next(iter(READER.read(name, plain, sizes)), None)
    return None if isinstance(item, Markup) else item


def reduced(name: str, data: memoryview, limits: Limits) -> Scan | Slice | None:
    """A grey JPEG 2000 radiograph at about screen size, cheaper than the whole; None where that is not sure."""
    if JPEG_2000[0].encode()[:-1] not in bytes(data[132:1024]):
        return None
    dataset = parse(name, data, limits)
    syntax = transfer_syntax(dataset)
    if syntax not in JPEG_2000 or "PixelData" not in dataset:
        return None
    header = read_header(dataset, name, syntax)
    check_size(header, name, limits)
    factor = min(header.rows, header.columns) // SCREEN_PIXELS
    steps = min(factor.bit_length() - 1, 4)
    if steps < 1 or header.samples != 1 or header.signed or header.frames != 1:
        return None
    pixels = _reduced_frame(first_frame(dataset, header, name), steps)
    if pixels is None:
        return None
    smaller = _smaller(header, pixels.shape)
    return slice_or_scan(to_values(pixels[None], header.photometric, smaller, dataset, name), smaller, dataset)


def _reduced_frame(frame: bytes, steps: int) -> Array | None:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    with Image.open(BytesIO(frame), formats=("JPEG2000",)) as image:
        if image.mode not in ("L", "I;16"):
            return None
        setattr(image, "reduce", steps)  # noqa: B010  (JPEG 2000 images take a number here, others have a method)
        image.load()
        return np.array(image)


def _smaller(header: Header, shape: tuple[int, ...]) -> Header:
    """The header of the reduced image: fewer pixels, each larger."""
    by_row, by_column = header.rows / shape[0], header.columns / shape[1]

    def scaled(spacing: tuple[float, float] | None) -> tuple[float, float] | None:
        return (spacing[0] * by_row, spacing[1] * by_column) if spacing else None

    return replace(
        header,
        rows=shape[0],
        columns=shape[1],
        spacing_mm=scaled(header.spacing_mm),
        detector_spacing_mm=scaled(header.detector_spacing_mm),
    )


def _head(name: str, data: memoryview, member: Mapping[str, Any]) -> bytes:
    raw = raw_member(name, data, int(member["offset"]), int(member["packed"]))
    if int(member["method"]) != DEFLATED:
        return bytes(raw[:HEAD_BYTES])
    try:
        return isal_zlib.decompressobj(-isal_zlib.MAX_WBITS).decompress(raw[:PACKED_HEAD_BYTES], HEAD_BYTES)
    except InflateError:
        return b""
