"""Intervals of measurements: what makes them wide, and that they hold the truth as often as they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.interval_coverage import coverage, pairs
from medcore.comparison.certainty import Noise, category_chances
from medcore.comparison.uncertainty import (
    Error,
    length_change,
    length_interval,
    of_reading,
    sphere_mm,
    volume_change,
    volume_interval,
)
from medcore.criteria import load_criterion
from medcore.records import LesionReading, LesionRole, LesionStatus
from tests.criteria.histories import series

EXACT, READER = Error(0.0), Error(1.5)


def test_without_error_an_interval_is_its_value() -> None:
    assert length_interval(20.0, EXACT).low == length_interval(20.0, EXACT).high == 20.0
    whole = volume_change(4.0, 5.0, EXACT, EXACT)
    assert (whole.value, whole.low, whole.high) == pytest.approx((25.0, 25.0, 25.0))


def test_two_standard_deviations_of_the_reader_on_both_sides() -> None:
    one = length_interval(20.0, READER)
    assert (one.low, one.high) == pytest.approx((20 - 2.94, 20 + 2.94), abs=0.001)
    change = length_change(20.0, 26.0, READER, READER)
    assert change.value == 6.0 and change.high - change.value == pytest.approx(2.94 * 2**0.5, abs=0.001)


def test_a_volume_is_as_unsure_as_the_diameter_of_its_sphere() -> None:
    ml = volume_interval(4.18879, READER)  # 20 mm
    assert sphere_mm(ml.low) == pytest.approx(20 - 2.94, abs=0.01)
    assert sphere_mm(ml.high) == pytest.approx(20 + 2.94, abs=0.01)
    assert ml.high - ml.value > ml.value - ml.low


def test_coarser_pixels_and_thicker_slices_widen_and_a_larger_lesion_hides_the_slices() -> None:
    fine, coarse, thick = Error(0.5, 0.5, 1.0), Error(0.5, 2.0, 1.0), Error(0.5, 0.5, 5.0)
    assert fine.length_sd_mm(10) < coarse.length_sd_mm(10) and fine.length_sd_mm(10) < thick.length_sd_mm(10)
    assert thick.length_sd_mm(40) < thick.length_sd_mm(10)
    assert fine.sphere_sd_mm(1.0) < thick.sphere_sd_mm(1.0)


def test_a_reading_has_an_interval_for_each_size_it_has() -> None:
    lesion = LesionReading("L1", LesionRole.TARGET, LesionStatus.MEASURED, longest_mm=20.0, volume_ml=4.0)
    assert set(of_reading(lesion, READER)) == {"longest_mm", "volume_ml"}


def test_the_scan_of_a_visit_makes_its_chances_less_sure() -> None:
    """58 mm after 50: two more millimetres would be progression."""
    criterion, history = load_criterion("recist11"), series([50, 58])
    coarse = [replace(one, pixel_mm=6.0, slice_mm=8.0) for one in history]
    sharp = category_chances(criterion, history, Noise(0.5), draws=300)[1].chances
    blurred = category_chances(criterion, coarse, Noise(0.5), draws=300)[1].chances
    assert sharp.get("PD", 0.0) < blurred["PD"]


def test_the_simulation_measures_what_it_drew() -> None:
    found = list(pairs(40, seed=3))
    apart = [(one.extent.longest_mm - one.longest_mm) for pair in found for one in pair if not one.error.reader_sd_mm]
    assert len(found) == 40 and np.abs(apart).mean() < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11])
def test_intervals_hold_the_truth_in_95_of_100_pairs(seed: int) -> None:
    for name, share in coverage(1000, seed=seed).items():
        assert share == pytest.approx(0.95, abs=0.02), name
