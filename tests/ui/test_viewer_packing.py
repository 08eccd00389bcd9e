"""What the browser gets is exactly what the volume holds."""

from __future__ import annotations

import numpy as np
import pytest

from medcore.volume import Geometry, Mask, Unit, Volume
from pages.ui.viewer.packing import exact, pack_heat, pack_mask, pack_volume

PIXELS = Geometry.pixels()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([0, 255], np.uint8), "uint8"),
        (np.array([-1024, 3071], np.int16), "int16"),
        (np.array([0, 65535], np.uint16), "uint16"),
        (np.array([-1024, 3071], ">i2"), "int16"),
        (np.array([-5, 30000], np.int32), "int16"),
        (np.array([0, 40000], np.int64), "uint16"),
        (np.array([True, False]), "uint8"),
        (np.array([0, 70000], np.int32), "float32"),
        (np.array([0.25, -3.5], np.float64), "float32"),
        (np.array([0.1, 1.0], np.float32), "float32"),
    ],
)
def test_values_survive_in_the_smallest_number_type_the_browser_takes(values: np.ndarray, kind: str) -> None:
    packed = exact(values)
    assert packed.dtype.name == kind
    assert packed.dtype.byteorder in "=<|"
    assert np.array_equal(packed, values)


def test_a_volume_is_not_copied_when_it_is_ready_and_packed_once() -> None:
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    volume = Volume(voxels, Unit.HU, "CT", PIXELS)
    packed = pack_volume(volume)
    assert np.shares_memory(packed.array, voxels)
    assert pack_volume(volume) is packed


def test_content_tells_pixels_apart_and_nothing_else() -> None:
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    one = pack_volume(Volume(voxels, Unit.HU, "CT", PIXELS)).content
    same = pack_volume(Volume(voxels.copy(), Unit.GREY, "MR", PIXELS, name="other")).content
    reshaped = pack_volume(Volume(voxels.reshape(1, 6, 4), Unit.HU, "CT", PIXELS)).content
    assert one == same != reshaped
    assert pack_volume(Volume(voxels.astype(np.uint16), Unit.HU, "CT", PIXELS)).content != one


def test_the_automatic_window_leaves_a_black_surround_out() -> None:
    voxels = np.zeros((1, 100, 100), np.uint16)
    voxels[0, 25:75, 25:75] = np.linspace(1000, 3000, 2500).reshape(50, 50)
    packed = pack_volume(Volume(voxels, Unit.GREY, "DX", PIXELS))
    assert (packed.low, packed.high) == (0, 3000)
    assert 1000 <= packed.auto_low < 1050
    assert 2950 < packed.auto_high <= 3000


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_an_image_of_one_value_still_has_a_window(value: int) -> None:
    packed = pack_volume(Volume(np.full((1, 1, 1), value, np.uint16), Unit.GREY, "DX", PIXELS))
    assert packed.auto_high > packed.auto_low


def test_heat_keeps_its_value_to_half_a_step_and_what_is_no_number_is_cold() -> None:
    heat = np.random.default_rng(0).random((2, 20, 30), dtype=np.float32)
    assert np.abs(pack_heat(heat).array / 255 - heat).max() <= 0.5 / 255 + 1e-7
    odd = np.array([[np.nan, np.inf, -np.inf, -1, 2]], np.float32)
    assert pack_heat(odd).array.tolist() == [[[0, 255, 0, 0, 255]]]


def test_labels_beyond_255_stay_themselves() -> None:
    labels = np.array([[[0, 1, 300]]], np.uint32)
    assert pack_mask(Mask(labels, {1: "a", 300: "b"}, PIXELS)).array.tolist() == labels.tolist()
