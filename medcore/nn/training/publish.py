"""From a trained network to a model folder: calibrated, judged as it is served, and put in place in one go."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy import float64
from numpy.typing import NDArray

from medcore.cards import (
    CARD_FILE,
    EVALUATION_FILE,
    GATE_FILE,
    WEIGHTS_FILE,
    Calibration,
    Estimate,
    ModelCard,
)
from medcore.engine import Engine
from medcore.evaluation.calibration import best_threshold, fit_calibration, probabilities
from medcore.evaluation.classification import Answers, measure
from medcore.evaluation.conformal import fit_conformal
from medcore.evaluation.controls import control_scores
from medcore.evaluation.kept_answers import ANSWERS_FILE, answers_text
from medcore.nn.networks import CamNet, MaskNet
from medcore.nn.torch_engine import TorchEngine
from medcore.nn.training.asking import Asked, ask
from medcore.nn.training.card_file import card_text
from medcore.nn.training.gate_fitting import GATE_PICTURES, fit_model_gate, gate_tensors, some_of
from medcore.nn.training.mask_points import calibrate_masks
from medcore.nn.training.options import Options
from medcore.nn.training.others import Others, ask_others, list_others
from medcore.nn.training.pictures import Pictures
from medcore.nn.training.recipe import Recipe, Source
from medcore.nn.training.report import Json, picture_answers, report, tidy
from medcore.nn.training.run_folder import CURVES, write_bytes, write_text
from medcore.nn.training.splits import SPLITS, split_table, thumbnails
from medcore.settings import Settings
from medcore.tasks import load_task
from medcore.volume import Array

RECIPE_FILE, SPLIT_FILE, LOG_FILE = "recipe.toml", "split.csv", "training.jsonl"
STAGING = ".new"

Judging = Callable[[int, int], None]  # pictures that were asked about, and all of them


def publish(
    network: CamNet,
    recipe: Recipe,
    pictures: Pictures,
    *,
    draft: ModelCard,
    data: Path,
    work: Path,
    recipe_path: Path,
    judging: Judging = lambda done, total: None,
) -> Path:
    """Write the model folder `draft.folder`: weights (fp16), card, evaluation, split, recipe, training log.

    Everything is made in a folder of its own first; the card goes in place last, and with it the model.

    Args:
        judging: Called with the pictures that were asked about and all of them; what it raises ends the work.

    Raises:
        TrainingError: The disk is full; the model that was there before still is.
    """
    staging = draft.folder / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        _judge(network, recipe, pictures, card=replace(draft, folder=staging), data=data, judging=judging)
        write_bytes(staging / RECIPE_FILE, recipe_path.read_bytes())
        if (work / CURVES).exists():
            write_bytes(staging / LOG_FILE, (work / CURVES).read_bytes())
        put_in_place(staging, draft.folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return draft.folder


def _judge(
    network: CamNet, recipe: Recipe, pictures: Pictures, *, card: ModelCard, data: Path, judging: Judging
) -> None:
    """Write weights, evaluation, answers, split and card into the card's folder."""
    staging = card.folder
    weights = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    card = _write_weights(card, weights)
    engine: Engine = TorchEngine(Settings(device="cpu"))
    tell = _counting(card, recipe, pictures, data, judging)
    validation = _ask(card, pictures.part("validation"), pictures, engine, tell)
    own = some_of([pictures.cases[int(i)] for i in pictures.part("train")])
    strange = {one.name: cases for one, cases in list_others(card, recipe, data) if one in recipe.strangers}
    gate, familiar = fit_model_gate(
        card, own, validation, strange, engine, augmentation=recipe.augmentation, tell=tell
    )  # fmt: skip
    card = replace(_write_weights(card, weights | gate_tensors(gate)), familiarity=familiar)
    if isinstance(network, MaskNet):
        card = calibrate_masks(card, network, pictures)
    else:
        rows = pictures.part("validation")
        card = calibrate(card, recipe.options, validation, pictures.truth[rows], pictures.source[rows])
    test_rows = pictures.part("test")
    test = _ask(card, test_rows, pictures, engine, tell)
    sources = [recipe.sources[int(pictures.source[i])].name for i in test_rows]
    group = pictures.group[test_rows]
    evaluation = _describe(recipe, pictures, card) | report(test, card, group, source=sources)
    others = ask_others(card, recipe, data, engine, tell=tell)
    card = _with_others(card, evaluation, others)
    write_text(staging / EVALUATION_FILE, json.dumps(tidy(evaluation), indent=1, ensure_ascii=False) + "\n")
    answers = (*picture_answers(test, card, group, source=sources), *others.answers)
    write_text(staging / ANSWERS_FILE, answers_text(answers, [label.id for label in card.labels]))
    split = split_table(
        [case.name for case in pictures.cases],
        [recipe.sources[int(s)].name for s in pictures.source],
        pictures.split,
        group=pictures.group,
        seen=pictures.take(np.arange(len(pictures.cases))),
    )
    write_text(staging / SPLIT_FILE, split)
    card = replace(card, split_sha256=hashlib.sha256(split.encode()).hexdigest())
    today = datetime.now(UTC).date().isoformat()
    write_text(staging / CARD_FILE, card_text(recipe, card, trained_on=today))


def _counting(card: ModelCard, recipe: Recipe, pictures: Pictures, data: Path, judging: Judging) -> Judging:
    """Tells of each set's pictures as a part of all that will be asked about."""
    total = 2 * min(GATE_PICTURES, len(pictures.part("train"))) + 2 * len(pictures.part("validation"))
    total += len(pictures.part("test"))
    for source, cases in list_others(card, recipe, data):
        total += len(cases) * (2 if source in recipe.strangers else 1)
    before = 0

    def tell(done: int, of_set: int) -> None:
        nonlocal before
        judging(before + done, total)
        if done == of_set:
            before += done

    judging(0, total)
    return tell


