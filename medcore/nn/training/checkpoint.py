"""What a training needs to go on after a kill: one safetensors file, replaced in one step; never a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from medcore.errors import N_, TrainingError
from medcore.nn.networks import CamNet
from medcore.nn.training.run_folder import CURVES, Epoch, write_bytes, write_text

CHECKPOINT, BEST = "checkpoint.safetensors", "best.safetensors"


@dataclass(slots=True)
class Learner:
    """What training changes: the network, its running average, the optimiser and how far it got."""

    network: CamNet
    average: AveragedModel
    optimiser: torch.optim.Optimizer
    history: list[Epoch] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Number of the next epoch."""
        return len(self.history)


def save_checkpoint(folder: Path, learner: Learner) -> None:
    """Weights, running average, optimiser moments and history; the running average alone as well when it is the best.

    Raises:
        TrainingError: The disk is full; the checkpoint before is still there.
    """
    average = {f"average.{k}": v for k, v in learner.average.state_dict().items()}
    state: dict[str, Tensor] = {f"network.{k}": v for k, v in learner.network.state_dict().items()} | average
    for i, moments in learner.optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{i}.{k}": v for k, v in moments.items()}
    if learner.history and learner.history[-1].best:
        write_tensors(folder / BEST, learner.average.module.state_dict(), {})
    history = json.dumps([asdict(epoch) for epoch in learner.history])
    write_tensors(folder / CHECKPOINT, state, {"history": history})
    write_text(folder / CURVES, "".join(json.dumps(asdict(e)) + "\n" for e in learner.history))


def load_checkpoint(folder: Path, learner: Learner) -> bool:
    """Go on from a folder's checkpoint; False when there is none.

    Raises:
        TrainingError: It is of another recipe, or damaged.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return False
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            history = json.loads(file.metadata()["history"])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
        moments: dict[int, dict[str, Any]] = {}
        for name, value in state.items():
            if name.startswith("optimiser."):
                _, i, key = name.split(".", 2)
                moments.setdefault(int(i), {})[key] = value
        learner.network.load_state_dict({k[8:]: v for k, v in state.items() if k.startswith("network.")})
        learner.average.load_state_dict({k[8:]: v for k, v in state.items() if k.startswith("average.")})
        learner.optimiser.load_state_dict({**learner.optimiser.state_dict(), "state": moments})
        learner.history[:] = [Epoch(**entry) for entry in history]
    except (OSError, safetensors.SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise TrainingError(
            N_("The checkpoint in {folder} does not fit this recipe."),
            hint=N_("Start without --resume, or give the recipe that it was made with."),
            folder=str(folder),
        ) from error
    return True


def load_best(folder: Path, network: CamNet) -> CamNet:
    """The network with the best running average."""
    network.load_state_dict(safetensors.torch.load_file(folder / BEST))
    return network.eval()


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """A safetensors file, replaced in one step.

    Raises:
        TrainingError: The disk is full.
    """
    plain = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    write_bytes(path, safetensors.torch.save(plain, metadata=dict(metadata)))
