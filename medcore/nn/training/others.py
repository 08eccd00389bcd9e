"""Sets beside those trained on: never seen ones that are measured, strangers that the gate shall refuse."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import bool_, int64
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.engine import Engine
from medcore.evaluation.kept_answers import EXTERNAL, PictureAnswer
from medcore.nn.training.asking import Asked, ask
from medcore.nn.training.pictures import list_cases
from medcore.nn.training.recipe import Recipe, Source
from medcore.nn.training.report import Json, picture_answers, report
from medcore.nn.training.sources import Case
from medcore.nn.training.splits import cluster
from medcore.tasks import load_task

STRANGERS = 600  # pictures of each other kind; one half is shown to the gate, the other is what it is measured on

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Others:
    """What a model said of them.

    Args:
        groups: Figures of each set that was never trained on, as evaluation.json has them.
        refused: Share that the gate refuses, by set; of a strange set the half that the gate was not shown.
        answers: To the pictures that were never trained on.
    """

    groups: Mapping[str, Json]
    refused: Mapping[str, float]
    answers: tuple[PictureAnswer, ...]


def list_others(
    card: ModelCard, recipe: Recipe, data: Path, *, strangers: bool = True
) -> tuple[tuple[Source, tuple[Case, ...]], ...]:
    """The recipe's external sets with their pictures, and the strange ones too; without missing folders.

    Raises:
        DataSetError: A set cannot be read.
    """
    found = []
    for source in (*recipe.external, *(recipe.strangers if strangers else ())):
        if not (data / source.folder).exists():
            continue
        cases, _ = list_cases([source], data, [label.id for label in card.labels])
        if source in recipe.strangers:
            cases = cases[:: max(1, len(cases) // STRANGERS)]
        found.append((source, tuple(cases)))
    return tuple(found)


def ask_others(
    card: ModelCard,
    recipe: Recipe,
    data: Path,
    engine: Engine,
    *,
    device: str = "auto",
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Others:
    """Ask about the recipe's external and strange sets.

    Args:
        tell: Called with the pictures done and all of one set; what it raises ends the work.

    Raises:
        DataSetError: A set cannot be read.
    """
    groups: dict[str, Json] = {}
    refused: dict[str, float] = {}
    answers: list[PictureAnswer] = []
    for source, cases in list_others(card, recipe, data, strangers=card.familiarity is not None):
        asked = ask(card, load_task(card.task), cases, engine, device=device, tell=tell)
        if asked.distance is not None and card.familiarity is not None:
            beyond = asked.distance > card.familiarity.threshold
            new = ~taught(asked) if source in recipe.strangers else np.ones(len(beyond), dtype=bool)
            refused[source.name] = round(float(beyond[new].mean()), 4) if new.any() else 0.0
        if source in recipe.external:
            group = patients_of(asked)
            groups[source.name] = report(asked, card, group)["groups"]["all"]
            named = [source.name] * len(asked.cases)
            answers += picture_answers(asked, card, group, source=named, part=EXTERNAL)
            log.info("%s: %s", source.name, groups[source.name]["metrics"])
    return Others(groups, refused, tuple(answers))


def taught(asked: Asked) -> NDArray[bool_]:
    """Which pictures of a strange set a gate is shown when it is fitted: every second patient or near-duplicate group.

    A set of one picture is only measured on.
    """
    return np.asarray(np.unique(patients_of(asked), return_inverse=True)[1] % 2 == 1, dtype=bool_)


def patients_of(asked: Asked) -> NDArray[int64]:
    """The number of each picture's patient; near-duplicates count as one."""
    return cluster(asked.known, [case.patient for case in asked.cases])
