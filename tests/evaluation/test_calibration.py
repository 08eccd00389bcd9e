"""Calibrations recover what distorted the probabilities, and operating points keep their promise."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from medcore.cards import Calibration
from medcore.errors import CardError
from medcore.evaluation.calibration import (
    best_threshold,
    expected_calibration_error,
    fit_calibration,
    probabilities,
    reliability,
)


def distorted(slope: float, offset: float, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    logit = random.normal(0, 2, n)
    return random.random(n) < 1 / (1 + np.exp(-(slope * logit + offset))), logit


def test_platt_recovers_a_known_distortion() -> None:
    truth, logit = distorted(0.5, -1)
    found = fit_calibration(truth, logit, np.ones(len(truth)))
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.offset == pytest.approx(-1, abs=0.05)


def test_a_temperature_recovers_its_slope_and_adds_no_offset() -> None:
    truth, logit = distorted(0.4, 0)
    found = fit_calibration(truth, logit, np.ones(len(truth)), method="temperature")
    assert found.slope == pytest.approx(0.4, abs=0.02)
    assert found.offset == 0


def test_isotonic_rises_and_ends_the_calibration_error() -> None:
    truth, logit = distorted(0.5, -1)
    found = fit_calibration(truth, logit, np.ones(len(truth)), method="isotonic")
    grid = probabilities(np.linspace(-9, 9, 200), found)
    assert (np.diff(grid) >= 0).all()
    assert 0 < grid[0] < grid[-1] < 1
    assert expected_calibration_error(truth, probabilities(logit, found)) < 0.01


def test_knots_are_joined_by_lines() -> None:
    found = Calibration(knots=((0.0, 0.2), (1.0, 0.6)))
    assert [found.probability(x) for x in (-5, 0, 0.5, 1, 7)] == pytest.approx([0.2, 0.2, 0.4, 0.6, 0.6])


def test_platt_of_huge_logits_is_safe() -> None:
    assert [Calibration().probability(x) for x in (-1e4, 0, 1e4)] == [0.0, 0.5, 1.0]


def test_an_unknown_calibration_is_named() -> None:
    with pytest.raises(CardError, match="magic"):
        fit_calibration(np.array([True, False]), np.zeros(2), np.ones(2), method="magic")


def test_the_threshold_separates_what_can_be_separated() -> None:
    truth = np.array([0, 0, 0, 1, 1], dtype=bool)
    probability = np.array([0.1, 0.2, 0.3, 0.6, 0.9])
    assert best_threshold(truth, probability, np.ones(5)) == pytest.approx(0.45)


@pytest.mark.parametrize("target", [0.5, 0.9, 0.99])
def test_a_fixed_sensitivity_or_specificity_is_kept_on_its_own_data(target: float) -> None:
    random = np.random.default_rng(2)
    truth = random.random(500) < 0.4
    probability = np.clip(random.random(500) * 0.7 + 0.3 * truth, 0, 1)
    at = best_threshold(truth, probability, np.ones(500), method="sensitivity", target=target)
    assert (probability[truth] >= at).mean() >= target
    false, found, _ = roc_curve(truth, probability, drop_intermediate=False)
    assert (probability[~truth] >= at).mean() == pytest.approx(false[np.argmax(found >= target - 1e-12)])
    at = best_threshold(truth, probability, np.ones(500), method="specificity", target=target)
    assert (probability[~truth] < at).mean() >= target


def test_a_perfectly_honest_model_has_no_calibration_error() -> None:
    truth = np.tile(np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 0], dtype=bool), 100)
    assert expected_calibration_error(truth, np.full(1000, 0.1)) == pytest.approx(0, abs=0.02)
    assert expected_calibration_error(truth, np.full(1000, 0.9)) == pytest.approx(0.8, abs=0.02)


def test_the_reliability_diagram_counts_every_image_once() -> None:
    random = np.random.default_rng(0)
    probability = random.random(503)
    bins = reliability(random.random(503) < probability, probability)
    assert sum(b.count for b in bins) == 503
    assert all(b.frequency.low <= b.probability <= b.frequency.high for b in bins[2:8])
