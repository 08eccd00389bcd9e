"""DICOM bytes in memory to prediction and Grad-CAM overlay, against one bare forward pass of the same network.

Promises: the journey at most 1.5 forward passes for an uncompressed 3000×2500 DICOM with DenseNet-121 at 224 pixels;
Grad-CAM on top of a prediction at most 0.05. The weights are random: they do not change the time.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import cv2
import numpy as np
import safetensors.torch
import torch

from benchmarks.scans import radiograph
from benchmarks.timing import alternate, finish, judge, report
from medcore.analysis import analyse, explain
from medcore.cards import Calibration, InputContract, Label, ModelCard
from medcore.imaging.overlay import blend_heat, encode_jpeg, shown_grey
from medcore.intake import decode_bytes
from medcore.nn.networks import load_network
from medcore.nn.torch_engine import TorchEngine, load_model
from medcore.settings import Settings
from medcore.tasks import load_task

ROWS, COLUMNS, SIDE, SHOWN = 3000, 2500, 224, 1024


def random_model(folder: Path) -> ModelCard:
    """DenseNet-121 at its published size, one label, random weights."""
    torch.manual_seed(0)
    network = load_network("densenet121").build(channels=1, labels=1)
    safetensors.torch.save_file(network.state_dict(), folder / "weights.safetensors")
    contract = InputContract(("DX",), ("CHEST",), ("PA",), channels=1, size=SIDE, min_pixels=200)
    return ModelCard(
        id="random-densenet121",
        title="",
        task="chest_xray",
        network="densenet121",
        version="0",
        sha256=hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest(),
        labels=(Label("pneumonia", "", 0.5),),
        calibration=Calibration(),
        contract=contract,
        options={},
        precision="float32",
        summary="",
        intended_use="",
        training_data=(),
        limits=(),
        licence="",
        attribution=(),
        folder=folder,
    )


def main(folder: Path) -> bool:
    """Measure, print, and say whether the promises are kept."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    data, card, task = radiograph(ROWS, COLUMNS), random_model(folder), load_task("chest_xray")
    settings = Settings(device="cpu")
    engine = TorchEngine(settings)
    bare = load_model(card, torch.device("cpu"), torch.float32).network
    scan = decode_bytes("radiograph.dcm", data, settings)[0].volume
    answer = analyse(scan, task=task, card=card, engine=engine)
    prepared, output = answer.prepared, answer.output
    assert prepared is not None and output is not None  # a task on one picture has both
    images = torch.from_numpy(prepared.inputs).to(memory_format=torch.channels_last)

    def forward() -> None:
        with torch.inference_mode():
            bare(images)

    def journey() -> bytes:
        found = decode_bytes("radiograph.dcm", data, settings)[0].volume
        result = analyse(found, task=task, card=card, engine=engine)
        heat = explain(result, found, card=card, engine=engine, method="grad_cam").heat[0]
        return encode_jpeg(blend_heat(shown_grey(found, side=SHOWN), heat))

    def grad_cam() -> None:
        engine.explain(card, prepared.inputs, output, method="grad_cam", target=0)

    timings = alternate(
        {
            "one bare forward": forward,
            "DICOM bytes to prediction and encoded overlay": journey,
            "decoding alone": lambda: decode_bytes("radiograph.dcm", data, settings),
            "preparation alone": lambda: task.prepare(scan, card),
            "Grad-CAM on top of the prediction": grad_cam,
            "Grad-CAM carried to the scan's 3000×2500 grid": lambda: explain(
                answer, scan, card=card, engine=engine, method="grad_cam"
            ),
            "display picture, overlay and JPEG": lambda: encode_jpeg(
                blend_heat(shown_grey(scan, side=SHOWN), np.ones((ROWS, COLUMNS), dtype=np.float32))
            ),
        }
    )
    report("Chest journey, DenseNet-121 at 224 pixels", timings)
    base = timings["one bare forward"].median_ms
    kept = judge("journey / forward", timings["DICOM bytes to prediction and encoded overlay"].median_ms / base, 1.5)
    return judge("Grad-CAM / forward", timings["Grad-CAM on top of the prediction"].median_ms / base, 0.05) and kept


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        finish(main(Path(name)))
