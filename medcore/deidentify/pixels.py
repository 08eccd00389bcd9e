"""What hides beside the picture in the pixel data of a DICOM object, and rectangles to cover text in the picture."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRLittleEndian

from medcore.deidentify.stamp import add_clean_pixels
from medcore.volume import Array

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
KEPT = frozenset({*PIXELS, "ExtendedOffsetTable", "ExtendedOffsetTableLengths"})
JPEG, J2K = b"\xff\xd8", b"\xff\x4f"
COMMENT, FIRST_APP, LAST_APP = 0xFE, 0xE0, 0xEF  # JPEG markers (ISO 10918-1, B.1)
KEPT_APPS = (0xE0, 0xEE)  # JFIF and Adobe say how the colours are stored
START_OF_SCAN = 0xDA
J2K_COMMENT, J2K_TILE = 0x64, 0x90  # ISO 15444-1, A.1


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of the picture to cover, in pixels: first row and column, and those after the last."""

    top: int
    left: int
    bottom: int
    right: int


def clean_pixels(dataset: Dataset) -> int:
    """Remove what the pixel group carries beside the picture; returns how many things were removed.

    Overlays in the unused high bits, bytes after the last pixel, comments inside JPEG and JPEG 2000 frames, and
    elements of the group that are no picture. To be called before the overlays' own elements go.
    """
    count = 0
    for tag in list(dataset.keys()):
        if tag.group == 0x7FE0 and dataset[tag].keyword not in KEPT:
            del dataset[tag]
            count += 1
    if "PixelData" not in dataset:
        return count
    if dataset.file_meta.TransferSyntaxUID.is_compressed and dataset["PixelData"].is_undefined_length:
        return count + _clean_frames(dataset)
    return count + _cut_tail(dataset) + _clear_hidden_bits(dataset)


def cover(dataset: Dataset, rectangles: Sequence[Rectangle]) -> None:
    """Blacken rectangles in every frame, unpacking compressed pixels first.

    Raises:
        ValueError: The pixels cannot be unpacked (pydicom's own reasons; never shown to a user).
    """
    if not rectangles:
        return
    pixels = np.array(dataset.pixel_array)
    black = _black(dataset, pixels)
    frames = int(dataset.get("NumberOfFrames") or 1)
    colour = int(dataset.SamplesPerPixel) == 3
    stack = pixels.reshape((frames, dataset.Rows, dataset.Columns, 3) if colour else (frames, *pixels.shape[-2:]))
    covered(stack, rectangles, black)
    dataset.PixelData = stack.tobytes() + b"\0" * (stack.nbytes % 2)
    dataset["PixelData"].VR = "OB" if stack.dtype.itemsize == 1 else "OW"
    dataset["PixelData"].is_undefined_length = False
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if colour:  # pydicom has already turned YBR into RGB
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    add_clean_pixels(dataset)


def covered(stack: Array, rectangles: Sequence[Rectangle], black: float) -> Array:
    """Write `black` into the rectangles of (S, R, C) or (S, R, C, 3) in place, cut to the picture."""
    for box in rectangles:
        stack[:, max(box.top, 0) : max(box.bottom, 0), max(box.left, 0) : max(box.right, 0)] = black
    return stack


def _black(dataset: Dataset, pixels: Array) -> float:
    """The stored value that is shown black; padding and extremes of the whole picture stay as they are."""
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        return float(pixels.max())
    return 0.0 if int(dataset.SamplesPerPixel) == 3 else float(pixels.min())


def _cut_tail(dataset: Dataset) -> int:
    """Cut bytes after the last pixel (a byte of padding may stay, as zero)."""
    bits = int(dataset.get("BitsAllocated") or 0) * int(dataset.get("SamplesPerPixel") or 1)
    count = int(dataset.get("Rows") or 0) * int(dataset.get("Columns") or 0) * int(dataset.get("NumberOfFrames") or 1)
    if str(dataset.get("PhotometricInterpretation")) == "YBR_FULL_422":
        bits = bits * 2 // 3
    size, data = (bits * count + 7) // 8, dataset.PixelData
    if not size or len(data) <= size + (size % 2):
        return 0
    dataset.PixelData = data[:size] + b"\0" * (size % 2)
    return 1


def _clear_hidden_bits(dataset: Dataset) -> int:
    """Clear the bits above the picture's where an old overlay stands in them (retired: Overlay Bit Position)."""
    positions = [dataset[group, 0x0102].value for group in range(0x6000, 0x6020, 2) if (group, 0x0102) in dataset]
    if not any(positions) or int(dataset.BitsAllocated) != 16 or int(dataset.BitsStored) == 16:
        return 0
    little = dataset.original_encoding[1] is not False
    words = np.frombuffer(dataset.PixelData, "<u2" if little else ">u2")
    dataset.PixelData = (words & _mask(dataset)).astype(words.dtype).tobytes()
    if int(dataset.PixelRepresentation) == 1:  # a negative number goes on to be one
        sign = np.uint16(1 << (int(dataset.BitsStored) - 1))
        words = np.frombuffer(dataset.PixelData, words.dtype)
        filled = np.where(words & sign, words | ~_mask(dataset), words)
        dataset.PixelData = filled.astype(words.dtype).tobytes()
    return 1


def _mask(dataset: Dataset) -> np.uint16:
    return np.uint16((1 << int(dataset.BitsStored)) - 1)


def _clean_frames(dataset: Dataset) -> int:
    frames = list(generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames") or 1)))
    cleaned = [_without_comments(frame) for frame in frames]
    changed = sum(1 for new, old in zip(cleaned, frames, strict=True) if new != old)
    if changed:
        for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
            if keyword in dataset:
                delattr(dataset, keyword)
        dataset.PixelData = encapsulate(cleaned)
        dataset["PixelData"].is_undefined_length = True
    return changed


def _without_comments(frame: bytes) -> bytes:
    """A JPEG or JPEG 2000 frame without the segments that hold free text; any other frame as it is."""
    if frame.startswith(JPEG):
        return _without_segments(frame, lambda marker: marker == START_OF_SCAN, _is_jpeg_text)
    if frame.startswith(J2K):
        return _without_segments(frame, lambda marker: marker == J2K_TILE, lambda marker: marker == J2K_COMMENT)
    return frame


def _is_jpeg_text(marker: int) -> bool:
    return marker == COMMENT or (FIRST_APP <= marker <= LAST_APP and marker not in KEPT_APPS)


def _without_segments(frame: bytes, ends: Callable[[int], bool], drop: Callable[[int], bool]) -> bytes:
    kept, at = bytearray(frame[:2]), 2
    while at + 4 <= len(frame) and frame[at] == 0xFF and not ends(frame[at + 1]):
        (length,) = struct.unpack_from(">H", frame, at + 2)
        if not drop(frame[at + 1]):
            kept += frame[at : at + 2 + length]
        at += 2 + length
    return bytes(kept + frame[at:])
