"""Metrics agree with hand counts and with an independent library, and intervals behave."""

import time

import numpy as np
import pytest
from sklearn import metrics as sk

from medcore.evaluation.classification import METRICS, Answers, measure, subgroups, within
from medcore.evaluation.resampling import mean_estimate, weights


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


def test_every_metric_agrees_with_scikit_learn() -> None:
    a = answers()
    called = a.probability >= 0.45
    found = measure(a, threshold=0.45, rounds=20)
    theirs = {
        "auc": sk.roc_auc_score(a.truth, a.probability),
        "average_precision": sk.average_precision_score(a.truth, a.probability),
        "accuracy": sk.accuracy_score(a.truth, called),
        "balanced_accuracy": sk.balanced_accuracy_score(a.truth, called),
        "sensitivity": sk.recall_score(a.truth, called),
        "specificity": sk.recall_score(~a.truth, ~called),
        "precision": sk.precision_score(a.truth, called),
        "negative_predictive_value": sk.precision_score(~a.truth, ~called),
        "f1": sk.f1_score(a.truth, called),
        "brier": sk.brier_score_loss(a.truth, a.probability),
    }
    assert set(theirs) | {"ece"} == set(METRICS)
    for name, value in theirs.items():
        assert found[name].value == pytest.approx(value, rel=1e-5), name


def test_each_round_of_the_bootstrap_agrees_with_scikit_learn_on_the_drawn_rows() -> None:
    random = np.random.default_rng(1)
    truth, group = random.random(120) < 0.5, random.integers(0, 40, 120)
    probability = np.round(random.random(120) * 0.6 + truth * 0.3, 1)  # many ties
    a = Answers(truth, probability, group)
    drawn = next(weights(group, rounds=8)).astype(int)
    found = {m: [] for m in ("auc", "average_precision", "f1")}
    for row in drawn:
        rows = np.repeat(np.arange(120), row)
        found["auc"].append(sk.roc_auc_score(truth[rows], probability[rows]))
        found["average_precision"].append(sk.average_precision_score(truth[rows], probability[rows]))
        found["f1"].append(sk.f1_score(truth[rows], probability[rows] >= 0.5))
    ours = measure(a, threshold=0.5, rounds=8)
    for name, values in found.items():
        assert ours[name].low == pytest.approx(np.percentile(values, 2.5), rel=1e-5)
        assert ours[name].high == pytest.approx(np.percentile(values, 97.5), rel=1e-5)


def test_ties_count_as_in_scikit_learn() -> None:
    truth = np.array([1, 0, 1, 1, 0, 0, 1, 0], dtype=bool)
    probability = np.array([0.5, 0.5, 0.9, 0.5, 0.1, 0.5, 0.1, 0.9])
    found = measure(Answers(truth, probability, np.arange(8)), threshold=0.5, rounds=10)
    assert found["auc"].value == pytest.approx(sk.roc_auc_score(truth, probability))
    assert found["average_precision"].value == pytest.approx(sk.average_precision_score(truth, probability))


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


def test_the_names_of_patients_do_not_change_an_interval() -> None:
    a = answers(n=60)
    named = Answers(a.truth, a.probability, np.array([f"p{59 - i}" for i in range(60)]))
    assert measure(named, threshold=0.5, rounds=50) == measure(a, threshold=0.5, rounds=50)


def test_people_who_are_all_ill_have_a_sensitivity_only() -> None:
    ill = Answers(np.ones(5, bool), np.array([0.9, 0.8, 0.4, 0.7, 0.6]), np.arange(5))
    assert set(measure(ill, threshold=0.5, rounds=20)) == {"sensitivity"}
    assert measure(ill, threshold=0.5, rounds=20)["sensitivity"].value == pytest.approx(0.8)


def test_a_threshold_above_every_probability_calls_nobody() -> None:
    found = measure(answers(), threshold=1.5, rounds=10)
    assert found["sensitivity"].value == 0
    assert found["specificity"].value == 1


def test_within_a_region_the_region_itself_is_worth_nothing() -> None:
    random = np.random.default_rng(3)
    region = np.repeat([0, 1], 300)
    truth = random.random(600) < np.where(region == 1, 0.8, 0.2)
    by_region = Answers(truth, 0.2 + 0.6 * region + 0.001 * random.random(600), np.arange(600))
    assert measure(by_region, threshold=0.5, rounds=10)["auc"].value > 0.75
    assert within(by_region, region, rounds=50).value == pytest.approx(0.5, abs=0.06)


def test_within_strata_by_hand() -> None:
    a = Answers(np.array([1, 0, 1, 0], bool), np.array([0.2, 0.1, 0.6, 0.9]), np.arange(4))
    assert within(a, np.array(["x", "x", "y", "y"]), rounds=10).value == pytest.approx(0.5)  # one of two pairs


def test_subgroups_are_measured_on_their_own_rows() -> None:
    a = answers(100)
    column = np.where(np.arange(100) < 50, "hand", "leg")
    found = subgroups(a, column, threshold=0.5, rounds=10)
    assert found["hand"].count == 50
    alone = measure(a.only(np.arange(50)), threshold=0.5, rounds=10)
    assert found["hand"].metrics["auc"] == alone["auc"]


def test_a_mean_leaves_out_what_is_not_a_number() -> None:
    assert mean_estimate([1.0, float("nan"), 3.0], np.arange(3), rounds=10).value == 2.0


def test_the_intervals_of_ten_thousand_images_cost_at_most_twenty_plain_evaluations() -> None:
    a = answers(10_000)

    def plain() -> None:
        called = a.probability >= 0.5
        sk.roc_auc_score(a.truth, a.probability)
        sk.average_precision_score(a.truth, a.probability)
        sk.brier_score_loss(a.truth, a.probability)
        sk.balanced_accuracy_score(a.truth, called)
        sk.precision_recall_fscore_support(a.truth, called, average="binary")
        sk.confusion_matrix(a.truth, called)

    def seconds(work: object, times: int) -> float:
        taken = []
        for _ in range(times):
            start = time.process_time()
            work()  # type: ignore[operator]
            taken.append(time.process_time() - start)
        return min(taken)

    whole = seconds(lambda: measure(a, threshold=0.5), 2)
    assert whole <= 20 * seconds(plain, 5)
