"""Pictures get worse step by step in the numbers of their own file, and the first step changes nothing."""

import numpy as np
import pytest

from medcore.errors import UnknownNameError
from medcore.imaging.shifts import SHIFTS, shifted
from medcore.volume import Geometry, Unit, Volume


def radiograph() -> Volume:
    y, x = np.mgrid[:192, :160]
    waves = 1000 + 700 * np.sin(x / 3.0) * np.cos(y / 5.0) + 4.0 * y
    return Volume(voxels=waves.astype(np.uint16)[None], unit=Unit.GREY, modality="DX", geometry=Geometry.pixels())


@pytest.mark.parametrize("name", SHIFTS)
def test_the_first_strength_changes_nothing_and_each_further_one_changes_more(name: str) -> None:
    scan = radiograph()
    assert SHIFTS[name].strengths[0] == SHIFTS[name].none
    assert shifted(scan, name, SHIFTS[name].none) is scan
    away = [
        float(np.abs(shifted(scan, name, s, seed=3).voxels.astype(float) - scan.voxels).mean())
        for s in SHIFTS[name].strengths[1:]
    ]
    assert away[0] > 0
    if name != "rotation":  # a pattern of waves comes round again
        assert away == sorted(away)


@pytest.mark.parametrize("name", SHIFTS)
def test_a_changed_picture_keeps_its_type_its_size_and_its_range(name: str) -> None:
    scan = radiograph()
    found = shifted(scan, name, SHIFTS[name].strengths[-1])
    assert (found.voxels.dtype, found.shape) == (scan.voxels.dtype, scan.shape)
    assert found.voxels.min() >= scan.voxels.min() and found.voxels.max() <= scan.voxels.max()


def test_noise_has_the_strength_that_it_names_and_the_same_seed_gives_the_same() -> None:
    flat = np.full((1, 200, 200), 500, dtype=np.uint16)
    flat[0, 0, :2] = 0, 1000
    scan = Volume(voxels=flat, unit=Unit.GREY, modality="DX", geometry=Geometry.pixels())
    found = shifted(scan, "noise", 10, seed=1).voxels.astype(float)
    assert found[0, 1:].std() == pytest.approx(100, rel=0.03)
    assert np.array_equal(found, shifted(scan, "noise", 10, seed=1).voxels)


def test_an_unknown_shift_is_named() -> None:
    with pytest.raises(UnknownNameError, match="warp"):
        shifted(radiograph(), "warp", 1)
