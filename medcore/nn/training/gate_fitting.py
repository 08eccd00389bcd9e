"""Fits a model's gate: on its own pictures as they are and as training varied them, and on pictures of other things."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import safetensors.torch
import torch
from numpy import bool_, float32
from numpy.typing import NDArray

from medcore.cards import Familiarity, ModelCard
from medcore.engine import Engine
from medcore.evaluation.gate import REFUSED_ON_VALIDATION, Gate, fit_gate, gate_threshold, with_strangers
from medcore.nn.torch_engine import GATE
from medcore.nn.training.asking import Asked, ask
from medcore.nn.training.augment import augment
from medcore.nn.training.options import Augmentation
from medcore.nn.training.others import taught
from medcore.nn.training.sources import Case
from medcore.tasks import load_task

GATE_PICTURES = 1000  # training pictures the gate is fitted on, each as it is and varied

Tell = Callable[[int, int], None]


def fit_model_gate(
    card: ModelCard,
    own: Sequence[Case],
    validation: Asked,
    strangers: Mapping[str, Sequence[Case]],
    engine: Engine,
    *,
    augmentation: Augmentation,
    device: str = "auto",
    tell: Tell = lambda done, total: None,
) -> tuple[Gate, Familiarity]:
    """A gate for the card's network, and its threshold.

    What training varied is familiar: without the varied pictures a film of another hospital, with other margins and
    exposure, would be as strange as a picture of something else. Of each strange set one half is shown to the gate
    (see `taught`); the other half is what `ask_others` measures.

    Args:
        own: Training pictures.
        validation: What the model says of the validation pictures.
        strangers: Pictures of other things, by the name of their set; none: the gate knows its own pictures only.
        augmentation: Of the recipe.
        tell: Called with the pictures done and all of one set; what it raises ends the work.

    Raises:
        WeightsError: The model cannot be loaded.
    """
    plain, task = replace(card, familiarity=None), load_task(card.task)

    def features(cases: Sequence[Case], *, varied: bool) -> NDArray[float32]:
        alter = _variation(augmentation) if varied else None
        return ask(plain, task, cases, engine, device=device, alter=alter, tell=tell).features

    shown = np.concatenate([features(own, varied=False), features(own, varied=True)])
    judged = np.concatenate([validation.features, features(validation.cases, varied=True)])
    kinds = {name: _halves(ask(plain, task, cases, engine, device=device, tell=tell))
             for name, cases in strangers.items()}  # fmt: skip
    kinds = {name: (learnt, rest) for name, (learnt, rest) in kinds.items() if len(learnt)}
    bare = fit_gate(shown)

    def knowing(names: Sequence[str]) -> tuple[Gate, float]:
        """The gate that was shown these kinds, and its threshold."""
        gate = bare
        if names:
            gate = with_strangers(bare, shown, np.concatenate([kinds[name][0] for name in names]), judged)
        return gate, round(gate_threshold(gate.distance(judged)), 4)

    unseen = {}
    for name in kinds if len(kinds) > 1 else ():
        gate, threshold = knowing([other for other in kinds if other != name])
        refused = gate.distance(np.concatenate(kinds[name])) > threshold
        unseen[name] = round(float(refused.mean()), 4)
    gate, threshold = knowing(list(kinds))
    return gate, Familiarity(threshold, REFUSED_ON_VALIDATION, refused_unseen=unseen)


def some_of(cases: Sequence[Case]) -> list[Case]:
    """The training pictures on which a gate is fitted, always the same."""
    chosen = np.random.default_rng(0).permutation(len(cases))[:GATE_PICTURES]
    return [cases[int(i)] for i in np.sort(chosen)]


def gate_tensors(gate: Gate) -> dict[str, torch.Tensor]:
    """A gate by the names it has in a weight file."""
    tensors = {
        GATE + "mean": torch.from_numpy(gate.mean),
        GATE + "directions": torch.from_numpy(gate.directions),
        GATE + "rest": torch.tensor(gate.rest),
    }
    if gate.away is None:
        return tensors
    return tensors | {GATE + "away": torch.from_numpy(gate.away), GATE + "start": torch.tensor(gate.start)}


def gate_file(gate: Gate) -> bytes:
    """A gate as the safetensors file beside a model's weights."""
    return safetensors.torch.save(gate_tensors(gate))


def _halves(asked: Asked) -> tuple[NDArray[float32], NDArray[float32]]:
    """Features of the half that the gate is shown, and of the other."""
    learnt: NDArray[bool_] = taught(asked)
    return asked.features[learnt], asked.features[~learnt]


def _variation(options: Augmentation) -> Callable[[NDArray[float32], int], NDArray[float32]]:
    """Varies network inputs (N, C, ..., S, S) as training varied its pictures; nothing is greyed out."""
    options = replace(options, erase=0.0)

    def alter(inputs: NDArray[float32], number: int) -> NDArray[float32]:
        if inputs.shape[-1] != inputs.shape[-2]:
            return inputs
        low, high = float(inputs.min()), float(inputs.max())
        planes = torch.from_numpy((inputs - low) / max(high - low, 1e-6)).flatten(1, -3)
        side, changed = inputs.shape[-1], torch.empty_like(planes)
        for channel in range(planes.shape[1]):  # the same seed: channels stay together
            changed[:, channel] = augment(planes[:, channel], options, side=side, seed=(number,))[0][:, 0]
        return np.asarray(changed.reshape(inputs.shape).numpy() * (high - low) + low, dtype=float32)

    return alter
