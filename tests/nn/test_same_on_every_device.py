"""One mask from one model: in float32 a GPU, a processor and batches of any size agree, and results say what ran."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from medcore.analysis import analyse
from medcore.cards import ModelCard, load_card
from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr
from medcore.imaging.phantoms.chest_ct import Nodule, axial, chest_ct
from medcore.nn.torch_engine import TorchEngine, _precision
from medcore.predictions import Detection, Segmentation
from medcore.settings import ROOT, Settings
from medcore.shell.output import plain
from medcore.tasks import _nodule_finding, _volume_voting, load_task
from medcore.volume import Volume
from tests.nn.model_folder import make_model

LEAST_DICE = 0.999
MODELS = {"lung_nodule": "lung-nodule-patches", "brain_tumour": "brain-tumour-unet"}
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")


@cache
def scan(task: str) -> Volume:
    if task == "lung_nodule":
        nodules = [Nodule("1", (-88.0, -38.0, 2.0), 14.0), Nodule("2", (96.0, 40.0, -3.0), 9.0)]
        return chest_ct(nodules, axial((32, 300, 390), (1.25, 0.8, 0.8)), (32, 300, 390), noise_hu=10.0).volume
    lesions = [Lesion("1", (30.0, -20.0, 40.0), (16.0, 15.0, 14.0)), Lesion("2", (-32.0, 25.0, 35.0), (9.0, 9.0, 10.0))]
    shape = (14, 160, 140)
    head = brain_mr(lesions, axial(shape, (5.0, 1.4, 1.4), centre_mm=(0.0, 0.0, 38.0)), shape).volume
    return replace(head, name="T1 post contrast")


def answered(task: str, settings: Settings) -> Segmentation | Detection:
    card = load_card(ROOT / "models" / MODELS[task])
    found = analyse(scan(task), task=load_task(task), card=card, engine=TorchEngine(settings)).prediction
    assert isinstance(found, Segmentation | Detection)
    return found


def dice(one: Segmentation | Detection, other: Segmentation | Detection) -> float:
    """Label by label, so that a lesion is compared with the same lesion."""
    assert one.mask is not None and other.mask is not None
    a, b = one.mask.labels, other.mask.labels
    assert a.any(), "an empty mask agrees with everything"
    return float(2 * np.count_nonzero((a == b) & (a > 0)) / (np.count_nonzero(a) + np.count_nonzero(b)))


@GPU
@pytest.mark.slow
@pytest.mark.parametrize("task", MODELS)
def test_a_gpu_draws_the_mask_that_a_processor_draws(task: str) -> None:
    one = answered(task, Settings(device="cpu", threads=1))
    other = answered(task, Settings(device="cuda", precision="float32"))
    assert (other.run.device, other.run.precision) == ("cuda:0", "float32")
    assert dice(one, other) >= LEAST_DICE


@pytest.mark.slow
@pytest.mark.parametrize("task", MODELS)
def test_batches_of_any_size_draw_the_same_mask_and_the_result_says_its_precision(
    task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = answered(task, Settings(device="cpu", threads=1))
    module = _nodule_finding if task == "lung_nodule" else _volume_voting
    monkeypatch.setattr(module, "BATCH", 7)
    other = answered(task, Settings(device="cpu", threads=1))
    assert dice(one, other) >= LEAST_DICE
    told = plain(one.run)
    assert isinstance(told, dict) and (told["device"], told["precision"]) == ("cpu", "float32")


@pytest.fixture
def halved(tmp_path: Path) -> ModelCard:
    """A model that its card allows to run in bf16."""
    return replace(make_model(tmp_path, width=8), precision="bf16")


def test_float32_is_what_runs_on_a_gpu_when_it_is_asked_for(halved: ModelCard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    gpu, processor = torch.device("cuda", 0), torch.device("cpu")
    assert _precision(halved, gpu, "auto") is torch.bfloat16
    assert _precision(halved, gpu, "float32") is torch.float32
    assert _precision(halved, processor, "auto") is torch.float32
    for model in MODELS.values():
        assert _precision(load_card(ROOT / "models" / model), gpu, "auto") is torch.float32, model


def test_an_engine_keeps_a_gpu_from_rounding_float32_to_ten_bits() -> None:
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True  # the engine takes both back
    TorchEngine(Settings(device="cpu"))
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
