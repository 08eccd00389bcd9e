"""A picture without a header is taken for the question whose model knows it best; a header has its say before."""

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from medcore.cards import ModelCard
from medcore.engine import Output
from medcore.errors import N_, WeightsError
from medcore.nn.torch_engine import TorchEngine
from medcore.settings import ROOT, Settings
from medcore.volume import Geometry, Unit, Volume
from medcore.workbench.models import Models
from medcore.workbench.recognition import in_doubt, recognise
from medcore.workbench.studies import uploaded
from medcore.workbench.workbench import Workbench
from tests.readers.factory import dx, picture

MODELS = Models(ROOT / "models")
PLAIN = Volume(np.random.default_rng(0).integers(0, 255, (1, 300, 280), np.uint8), Unit.GREY, "", Geometry.pixels())


class Knowing:
    """An engine whose networks find a picture so far from what they know, in units of their cards' thresholds."""

    def __init__(self, shares: Mapping[str, float | None]) -> None:
        self.shares, self.asked = shares, []  # type: Mapping[str, float | None], list[str]

    def run(self, card: ModelCard, inputs: np.ndarray, *, device: str = "auto") -> Output:
        del inputs, device
        self.asked.append(card.task)
        share = self.shares[card.task]
        if share is None:
            raise WeightsError(N_("The weights of {model} have changed."), model=card.id)
        assert card.familiarity is not None
        distance = np.array([share * card.familiarity.threshold, 1e9])
        return Output(np.zeros((2, 1), np.float32), np.zeros((2, 1, 1, 1), np.float32), "cpu", "float32", 0.0,
                      distance=distance)  # fmt: skip


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({"chest_xray": 0.9, "fracture": 0.5, "brain_tumour": 1.4}, "fracture"),
        ({"chest_xray": 1.2, "fracture": 1.5, "brain_tumour": 0.99}, "brain_tumour"),
        ({"chest_xray": 1.2, "fracture": 1.5, "brain_tumour": 1.01}, None),
        ({"chest_xray": None, "fracture": 0.8, "brain_tumour": 1.01}, "fracture"),
    ],
)
def test_the_question_is_that_of_the_model_that_knows_it_best(
    shares: Mapping[str, float | None], expected: str | None
) -> None:
    engine = Knowing(shares)
    head = replace(PLAIN, voxels=np.where(np.hypot(*np.mgrid[-150:150, -140:140]) < 100, PLAIN.voxels, 0))
    assert recognise(head, models=MODELS, engine=engine) == expected  # type: ignore[arg-type]
    assert "lung_nodule" not in engine.asked, "it takes series only"


def test_a_question_that_cannot_take_the_picture_is_not_asked() -> None:
    engine = Knowing({"chest_xray": 0.9, "fracture": 0.5, "brain_tumour": 0.1})
    radiograph = replace(PLAIN, modality="DX")
    assert recognise(radiograph, models=MODELS, engine=engine) == "fracture"  # type: ignore[arg-type]
    assert set(engine.asked) == {"chest_xray", "fracture"}


def test_without_models_there_is_no_answer(tmp_path: Path) -> None:
    assert recognise(PLAIN, models=Models(tmp_path), engine=Knowing({})) is None  # type: ignore[arg-type]


def test_only_a_single_picture_whose_header_names_no_part_is_in_doubt() -> None:
    assert in_doubt(PLAIN) and in_doubt(replace(PLAIN, modality="CR"))
    assert not in_doubt(replace(PLAIN, modality="DX", body_part="CHEST"))
    assert not in_doubt(replace(PLAIN, modality="MR"))
    assert not in_doubt(replace(PLAIN, voxels=np.repeat(PLAIN.voxels, 3, axis=0)))


def test_the_header_s_word_is_taken_without_asking_a_network(
    workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(scan: Volume, **others: object) -> str:
        raise AssertionError("a network was asked")

    (study,) = workbench.studies.add([uploaded("a.dcm", dx())]).added
    monkeypatch.setattr("medcore.workbench.analyse.recognise", never)
    assert workbench.analyse.recognise(study.scans[0]) == workbench.analyse.suggest(study.scans[0])
    (plain,) = workbench.studies.add([uploaded("b.png", picture(PLAIN.voxels[0]))]).added
    with pytest.raises(AssertionError, match="a network was asked"):
        workbench.analyse.recognise(plain.scans[0])
    monkeypatch.setattr("medcore.workbench.analyse.recognise", lambda scan, **others: None)
    assert workbench.analyse.recognise(plain.scans[0]) == workbench.analyse.suggest(plain.scans[0])


TRAINED = ("chest-xray-resnet18", "fracture-resnet18", "brain-tumour-unet")
REAL = {"kermany": "chest_xray", "nih_adult": "chest_xray", "fracatlas": "fracture", "brisc2025": "brain_tumour"}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_real_pictures_are_taken_for_what_they_show(shared_data: Path, name: str) -> None:
    tables = [ROOT / "models" / model / "split.csv" for model in TRAINED]
    rows = [row for table in tables for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())]
    files = sorted({row["file"] for row in rows if (row["source"], row["split"]) == (name, "test")})
    some, engine, right = files[:: len(files) // 25], TorchEngine(Settings(device="cpu")), 0
    for file in some:
        grey = cv2.imread(str(shared_data / name / file), cv2.IMREAD_GRAYSCALE)
        assert grey is not None, file
        scan = Volume(grey[None], Unit.GREY, "", Geometry.pixels())
        right += recognise(scan, models=MODELS, engine=engine) == REAL[name]
    assert right / len(some) >= 0.9
