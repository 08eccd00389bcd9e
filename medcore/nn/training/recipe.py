"""A training recipe: what to train on what, read from a TOML file that stays beside the trained model."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcore.errors import N_, CardError


@dataclass(frozen=True, slots=True)
class Source:
    """One data set: a folder with an index.csv.

    Args:
        name: Shown in the evaluation.
        folder: Where index.csv and the pictures are, relative to the data folder.
        column: Column of index.csv that holds the label.
        positive: Values of that column that mean "finding present"; all others mean absent; "*" means every value.
        group: Column of index.csv that names the patient.
        weight: Share of training draws; half of it positive, half negative, so that the source says nothing
            about the label. 0 for a source that is only evaluated on.
    """

    name: str
    folder: str
    column: str
    positive: tuple[str, ...]
    group: str
    weight: float


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of training at one picture size, in pixels; later stages go on from earlier ones."""

    size: int
    epochs: int
    batch: int
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a training run; `card` is what the trained model's card will say."""

    task: str
    network: str
    options: Mapping[str, int | float]
    seed: int
    draws: int  # pictures per epoch
    weight_decay: float
    label_smoothing: float
    average: float  # decay of the running average of weights that is shipped
    sources: tuple[Source, ...]
    external: tuple[Source, ...]  # never trained on; the whole of them is a test of its own
    stages: tuple[Stage, ...]
    card: Mapping[str, Any]


def load_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file.

    Raises:
        CardError: It cannot be read or lacks a field.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return Recipe(
            task=table["task"],
            network=table["network"],
            options=table.get("options", {}),
            seed=int(table["seed"]),
            draws=int(table["draws"]),
            weight_decay=float(table["weight_decay"]),
            label_smoothing=float(table["label_smoothing"]),
            average=float(table["average"]),
            sources=_sources(table["sources"]),
            external=_sources(table.get("external", [])),
            stages=tuple(Stage(**s) for s in table["stages"]),
            card=table["card"],
        )
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise CardError(
            N_("{path}: the training recipe cannot be used ({reason})."), path=str(path), reason=str(error)
        ) from error


def _sources(tables: Sequence[Mapping[str, Any]]) -> tuple[Source, ...]:
    return tuple(Source(**{"weight": 0.0, **table, "positive": tuple(table["positive"])}) for table in tables)
