"""A model that was trained without a gate gets one, and conformal sets, by its own split; its weights stay."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from medcore.cards import ModelCard, gate_bytes, load_card
from medcore.errors import DataSetError, WeightsError
from medcore.nn.torch_engine import TorchEngine
from medcore.nn.training import complete as completing
from medcore.nn.training.card_file import card_text
from medcore.nn.training.complete import complete
from medcore.nn.training.recipe import load_recipe
from medcore.settings import Settings
from medcore.workbench.models import Models
from tests.nn.training.test_evaluate import card  # noqa: F401  (a fixture)
from tests.nn.training.test_training import data  # noqa: F401  (a fixture)

STRANGERS = """
[[strangers]]
name = "white"
folder = "white"
format = "folders"
positive = ["*"]

"""


@pytest.fixture
def old(card: ModelCard, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelCard:  # noqa: F811
    """The model as an older MedCore left it: neither gate nor sets on its card."""
    monkeypatch.setattr(completing, "FEWEST", 5)
    folder = tmp_path / "models" / card.id
    shutil.copytree(card.folder, folder)
    shutil.copytree(data / "one", tmp_path / "data" / "one")
    (tmp_path / "data" / "white" / "all").mkdir(parents=True)
    for i in range(6):
        white = np.full((48, 48), 200, dtype=np.uint8)
        white[:, 8 * i : 8 * i + 8] = 0
        cv2.imwrite(str(tmp_path / "data" / "white" / "all" / f"{i}.png"), white)
    path = folder / "recipe.toml"
    path.write_text(path.read_text().replace("[[stages]]", STRANGERS + "[[stages]]", 1))
    plain = replace(load_card(folder), familiarity=None, conformal=None)
    (folder / "card.toml").write_text(card_text(load_recipe(path), plain, trained_on=plain.trained_on))
    return load_card(folder)


def test_it_gets_a_gate_and_sets_and_keeps_weights_calibration_and_threshold(old: ModelCard, tmp_path: Path) -> None:
    assert old.familiarity is None and old.conformal is None
    engine = TorchEngine(Settings(device="cpu"))
    new = load_card(complete(old, tmp_path / "data", engine))
    assert (new.sha256, new.calibration, new.labels, new.trained_on) == (
        old.sha256, old.calibration, old.labels, old.trained_on)  # fmt: skip
    assert new.conformal is not None and new.familiarity is not None
    assert set(new.familiarity.refused) == {"test", "white"}
    seen = engine.run(new, np.zeros((1, 1, 48, 48), dtype=np.float32), device="cpu")
    assert seen.distance is not None
    assert not (new.folder / ".new").exists() and Models(new.folder.parent).verify()[0].ok
    (new.folder / "gate.safetensors").write_bytes(b"another")
    with pytest.raises(WeightsError, match="gate"):
        gate_bytes(new)
    assert not Models(new.folder.parent).verify()[0].ok


def test_without_its_data_sets_the_model_stays_as_it_was(old: ModelCard, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in old.folder.iterdir()}
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataSetError, match="none of the data sets"):
        complete(old, tmp_path / "empty", TorchEngine(Settings(device="cpu")))
    for path in list((tmp_path / "data" / "one").glob("[1-7]*.png")):
        path.unlink()
    with pytest.raises(DataSetError):
        complete(old, tmp_path / "data", TorchEngine(Settings(device="cpu")))
    assert {path.name: path.read_bytes() for path in old.folder.iterdir()} == before
