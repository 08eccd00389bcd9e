"""From a recipe and a data folder to models/<id>/: card.toml, weights.safetensors, evaluation.json."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy import uint8
from numpy.typing import NDArray

from medcore.cards import Calibration, InputContract, Label, ModelCard, load_card, verify_weights
from medcore.errors import N_, CardError
from medcore.nn.networks import CamNet, MaskNet, load_network
from medcore.nn.torch_engine import GATE
from medcore.nn.training.cache import open_cache
from medcore.nn.training.checkpoint import CHECKPOINT
from medcore.nn.training.choose_objective import objective_for
from medcore.nn.training.loop import fit, open_fabric
from medcore.nn.training.pictures import Pictures, list_cases, load_pictures
from medcore.nn.training.publish import publish
from medcore.nn.training.published import IMAGENET, start_from_imagenet
from medcore.nn.training.recipe import Recipe, load_recipe
from medcore.nn.training.run_folder import Epoch, only_training, only_writer, write_text
from medcore.nn.training.warm import WARM, warm_start
from medcore.tasks import load_task

CACHE = "cache"
RECIPE_DIGEST = "recipe.sha256"  # beside a checkpoint: of which recipe it is
SPLIT_DIGEST = "split.sha256"  # beside it: which pictures it learnt from; other ones would be judged on what it knows

log = logging.getLogger(__name__)


def train(
    recipe_path: Path,
    *,
    data: Path,
    out: Path,
    work: Path,
    device: str = "cpu",
    devices: int = 1,
    nodes: int = 1,
    resume: bool = False,
    tell: Callable[[Epoch, int], None] = lambda epoch, total: None,
    reading: Callable[[int, int], None] = lambda done, total: None,
    stop: Callable[[], None] = lambda: None,
    judging: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Train, calibrate on the validation split, evaluate on the test split; write the model folder and return it.

    Args:
        recipe_path: The TOML recipe.
        data: Folder that holds the recipe's source folders.
        out: The model folder to write, models/<id>.
        work: Folder for checkpoints; prepared pictures are kept beside it, for all trainings.
        device: "cpu" or "cuda".
        devices, nodes: How many of them; under torchrun it says.
        resume: Go on from a checkpoint in `work`.
        tell: Called after every epoch.
        reading: Called while pictures are decoded.
        stop: Called before every step; what it raises ends the training, which can be resumed.
        judging: Called when the training is over and the network's answers are measured, with the pictures done and all
            of them; what it raises ends the work, which can be resumed.

    Raises:
        CardError: The recipe cannot be used.
        DataSetError: The pictures cannot be learnt from.
        TrainingError: Another training runs in `work` or writes `out`, the disk is full, or the loss is no number.
    """
    recipe = load_recipe(recipe_path)
    draft = draft_card(recipe, out)
    torch.manual_seed(recipe.seed)
    network = build(recipe, draft)
    fabric = open_fabric(device, devices=devices, nodes=nodes, precision=recipe.options.precision)
    if not fabric.is_global_zero:  # the others wait until the first has decoded everything
        fabric.barrier()
        pictures = _pictures(recipe, draft, data, work, reading, masks=isinstance(network, MaskNet))
        fit(network, objective_for(network, recipe, pictures, load_task(recipe.task)), fabric=fabric, folder=work,
            resume=resume)  # fmt: skip
        return out
    with only_training(work), only_writer(out):
        _refuse_mistakes_in_others(recipe, draft, data)
        pictures = _pictures(recipe, draft, data, work, reading, masks=isinstance(network, MaskNet))
        resume = _same_training(work, recipe_path, pictures) and resume
        fabric.barrier()
        objective = objective_for(network, recipe, pictures, load_task(recipe.task))
        if not (resume and (work / CHECKPOINT).exists()):
            further = partial(_unlabelled, recipe, draft, data, work, reading)
            warm_start(network, objective, unlabelled=further, folder=work, device=fabric.device, stop=stop)
        best = fit(network, objective, fabric=fabric, folder=work, resume=resume, tell=tell, stop=stop)
        return publish(
            best, recipe, pictures, draft=draft, data=data, work=work, recipe_path=recipe_path, judging=judging
        )


def _refuse_mistakes_in_others(recipe: Recipe, draft: ModelCard, data: Path) -> None:
    """Name a mistake in the sets that are only measured on now, not after the training."""
    for source in (*recipe.external, *recipe.strangers):
        list_cases([source], data, [label.id for label in draft.labels])


def _pictures(
    recipe: Recipe, draft: ModelCard, data: Path, work: Path, reading: Callable[[int, int], None], *, masks: bool
) -> Pictures:
    cache = work.parent / CACHE
    task = load_task(recipe.task)
    return load_pictures(
        recipe.sources, data, task=task, card=draft, seed=recipe.seed, cache=cache, tell=reading, masks=masks,
        start_from=recipe.options.start_from,
    )  # fmt: skip


