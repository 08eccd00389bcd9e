"""Metrics agree with hand counts and with an independent library, and intervals behave."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from medcore.evaluation import Answers, best_threshold, expected_calibration_error, fit_calibration, measure


def answers(n: int = 400, seed: int = 0) -> Answers:
    random = np.random.default_rng(seed)
    truth = random.random(n) < 0.4
    probability = np.clip(0.35 * truth + 0.65 * random.random(n), 0, 1)
    return Answers(truth, probability, np.arange(n))


def test_six_images_by_hand() -> None:
    truth = np.array([1, 1, 1, 0, 0, 0], dtype=bool)
    probability = np.array([0.9, 0.8, 0.3, 0.7, 0.2, 0.1])
    found = measure(Answers(truth, probability, np.arange(6)), threshold=0.5, rounds=200)
    assert found["sensitivity"].value == pytest.approx(2 / 3)
    assert found["specificity"].value == pytest.approx(2 / 3)
    assert found["precision"].value == pytest.approx(2 / 3)
    assert found["accuracy"].value == pytest.approx(4 / 6)
    assert found["auc"].value == pytest.approx(8 / 9)  # of nine pairs one is in the wrong order


def test_rates_agree_with_scikit_learn() -> None:
    a = answers()
    called = a.probability >= 0.45
    found = measure(a, threshold=0.45, rounds=200)
    assert found["sensitivity"].value == pytest.approx(recall_score(a.truth, called))
    assert found["precision"].value == pytest.approx(precision_score(a.truth, called))
    assert found["auc"].value == pytest.approx(roc_auc_score(a.truth, a.probability))
    assert found["average_precision"].value == pytest.approx(average_precision_score(a.truth, a.probability))
    assert found["f1"].value == pytest.approx(f1_score(a.truth, called))


def test_ties_count_as_in_scikit_learn() -> None:
    truth = np.array([1, 0, 1, 1, 0, 0, 1, 0], dtype=bool)
    probability = np.array([0.5, 0.5, 0.9, 0.5, 0.1, 0.5, 0.1, 0.9])
    found = measure(Answers(truth, probability, np.arange(8)), threshold=0.5, rounds=10)
    assert found["auc"].value == pytest.approx(roc_auc_score(truth, probability))
    assert found["average_precision"].value == pytest.approx(average_precision_score(truth, probability))


def test_every_interval_holds_its_value_and_repeats() -> None:
    first, second = measure(answers(), threshold=0.5, rounds=200), measure(answers(), threshold=0.5, rounds=200)
    assert first == second
    assert all(
        e.low <= e.value <= e.high for n, e in first.items() if n != "ece"
    )  # ece is biased upwards by resampling


def test_images_of_one_patient_widen_the_interval() -> None:
    a = answers(n=100)
    copied = Answers(np.repeat(a.truth, 9), np.repeat(a.probability, 9), np.repeat(np.arange(100), 9))
    alone = Answers(copied.truth, copied.probability, np.arange(900))
    grouped, naive = measure(copied, threshold=0.5, rounds=200)["auc"], measure(alone, threshold=0.5, rounds=200)["auc"]
    assert grouped.high - grouped.low > 2 * (naive.high - naive.low)


def test_calibration_recovers_a_known_distortion() -> None:
    random = np.random.default_rng(0)
    logit = random.normal(0, 2, 20_000)
    truth = random.random(20_000) < 1 / (1 + np.exp(-(0.5 * logit - 1)))
    found = fit_calibration(truth, logit, np.ones(20_000))
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.offset == pytest.approx(-1, abs=0.05)


def test_the_threshold_separates_what_can_be_separated() -> None:
    truth = np.array([0, 0, 0, 1, 1], dtype=bool)
    probability = np.array([0.1, 0.2, 0.3, 0.6, 0.9])
    assert best_threshold(truth, probability, np.ones(5)) == pytest.approx(0.45)


def test_a_perfectly_honest_model_has_no_calibration_error() -> None:
    truth = np.tile(np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 0], dtype=bool), 100)
    assert expected_calibration_error(truth, np.full(1000, 0.1)) == pytest.approx(0, abs=0.02)
    assert expected_calibration_error(truth, np.full(1000, 0.9)) == pytest.approx(0.8, abs=0.02)
