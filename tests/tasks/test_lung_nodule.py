"""The task lung_nodule: what it refuses, what it makes of a chest with known nodules, and that it can be stopped."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy import float32
from numpy.typing import NDArray

from medcore.analysis import analyse
from medcore.cards import Calibration, InputContract, Label, ModelCard, load_card
from medcore.engine import Output
from medcore.errors import CancelledError, UnfitInputError, WeightsError
from medcore.imaging.nodules.candidates import Candidate
from medcore.imaging.phantoms.chest_ct import Nodule, axial, chest_ct
from medcore.intake import Source, read_sources
from medcore.nn.torch_engine import TorchEngine
from medcore.nn.training.asking import NOBODY
from medcore.predictions import Detection
from medcore.records import Severity
from medcore.sandbox import Sandbox
from medcore.settings import ROOT, Settings
from medcore.tasks import VolumeTask, load_task
from medcore.tasks._nodule_finding import judge
from medcore.tasks._nodule_patches import prepare_patch
from medcore.tasks._nodule_rating import Rating, load_rating
from medcore.tasks._nodule_rules import suggestions
from medcore.volume import Geometry, Unit, Volume

NODULES = (Nodule("1", (-88.0, -38.0, 2.0), 14.0), Nodule("2", (96.0, 40.0, -3.0), 9.0))
SPACING = (1.25, 0.8, 0.8)


def card(folder: Path = Path()) -> ModelCard:
    contract = InputContract(("CT", ""), ("CHEST", ""), ("",), channels=1, size=48, min_pixels=128)
    return ModelCard(
        id="nodules", title="", task="lung_nodule", network="patch_resnet", version="1", sha256="0" * 64,
        labels=(Label("nodule", "Nodule", 0.5),), calibration=Calibration(), contract=contract, options={},
        precision="float32", summary="", intended_use="", training_data=(), limits=(), licence="", attribution=(),
        folder=folder,
    )  # fmt: skip


@cache
def chest() -> Volume:
    shape = (34, 300, 390)
    return chest_ct(NODULES, axial(shape, SPACING), shape, noise_hu=10.0).volume


def knows_balls(inputs: NDArray[float32]) -> Output:
    """A network that says yes to what is bright in the middle and dark on three sides at least, at 8 mm."""
    seen = inputs[:, 0] * 0.25 + 0.5
    middle = seen[:, 22:26, 22:26].mean(axis=(1, 2))
    sides = np.stack([seen[:, 12, 24], seen[:, 35, 24], seen[:, 24, 12], seen[:, 24, 35]], axis=1)
    ring = np.sort(sides, axis=1)[:, 2]
    logits = np.where((middle > 0.6) & (ring < 0.35), 6.0, -12.0)
    return Output(logits[:, None].astype(float32), np.zeros((len(seen), 1, 1, 1), float32), "cpu", "float32", 0.0)


def task() -> VolumeTask:
    found = load_task("lung_nodule")
    assert isinstance(found, VolumeTask)
    return found


def analysed(scan: Volume, **changes: object) -> Detection:
    calls: Mapping[str, object] = {"progress": lambda share, stage: None, "cancelled": lambda: False, **changes}
    answer = task().analyse([scan], card=card(), forward=knows_balls, run=NOBODY, **calls)  # type: ignore[arg-type]
    assert isinstance(answer.prediction, Detection)
    return answer.prediction


@cache
def watched() -> tuple[Detection, list[str]]:
    """What is found in the phantom, and in their order the stages in which a stop was asked for, and forward passes."""
    told, events = ["before"], []

    def forward(inputs: NDArray[float32]) -> Output:
        events.append("forward")
        return knows_balls(inputs)

    def cancelled() -> bool:
        events.append(told[-1])
        return False

    answer = task().analyse(
        [chest()], card=card(), forward=forward, run=NOBODY, cancelled=cancelled,
        progress=lambda share, stage: told.append(str(stage)),
    )  # fmt: skip
    assert isinstance(answer.prediction, Detection)
    return answer.prediction, events


def test_a_stop_is_asked_for_before_every_step_of_each_stage() -> None:
    events = watched()[1]
    assert all(first != "forward" for first, then in pairwise(events) if then == "forward")
    asked = Counter(events)
    assert asked["Looking for the lungs"] >= chest().shape[0], "at least at each slice"
    assert asked["Looking for candidates"] >= 2 * 6, "at each scale, for dense and for faint ones"
    assert asked["Asking the network"] + 1 >= asked["forward"] >= 2
    assert asked["Outlining and measuring"] + 1 >= len(NODULES)


def test_known_nodules_are_boxed_outlined_measured_and_sorted_by_the_rules() -> None:
    found = watched()[0]
    assert found.mask is not None and found.mask.labels.shape == chest().shape
    for known in NODULES:
        box = min(found.boxes, key=lambda b: math.dist(b.centre_lps_mm or (0, 0, 0), known.centre_mm))
        assert box.centre_lps_mm is not None and math.dist(box.centre_lps_mm, known.centre_mm) < 0.5
        assert box.diameter_mm == pytest.approx(known.diameter_mm, abs=1.2)
        assert box.volume_ml == pytest.approx(known.solid.volume_ml, rel=0.08)
        assert (box.kind, box.label, box.malignancy) == ("solid", "nodule", None)
        inside = np.argwhere(found.mask.labels == box.mask_label)
        assert tuple(inside.min(axis=0)) == box.corners[:3] and tuple(inside.max(axis=0)) == box.corners[3:]
    rules = {one.criterion: one for one in found.suggestions}
    assert rules["lung_rads"].category in {"4A", "4B"} and rules["lung_rads"].rule.startswith("lung_rads.4")
    assert rules["fleischner"].category in {"3_MONTHS", "3_6_MONTHS"}
    assert all("teaching" in str(one.notes[0]) for one in found.suggestions)


def asked_about(places: Sequence[Candidate], straight: float, slanting: float) -> tuple[list[float], list[int]]:
    """Logits of places, and how many patches each call of the network had, if straight and slanting planes say this."""
    asked: list[int] = []

    def network(inputs: NDArray[float32]) -> Output:
        asked.append(len(inputs))
        said = np.full((len(inputs), 1), straight if len(asked) == 1 else slanting, float32)
        return Output(said, np.zeros((1, 1, 1, 1), float32), "cpu", "float32", 0.0)

    judged = judge(chest(), places, card=card(), forward=network, cancelled=lambda: False, tell=lambda share: None)
    return judged.logits.tolist(), asked


def test_what_looks_like_a_nodule_from_three_sides_only_is_doubted() -> None:
    place = Candidate((0.0, 0.0, 0.0), 4.0, 100.0)
    assert asked_about([place], 5.0, -7.0) == ([-7.0], [3, 6])


def test_what_is_no_nodule_from_the_straight_planes_is_not_asked_about_again() -> None:
    places = [Candidate((0.0, 0.0, 0.0), 4.0, 100.0)] * 2
    assert asked_about(places, -5.0, 9.0) == ([-5.0, -5.0], [6])


def test_it_stops_when_told_to_and_says_which_stage_it_is_in() -> None:
    stages: list[str] = []
    with pytest.raises(CancelledError):
        analysed(chest(), progress=lambda share, stage: stages.append(str(stage)), cancelled=lambda: len(stages) > 1)
    assert stages[0] == "Looking for the lungs" and stages[-1] != "Outlining and measuring"


def test_no_nodule_in_a_part_of_the_lungs_is_not_called_no_nodule() -> None:
    assert [one.category for one in suggestions((), None)] == ["1", "NONE"]
    (only,) = suggestions((), None, partial=True)
    assert (only.criterion, only.category, only.rule) == ("lung_rads", "0", "lung_rads.0")


@pytest.mark.slow
def test_the_partial_series_shows_its_nodule_and_that_it_is_partial(shared_data: Path) -> None:
    """The annotated nodule that at LPS 56, 86, -116 mm lies in the 16 slices."""
    card = load_card(ROOT / "models" / "lung-nodule-patches")
    file = shared_data / "ct_lidc_partial" / "LIDC-IDRI-0001.zip"
    settings = Settings(device="cpu", threads=1)
    with Sandbox(workers=1, memory_mb=2048, seconds=120, output_mb=2048) as box:
        scan = read_sources([Source(file.name, path=file)], sandbox=box, settings=settings).found[0].volume
    answer = analyse(scan, task=task(), card=card, engine=TorchEngine(settings)).prediction
    assert isinstance(answer, Detection)
    assert math.dist(answer.boxes[0].centre_lps_mm or (0, 0, 0), (56.2, 86.3, -115.9)) < 3.0
    assert answer.boxes[0].longest_mm == pytest.approx(23.4, abs=3.0)
    assert len(answer.boxes) <= 5, "at most four false ones"
    assert "partial_lungs" in {issue.code for issue in answer.run.warnings}


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["lungs", "candidates", "network", "measuring"])
def test_in_each_stage_a_stop_is_noticed_before_the_next_begins(stage: str) -> None:
    told: list[str] = []
    with pytest.raises(CancelledError):
        analysed(
            chest(),
            progress=lambda share, name: told.append(str(name)),
            cancelled=lambda: bool(told) and stage in told[-1],
        )
    assert stage in told[-1]


def test_a_scan_without_lungs_is_refused() -> None:
    voxels = np.full((20, 200, 200), -1000, np.int16)
    voxels[:, 40:160, 40:160] = 40
    with pytest.raises(UnfitInputError, match="No lungs"):
        analysed(Volume(voxels, Unit.HU, "CT", Geometry.from_spacing((2.0, 1.0, 1.0))))


def test_a_head_with_air_in_its_sinuses_is_refused() -> None:
    slices, rows, columns = np.mgrid[0:60, -60:60, -50:50] * 1.0
    voxels = np.full(slices.shape, -1000, np.int16)
    inside = np.hypot(rows / 50, columns / 37)
    voxels[inside < 1] = 35
    voxels[(inside < 1) & (inside > 0.9)] = 900
    for side in (-11, 11):
        voxels[(np.hypot(rows + 30, columns - side) < 8) & (slices < 30)] = -1000  # maxillary sinuses
    with pytest.raises(UnfitInputError, match="No lungs"):
        analysed(Volume(voxels, Unit.HU, "CT", Geometry.from_spacing((2.0, 2.0, 2.0))))


def test_an_abdomen_with_gas_in_its_bowel_is_refused() -> None:
    slices, rows, columns = np.mgrid[0:45, -65:65, -90:90] * 1.0
    voxels = np.full(slices.shape, -1000, np.int16)
    voxels[np.hypot(rows / 55, columns / 80) < 1] = 40
    for i, (row, column) in enumerate(((-30, -30), (-30, 15), (-20, 45), (10, -55))):
        voxels[np.hypot(rows - row, columns - column - 5 * np.sin(slices / 7 + i)) < 9] = -1000
    with pytest.raises(UnfitInputError, match="No lungs"):
        analysed(Volume(voxels, Unit.HU, "CT", Geometry.from_spacing((4.0, 2.0, 2.0))))


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"modality": "DX"}, "modality", Severity.BLOCK),
        ({"body_part": "HEAD"}, "body_part", Severity.BLOCK),
        ({"body_part": "ABDOMEN"}, "body_part", Severity.WARN),
        ({"voxels": np.zeros((1, 9, 9), np.int16)}, "slices", Severity.BLOCK),
        ({"voxels": np.zeros((9, 200, 200), np.int16)}, "values", Severity.BLOCK),
        ({"geometry": Geometry.from_spacing((5.0, 0.7, 0.7))}, "thick_slices", Severity.WARN),
        ({"geometry": Geometry.from_spacing((15.0, 0.7, 0.7))}, "thick_slices", Severity.BLOCK),
        ({"geometry": Geometry.pixels()}, "scale", Severity.BLOCK),
        ({"synthetic": True}, "synthetic", Severity.INFO),
    ],
)
def test_wrong_input_is_named(changes: dict[str, object], code: str, severity: Severity) -> None:
    voxels = np.full((9, 200, 200), -1000, np.int16)
    plain = Volume(voxels, Unit.HU, "CT", Geometry.from_spacing((1.0, 0.7, 0.7)), body_part="CHEST")
    assert task().check(plain, card()) == ()
    found = task().check(replace(plain, **changes), card())  # type: ignore[arg-type]
    assert [(issue.code, issue.severity) for issue in found] == [(code, severity)]


def test_a_patch_is_the_middle_of_its_picture() -> None:
    picture = np.zeros((1, 50, 50), np.uint8)
    picture[0, 25, 26] = 255
    made = prepare_patch(Volume(picture, Unit.GREY, "", Geometry.pixels()), card())
    assert made.seen.shape == (48, 48) and made.seen[24, 25] == 1.0 and made.seen.sum() == 1.0
    assert made.inputs.shape == (1, 1, 48, 48) and made.inputs.max() == 2.0 and made.inputs.min() == -2.0
    small = prepare_patch(Volume(picture[:, :47], Unit.GREY, "", Geometry.pixels()), card())
    assert small.seen.shape == (48, 48)


def test_a_rating_is_the_logistic_of_its_parts() -> None:
    rating = Rating(("log_area", "texture"), (2.0, 0.0), (0.5, 1.0), (1.0, -2.0), -1.0)
    assert rating.rate({"log_area": 3.0, "texture": 0.5}) == pytest.approx(1 / (1 + math.exp(-(-1 + 2 - 1))))
    assert rating.parts({"log_area": 99.0, "texture": 0.0})["log_area"] == 3.0, "nothing counts beyond three spreads"


def test_a_rating_is_taken_only_if_it_is_the_one_of_the_card(tmp_path: Path) -> None:
    text = json.dumps({"features": ["a"], "mean": [0], "spread": [1], "weight": [2], "offset": 0.5})
    (tmp_path / "rating.json").write_text(text)
    assert load_rating(card(tmp_path)) is None
    right = replace(card(tmp_path), rating_sha256=hashlib.sha256(text.encode()).hexdigest())
    assert load_rating(right) == Rating(("a",), (0.0,), (1.0,), (2.0,), 0.5)
    with pytest.raises(WeightsError):
        load_rating(replace(right, rating_sha256="0" * 64))
