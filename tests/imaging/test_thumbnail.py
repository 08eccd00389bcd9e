"""Thumbnails show the middle slice in true proportions and at the grey range the scan asks for."""

import cv2
import numpy as np
import pytest

from medcore.imaging.thumbnail import thumbnail
from medcore.volume import Geometry, Unit, Volume, Window


def picture(volume: Volume, **named: int) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(thumbnail(volume, **named), np.uint8), cv2.IMREAD_UNCHANGED)


def volume(voxels: np.ndarray, spacing: tuple[float, float, float] = (1, 1, 1), **named: object) -> Volume:
    unit = Unit.RGB if voxels.ndim == 4 else Unit.GREY
    return Volume(voxels, unit, "MR", Geometry.from_spacing(spacing), **named)  # type: ignore[arg-type]


def test_the_middle_slice_is_shown() -> None:
    voxels = np.zeros((5, 64, 64), np.int16)
    voxels[2, :, 32:] = 100
    shown = picture(volume(voxels), side=64)
    assert shown.shape == (64, 64)
    assert (shown[:, :30].max(), shown[:, 34:].min()) == (0, 255)


@pytest.mark.parametrize(
    ("shape", "spacing", "size"),
    [
        ((300, 200), (1, 1, 1), (256, 171)),
        ((100, 100), (5, 2, 1), (256, 128)),
        ((1, 9000), (1, 1, 1), (1, 256)),
        ((3000, 2), (1, 1, 1), (256, 1)),
    ],
)
def test_proportions_are_those_of_the_patient(
    shape: tuple[int, int], spacing: tuple[float, float, float], size: tuple[int, int]
) -> None:
    ramp = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(1, *shape)
    assert picture(volume(ramp, spacing)).shape == size


def test_the_window_of_the_scan_is_used_and_values_beyond_it_are_clipped() -> None:
    voxels = np.repeat(np.array([-1000, -60, 40, 140, 3000], np.int16), 20).reshape(1, 1, 100).repeat(20, axis=1)
    shown = picture(volume(voxels, window=Window(40, 200)), side=100)
    assert [int(shown[10, column]) for column in (10, 30, 50, 70, 90)] == [0, 0, 128, 255, 255]


def test_colours_keep_their_order() -> None:
    red = np.zeros((1, 8, 8, 3), np.uint8)
    red[..., 0] = 200
    assert picture(volume(red), side=8)[4, 4].tolist() == [0, 0, 200]  # OpenCV: blue, green, red


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64, ">i2"])
def test_every_type_of_voxel_can_be_shown(kind: type) -> None:
    ramp = np.tile(np.linspace(0, 100, 600), (1, 500, 1)).astype(kind)
    shown = picture(volume(ramp))
    assert shown.shape == (213, 256)
    assert shown[100, 0] < 5
    assert shown[100, -1] > 250


def test_a_flat_scan_is_mid_grey() -> None:
    assert set(np.unique(picture(volume(np.full((1, 9, 9), 7, np.uint8))))) == {128}