def calibrate(card: ModelCard, options: Options, validation: Asked, truth: Array, source: Array) -> ModelCard:
    """Calibration, operating points and conformal limits, all from the validation split.

    Args:
        truth: (N, labels) of the validation pictures.
        source: (N,) number of each picture's data set.
    """
    logit = validation.logits
    weight = _cell_weights(truth[:, 0], source)
    mixed = weight if options.calibration_mix == "even" else np.ones_like(weight)
    calibration = fit_calibration(
        truth.ravel(), logit.ravel(), np.repeat(mixed, truth.shape[1]), method=options.calibration
    )
    rounded = Calibration(
        round(calibration.slope, 6),
        round(calibration.offset, 6),
        tuple((round(x, 5), round(y, 5)) for x, y in calibration.knots),
    )
    labels = []
    for number, label in enumerate(card.labels):
        found = best_threshold(
            truth[:, number],
            probabilities(logit[:, number], rounded),
            weight,
            method=options.operating_point,
            target=options.operating_target,
        )
        labels.append(replace(label, threshold=round(found, 4)))
    card = replace(card, calibration=rounded, labels=tuple(labels))
    return with_limits(card, validation, truth[:, 0], source, coverage=options.coverage)


def with_limits(card: ModelCard, validation: Asked, truth: Array, source: Array, *, coverage: float) -> ModelCard:
    """Conformal limits for the card's calibration, from validation pictures.

    Args:
        truth: (N,) of the first label.
        source: (N,) number of each picture's data set.
    """
    found = probabilities(validation.logits[:, 0], card.calibration)
    limits = fit_conformal(truth, found, source, coverage=coverage)
    limits = replace(limits, positive_from=round(limits.positive_from, 5), negative_to=round(limits.negative_to, 5))
    return replace(card, conformal=limits)


def _write_weights(card: ModelCard, weights: dict[str, torch.Tensor]) -> ModelCard:
    data = safetensors.torch.save({k: v.contiguous() for k, v in weights.items()})
    write_bytes(card.folder / WEIGHTS_FILE, data)
    return replace(card, sha256=hashlib.sha256(data).hexdigest())


def _ask(card: ModelCard, rows: Array, pictures: Pictures, engine: Engine, tell: Judging) -> Asked:
    return ask(card, load_task(card.task), [pictures.cases[int(i)] for i in rows], engine, tell=tell)


def _with_others(card: ModelCard, evaluation: Json, others: Others) -> ModelCard:
    """Adds figures of the external sets to the evaluation, and the share of strangers that the gate refuses."""
    evaluation["groups"] |= others.groups
    refused = {"test": float(evaluation.get("unfamiliar", 0.0)), **others.refused}
    evaluation["unfamiliar_share"] = refused
    assert card.familiarity is not None
    return replace(card, familiarity=replace(card.familiarity, refused=refused))


def _cell_weights(truth: Array, source: Array) -> NDArray[float64]:
    """Weights that give every source the same say, and in it as much to present as to absent findings."""
    weight: NDArray[float64] = np.zeros(len(truth), dtype=float64)
    for number in np.unique(source):
        for answer in (False, True):
            cell = (source == number) & (truth == answer)
            weight[cell] = 1.0 / max(1, cell.sum())
    return np.asarray(weight * len(truth) / weight.sum(), dtype=float64)


def _describe(recipe: Recipe, pictures: Pictures, card: ModelCard) -> Json:
    """Counts of the split, and the trivial controls trained where the model was trained."""
    return {
        "split": {name: _counts(pictures, pictures.part(name), recipe.sources) for name in SPLITS},
        "seed": recipe.seed,
        "control_auc": _trained_controls(recipe, pictures) if pictures.masks is None else {},
    }


def _counts(pictures: Pictures, rows: Array, sources: Sequence[Source]) -> Json:
    truth, source = pictures.truth[rows, 0], pictures.source[rows]
    return {
        s.name: {
            "negative": int((~truth[source == i]).sum()),
            "positive": int(truth[source == i].sum()),
            "groups": len(np.unique(pictures.group[rows][source == i])),
        }
        for i, s in enumerate(sources)
    }


def _trained_controls(recipe: Recipe, pictures: Pictures) -> dict[str, Estimate]:
    """AUC of the thumbnail's ridge on each source's test pictures, trained on that source's other pictures alone."""
    small = thumbnails(pictures.take(np.arange(len(pictures.cases))), 12)
    test = pictures.split == SPLITS.index("test")
    found = {}
    for number, source in enumerate(recipe.sources):
        own = pictures.source == number
        truth, group = pictures.truth[own, 0], pictures.group[own]
        rows = test[own]
        if not truth[rows].any() or truth[rows].all() or not truth[~rows].any() or truth[~rows].all():
            continue
        scores = control_scores(small[own], truth, group, columns={}, learn_from=~rows)["thumbnail_ridge"]
        found[source.name] = measure(Answers(truth[rows], scores[rows], group[rows]), threshold=0, names=("auc",))[
            "auc"
        ]
    return found


def put_in_place(staging: Path, folder: Path) -> None:
    """Move the finished files; the old card goes first and the new one comes last, so no mixture is ever served."""
    (folder / CARD_FILE).unlink(missing_ok=True)
    (folder / GATE_FILE).unlink(missing_ok=True)  # of the model before
    for path in sorted(staging.iterdir(), key=lambda p: p.name == CARD_FILE):
        path.replace(folder / path.name)
    staging.rmdir()
