"""Tracer of a region: by hand, against the sphere of one millilitre, and in part outside of the scan."""

import numpy as np
import pytest

from medcore.imaging.uptake import uptake
from medcore.volume import Geometry, Unit, Volume


def scan(voxels: np.ndarray, spacing: tuple[float, float, float] = (4.0, 4.0, 4.0)) -> Volume:
    return Volume(voxels.astype(np.float32), Unit.SUV, "PT", Geometry.from_spacing(spacing))


def test_two_voxels_by_hand() -> None:
    voxels = np.zeros((9, 9, 9))
    voxels[4, 4, 4], voxels[4, 4, 5] = 6.0, 2.0
    found = uptake(scan(voxels), voxels > 0)
    assert (found.highest, found.mean) == (6.0, 4.0)
    assert found.volume_ml == pytest.approx(2 * 0.064) and found.glycolysis == pytest.approx(4.0 * 0.128)
    assert found.peak == pytest.approx((6.0 + 2.0) * 0.064, rel=0.05)  # both lie wholly in 1 ml


def test_a_large_even_region_peaks_at_its_value_also_at_the_edge_of_the_scan_and_in_its_box() -> None:
    voxels = np.full((10, 12, 12), 5.0)
    inside = np.zeros(voxels.shape, dtype=bool)
    inside[:3, 2:8, 2:8] = True
    whole = uptake(scan(voxels, (5.0, 3.0, 3.0)), inside)
    assert whole.peak == pytest.approx(5.0)
    assert uptake(scan(voxels, (5.0, 3.0, 3.0)), inside[:3, 2:8, 2:8], corner=(0, 2, 2)) == whole


def test_the_peak_is_below_the_highest_voxel_of_a_noisy_region() -> None:
    rng = np.random.default_rng(0)
    voxels = rng.normal(8.0, 1.0, (14, 14, 14))
    found = uptake(scan(voxels), np.ones(voxels.shape, dtype=bool))
    assert found.mean < found.peak < found.highest
