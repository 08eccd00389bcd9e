"""Dice and false regions over many pictures: by hand, and with intervals as by copying rows."""

import numpy as np
import pytest

from medcore.evaluation.masks import MaskCounts, border_figures, mask_metrics
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


def test_borders_by_hand_and_a_missed_mask_counts_in_the_surface_dice_alone() -> None:
    drawn, found = np.zeros((2, 30, 30), dtype=bool)
    drawn[5:15, 5:15], found[5:15, 9:19] = True, True  # moved by four pixels
    hd95, near = border_figures(drawn, found)
    border = [np.argwhere(m & ~_eroded(m)) for m in (drawn, found)]
    apart = np.linalg.norm(border[0][:, None] - border[1][None], axis=2)
    there, here = apart.min(axis=1), apart.min(axis=0)
    assert hd95 == pytest.approx(max(np.percentile(there, 95), np.percentile(here, 95)))
    assert near == pytest.approx(((there <= 2).sum() + (here <= 2).sum()) / (len(there) + len(here)))
    missed = border_figures(drawn, np.zeros_like(drawn))
    assert np.isnan(missed[0]) and missed[1] == 0
    pixels = np.array([[100, 100, 0], [100, 0, 0], [60, 0, 0], [900, 900, 900]])
    edges = np.array([(hd95, near), missed, (np.nan, np.nan)])
    counts = MaskCounts(pixels[0], pixels[1], pixels[2], pixels[3], np.arange(3), edges)
    figures = mask_metrics(counts)
    assert figures["hd95_px_median"].value == pytest.approx(hd95)
    assert figures["surface_dice_mean"].value == pytest.approx(near / 2)


def _eroded(mask: np.ndarray) -> np.ndarray:
    shifted = [np.roll(mask, step, axis) for axis in (0, 1) for step in (-1, 1)]
    return np.asarray(np.logical_and.reduce([mask, *shifted]))


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
