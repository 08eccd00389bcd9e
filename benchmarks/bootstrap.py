"""Intervals of all metrics for 10,000 images (1,000 bootstrap rounds) against one plain evaluation of the metrics."""

from __future__ import annotations

import numpy as np
from sklearn import metrics as sk

from benchmarks.timing import alternate, finish, judge, report
from medcore.evaluation.classification import Answers, measure

COUNT, THRESHOLD = 10_000, 0.5
PROMISED = 20.0


def answers() -> Answers:
    """Ill and well people whose probabilities overlap."""
    random = np.random.default_rng(0)
    truth = random.random(COUNT) < 0.4
    return Answers(truth, np.clip(0.35 * truth + 0.65 * random.random(COUNT), 0, 1), np.arange(COUNT))


def plain(own: Answers) -> None:
    """The metrics once, by scikit-learn."""
    called = own.probability >= THRESHOLD
    sk.roc_auc_score(own.truth, own.probability)
    sk.average_precision_score(own.truth, own.probability)
    sk.brier_score_loss(own.truth, own.probability)
    sk.balanced_accuracy_score(own.truth, called)
    sk.precision_recall_fscore_support(own.truth, called, average="binary")
    sk.confusion_matrix(own.truth, called)


def main() -> None:
    """Print the ratio."""
    own = answers()
    found = alternate({"plain": lambda: plain(own), "intervals": lambda: measure(own, threshold=THRESHOLD)}, rounds=5)
    report("Metrics of 10,000 images", found)
    finish(judge("intervals / plain", found["intervals"].median_ms / found["plain"].median_ms, PROMISED))


if __name__ == "__main__":
    main()
