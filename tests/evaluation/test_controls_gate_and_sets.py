"""Controls find a shortcut and nothing in noise; the gate tells strangers; conformal sets cover what they promise."""

import numpy as np
import pytest

from medcore.cards import Conformal
from medcore.evaluation.classification import area_under_curve
from medcore.evaluation.conformal import fit_conformal, measure_coverage
from medcore.evaluation.controls import control_scores
from medcore.evaluation.gate import fit_gate, gate_threshold


def thumbnails(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.random((n, 12, 12)), random.random(n) < 0.5


def test_the_controls_find_a_bright_corner_and_a_telling_column() -> None:
    small, truth = thumbnails()
    small[truth, :3, :3] += 0.5
    region = np.where(np.random.default_rng(1).random(300) < 0.85, truth, ~truth).astype(int).astype(str)
    found = control_scores(small, truth, np.arange(300), columns={"region": region})
    area = {name: area_under_curve(truth, score) for name, score in found.items()}
    assert area["thumbnail_ridge"] > 0.95
    assert area["mean_brightness"] > 0.7
    assert area["metadata"] == pytest.approx(0.85, abs=0.06)


def test_a_dark_finding_counts_as_much_as_a_bright_one() -> None:
    small, truth = thumbnails()
    found = control_scores(small - 0.1 * truth[:, None, None], truth, np.arange(300), columns={})
    assert area_under_curve(truth, found["mean_brightness"]) > 0.7


def test_the_controls_find_nothing_in_noise_nor_in_what_names_a_patient() -> None:
    small, truth = thumbnails(400)
    patient = np.repeat(np.arange(100), 4)
    truth = np.repeat(truth[:100], 4)
    names = {"patient": np.array([f"p{p}" for p in patient])}
    found = control_scores(small, truth, patient, columns=names)
    assert area_under_curve(truth, found["thumbnail_ridge"]) == pytest.approx(0.5, abs=0.1)
    assert area_under_curve(truth, found["metadata"]) == pytest.approx(0.5, abs=0.1)


def test_controls_learn_from_the_training_rows_only() -> None:
    small, truth = thumbnails()
    learn = np.arange(300) < 200
    first = control_scores(small, truth, np.arange(300), columns={}, learn_from=learn)
    turned = truth.copy()
    turned[~learn] = ~turned[~learn]
    second = control_scores(small, turned, np.arange(300), columns={}, learn_from=learn)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_the_gate_refuses_strangers_and_few_of_its_own() -> None:
    random = np.random.default_rng(0)
    mixing = random.normal(size=(10, 80))
    own = random.normal(size=(900, 10)) @ mixing + 0.05 * random.normal(size=(900, 80))
    gate = fit_gate(own[:600])
    threshold = gate_threshold(gate.distance(own[600:750]))
    assert (gate.distance(own[750:]) > threshold).mean() < 0.08
    other_mix = random.normal(size=(100, 10)) @ random.normal(size=(10, 80))
    assert (gate.distance(other_mix) > threshold).mean() > 0.95
    assert (gate.distance(5 * own[750:]) > threshold).mean() > 0.9
    assert gate.distance(own[600:]).mean() == pytest.approx(1, abs=0.25)


def test_the_distance_along_one_direction_is_in_standard_deviations() -> None:
    random = np.random.default_rng(0)
    flat = np.zeros((4000, 3))
    flat[:, 0] = random.normal(0, 2, 4000)
    gate = fit_gate(flat)
    near, far = gate.distance(np.array([[2.0, 0, 0], [8.0, 0, 0]]))
    assert far / near == pytest.approx(4, rel=0.02)


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_sets_cover_the_promised_share_of_new_people(coverage: float) -> None:
    random = np.random.default_rng(0)
    truth = random.random(6000) < 0.3
    probability = 1 / (1 + np.exp(-random.normal(1.5 * truth - 1, 1)))
    limits = fit_conformal(truth[:3000], probability[:3000], np.zeros(3000, int), coverage=coverage)
    found = measure_coverage(truth[3000:], probability[3000:], np.arange(3000), limits)
    assert found.positive.value == pytest.approx(coverage, abs=0.03)
    assert found.negative.value == pytest.approx(coverage, abs=0.03)


def test_too_few_people_promise_nothing() -> None:
    limits = fit_conformal(np.array([True, False]), np.array([0.9, 0.1]), np.zeros(2, int), coverage=0.9)
    assert limits == Conformal(0.9, 0.0, 1.0)


def test_sets_cover_the_promised_share_in_a_hard_source_that_an_easy_one_outnumbers() -> None:
    random = np.random.default_rng(1)
    hard = (np.arange(8000) % 10 == 0).astype(int)
    truth = random.random(8000) < 0.5
    probability = 1 / (1 + np.exp(-random.normal((2 * truth - 1) * np.where(hard, 0.2, 3.0), 1)))
    source, first = hard, np.arange(8000) < 5000
    mixed = fit_conformal(truth[first], probability[first], np.zeros(5000, int), coverage=0.9)
    each = fit_conformal(truth[first], probability[first], source[first], coverage=0.9)
    rows = ~first & (hard == 1)
    covered = [
        measure_coverage(truth[rows], probability[rows], np.flatnonzero(rows), limits).all.value
        for limits in (mixed, each)
    ]
    assert covered[0] < 0.6
    assert covered[1] == pytest.approx(0.9, abs=0.05)


def test_a_source_with_too_few_people_of_a_class_leaves_its_limit_to_the_others() -> None:
    probability = np.linspace(0.5, 0.9, 100)
    truth, source = np.ones(102, bool), np.repeat([0, 1], [100, 2])
    limits = fit_conformal(truth, np.append(probability, [0.01, 0.02]), source, coverage=0.9)
    alone = fit_conformal(truth[:100], probability, source[:100], coverage=0.9)
    assert limits == alone
