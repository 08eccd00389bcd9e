"""The training loop on Lightning Fabric: one or many devices, stages of growing picture size, the best checkpoint."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from medcore.errors import N_, CardError, TrainingError
from medcore.nn.networks import CamNet, skip_blocks
from medcore.nn.training.checkpoint import BEST, Learner, load_best, load_checkpoint, save_checkpoint
from medcore.nn.training.objectives import Batch, Objective
from medcore.nn.training.options import Options
from medcore.nn.training.pictures import draw
from medcore.nn.training.recipe import Recipe, Stage
from medcore.nn.training.run_folder import Epoch
from medcore.nn.training.schedule import rate

LOOK_EVERY = 16  # steps between two looks at the loss on a graphics card, each of which waits for it
SMALLER_IS_BETTER = ("loss",)

log = logging.getLogger(__name__)

Tell = Callable[[Epoch, int], None]  # an epoch that is done, and how many there are at most
Stop = Callable[[], None]  # raises when the user wants to stop


class Learning(nn.Module):
    """Network and objective as one module whose forward is the loss, so that several devices share its gradient."""

    def __init__(self, network: CamNet, objective: Objective) -> None:
        super().__init__()
        self.network = network
        self._objective = objective

    def forward(self, batch: Batch) -> Tensor:
        """The mean loss of a batch."""
        return self._objective.loss(self.network, batch)


def open_fabric(device: str, *, devices: int = 1, nodes: int = 1, precision: str = "bf16") -> Fabric:
    """Where to train: under torchrun what it says, else one or several devices of this machine.

    Args:
        device: "cpu", "cuda" or "cuda:N".
    """
    kind, _, number = device.partition(":")
    under_torchrun = "TORCHELASTIC_RUN_ID" in os.environ
    if under_torchrun:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    chosen = [int(number)] if number and devices == 1 else devices
    fabric = Fabric(
        accelerator=kind,
        devices=chosen,
        num_nodes=nodes,
        strategy="ddp" if under_torchrun or devices * nodes > 1 else "auto",
        precision="bf16-mixed" if precision == "bf16" else "32-true",
    )
    fabric.launch()
    return fabric


def fit(
    network: CamNet,
    objective: Objective,
    *,
    fabric: Fabric,
    folder: Path,
    resume: bool,
    tell: Tell = lambda epoch, total: None,
    stop: Stop = lambda: None,
) -> CamNet:
    """Train by the objective's recipe and return the best running average of the weights, on the CPU.

    Args:
        folder: Takes the checkpoint after every epoch.
        resume: Go on from the checkpoint in `folder`, if there is one.
        tell: Called after every epoch.
        stop: Called before every step; what it raises ends the training, which can be resumed.

    Raises:
        TrainingError: The loss is no number, or the disk is full.
    """
    recipe = objective.recipe
    learner = _start(network, recipe, fabric)
    if resume and load_checkpoint(folder, learner):
        log.info("resumed at epoch %d", learner.epoch)
    elif fabric.is_global_zero:
        (folder / BEST).unlink(missing_ok=True)
    learning = Learning(learner.network, objective)
    module, optimiser = fabric.setup(learning, learner.optimiser)
    total = sum(stage.epochs for stage in recipe.stages)
    for number, stage, progress in _plan(recipe):
        if number < learner.epoch:
            continue
        if _patience_is_over(learner.history, recipe.options.patience):
            break
        started = time.perf_counter()
        loss, count = _one_epoch(
            module, optimiser, learner, objective, stage=stage, progress=progress, fabric=fabric, stop=stop
        )
        working = time.perf_counter() - started
        _refuse_no_number(_sum_of_weights(learner), number)  # the last step of all has no loss after it
        metrics = _validate(learner, objective, stage, fabric)
        seconds = time.perf_counter() - started
        epoch = Epoch(
            number=number,
            size=stage.size,
            loss=loss,
            metrics=metrics,
            seconds=seconds,
            images_per_second=count / working,
            seconds_left=_seconds_left(recipe, number, seconds / _side(stage) ** 2),
            best=_is_best(metrics, [e for e in learner.history if e.size == stage.size], recipe.options.choose),
        )
        learner.history.append(epoch)
        if fabric.is_global_zero:
            save_checkpoint(folder, learner)
            tell(epoch, total)
            log.info("epoch %d of %d: %s", number + 1, total, _in_words(epoch))
        fabric.barrier()
    return load_best(folder, learner.network.to("cpu"))


def _in_words(epoch: Epoch) -> str:
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in epoch.metrics.items())
    return f"{epoch.size} px, loss {epoch.loss:.4f}, validation {metrics}, {epoch.images_per_second:.0f} images/s"


def _start(network: CamNet, recipe: Recipe, fabric: Fabric) -> Learner:
    options = recipe.options
    network.dropout.p = options.dropout
    skip_blocks(network, options.stochastic_depth)
    if fabric.world_size > 1 and fabric.device.type == "cuda":
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    network.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    average = AveragedModel(network, multi_avg_fn=_running_average(options.average), use_buffers=True)
    plain = [p for p in network.parameters() if p.ndim < 2]  # biases and norms do not decay
    decayed = [p for p in network.parameters() if p.ndim >= 2]
    groups = [{"params": plain, "weight_decay": 0.0}, {"params": decayed, "weight_decay": options.weight_decay}]
    return Learner(network, average, torch.optim.AdamW(groups, lr=1e-3))


def _running_average(decay: float) -> Callable[..., None]:
    """An exponential average that forgets its start sooner: after n steps no slower than (1 + n) / (10 + n)."""

    @torch.no_grad()
    def update(averages: list[Tensor], values: list[Tensor], steps: Tensor | int) -> None:
        n = int(steps)
        keep = min(decay, (1 + n) / (10 + n))
        if averages[0].is_floating_point():  # torch gives tensors of one kind at a time
            torch._foreach_lerp_(averages, values, 1 - keep)
        else:  # counts of batches
            torch._foreach_copy_(averages, values)

    return update


def _plan(recipe: Recipe) -> Iterator[tuple[int, Stage, float]]:
    """Epoch number, its stage, and how much of the stage lies behind it (0..1)."""
    number = 0
    for stage in recipe.stages:
        for i in range(stage.epochs):
            yield number, stage, i / stage.epochs
            number += 1


def _one_epoch(
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    learner: Learner,
    objective: Objective,
    *,
    stage: Stage,
    progress: float,
    fabric: Fabric,
    stop: Stop,
) -> tuple[float, int]:
    """Mean loss and number of pictures; everything random hangs on seed, epoch, step and device alone."""
    recipe, options = objective.recipe, objective.recipe.options
    random = np.random.default_rng((recipe.seed, learner.epoch))
    rows = draw(objective.pictures, recipe.sources, recipe.draws, random, balance=options.balance)
    torch.manual_seed(recipe.seed * 1000 + learner.epoch * fabric.world_size + fabric.global_rank)
    steps = max(1, len(rows) // stage.batch)
    look_every = 1 if fabric.device.type == "cpu" else LOOK_EVERY
    total = torch.zeros((), device=fabric.device)
    module.train()
    for step in range(steps):
        stop()
        chosen = rows[step * stage.batch : (step + 1) * stage.batch][fabric.global_rank :: fabric.world_size]
        _set_rate(optimiser, stage, progress + step / steps / stage.epochs)
        parts = [part for part in np.array_split(chosen, options.accumulate) if len(part)]
        for number, part in enumerate(parts):
            seed = (recipe.seed, learner.epoch, step, number, fabric.global_rank)
            batch = objective.batch(part, stage=stage, seed=seed, device=fabric.device)
            last = number == len(parts) - 1
            with nullcontext() if last else fabric.no_backward_sync(module):  # type: ignore[arg-type]
                loss = module(batch) * (len(part) / len(chosen))
                fabric.backward(loss)
            total += loss.detach()
        _step(module, optimiser, learner, options, fabric)
        if step % look_every == 0 or step == steps - 1:
            _refuse_no_number(total, learner.epoch)
    mean = float(fabric.all_reduce(total / steps, reduce_op="mean"))  # type: ignore[arg-type]
    return mean, steps * stage.batch


def _step(
    module: nn.Module, optimiser: torch.optim.Optimizer, learner: Learner, options: Options, fabric: Fabric
) -> None:
    if options.clip > 0:
        fabric.clip_gradients(module, optimiser, max_norm=options.clip, error_if_nonfinite=False)
    optimiser.step()
    optimiser.zero_grad()
    learner.average.update_parameters(learner.network)


def _set_rate(optimiser: torch.optim.Optimizer, stage: Stage, progress: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate(stage, progress)


@torch.no_grad()
def _sum_of_weights(learner: Learner) -> Tensor:
    return torch.stack([p.double().sum() for p in learner.average.parameters()]).sum()


def _refuse_no_number(total: Tensor, epoch: int) -> None:
    if not bool(torch.isfinite(total)):
        raise TrainingError(
            N_("In epoch {epoch} the loss is no longer a number."),
            hint=N_("Lower the learning rate, or set precision to float32; --resume goes on from the epoch before."),
            epoch=epoch + 1,
        )


def _validate(learner: Learner, objective: Objective, stage: Stage, fabric: Fabric) -> dict[str, float]:
    """Metrics of the running average; every device gets the same."""
    average = learner.average.module
    assert isinstance(average, CamNet)
    average.eval()
    with fabric.autocast():
        found = dict(objective.validate(average, side=stage.size, device=fabric.device))
    shared: dict[str, float] = fabric.broadcast(found)
    return shared


def _is_best(metrics: dict[str, float], history: list[Epoch], choose: str) -> bool:
    """Whether an epoch beats those before it at the same picture size; weights of a smaller one may not ship."""
    if not choose:
        return True
    if choose not in metrics:
        raise CardError(N_("There is no “{name}” among: {known}."), name=choose, known=", ".join(sorted(metrics)))
    sign = -1 if choose in SMALLER_IS_BETTER else 1
    before = [sign * e.metrics[choose] for e in history if math.isfinite(e.metrics[choose])]
    return not before or sign * metrics[choose] > max(before)


def _patience_is_over(history: list[Epoch], patience: int) -> bool:
    since_best = next((i for i, epoch in enumerate(reversed(history)) if epoch.best), 0)
    return patience > 0 and since_best >= patience


def _seconds_left(recipe: Recipe, done: int, seconds_per_area: float) -> float:
    """Time is taken to grow with the area of the pictures."""
    return sum(seconds_per_area * _side(stage) ** 2 for number, stage, _ in _plan(recipe) if number > done)


def _side(stage: Stage) -> int:
    """Of what the network is given in training, in pixels."""
    return stage.crop or stage.size
