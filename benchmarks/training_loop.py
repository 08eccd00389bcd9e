"""The training loop with cache, augmentation and running average against a bare loop on preloaded tensors."""

from __future__ import annotations

import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from medcore.nn.networks import load_network
from medcore.nn.training.choose_objective import objective_for
from medcore.nn.training.loop import fit, open_fabric
from medcore.nn.training.options import Augmentation, Options
from medcore.nn.training.pictures import Pictures
from medcore.nn.training.recipe import Recipe, Source, Stage
from medcore.nn.training.sources import Case
from medcore.tasks import load_task

COUNT, SIDE, BATCH, WIDTH, EPOCHS = 128, 160, 32, 32, 3
ROUNDS = 3
PROMISED = 0.9


def stock() -> Pictures:
    """Random pictures, all but four of them for training."""
    random = np.random.default_rng(0)
    count = COUNT + 4
    seen = random.integers(0, 255, (count, 224, 224), dtype=np.uint8)
    truth = (np.arange(count) % 2 == 1)[:, None]
    split = np.where(np.arange(count) < COUNT, 0, 1)
    case = Case("x", Path("x"), (True,), "x")
    return Pictures(
        cases=(case,) * count,
        seen=seen,
        truth=truth,
        source=np.zeros(count, dtype=int),
        group=np.arange(count),
        split=split,
        boxes=(None,) * count,
        rows=np.arange(count),
    )


def recipe() -> Recipe:
    """The plain options on one source."""
    return Recipe(
        task="chest_xray",
        network="resnet18",
        network_options={"width": WIDTH},
        seed=0,
        draws=COUNT,
        options=Options(choose="loss"),
        augmentation=Augmentation(),
        sources=(Source("s", ".", weight=1.0),),
        external=(),
        strangers=(),
        stages=(Stage(SIDE, EPOCHS, BATCH, 1e-4),),
        card={"input": {"channels": 1}},
    )


def bare() -> float:
    """CPU seconds an image of forward, backward and step alone."""
    network: nn.Module = load_network("resnet18").build(channels=1, labels=1, width=WIDTH)
    network.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    inputs = torch.randn(BATCH, 1, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    truth = torch.zeros(BATCH, 1)
    taken = []
    for _ in range(COUNT // BATCH * EPOCHS):
        start = time.process_time()
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(inputs)
        nn.functional.binary_cross_entropy_with_logits(logits.float(), truth).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad()
        taken.append(time.process_time() - start)
    return float(np.median(taken)) / BATCH


def whole() -> float:
    """CPU seconds an image of the training loop, its best epoch; validation is not counted."""
    plan, pictures = recipe(), stock()
    network = load_network("resnet18").build(channels=1, labels=1, width=WIDTH)
    objective = objective_for(network, plan, pictures, load_task("chest_xray"))
    marks: list[float] = []
    steps = COUNT // BATCH
    with tempfile.TemporaryDirectory() as folder:
        fit(
            network,
            objective,
            fabric=open_fabric("cpu"),
            folder=Path(folder),
            resume=False,
            stop=lambda: marks.append(time.process_time()),
        )
    gaps = [b - a for i, (a, b) in enumerate(pairwise(marks)) if (i + 1) % steps]
    return float(np.median(gaps)) / BATCH


def main() -> None:
    """Print the ratio; 1 would be no cost at all."""
    torch.set_num_threads(1)
    pairs = [(bare(), whole()) for _ in range(ROUNDS)]  # in turn: what else the machine does slows both
    alone, all_in = (float(np.median(taken)) for taken in zip(*pairs, strict=True))
    ratios = sorted(one / both for one, both in pairs)
    print(f"bare loop {1 / alone:.1f} images per CPU second, training loop {1 / all_in:.1f}")
    print(f"ratio {np.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}; promised: at least {PROMISED})")


if __name__ == "__main__":
    main()
