"""Batch inference from DICOM files on disk against the bare forward of preloaded tensors, on the CPU and on a GPU."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import numpy as np
import safetensors.torch
import torch

from benchmarks.scans import radiograph
from medcore.cards import Calibration, InputContract, Label, ModelCard
from medcore.nn.networks import load_network
from medcore.nn.torch_engine import TorchEngine
from medcore.nn.training.asking import BATCH, ask
from medcore.nn.training.sources import Case
from medcore.settings import Settings
from medcore.tasks import load_task

COUNT, FILM, SIDE, NETWORK, ROUNDS = 96, (1024, 840), 224, "resnet18", 3
PROMISED = 0.8  # on a GPU, by the clock; on the CPU decoding takes the same processor, which is only reported


def model(folder: Path) -> ModelCard:
    """A network of published width with random weights."""
    torch.manual_seed(0)
    network = load_network(NETWORK).build(channels=1, labels=1)
    safetensors.torch.save_file(network.state_dict(), folder / "weights.safetensors")
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    return ModelCard(
        id="bench", title="Bench", task="chest_xray", network=NETWORK, version="1", sha256=digest,
        labels=(Label("finding", "Finding", 0.5),), calibration=Calibration(),
        contract=InputContract(("DX", ""), ("CHEST", ""), ("PA", ""), 1, SIDE, 32), options=MappingProxyType({}),
        precision="float32", summary="", intended_use="", training_data=(), limits=(), licence="", attribution=(),
        folder=folder,
    )  # fmt: skip


def files(folder: Path) -> list[Case]:
    """COUNT radiographs as DICOM files."""
    data = radiograph(*FILM)
    found = []
    for i in range(COUNT):
        path = folder / f"{i}.dcm"
        path.write_bytes(data)
        found.append(Case(path.name, path, (False,), path.name))
    return found


def seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """The least of ROUNDS, after one that is not counted."""
    taken = []
    for _ in range(ROUNDS + 1):
        started = clock()
        work()
        taken.append(clock() - started)
    return min(taken[1:])


def measure(device: str) -> float:
    """Images a second from files over those of the bare forward."""
    clock = time.perf_counter if device != "cpu" else time.process_time
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        card, cases, task = model(folder), files(folder), load_task("chest_xray")
        engine = TorchEngine(Settings(device=device))
        inputs = np.random.default_rng(0).standard_normal((BATCH, 1, SIDE, SIDE)).astype(np.float32)
        bare = seconds(lambda: [engine.run(card, inputs, device=device) for _ in range(COUNT // BATCH)], clock)
        whole = seconds(lambda: ask(card, task, cases, engine, device=device), clock)
    print(f"{device}: {COUNT / whole:.0f} images/s from files, {COUNT / bare:.0f} bare: ratio {bare / whole:.2f}")
    return bare / whole


def main() -> bool:
    """Print the ratio of each device that is here; the promise is one for a GPU."""
    measure("cpu")
    if not torch.cuda.is_available():
        print(f"no GPU here: the promise of {PROMISED} was not measured")
        return True
    return measure("cuda") >= PROMISED


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
