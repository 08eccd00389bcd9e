"""Gives a model that was trained before what newer trainings make: a gate, conformal sets; its weights stay."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from medcore.cards import CARD_FILE, EVALUATION_FILE, GATE_FILE, WEIGHTS_FILE, ModelCard
from medcore.engine import Engine
from medcore.errors import N_, DataSetError
from medcore.evaluation.kept_answers import ANSWERS_FILE, answers_text
from medcore.nn.training.asking import Asked, ask
from medcore.nn.training.card_file import card_text
from medcore.nn.training.evaluate import evaluate, own_cases, own_recipe
from medcore.nn.training.gate_fitting import fit_model_gate, gate_file, some_of
from medcore.nn.training.others import list_others
from medcore.nn.training.publish import (
    RECIPE_FILE,
    SPLIT_FILE,
    STAGING,
    calibrate,
    put_in_place,
    with_limits,
)
from medcore.nn.training.recipe import Recipe
from medcore.nn.training.report import tidy
from medcore.nn.training.run_folder import only_writer, write_bytes, write_text
from medcore.nn.training.sources import Case
from medcore.tasks import load_task

FEWEST = 20  # training or validation pictures from which a gate may be fitted

Tell = Callable[[int, int], None]


def complete(
    card: ModelCard,
    data: Path,
    engine: Engine,
    *,
    anew: bool = False,
    device: str = "auto",
    tell: Tell = lambda done, total: None,
) -> Path:
    """Fit a gate on the model's own training pictures and conformal sets on its validation pictures, and measure them.

    The split is the one that the model keeps in split.csv; weights, and calibration and thresholds unless `anew`, stay
    as they are. Card, evaluation and answers are written anew; the recipe's strangers are what the gate is shown.

    Args:
        data: Folder of the data sets of the model's recipe.
        anew: Fit calibration and operating points again, too.

    Raises:
        DataSetError: The data sets are not there, or too few pictures of the split are.
        NotFoundError: The model keeps no table of its split.
        TrainingError: The disk is full, or a training writes this model; the model stays as it was.
    """
    recipe = own_recipe(card, data, {})
    if recipe is None:
        raise DataSetError(N_("{path} holds none of the data sets that {model} was trained on."), path=str(data),
                           model=card.id)  # fmt: skip
    with only_writer(card.folder):
        _completed(card, recipe, data, engine, anew=anew, device=device, tell=tell)
    return card.folder


def _completed(
    card: ModelCard, recipe: Recipe, data: Path, engine: Engine, *, anew: bool, device: str, tell: Tell
) -> None:
    """Make everything in a folder of its own, then put it in place."""
    staging = card.folder / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        for name in (WEIGHTS_FILE, RECIPE_FILE, SPLIT_FILE):
            write_bytes(staging / name, (card.folder / name).read_bytes())
        fitted = _fitted(replace(card, folder=staging), recipe, data, engine, anew=anew, device=device, tell=tell)
        _measured(fitted, recipe, data, engine, old=card, device=device, tell=tell)
        for name in (WEIGHTS_FILE, RECIPE_FILE, SPLIT_FILE):
            (staging / name).unlink()
        put_in_place(staging, card.folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fitted(
    card: ModelCard, recipe: Recipe, data: Path, engine: Engine, *, anew: bool, device: str, tell: Tell
) -> ModelCard:
    """The card with its gate, whose file lies in the card's folder, and its limits."""
    card = replace(card, familiarity=None)
    own = some_of([case for case, _, _ in own_cases(card, recipe, data, "train")])
    if len(own) < FEWEST:
        raise _too_few(card, len(own))
    validation, source = _asked(card, own_cases(card, recipe, data, "validation"), engine, device=device, tell=tell)
    strange = {one.name: cases for one, cases in list_others(card, recipe, data) if one in recipe.strangers}
    gate, familiar = fit_model_gate(
        card, own, validation, strange, engine, augmentation=recipe.augmentation, device=device, tell=tell
    )  # fmt: skip
    written = gate_file(gate)
    write_bytes(card.folder / GATE_FILE, written)
    truth = np.array([case.truth for case in validation.cases], dtype=bool)
    card = replace(card, familiarity=replace(familiar, sha256=hashlib.sha256(written).hexdigest()))
    if anew and validation.masks is None:
        return calibrate(card, recipe.options, validation, truth, source)
    kept = card.conformal
    card = with_limits(card, validation, truth[:, 0], source, coverage=recipe.options.coverage)
    return card if validation.masks is None else replace(card, conformal=kept)


def _asked(
    card: ModelCard, rows: list[tuple[Case, str, int]], engine: Engine, *, device: str, tell: Tell
) -> tuple[Asked, NDArray[int64]]:
    """What the model says of pictures, and the number of each one's data set."""
    asked = ask(card, load_task(card.task), [case for case, _, _ in rows], engine, device=device, tell=tell)
    if len(asked.cases) < FEWEST:
        raise _too_few(card, len(asked.cases))
    names = {id(case): name for case, name, _ in rows}
    return asked, np.unique([names[id(case)] for case in asked.cases], return_inverse=True)[1].astype(int64)


def _too_few(card: ModelCard, count: int) -> DataSetError:
    return DataSetError(
        N_("Only {count} pictures of the split of {model} are there; {least} are needed."),
        hint=N_("The data sets must be those of its recipe, with the same names of files."),
        count=count,
        model=card.id,
        least=FEWEST,
    )


def _measured(
    card: ModelCard, recipe: Recipe, data: Path, engine: Engine, *, old: ModelCard, device: str, tell: Tell
) -> None:
    """Write evaluation.json, answers.csv and card.toml into the card's folder."""
    evaluated = evaluate(card, data, engine, device=device, tell=tell)
    path = old.folder / EVALUATION_FILE
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    found = tidy(kept | evaluated.found)
    write_text(card.folder / EVALUATION_FILE, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    labels = [label.id for label in card.labels]
    write_text(card.folder / ANSWERS_FILE, answers_text(evaluated.answers, labels))
    assert card.familiarity is not None
    card = replace(card, familiarity=replace(card.familiarity, refused=found["unfamiliar_share"]))
    write_text(card.folder / CARD_FILE, card_text(recipe, card, trained_on=old.trained_on))
