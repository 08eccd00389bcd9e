"""A detector trained by a recipe finds drawn boxes, and its folder says how well."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from medcore.cards import load_card
from medcore.nn.torch_engine import TorchEngine
from medcore.nn.training.evaluate import evaluate
from medcore.nn.training.train import train
from medcore.settings import Settings
from tests.nn.training.test_training import recipe

SIDE, COUNT = 64, 160


def scenes(folder: Path) -> None:
    """Grey noise; every second picture holds one or two bright bars."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True)
    rows, boxes = [], []
    for i in range(COUNT):
        picture = random.integers(20, 110, (SIDE, SIDE)).astype(np.uint8)
        for _ in range(1 + i % 3 // 2 if i % 2 else 0):
            height, width = random.integers(10, 20, 2)
            top, left = random.integers(0, SIDE - height), random.integers(0, SIDE - width)
            picture[top : top + height, left : left + width] = random.integers(190, 250)
            boxes.append(
                (f"{i}.png", (left + width / 2) / SIDE, (top + height / 2) / SIDE, width / SIDE, height / SIDE)
            )
        cv2.imwrite(str(folder / f"{i}.png"), picture)
        rows.append((f"{i}.png", "ill" if i % 2 else "well", f"p{i}"))
    for name, head, lines in (("index", "file label patient", rows), ("boxes", "file cx cy w h", boxes)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([head.split(), *lines])


@pytest.mark.slow
def test_a_detector_finds_what_was_drawn(tmp_path: Path) -> None:
    scenes(tmp_path / "data" / "one")
    path = recipe(tmp_path, epochs=14)
    text = path.read_text().replace('"chest_xray"', '"fracture"').replace('"resnet18"', '"box_resnet18"')
    text = text.replace("width = 8", "width = 16\nfeatures = 32").replace("size = 48", f"size = {SIDE}")
    text = text.replace("average = 0.5", 'average = 0.9\nchoose = "map50"').replace("draws = 64", "draws = 160")
    path.write_text(text)
    out = train(path, data=tmp_path / "data", out=tmp_path / "models" / "boxes", work=tmp_path / "runs" / "boxes")
    kept = json.loads((out / "evaluation.json").read_text())
    assert kept["metrics"]["map50"]["value"] > 0.6
    assert kept["metrics"]["auc"]["value"] > 0.9
    assert kept["froc"]["mean"]["value"] > 0.7
    again = json.loads(
        json.dumps(evaluate(load_card(out), tmp_path / "data", TorchEngine(Settings(device="cpu"))).found)
    )
    assert {name: kept[name] for name in again} == again
