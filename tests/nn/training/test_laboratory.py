"""The laboratory finds where a model breaks, asks two models about the same pictures, and says when it cannot."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from medcore.cards import Estimate, ModelCard
from medcore.errors import DataSetError
from medcore.nn.torch_engine import TorchEngine
from medcore.nn.training.laboratory import _breaks, laboratory
from medcore.nn.training.sources import Case
from medcore.settings import Settings
from tests.nn.model_folder import make_model


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    folder = tmp_path_factory.mktemp("pictures")
    found = []
    for i in range(24):
        picture = np.random.default_rng(i).integers(0, 90, (48, 48), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{i}.png"), picture + np.uint8(120 * (i % 2)))
        found.append(Case(f"{i}.png", folder / f"{i}.png", (i % 2 == 1,), f"p{i // 4}"))
    return found


def models(folder: Path) -> list[ModelCard]:
    return [make_model(folder, network="simple_cnn", name=name, size=28, seed=i) for i, name in enumerate("ab")]


def test_two_models_are_asked_about_the_same_pictures(tmp_path: Path, cases: list[Case]) -> None:
    steps: list[tuple[int, int]] = []
    found = laboratory(
        models(tmp_path), cases, TorchEngine(Settings(device="cpu")), shifts=("noise", "rotation"), pictures=16,
        tell=lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    assert [lab.model for lab in found] == ["a", "b"] and {lab.n for lab in found} == {16}
    noise, rotation = found[0].curves
    assert noise.strengths[0] == 0 and len(noise.metrics["auc"]) == len(noise.strengths)
    assert noise.metrics["auc"][0] == rotation.metrics["auc"][0]  # unchanged pictures are asked about once
    assert found[0].curves != found[1].curves
    assert steps[-1] == (12, 12)


def test_a_figure_breaks_where_it_falls_with_its_interval() -> None:
    values = [Estimate(0.95, 0.9, 0.97), Estimate(0.92, 0.88, 0.96), Estimate(0.85, 0.8, 0.96), Estimate(0.7, 0.6, 0.8)]
    assert _breaks("auc", (0, 1, 2, 3), values) == 3
    assert _breaks("auc", (0, 1, 2), values[:3]) is None
    rising = [Estimate(0.05, 0.03, 0.08), Estimate(0.2, 0.15, 0.25)]
    assert _breaks("ece", (0, 5), rising) == 5


def test_pictures_of_one_answer_only_are_refused(tmp_path: Path, cases: list[Case]) -> None:
    with pytest.raises(DataSetError, match="with and without"):
        laboratory(models(tmp_path)[:1], cases[::2], TorchEngine(Settings(device="cpu")))
