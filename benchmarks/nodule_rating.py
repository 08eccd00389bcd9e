"""Fit the suspicion rating of lung nodules and put it beside a model: rating.json, and its digest into the card.

Radiologists' ratings of masked nodules (lidc_nodules: index.csv with file, exam, nodule, label), split by exam: every
figure is of nodules whose exam the fit did not see, from five folds drawn five times; intervals by drawing whole exams.
Usage: python -m benchmarks.nodule_rating DATA/lidc_nodules models/lung-nodule-patches
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from numpy import float32, float64
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from medcore.cards import RATING_FILE
from medcore.evaluation.classification import area_under_curve
from medcore.imaging.nodules.looks import HIGH_HU, LOW_HU, looks

PULL = 0.3  # C of the regression
FOLDS, DRAWS, ROUNDS = 5, 5, 2000
SIZE = ("log_area", "log_longest")


def nodules(folder: Path) -> tuple[NDArray[float64], NDArray[np.bool_], NDArray[np.str_], tuple[str, ...]]:
    """Looks (N, K), whether rated malignant (N,), exams (N,) and the names of the looks."""
    rows = defaultdict(list)
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows[row["exam"], row["nodule"]].append(row)
    found, truth, exams = [], [], []
    for (exam, _), own in rows.items():
        pictures = [np.asarray(cv2.imread(str(folder / r["file"]), cv2.IMREAD_GRAYSCALE), dtype=float32) for r in own]
        slices = np.stack(pictures)  # the grey scale is the lung window: soft tissue lies at 228
        found.append(looks(slices * float32((HIGH_HU - LOW_HU) / 255) + float32(LOW_HU), slices > 0))
        truth.append(own[0]["label"] == "malignant")
        exams.append(exam)
    names = tuple(found[0])
    return np.array([[one[n] for n in names] for one in found]), np.array(truth), np.array(exams), names


def fit(x: NDArray[float64], y: NDArray[np.bool_]) -> tuple[StandardScaler, LogisticRegression]:
    """Standardised logistic regression."""
    scaler = StandardScaler().fit(x)
    return scaler, LogisticRegression(C=PULL, max_iter=2000).fit(scaler.transform(x), y)


def unseen(x: NDArray[float64], y: NDArray[np.bool_], exams: NDArray[np.str_]) -> NDArray[float64]:
    """(N,) mean probability over the draws, each nodule judged by a fit that did not see its exam."""
    found = np.zeros(len(y))
    for draw in range(DRAWS):
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=draw)
        for train, test in folds.split(x, y, exams):
            scaler, model = fit(x[train], y[train])
            found[test] += model.predict_proba(scaler.transform(x[test]))[:, 1] / DRAWS
    return found


def intervals(
    y: NDArray[np.bool_], exams: NDArray[np.str_], scores: dict[str, NDArray[float64]]
) -> dict[str, dict[str, float]]:
    """AUC of each score and of the difference to "size", with 95 % intervals over whole exams."""
    rng = np.random.default_rng(0)
    of = [np.flatnonzero(exams == exam) for exam in np.unique(exams)]
    draws: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        rows = np.concatenate([of[i] for i in rng.integers(0, len(of), len(of))])
        areas = {name: area_under_curve(y[rows], score[rows]) for name, score in scores.items()}
        for name, area in areas.items():
            draws[name].append(area)
        draws["rating_minus_size"].append(areas["rating"] - areas["size"])
    value = {name: area_under_curve(y, score) for name, score in scores.items()}
    value["rating_minus_size"] = value["rating"] - value["size"]
    found = {}
    for name, many in draws.items():
        low, high = np.percentile(many, [2.5, 97.5])
        found[name] = {"value": round(value[name], 4), "low": round(float(low), 4), "high": round(float(high), 4)}
    return found


def calibration(y: NDArray[np.bool_], p: NDArray[float64]) -> list[dict[str, float]]:
    """Mean rating and share rated malignant in fifths."""
    parts = np.array_split(np.argsort(p), 5)
    return [{"rating": round(float(p[i].mean()), 3), "share": round(float(y[i].mean()), 3)} for i in parts]


def main() -> None:
    """Fit, judge, write."""
    folder, model = Path(sys.argv[1]), Path(sys.argv[2])
    x, y, exams, names = nodules(folder)
    size = [names.index(name) for name in SIZE]
    scores = {"rating": unseen(x, y, exams), "size": unseen(x[:, size], y, exams), "area_alone": x[:, size[0]]}
    scaler, line = fit(x, y)
    found = {
        "features": list(names),
        "mean": [round(float(v), 6) for v in scaler.mean_],
        "spread": [round(float(v), 6) for v in scaler.scale_],
        "weight": [round(float(v), 6) for v in line.coef_[0]],
        "offset": round(float(line.intercept_[0]), 6),
        "evaluation": {
            "nodules": len(y),
            "malignant": int(y.sum()),
            "exams": len(np.unique(exams)),
            "auc": intervals(y, exams, scores),
            "calibration": calibration(y, scores["rating"]),
        },
    }
    text = json.dumps(found, indent=1) + "\n"
    (model / RATING_FILE).write_text(text, encoding="utf-8")
    card = model / "card.toml"
    digest = f'rating_sha256 = "{hashlib.sha256(text.encode()).hexdigest()}"\n'
    written = re.sub(r"^rating_sha256 = .*\n", "", card.read_text(encoding="utf-8"), flags=re.MULTILINE)
    card.write_text(re.sub(r"(^sha256 = .*\n)", r"\1" + digest, written, flags=re.MULTILINE), encoding="utf-8")
    print(json.dumps(found["evaluation"], indent=1))


if __name__ == "__main__":
    main()
