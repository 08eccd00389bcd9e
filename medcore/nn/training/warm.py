"""A warm start without labels: the trunk learns that two variations of a picture are the same picture (SimSiam)."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy import uint8
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from medcore.nn.networks import CamNet
from medcore.nn.training.augment import augment
from medcore.nn.training.checkpoint import write_tensors
from medcore.nn.training.objectives import Objective
from medcore.nn.training.recipe import Recipe
from medcore.volume import Array

WARM = "warm.safetensors"  # the trunk that was learnt, kept for a training that goes on after a kill
WIDTH, NECK = 256, 64  # of the projection and of the prediction
RATE, DECAY = 0.0005, 1e-4

log = logging.getLogger(__name__)


def warm_start(
    network: CamNet,
    objective: Objective,
    *,
    unlabelled: Callable[[], NDArray[uint8]],
    folder: Path,
    device: torch.device,
    stop: Callable[[], None] = lambda: None,
) -> None:
    """Teach the trunk on the training pictures without their labels (Chen & He 2021, arXiv:2011.10566).

    Args:
        unlabelled: Gives (M, S, S) further pictures; none of the test split should be among them.
        folder: Keeps the result, so that a training that goes on need not do it again.
        stop: Called before every step; what it raises ends the work.
    """
    recipe, epochs = objective.recipe, objective.recipe.options.warm_epochs
    if not epochs:
        return
    further = unlabelled()
    kept, digest = folder / WARM, _digest(recipe, len(further))
    if kept.exists() and _digest_of(kept) == digest:
        network.trunk.load_state_dict(safetensors.torch.load_file(kept))
        return
    stage, pool = recipe.stages[0], Pool(objective, further)
    twins = Twins(network.trunk, _features(network, pool.view(np.arange(2), stage.size, (0,), device), device))
    twins.to(device).train()
    optimiser = torch.optim.AdamW(twins.parameters(), lr=RATE, weight_decay=DECAY)
    for epoch in range(epochs):
        order = np.random.default_rng((recipe.seed, epoch, 9)).permutation(len(pool))[: recipe.draws]
        losses = []
        for step in range(max(1, len(order) // stage.batch)):
            stop()
            part = order[step * stage.batch : (step + 1) * stage.batch]
            seeds = ((recipe.seed, epoch, step, k) for k in (7, 8))
            first, second = (pool.view(part, stage.size, seed, device) for seed in seeds)
            loss = twins(first, second)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        log.info("warm start, epoch %d of %d: similarity %.4f", epoch + 1, epochs, -float(np.mean(losses)))
    network.to("cpu").train()
    write_tensors(kept, network.trunk.state_dict(), {"digest": digest})


class Twins(nn.Module):
    """Trunk, projection and prediction; its forward is SimSiam's symmetric loss, −1 when both views agree."""

    def __init__(self, trunk: nn.Module, features: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.project = nn.Sequential(
            nn.Linear(features, WIDTH, bias=False), nn.BatchNorm1d(WIDTH), nn.ReLU(),
            nn.Linear(WIDTH, WIDTH, bias=False), nn.BatchNorm1d(WIDTH, affine=False),
        )  # fmt: skip
        self.predict = nn.Sequential(
            nn.Linear(WIDTH, NECK, bias=False), nn.BatchNorm1d(NECK), nn.ReLU(), nn.Linear(NECK, WIDTH)
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """The mean loss of two views (B, C, S, S) of the same pictures."""
        z1, z2 = (self.project(self.trunk(view).mean(dim=(2, 3))) for view in (first, second))
        return (_away(self.predict(z1), z2) + _away(self.predict(z2), z1)) / 2


def _away(prediction: Tensor, target: Tensor) -> Tensor:
    """Negative cosine; the target stands still (section 3 of the paper)."""
    return -functional.cosine_similarity(prediction, target.detach(), dim=1).mean()


class Pool:
    """The training pictures and the unlabelled ones, as one row of pictures."""

    def __init__(self, objective: Objective, unlabelled: NDArray[uint8]) -> None:
        self._objective, self._unlabelled = objective, unlabelled
        self._rows = objective.pictures.part("train")

    def __len__(self) -> int:
        return len(self._rows) + len(self._unlabelled)

    def view(self, chosen: Array, side: int, seed: tuple[int, ...], device: torch.device) -> Tensor:
        """One variation (B, C, side, side) of some pictures, as the network takes them."""
        own, further = chosen[chosen < len(self._rows)], chosen[chosen >= len(self._rows)] - len(self._rows)
        taken = np.concatenate([self._objective.pictures.take(self._rows[own]), self._unlabelled[further]])
        images, _ = augment(
            torch.from_numpy(taken).to(device), self._objective.recipe.augmentation, side=side, seed=seed
        )
        return self._objective.inputs(images)


def _features(network: CamNet, pictures: Tensor, device: torch.device) -> int:
    """Maps of the trunk's last layer; a look at two pictures tells."""
    network.to(device).eval()
    with torch.no_grad():
        return int(network.trunk(pictures).shape[1])


def _digest(recipe: Recipe, unlabelled: int) -> str:
    """Of all that decides the result."""
    facts = [recipe.network, dict(recipe.network_options), recipe.seed, recipe.options.warm_epochs, recipe.draws]
    parts = [*facts, unlabelled, [asdict(s) for s in recipe.stages], asdict(recipe.augmentation)]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _digest_of(path: Path) -> str:
    with safetensors.safe_open(path, framework="pt") as file:
        return str((file.metadata() or {}).get("digest", ""))
