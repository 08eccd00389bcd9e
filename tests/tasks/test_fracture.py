"""The fracture task takes limbs, keeps its boxes on the scan's own grid, and serves classifiers and detectors alike."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch

from medcore.analysis import analyse, explain
from medcore.cards import Familiarity, ModelCard, load_card
from medcore.engine import Output
from medcore.errors import UnfitInputError
from medcore.evaluation.gate import fit_gate
from medcore.nn.torch_engine import GATE, TorchEngine
from medcore.predictions import Classification, Detection
from medcore.records import Severity
from medcore.settings import Settings
from medcore.tasks import load_task
from medcore.tasks._boxes import best_boxes, decode_boxes
from medcore.volume import Geometry, Unit, Volume
from tests.nn.model_folder import make_model

TASK = load_task("fracture")


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> ModelCard:
    made = make_model(tmp_path_factory.mktemp("models"), network="box_resnet18", size=64, width=8, features=8)
    path = made.folder / "card.toml"
    text = path.read_text().replace('task = "chest_xray"', 'task = "fracture"').replace('"CHEST", ""', '"HAND", ""')
    path.write_text(text)
    return load_card(made.folder)


def hand(shape: tuple[int, int] = (200, 100), **changes: object) -> Volume:
    grey = np.random.default_rng(0).integers(0, 4000, shape).astype(np.uint16)
    plain = Volume(grey[None], Unit.GREY, "DX", Geometry.from_spacing((1.0, 0.2, 0.2)), body_part="HAND", sha256="ab")
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_a_hand_passes_and_a_head_is_doubted(card: ModelCard) -> None:
    assert TASK.check(hand(), card) == ()
    assert [(i.code, i.severity) for i in TASK.check(hand(body_part="SKULL"), card)] == [("body_part", Severity.WARN)]
    with pytest.raises(UnfitInputError):
        analyse(hand(modality="CT"), task=TASK, card=card, engine=TorchEngine(Settings(device="cpu")))


def test_a_box_of_the_network_lands_where_it_was_seen(card: ModelCard) -> None:
    scan = hand()
    prepared = TASK.prepare(scan, card)  # 200 × 100 in a square of 64: 64 × 32, 16 columns of padding at either side
    dense = np.full((5, 8, 8), -9.0, np.float32)
    dense[:, 4, 3] = (3.0, 1.0, 0.5, 1.0, 0.5)  # cells of 8 pixels: rows 28..44, columns 24..32 of the square
    found = TASK.interpret(np.zeros(1, np.float32), scan, card, None, dense=dense, prepared=prepared)  # type: ignore[arg-type]
    assert isinstance(found, Detection)
    (box,) = found.boxes
    np.testing.assert_allclose(box.corners, (0, 87.5, 25, 0, 136.5, 49), atol=1e-6)
    assert box.probability == pytest.approx(1 / (1 + np.exp(-3.0)))


def test_without_a_box_head_the_whole_picture_is_answered(card: ModelCard) -> None:
    found = TASK.interpret(np.array([0.4], np.float32), hand(), card, None)  # type: ignore[arg-type]
    assert isinstance(found, Classification)


def test_a_detector_answers_and_explains_through_the_whole_path(card: ModelCard) -> None:
    engine = TorchEngine(Settings(device="cpu"))
    answer = analyse(hand(), task=TASK, card=card, engine=engine)
    assert isinstance(answer.prediction, Detection)
    assert answer.output.dense is not None
    assert answer.output.dense.shape == (1, 5, 8, 8)
    heat = explain(answer, hand(), card=card, engine=engine, method="grad_cam", target="pneumonia").heat
    assert heat.shape == (1, 200, 100)


def test_of_overlapping_boxes_the_best_stays() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30]])
    assert best_boxes(boxes, np.array([0.5, 0.9, 0.3]), most=5, least=0.1) == [1, 2]
    assert best_boxes(boxes, np.array([0.5, 0.9, 0.3]), most=1, least=0.1) == [1]


def test_decoding_by_hand() -> None:
    dense = np.ones((5, 2, 2), np.float32)
    logits, boxes = decode_boxes(dense, side=16)
    assert logits.tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(boxes[3], [4, 4, 20, 20])  # the cell's centre (12, 12), one cell of 8 each way


def test_two_views_are_the_picture_and_its_mirror_image(tmp_path: Path) -> None:
    card = replace(make_model(tmp_path, width=8), views=2, task="fracture")
    inputs = TASK.prepare(hand(), card).inputs
    assert inputs.shape == (2, 1, 64, 64)
    assert np.array_equal(inputs[0], inputs[1][..., ::-1])
    engine = TorchEngine(Settings(device="cpu"))
    answer = analyse(hand(), task=TASK, card=card, engine=engine)
    assert isinstance(answer.prediction, Classification)
    mean = float(answer.output.logits.mean())
    assert answer.prediction.scores[0].probability == pytest.approx(1 / (1 + np.exp(-mean)), abs=1e-6)


def test_a_stranger_is_met_with_a_warning(tmp_path: Path) -> None:
    card = make_model(tmp_path, width=8)
    weights = safetensors.torch.load_file(card.weights)
    import torch

    gate = fit_gate(np.random.default_rng(0).normal(size=(50, 64)))
    weights |= {
        GATE + "mean": torch.from_numpy(gate.mean),
        GATE + "directions": torch.from_numpy(gate.directions),
        GATE + "rest": torch.tensor(gate.rest),
    }
    safetensors.torch.save_file(weights, card.weights)
    digest = hashlib.sha256(card.weights.read_bytes()).hexdigest()
    strict = replace(card, sha256=digest, task="fracture", familiarity=Familiarity(1e-3, 0.02))
    engine = TorchEngine(Settings(device="cpu"))
    run = analyse(hand(), task=TASK, card=strict, engine=engine).prediction.run
    assert "unfamiliar" in [issue.code for issue in run.warnings]
    easy = replace(strict, familiarity=Familiarity(1e9, 0.02))
    run = analyse(hand(), task=TASK, card=easy, engine=engine).prediction.run
    assert "unfamiliar" not in [issue.code for issue in run.warnings]
    assert isinstance(engine.run(strict, np.zeros((1, 1, 64, 64), np.float32)), Output)
