"""How far exposure alone tells adult chest radiographs apart: a ridge regression on histograms of grey values.

Learnt from a model's training pictures of one source and judged on its test pictures, prepared as the network sees
them. Usage: python -m benchmarks.chest_exposure MODEL_FOLDER DATA [SOURCE]
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy import float64
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from medcore.evaluation.classification import area_under_curve

BINS, PULL, SIDE = 32, 10.0, 224
PERCENTILES = (0.5, 99.5)  # black and white, as the task prepares a radiograph


def histogram(path: Path) -> NDArray[float64]:
    """Shares (BINS,) of the grey values of one picture."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert picture is not None, path
    scale = SIDE / max(picture.shape)
    wanted = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    small = cv2.resize(picture.astype(np.float32), wanted, interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small, PERCENTILES)
    counts, _ = np.histogram(np.clip((small - low) / (high - low), 0, 1), BINS, (0, 1))
    return np.asarray(counts / counts.sum() * 10, dtype=float64)


def main() -> None:
    """Print the area under the ROC curve with its interval over pictures."""
    model, data = Path(sys.argv[1]), Path(sys.argv[2])
    source = sys.argv[3] if len(sys.argv) > 3 else "nih_adult"
    with (data / source / "index.csv").open(encoding="utf-8", newline="") as file:
        ill = {row["file"]: row["label"] == "pneumonia" for row in csv.DictReader(file)}
    with (model / "split.csv").open(encoding="utf-8", newline="") as file:
        split = {row["file"]: row["split"] for row in csv.DictReader(file) if row["source"] == source}
    parts = {name: [f for f, part in split.items() if part == name] for name in ("train", "test")}
    seen = {name: np.stack([histogram(data / source / f) for f in files]) for name, files in parts.items()}
    truth = {name: np.array([ill[f] for f in files]) for name, files in parts.items()}
    answers = Ridge(alpha=PULL).fit(seen["train"], truth["train"]).predict(seen["test"])
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(1000):
        rows = rng.integers(0, len(answers), len(answers))
        draws.append(area_under_curve(truth["test"][rows], answers[rows]))
    low, high = np.percentile(draws, [2.5, 97.5])
    value = area_under_curve(truth["test"], answers)
    print(json.dumps({"n": len(answers), "auc": round(value, 4), "low": round(low, 4), "high": round(high, 4)}))


if __name__ == "__main__":
    main()
