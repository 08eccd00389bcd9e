"""A task on volumes cuts its own windows; the analysis gives it the engine and completes the run."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcore.analysis import analyse, explain
from medcore.cards import ModelCard
from medcore.errors import N_, CancelledError, Message, UnfitInputError, UnknownNameError
from medcore.nn.torch_engine import TorchEngine
from medcore.predictions import Prediction, Segmentation
from medcore.records import Issue, Run, Severity
from medcore.settings import Settings
from medcore.tasks import Cancelled, Forward, Option, Prepared, Progress, Scan, VolumeAnswer, VolumeTask, stop_if
from medcore.volume import Geometry, Mask, Unit, Volume
from tests.nn.model_folder import make_model


class SliceBySlice(VolumeTask):
    title = question = ""
    modalities = ("MR",)
    options = (Option("zero", "", ""),)

    def refined(
        self, scans: Sequence[Volume], options: Collection[str], **more: object
    ) -> tuple[tuple[Volume, ...], tuple[Issue, ...]]:
        assert list(options) == ["zero"]
        emptied = tuple(replace(scan, voxels=np.zeros_like(scan.voxels)) for scan in scans)
        return emptied, (Issue("zeroed", Severity.WARN, Message("?")),)

    def check(self, scan: Scan, card: ModelCard) -> tuple[Issue, ...]:
        wrong = Issue("modality", Severity.BLOCK, Message(N_("Stopped.")))
        return () if scan.modality == "MR" else (wrong,)

    def prepare(self, scan: Volume, card: ModelCard) -> Prepared:
        raise NotImplementedError

    def interpret(self, *args: object, **more: object) -> Prediction:
        raise NotImplementedError

    def analyse(
        self,
        scans: Sequence[Volume],
        *,
        card: ModelCard,
        forward: Forward,
        run: Run,
        progress: Progress,
        cancelled: Cancelled,
    ) -> VolumeAnswer:
        scan = scans[0]
        found = []
        for i, plane in enumerate(scan.voxels):
            stop_if(cancelled)
            progress(i / len(scan.voxels), Message("Slice"))
            found.append(float(forward(plane[None, None].astype(np.float32)).logits[0, 0]))
        mask = Mask(np.zeros(scan.shape, np.uint8), {}, scan.geometry)
        doubt = Issue("doubt", Severity.WARN, Message("?"))
        return VolumeAnswer(
            Segmentation(run, mask, (), presence=tuple(found)), {"slices": len(found), "series": len(scans)}, (doubt,)
        )


def volume(modality: str = "MR") -> Volume:
    voxels = np.random.default_rng(0).normal(size=(3, 64, 64)).astype(np.float32)
    return Volume(voxels, Unit.GREY, modality, Geometry.from_spacing((3.0, 1.0, 1.0)), sha256="s")


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> ModelCard:
    models: Path = tmp_path_factory.mktemp("models")
    return make_model(models, width=8)


def test_the_run_of_a_volume_says_where_it_ran_what_was_done_and_every_doubt(card: ModelCard) -> None:
    stages: list[float] = []
    blurred = Issue("blurred", Severity.WARN, Message("?"))
    answer = analyse(
        volume(),
        task=SliceBySlice(),
        card=card,
        engine=TorchEngine(Settings(device="cpu")),
        issues=(blurred,),
        others=(volume(),),
        progress=lambda fraction, stage: stages.append(fraction),
    )
    run = answer.prediction.run
    assert (run.device, run.precision, run.scan_sha256, run.preprocessing["series"]) == ("cpu", "float32", "s", 2)
    assert [issue.code for issue in run.warnings] == ["blurred", "doubt"]
    assert isinstance(answer.prediction, Segmentation)
    assert len(answer.prediction.presence) == len(stages) == 3
    assert run.seconds > 0


def test_a_volume_can_be_cancelled_between_windows(card: ModelCard) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 2

    engine = TorchEngine(Settings(device="cpu"))
    with pytest.raises(CancelledError):
        analyse(volume(), task=SliceBySlice(), card=card, engine=engine, cancelled=cancelled)


def test_an_unfit_volume_is_refused_and_a_heat_map_of_one_too(card: ModelCard) -> None:
    engine = TorchEngine(Settings(device="cpu"))
    with pytest.raises(UnfitInputError):
        analyse(volume("CT"), task=SliceBySlice(), card=card, engine=engine)
    answer = analyse(volume(), task=SliceBySlice(), card=card, engine=engine)
    with pytest.raises(UnfitInputError, match="mask"):
        explain(answer, volume(), card=card, engine=engine, method="grad_cam")


def test_the_series_to_work_on_is_the_first_that_fits(card: ModelCard) -> None:
    assert SliceBySlice().order([volume("CT"), volume(), volume()], card) == (1,)
    assert SliceBySlice().order([volume("CT")], card) == (0,)


def test_an_option_is_off_unless_asked_for_and_stands_in_the_record(card: ModelCard) -> None:
    engine = TorchEngine(Settings(device="cpu"))
    plain = analyse(volume(), task=SliceBySlice(), card=card, engine=engine).prediction
    asked = analyse(volume(), task=SliceBySlice(), card=card, engine=engine, options=("zero",)).prediction
    assert "options" not in plain.run.preprocessing
    assert asked.run.preprocessing["options"] == "zero"
    assert [issue.code for issue in asked.run.warnings] == ["zeroed", "doubt"]
    assert isinstance(plain, Segmentation)
    assert isinstance(asked, Segmentation)
    assert len(set(asked.presence)) == 1 < len(set(plain.presence)), "the network saw the emptied slices"
    assert asked.run.scan_sha256 == plain.run.scan_sha256, "the record names the scan as it came"


def test_an_option_that_the_task_does_not_have_is_refused(card: ModelCard) -> None:
    with pytest.raises(UnknownNameError, match="has no option “n5”; it has zero"):
        analyse(volume(), task=SliceBySlice(), card=card, engine=TorchEngine(Settings(device="cpu")), options=("n5",))
