"""`train` on bad input: one clear sentence with exit code 2, nothing half-written, and what was there stays."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from medcore.__main__ import main
from medcore.nn.training.run_folder import only_training
from tests.nn.training.test_training import RECIPE

Row = tuple[str, str, str, str]
Call = Callable[..., str]


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    """24 pictures of 12 patients: file, label, patient, split."""
    (tmp_path / "one").mkdir()
    found = []
    for i in range(24):
        picture = np.random.default_rng(i).integers(0, 120, (48, 48), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / "one" / f"{i}.png"), picture + np.uint8(100 * (i % 2)))
        found.append((f"{i}.png", ("well", "ill")[i % 2], f"p{i // 2}", ""))
    return found


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Run `train` in this folder; returns what the error says, and looks that no model was written."""
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if not k.startswith(("MEDCORE_", "LANG"))})

    def run(rows: list[Row], text: str = RECIPE.format(epochs=1), header: str = "file,label,patient,split") -> str:
        (tmp_path / "one").mkdir(exist_ok=True)
        with (tmp_path / "one" / "index.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header.split(","), *rows])
        (tmp_path / "r.toml").write_text(text)
        with pytest.raises(SystemExit) as stop:
            main(["train", str(tmp_path / "r.toml"), "--data", str(tmp_path), "--out", str(tmp_path / "models" / "x"),
                  "--work", str(tmp_path / "runs" / "x"), "--device", "cpu", "--json"])  # fmt: skip
        assert stop.value.code == 2
        assert not (tmp_path / "models" / "x" / "card.toml").exists()
        said: dict[str, Any] = json.loads(capfd.readouterr().out)["error"]
        return f"{said['message']} {said['hint']}"

    return run


def test_an_empty_folder(call: Call) -> None:
    assert "has no rows" in call([])


def test_one_class(call: Call, rows: list[Row]) -> None:
    assert "nothing to tell apart" in call([(file, "ill", patient, "") for file, _, patient, _ in rows])


def test_a_misspelt_label_and_a_missing_column(call: Call, rows: list[Row]) -> None:
    assert "does not occur in the source one" in call([(f, x.replace("ill", "il"), p, "") for f, x, p, _ in rows])
    assert "label" in call(rows, header="file,lable,patient,split")


def test_unreadable_and_missing_pictures(call: Call, rows: list[Row], tmp_path: Path) -> None:
    for file, *_ in rows[:12]:
        (tmp_path / "one" / file).write_bytes(b"broken")
    assert "12 of 24" in call(rows)


def test_a_patient_in_two_splits(call: Call, rows: list[Row]) -> None:
    parts = ["train"] * 12 + ["validation"] * 6 + ["test"] * 6
    parts[1] = "test"
    text = RECIPE.format(epochs=1).replace('group = "patient"', 'group = "patient"\nsplit = "split"')
    assert "of one patient" in call([(*row[:3], part) for row, part in zip(rows, parts, strict=True)], text)


def test_an_unknown_key_is_named(call: Call, rows: list[Row]) -> None:
    assert "momentum" in call(rows, "momentum = 0.9\n" + RECIPE.format(epochs=1))


def test_a_second_training_in_the_same_folder(call: Call, rows: list[Row], tmp_path: Path) -> None:
    with only_training(tmp_path / "runs" / "x"):
        assert "already runs" in call(rows)


def test_a_loss_that_is_no_number(call: Call, rows: list[Row]) -> None:
    text = RECIPE.format(epochs=1).replace("learning_rate = 0.01", "learning_rate = 1e30")
    assert "no longer a number" in call(rows, text.replace("draws = 64", "draws = 640"))
