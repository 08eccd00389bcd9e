"""What hides beside the picture goes, rectangles turn black, and the rest of the picture stays as it is."""

from __future__ import annotations

import io

import numpy as np
import pydicom
from pydicom.encaps import generate_frames
from pydicom.uid import JPEG2000Lossless, RLELossless

from medcore.deidentify.pixels import Rectangle, clean_pixels, cover
from medcore.deidentify.profile import Subject, deidentify
from medcore.records import DatePolicy
from tests.readers.factory import ct_dataset, set_pixels

COMMENT = b"\xff\x64\x00\x0c\x00\x01DOE^JOHN"  # a comment segment of JPEG 2000


def ramp(rows: int = 64, columns: int = 48) -> np.ndarray:
    return (np.arange(rows * columns, dtype=np.uint16).reshape(rows, columns) % 4000) + 1


def test_bytes_after_the_last_pixel_are_cut() -> None:
    ds = ct_dataset(ramp())
    ds.PixelData += b"DOE^JOHN"
    assert clean_pixels(ds) == 1
    assert ds.PixelData == ramp().tobytes()


def test_an_overlay_in_the_unused_bits_is_cleared() -> None:
    pixels = ramp()
    ds = ct_dataset(pixels | np.uint16(0x8000))
    ds.BitsStored, ds.HighBit = 12, 11
    ds.add_new(0x60000100, "US", 16)
    ds.add_new(0x60000102, "US", 15)
    assert clean_pixels(ds) == 1
    assert np.array_equal(np.frombuffer(ds.PixelData, np.uint16).reshape(pixels.shape), pixels)


def test_negative_numbers_outlive_the_clearing_of_unused_bits() -> None:
    pixels = np.arange(-500, 500, dtype=np.int16).reshape(20, 50)
    ds = ct_dataset(pixels)
    ds.BitsStored, ds.HighBit = 12, 11
    ds.PixelData = (pixels.view(np.uint16) & np.uint16(0x0FFF) | np.uint16(0x8000)).tobytes()
    ds.add_new(0x60020100, "US", 16)
    ds.add_new(0x60020102, "US", 15)
    clean_pixels(ds)
    assert np.array_equal(np.frombuffer(ds.PixelData, np.int16).reshape(pixels.shape), pixels)


def test_a_comment_inside_a_compressed_frame_is_cut_and_the_picture_stays() -> None:
    ds = ct_dataset(ramp())
    ds.compress(JPEG2000Lossless, encoding_plugin="pylibjpeg")
    (frame,) = generate_frames(ds.PixelData, number_of_frames=1)
    at = frame.index(b"\xff\x52")  # before the coding style
    ds.PixelData = pydicom.encaps.encapsulate([frame[:at] + COMMENT + frame[at:]])
    ds["PixelData"].is_undefined_length = True
    assert clean_pixels(ds) == 1
    assert b"DOE" not in ds.PixelData
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    assert np.array_equal(pydicom.dcmread(io.BytesIO(out.getvalue())).pixel_array, ramp())


def test_rectangles_turn_black_in_every_frame_of_a_compressed_object() -> None:
    frames = np.stack([ramp(), ramp() + 7])
    ds = ct_dataset(frames)
    ds.compress(RLELossless, encoding_plugin="pylibjpeg")
    deidentify(ds, Subject("X"), secret=b"k", dates=DatePolicy.DROP)
    cover(ds, [Rectangle(-5, 2, 10, 30), Rectangle(60, 40, 999, 999)])
    after = ds.pixel_array
    hidden = np.zeros((64, 48), bool)
    hidden[:10, 2:30] = hidden[60:, 40:] = True
    assert np.all(after[:, hidden] == frames.min())
    assert np.array_equal(after[:, ~hidden], frames[:, ~hidden])
    assert "113101" in {item.CodeValue for item in ds.DeidentificationMethodCodeSequence}
    assert ds.BurnedInAnnotation == "NO"


def test_black_is_the_greatest_value_where_the_scale_is_turned() -> None:
    ds = ct_dataset(ramp(), PhotometricInterpretation="MONOCHROME1")
    deidentify(ds, Subject("X"), secret=b"k", dates=DatePolicy.DROP)
    cover(ds, [Rectangle(0, 0, 2, 2)])
    assert np.all(ds.pixel_array[:2, :2] == ramp().max())


def test_colour_goes_black_too() -> None:
    colour = np.full((20, 30, 3), 200, np.uint8)
    ds = ct_dataset()
    set_pixels(ds, colour)
    deidentify(ds, Subject("X"), secret=b"k", dates=DatePolicy.DROP)
    cover(ds, [Rectangle(0, 0, 5, 5)])
    assert np.all(ds.pixel_array[:5, :5] == 0)
    assert np.all(ds.pixel_array[5:, 5:] == 200)
