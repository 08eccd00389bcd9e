"""One analysis from scan to answer keeps what reproduces it, and puts the heat where the evidence is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcore.analysis import analyse, explain, on_scan
from medcore.cards import ModelCard
from medcore.engine import HeatMap
from medcore.errors import CardError, Message, UnfitInputError
from medcore.nn.torch_engine import TorchEngine
from medcore.records import Issue, Severity
from medcore.settings import Settings
from medcore.tasks import load_task
from medcore.volume import Volume
from tests.nn.model_folder import make_model
from tests.tasks.test_chest_xray import radiograph

TASK = load_task("chest_xray")


@pytest.fixture(scope="module")
def engine() -> TorchEngine:
    return TorchEngine(Settings(device="cpu"))


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> ModelCard:
    return make_model(tmp_path_factory.mktemp("models"), width=8)


def test_a_run_records_all_that_reproduces_it(engine: TorchEngine, card: ModelCard) -> None:
    answer = analyse(radiograph(), task=TASK, card=card, engine=engine, study="s", scan_id="v")
    run = answer.prediction.run
    assert (run.study, run.scan, run.scan_sha256) == ("s", "v", "ab")
    assert (run.task, run.model, run.weights_sha256) == ("chest_xray", card.id, card.sha256)
    assert (run.device, run.precision) == ("cpu", "float32")
    assert run.preprocessing["side"] == 64
    assert {"medcore", "torch", "python"} <= set(run.software)
    again = analyse(radiograph(), task=TASK, card=card, engine=engine)
    assert again.prediction.scores == answer.prediction.scores  # type: ignore[union-attr]


def test_doubts_travel_with_the_result(engine: TorchEngine, card: ModelCard) -> None:
    noisy = Issue("noise", Severity.WARN, Message("The image is noisy."))
    answer = analyse(radiograph(body_part="HAND"), task=TASK, card=card, engine=engine, issues=(noisy,))
    assert [issue.code for issue in answer.prediction.run.warnings] == ["noise", "body_part"]


def test_a_ct_is_refused_with_the_reason_and_a_hint(engine: TorchEngine, card: ModelCard) -> None:
    with pytest.raises(UnfitInputError, match="CT") as refusal:
        analyse(radiograph(modality="CT"), task=TASK, card=card, engine=engine)
    assert "radiograph" in refusal.value.hint.text()


def test_the_heat_lies_on_the_scans_own_grid(engine: TorchEngine, card: ModelCard) -> None:
    scan = radiograph((1200, 900))
    answer = analyse(scan, task=TASK, card=card, engine=engine)
    explanation = explain(answer, scan, card=card, engine=engine, method="grad_cam")
    assert explanation.heat.shape == scan.voxels.shape
    assert explanation.heat.dtype == np.float32
    assert explanation.heat.min() >= 0
    assert explanation.heat.max() <= 1
    assert explanation.target == "pneumonia"
    assert explanation.run == answer.prediction.run


@pytest.mark.parametrize("shape", [(1000, 600), (600, 1000), (640, 640)])
def test_a_hot_cell_appears_at_its_place_in_the_scan(engine: TorchEngine, card: ModelCard, shape: tuple) -> None:
    scan: Volume = radiograph(shape)
    prepared = TASK.prepare(scan, card)
    heat = np.zeros((16, 16), np.float32)
    heat[5, 9] = 2.0  # the centre of this cell is at (5.5, 9.5) / 16 of the 64-pixel square
    spread, peak = on_scan(HeatMap(heat, "layer4", 0.0), prepared, scan)
    assert peak == 2.0
    row, column = np.unravel_index(int(spread[0].argmax()), shape)
    expected = prepared.to_scan @ np.array([5.5 * 4, 9.5 * 4, 1])
    assert abs(row + 0.5 - expected[0]) <= max(shape) / 64
    assert abs(column + 0.5 - expected[1]) <= max(shape) / 64


def test_no_evidence_gives_an_empty_map_and_no_division_by_zero(card: ModelCard) -> None:
    scan = radiograph()
    spread, peak = on_scan(HeatMap(np.zeros((7, 7), np.float32), "layer4", 0.0), TASK.prepare(scan, card), scan)
    assert peak == 0
    assert not spread.any()


def test_an_unknown_label_names_the_known_ones(engine: TorchEngine, card: ModelCard) -> None:
    scan = radiograph()
    answer = analyse(scan, task=TASK, card=card, engine=engine)
    with pytest.raises(CardError, match="pneumonia"):
        explain(answer, scan, card=card, engine=engine, method="grad_cam", target="fracture")


def test_a_mirrored_scan_gives_a_heat_map_of_the_same_place_when_the_network_is_symmetric(
    engine: TorchEngine, tmp_path: Path
) -> None:
    """A plane mirrored twice is itself: the way to the square and back mirrors exactly."""
    card = make_model(tmp_path, width=8)
    scan = radiograph((512, 384))
    mirrored = replace(scan, voxels=scan.voxels[:, :, ::-1].copy())
    plain, other = TASK.prepare(scan, card), TASK.prepare(mirrored, card)
    np.testing.assert_allclose(other.seen[:, ::-1], plain.seen, atol=1e-5)
    heat = np.random.default_rng(0).random((7, 7)).astype(np.float32)
    there, _ = on_scan(HeatMap(heat, "", 0.0), plain, scan)
    back, _ = on_scan(HeatMap(heat[:, ::-1].copy(), "", 0.0), other, mirrored)
    np.testing.assert_allclose(back[0, :, ::-1], there[0], atol=1e-5)