def _unlabelled(
    recipe: Recipe, draft: ModelCard, data: Path, work: Path, reading: Callable[[int, int], None]
) -> NDArray[uint8]:
    """Pictures (M, side, side) of the recipe's unlabelled sources."""
    cases, _ = list_cases(recipe.unlabelled, data, [label.id for label in draft.labels])
    if not cases:
        return np.zeros((0, draft.contract.size, draft.contract.size), dtype=uint8)
    kept = open_cache(work.parent / CACHE, cases, task=load_task(recipe.task), card=draft, tell=reading)
    return np.asarray(kept.seen[kept.readable])


def build(recipe: Recipe, draft: ModelCard) -> CamNet:
    """The network to train, its trunk taken from another model where the recipe says so.

    Raises:
        CardError: The network cannot be built with these options, or the other model does not fit.
    """
    architecture = load_network(recipe.network)
    try:
        network = architecture.build(
            channels=draft.contract.channels, labels=len(draft.labels), **recipe.network_options
        )
    except (TypeError, ValueError, RuntimeError) as error:
        raise CardError(
            N_("The network {network} cannot be built with the recipe's options ({reason})."),
            network=recipe.network,
            reason=str(error),
        ) from error
    unknown = set(recipe.network_options) - set(architecture.options)
    if unknown:
        raise CardError(
            N_("The network {network} has no option “{name}”."),
            hint=N_("Known options here: {known}."),
            network=recipe.network,
            name=sorted(unknown)[0],
            known=", ".join(architecture.options),
        )
    if recipe.options.start_from == IMAGENET:
        log.info("%d tensors taken from published weights", start_from_imagenet(network, recipe.network))
    elif recipe.options.start_from:
        _start_from(network, draft, recipe.options.start_from)
    return network


def _start_from(network: CamNet, draft: ModelCard, model: str) -> None:
    """Take over what fits of another model: its trunk, and all of it where it answers the same; there must be some."""
    card = load_card(draft.folder.parent / model)
    alike = [label.id for label in card.labels] == [label.id for label in draft.labels]
    verify_weights(card)
    theirs = {k: v.float() for k, v in safetensors.torch.load_file(card.weights).items() if not k.startswith(GATE)}
    own = network.state_dict()
    deeper, plain = "trunk.body.", "trunk."  # a detector carries its trunk one level deeper
    fitting = {}
    for name, tensor in own.items():
        named = [name] if alike else []
        for prefix in (deeper, plain):
            if name.startswith(prefix):
                rest = name.removeprefix(prefix)
                named += [plain + rest, deeper + rest]
        for other in named:
            if other in theirs and theirs[other].shape == tensor.shape:
                fitting[name] = theirs[other]
                break
    if not any(tensor.ndim > 1 for tensor in fitting.values()):  # counts and scales alone say nothing
        raise CardError(
            N_("Nothing of the model {model} fits the network to train."),
            hint=N_("Start from a model of the same network and width."),
            model=model,
        )
    network.load_state_dict({**own, **fitting})
    log.info("%d of %d tensors taken from %s", len(fitting), len(own), model)


def _same_training(work: Path, recipe: Path, pictures: Pictures) -> bool:
    """Whether the checkpoint is of this very recipe and split; one that is not is put away, and both are noted."""
    rows = sorted(
        f"{s} {case.name} {part}" for s, case, part in zip(pictures.source, pictures.cases, pictures.split, strict=True)
    )
    same = True
    for name, content, changed in (
        (RECIPE_DIGEST, recipe.read_bytes(), "the recipe has changed"),
        (SPLIT_DIGEST, "\n".join(rows).encode(), "the pictures or their parts have changed"),
    ):
        digest, path = hashlib.sha256(content).hexdigest(), work / name
        if path.exists() and path.read_text(encoding="utf-8").strip() != digest:
            same = False
            if (work / CHECKPOINT).exists():
                log.warning("%s since the checkpoint was made; starting anew", changed)
            for stale in (CHECKPOINT, WARM):
                (work / stale).unlink(missing_ok=True)
        write_text(path, digest)
    return same


def draft_card(recipe: Recipe, out: Path) -> ModelCard:
    """The card as far as preprocessing needs it, before there are weights.

    Raises:
        CardError: The recipe's card lacks a field.
    """
    try:
        entry: dict[str, Any] = dict(recipe.card["input"])
        contract = InputContract(
            modalities=tuple(entry["modalities"]),
            body_parts=tuple(entry["body_parts"]),
            views=tuple(entry["views"]),
            channels=int(entry["channels"]),
            size=int(entry["size"]),
            min_pixels=int(entry["min_pixels"]),
        )
        labels = tuple(Label(str(x["id"]), str(x["title"]), 0.5) for x in recipe.card["labels"])
        title, version = str(recipe.card["title"]), str(recipe.card["version"])
    except (KeyError, TypeError, ValueError) as error:
        raise CardError(
            N_("The recipe's card lacks a field or has one of the wrong form ({reason})."), reason=str(error)
        ) from error
    return ModelCard(
        id=out.name,
        title=title,
        task=recipe.task,
        network=recipe.network,
        version=version,
        sha256="0" * 64,
        labels=labels,
        calibration=Calibration(),
        contract=contract,
        options=MappingProxyType(dict(recipe.network_options)),
        precision="float32",
        summary="",
        intended_use="",
        training_data=(),
        limits=(),
        licence="",
        attribution=(),
        folder=out,
        views=recipe.options.views,
    )
