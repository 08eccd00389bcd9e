"""Curves hold what scikit-learn draws; comparisons agree with textbook counts and with simulation."""

from statistics import NormalDist

import numpy as np
import pytest
from sklearn import metrics as sk

from medcore.evaluation.classification import Answers
from medcore.evaluation.compare import compare, delong, delong_covariance, mcnemar
from medcore.evaluation.curves import confusion, decision_curve, precision_recall_curve, roc_curve


def answers(n: int = 300, gain: float = 0.3, seed: int = 0) -> Answers:
    random = np.random.default_rng(seed)
    truth = random.random(n) < 0.4
    return Answers(truth, np.clip(gain * truth + (1 - gain) * random.random(n), 0, 1), np.arange(n))


def test_the_roc_curve_is_scikit_learns_within_its_band() -> None:
    a, curve = answers(), roc_curve(answers(), rounds=100)
    false, found, _ = sk.roc_curve(a.truth, a.probability, drop_intermediate=False)
    assert np.allclose(curve.value, np.interp(curve.x, false, found), atol=1e-6)
    assert (np.array(curve.low) <= np.array(curve.value) + 1e-9).mean() > 0.97
    assert np.trapezoid(curve.value, curve.x) == pytest.approx(sk.roc_auc_score(a.truth, a.probability), abs=0.01)


def test_the_area_under_precision_and_recall_is_the_average_precision() -> None:
    a = answers(2000)
    curve = precision_recall_curve(a, rounds=10)
    assert np.trapezoid(curve.value, curve.x) == pytest.approx(
        sk.average_precision_score(a.truth, a.probability), abs=0.01
    )


def test_confusion_by_hand() -> None:
    a = Answers(np.array([1, 1, 0, 0, 0], bool), np.array([0.9, 0.4, 0.6, 0.2, 0.1]), np.arange(5))
    found = confusion(a, 0.5)
    assert (found.true_positive, found.false_positive, found.true_negative, found.false_negative) == (1, 1, 2, 1)


def test_net_benefit_by_hand() -> None:
    a = Answers(np.array([1, 0, 0, 0], bool), np.array([0.9, 0.6, 0.1, 0.1]), np.arange(4))
    curve = decision_curve(a, rounds=5)
    at = [round(x, 2) for x in curve.x].index(0.5)
    assert curve.value[at] == pytest.approx(1 / 4 - 1 / 4)
    assert curve.value[[round(x, 2) for x in curve.x].index(0.8)] == pytest.approx(1 / 4)


def test_delong_variance_by_its_definition() -> None:
    a, b = answers(seed=1), answers(gain=0.4, seed=1)
    area, covariance = delong_covariance(a.truth, np.stack([a.probability, b.probability]))
    assert area[0] == pytest.approx(sk.roc_auc_score(a.truth, a.probability))
    shares = []
    for p in (a.probability, b.probability):
        pairs = (p[a.truth][:, None] > p[~a.truth]) + 0.5 * (p[a.truth][:, None] == p[~a.truth])
        shares.append((pairs.mean(1), pairs.mean(0)))
    m, n = int(a.truth.sum()), int((~a.truth).sum())
    by_hand = np.cov(shares[0][0], shares[1][0])[0, 1] / m + np.cov(shares[0][1], shares[1][1])[0, 1] / n
    assert covariance[0, 1] == pytest.approx(by_hand)


def test_delong_agrees_with_the_paired_bootstrap() -> None:
    a, b = answers(800, 0.3, seed=4), answers(800, 0.3, seed=4)
    noisy = Answers(b.truth, np.clip(b.probability + np.random.default_rng(5).normal(0, 0.25, 800), 0, 1), b.group)
    p = delong(a.truth, a.probability, noisy.probability)
    found = compare(a, noisy, thresholds=(0.5, 0.5), rounds=1000)
    gap = found.differences["auc"]
    z = gap.value / ((gap.high - gap.low) / 3.92)
    assert found.p_delong == p
    assert 2 * (1 - NormalDist().cdf(abs(z))) == pytest.approx(p, abs=0.01)


def test_a_model_does_not_differ_from_itself() -> None:
    a = answers()
    found = compare(a, a, thresholds=(0.5, 0.5), rounds=20)
    assert found.p_delong == found.p_mcnemar == 1
    assert all(e.value == 0 for e in found.differences.values())


def test_mcnemar_by_hand() -> None:
    truth = np.ones(10, bool)
    first = Answers(truth, np.array([1.0] * 9 + [0.0]), np.arange(10))
    second = Answers(truth, np.array([1.0] * 3 + [0.0] * 6 + [1.0]), np.arange(10))
    assert mcnemar(first, second, (0.5, 0.5)) == pytest.approx(2 * (1 + 7) / 2**7)  # 6 against 1
