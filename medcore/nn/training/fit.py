"""The training loop: stages of growing picture size, balanced draws, a running average of weights, checkpoints."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy import float32
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from medcore.nn.networks import CamNet, load_network
from medcore.nn.training.data import Pictures, augment, draw
from medcore.nn.training.recipe import Recipe, Stage
from medcore.tasks.chest_xray import MEAN, SPREAD
from medcore.volume import Array

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Learner:
    """What training changes: the network, its running average, the optimiser and how far it got."""

    network: CamNet
    average: AveragedModel
    optimiser: torch.optim.Optimizer
    epoch: int = 0


def fit(recipe: Recipe, pictures: Pictures, *, device: str, folder: Path, resume: bool) -> CamNet:
    """Train by a recipe and return the running average of the weights, on the CPU.

    Args:
        device: "cpu" or "cuda".
        folder: Takes the checkpoint after every epoch.
        resume: Go on from the checkpoint in `folder`, if there is one.
    """
    torch.manual_seed(recipe.seed)
    learner = _start(recipe, device)
    checkpoint = folder / "checkpoint.safetensors"
    if resume and checkpoint.exists():
        _load_checkpoint(checkpoint, learner)
    for epoch, stage, progress in _plan(recipe):
        if epoch < learner.epoch:
            continue
        started = time.perf_counter()
        loss = _one_epoch(recipe, stage, progress, learner=learner, pictures=pictures, device=device)
        learner.epoch = epoch + 1
        _save_checkpoint(checkpoint, learner)
        log.info("epoch %d, %d px: loss %.4f, %.0f s", epoch, stage.size, loss, time.perf_counter() - started)
    average = learner.average.module
    assert isinstance(average, CamNet)
    return _settle_norms(average.to("cpu"), pictures, recipe)


def predict(network: nn.Module, seen: Array, *, device: str = "cpu", batch: int = 64) -> NDArray[float32]:
    """Logits (N, labels) of prepared pictures (N, side, side)."""
    network.eval().to(device)
    logits = []
    with torch.inference_mode():
        for start in range(0, len(seen), batch):
            logits.append(network(_inputs(seen[start : start + batch].astype(float32)).to(device)).cpu().numpy())
    return np.concatenate(logits).astype(float32)


def _start(recipe: Recipe, device: str) -> Learner:
    channels = int(recipe.card["input"]["channels"])
    network = load_network(recipe.network).build(channels=channels, labels=len(recipe.card["labels"]), **recipe.options)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    average = AveragedModel(network, multi_avg_fn=_running_average(recipe.average), use_buffers=False)
    plain = [p for p in network.parameters() if p.ndim < 2]  # biases and norms do not decay
    decayed = [p for p in network.parameters() if p.ndim >= 2]
    groups = [{"params": plain, "weight_decay": 0.0}, {"params": decayed, "weight_decay": recipe.weight_decay}]
    return Learner(network, average, torch.optim.AdamW(groups, lr=1e-3))


def _running_average(decay: float) -> Callable[..., None]:
    average: Callable[..., None] = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return average


def _plan(recipe: Recipe) -> Iterator[tuple[int, Stage, float]]:
    """Epoch number, its stage, and how much of the stage lies behind it (0..1)."""
    epoch = 0
    for stage in recipe.stages:
        for i in range(stage.epochs):
            yield epoch, stage, i / stage.epochs
            epoch += 1


def _one_epoch(
    recipe: Recipe, stage: Stage, progress: float, *, learner: Learner, pictures: Pictures, device: str
) -> float:
    random = np.random.default_rng((recipe.seed, learner.epoch))
    rows = draw(pictures, recipe.sources, recipe.draws, random)
    steps = len(rows) // stage.batch
    losses = []
    learner.network.train()
    for step in range(steps):
        chosen = rows[step * stage.batch : (step + 1) * stage.batch]
        images = _inputs(np.stack([augment(pictures.seen[i], random, side=stage.size) for i in chosen]))
        truth = torch.from_numpy(pictures.truth[chosen].astype(float32))[:, None]
        _set_rate(learner.optimiser, stage, progress + step / steps / stage.epochs)
        losses.append(_step(recipe, learner, images.to(device), truth.to(device)))
    return float(np.mean(losses))


def _step(recipe: Recipe, learner: Learner, images: Tensor, truth: Tensor) -> float:
    soft = truth * (1 - recipe.label_smoothing) + recipe.label_smoothing / 2
    with torch.autocast(images.device.type, torch.bfloat16):
        logits = learner.network(images.contiguous(memory_format=torch.channels_last))
    loss = functional.binary_cross_entropy_with_logits(logits.float(), soft)
    learner.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(learner.network.parameters(), 5.0)
    learner.optimiser.step()
    learner.average.update_parameters(learner.network)
    return float(loss.detach())


def _set_rate(optimiser: torch.optim.Optimizer, stage: Stage, progress: float) -> None:
    """Linear warm-up over the first 5 % of a stage, then half a cosine down to 1 %."""
    rate = stage.learning_rate * min(1.0, progress / 0.05 + 0.05) * (0.505 + 0.495 * math.cos(math.pi * progress))
    for group in optimiser.param_groups:
        group["lr"] = rate


def _settle_norms(network: CamNet, pictures: Pictures, recipe: Recipe) -> CamNet:
    """Recompute the norms' statistics for the averaged weights on plain training pictures."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # cumulative average
    network.train()
    rows = draw(pictures, recipe.sources, 512, np.random.default_rng(recipe.seed))
    with torch.no_grad():
        for start in range(0, len(rows) - 31, 32):
            network(_inputs(pictures.seen[rows[start : start + 32]].astype(float32)))
    return network.eval()


def _inputs(seen: NDArray[float32]) -> Tensor:
    """Pictures (N, side, side) in 0..1 to network inputs (N, 1, side, side), scaled as the task does."""
    return torch.from_numpy((seen[:, None] - MEAN) / SPREAD).float().contiguous(memory_format=torch.channels_last)


def _save_checkpoint(path: Path, learner: Learner) -> None:
    """Weights, running average, optimiser moments and epoch in one safetensors file, replaced in one step."""
    state: dict[str, Tensor] = {f"network.{k}": v for k, v in learner.network.state_dict().items()}
    state |= {f"average.{k}": v for k, v in learner.average.state_dict().items()}
    for i, moments in learner.optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{i}.{k}": v for k, v in moments.items()}
    fresh = path.with_suffix(".new")
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in state.items()}
    safetensors.torch.save_file(tensors, fresh, metadata={"epoch": str(learner.epoch)})
    fresh.replace(path)


def _load_checkpoint(path: Path, learner: Learner) -> None:
    with safetensors.safe_open(path, framework="pt") as file:
        learner.epoch = int(file.metadata()["epoch"])
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    moments: dict[int, dict[str, Any]] = {}
    for name, value in state.items():
        if name.startswith("optimiser."):
            _, i, key = name.split(".", 2)
            moments.setdefault(int(i), {})[key] = value
    learner.network.load_state_dict({k[8:]: v for k, v in state.items() if k.startswith("network.")})
    learner.average.load_state_dict({k[8:]: v for k, v in state.items() if k.startswith("average.")})
    learner.optimiser.load_state_dict({**learner.optimiser.state_dict(), "state": moments})
