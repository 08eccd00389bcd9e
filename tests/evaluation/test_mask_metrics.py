"""Dice and false regions over many pictures: by hand, and with intervals as by copying rows."""

import numpy as np
import pytest

from medcore.evaluation.masks import MaskCounts, mask_metrics
from medcore.evaluation.resampling import median_estimate


def test_figures_of_many_masks_by_hand() -> None:
    drawn, found = np.array([10, 10, 0, 0, 8]), np.array([10, 20, 0, 3, 0])
    counts = MaskCounts(drawn, found, np.array([10, 5, 0, 0, 0]), np.full(5, 200), np.arange(5))
    np.testing.assert_allclose(counts.percent, ([5, 10, 0, 1.5, 0], [5, 5, 0, 0, 4]))
    np.testing.assert_allclose(counts.dice, [1, 1 / 3, np.nan, np.nan, 0])
    figures = mask_metrics(counts)
    assert figures["dice_mean"].value == pytest.approx(4 / 9)
    assert figures["dice_median"].value == pytest.approx(1 / 3)
    assert figures["missed_rate"].value == pytest.approx(1 / 3)
    assert figures["false_region_rate"].value == pytest.approx(0.5)
    assert mask_metrics(counts.only(np.array([0, 4])))["dice_median"].value == pytest.approx(0.5)


def test_the_bootstrap_of_a_median_agrees_with_copies_of_rows() -> None:
    random = np.random.default_rng(3)
    values, group = random.normal(size=60), np.repeat(np.arange(20), 3)
    ours = median_estimate(values, group, rounds=400)
    medians = []
    for _ in range(2000):
        rows = np.concatenate([np.flatnonzero(group == g) for g in random.integers(0, 20, 20)])
        medians.append(np.median(values[rows]))
    assert ours.value == pytest.approx(float(np.median(values)))
    np.testing.assert_allclose((ours.low, ours.high), np.percentile(medians, (2.5, 97.5)), atol=0.12)
