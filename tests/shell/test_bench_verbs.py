"""The verbs of the bench: the laboratory, comparing two models, training the shipped ones anew."""

import csv
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from medcore.__main__ import main
from medcore.shell import models as verbs
from tests.nn.model_folder import make_model
from tests.nn.training.test_training import RECIPE

Call = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/ with two small networks, and 40 labelled pictures in set/."""
    folder = tmp_path_factory.mktemp("bench")
    for seed, name in enumerate(("one", "two")):
        make_model(folder / "models", network="simple_cnn", name=name, size=28, seed=seed)
    (folder / "set").mkdir()
    with (folder / "set" / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "label"))
        for i in range(40):
            picture = np.random.default_rng(i).integers(0, 120, (40, 40), dtype=np.uint8)
            cv2.imwrite(str(folder / "set" / f"{i}.png"), picture + np.uint8(100 * (i % 2)))
            writer.writerow((f"{i}.png", ("well", "pneumonia")[i % 2]))
    return folder


@pytest.fixture
def call(place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    clean = {name: text for name, text in os.environ.items() if not name.startswith(("MEDCORE_", "LC_", "LANG"))}
    monkeypatch.setattr(os, "environ", {**clean, "MEDCORE_MODELS_DIR": str(place / "models")})

    def run(*arguments: object) -> tuple[int, dict[str, Any]]:
        with pytest.raises(SystemExit) as stop:
            main([*map(str, arguments), "--json"])
        return int(str(stop.value.code or 0)), json.loads(capfd.readouterr().out)

    return run


def test_the_laboratory_prints_a_figure_a_strength_and_where_it_breaks(call: Call, place: Path) -> None:
    code, found = call("laboratory", "--model", "one", "--against", "two", "--data", place / "set", "--shifts", "blur",
                       "--pictures", 20, "--device", "cpu")  # fmt: skip
    assert code == 0 and [lab["model"] for lab in found["models"]] == ["one", "two"]
    curve = found["models"][0]["curves"][0]
    assert curve["shift"] == "blur" and len(curve["metrics"]["auc"]) == len(curve["strengths"])
    assert "auc" in curve["breaks_at"]


def test_two_models_are_compared_on_a_folder(call: Call, place: Path) -> None:
    code, found = call("models", "compare", "one", "two", "--data", place / "set", "--device", "cpu")
    assert (code, found["n"], found["positive"]) == (0, 40, 20)
    assert set(found["comparison"]) == {"differences", "p_bootstrap", "p_delong", "p_mcnemar"}


def test_models_without_kept_answers_ask_for_a_folder(call: Call) -> None:
    code, found = call("models", "compare", "one", "two")
    assert code == 2 and "share 0" in found["error"]["message"]


def test_the_model_s_own_evaluation_is_not_replaced_by_one_of_other_pictures(call: Call, place: Path) -> None:
    own = place / "models" / "two" / "evaluation.json"
    own.write_text('{"seed": 1, "groups": {"all": {"metrics": {}}}}')
    options = ("--model", "two", "--data", place / "set", "--device", "cpu", "--out", own.parent)
    code, found = call("evaluate", *options)
    own.unlink()
    assert code == 2 and "other pictures" in found["error"]["message"]
    assert not (own.parent / "answers.csv").exists()


def test_models_are_trained_after_those_they_start_from(
    call: Call, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = RECIPE.format(epochs=1)
    (place / "models" / "one" / "recipe.toml").write_text('start_from = "two"\n' + text)
    (place / "models" / "two" / "recipe.toml").write_text(text)
    done: list[str] = []
    monkeypatch.setattr(verbs, "_train", lambda recipe, data, out, device: done.append(out.name))
    (tmp_path / "one").mkdir()
    code, found = call("models", "train", "--data", tmp_path)
    assert (code, found["trained"], done) == (0, ["two", "one"], ["two", "one"])
    code, found = call("models", "train", "--data", tmp_path, "--only", "three")
    assert code == 2 and "three" in found["error"]["message"]
    code, found = call("models", "train", "--data", place)
    assert code == 2 and "lacks the data sets one" in found["error"]["message"]


def test_a_killed_training_is_told_as_killed(
    call: Call, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "models" / "two" / "recipe.toml").write_text(RECIPE.format(epochs=1))
    (tmp_path / "one").mkdir()
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, -9, ""))
    code, found = call("models", "train", "--data", tmp_path, "--only", "two")
    assert code == 2 and "was killed (signal 9)" in found["error"]["message"]
