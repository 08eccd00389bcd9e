"""From a recipe and a data folder to models/<id>/: card.toml, weights.safetensors, evaluation.json."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy import float32, float64
from numpy.typing import NDArray

from medcore.cards import (
    CARD_FILE,
    EVALUATION_FILE,
    WEIGHTS_FILE,
    Calibration,
    InputContract,
    Label,
    ModelCard,
)
from medcore.evaluation.calibration import best_threshold, fit_calibration
from medcore.evaluation.classification import Answers, measure
from medcore.nn.networks import CamNet
from medcore.nn.training.card_file import card_text
from medcore.nn.training.data import SPLITS, Pictures, load_pictures
from medcore.nn.training.fit import fit, predict
from medcore.nn.training.recipe import Recipe, load_recipe
from medcore.tasks import load_task
from medcore.volume import Array

RECIPE_FILE = "recipe.toml"

log = logging.getLogger(__name__)


def train(recipe_path: Path, *, data: Path, out: Path, work: Path, device: str = "cpu", resume: bool = False) -> Path:
    """Train, calibrate on the validation split, evaluate on the test split, and write the model folder.

    Args:
        recipe_path: The TOML recipe.
        data: Folder that holds the recipe's source folders.
        out: The model folder to write, models/<id>.
        work: Folder for checkpoints.
        device: "cpu" or "cuda".
        resume: Go on from a checkpoint in `work`.

    Returns:
        The model folder.
    """
    recipe = load_recipe(recipe_path)
    draft = draft_card(recipe, out)
    pictures = load_pictures(recipe.sources, data, task=load_task(recipe.task), card=draft, seed=recipe.seed)
    log.info("%d pictures in %d groups", len(pictures.truth), len(np.unique(pictures.group)))
    work.mkdir(parents=True, exist_ok=True)
    network = fit(recipe, pictures, device=device, folder=work, resume=resume)
    return publish(network, recipe, pictures, data=data, out=out, recipe_path=recipe_path)


def publish(network: CamNet, recipe: Recipe, pictures: Pictures, *, data: Path, out: Path, recipe_path: Path) -> Path:
    """Write weights (fp16), calibrate and evaluate what was written, write evaluation, card and recipe."""
    out.mkdir(parents=True, exist_ok=True)
    half = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    safetensors.torch.save_file({k: v.contiguous() for k, v in half.items()}, out / WEIGHTS_FILE)
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in half.items()})
    logits: NDArray[float64] = np.full(len(pictures.truth), np.nan)  # training pictures are never asked about
    rows = np.concatenate([pictures.part("validation"), pictures.part("test")])
    logits[rows] = predict(network, pictures.seen[rows])[:, 0]
    calibration, threshold = _calibrate(logits, pictures)
    groups = _evaluate(logits, pictures, recipe, calibration, threshold)
    for source in recipe.external:
        other = load_pictures([source], data, task=load_task(recipe.task), card=draft_card(recipe, out), seed=0)
        answer = _probability(predict(network, other.seen)[:, 0].astype(float64), calibration)
        groups[source.name] = _group(Answers(other.truth, answer, other.group), threshold)
    evaluation = {
        "split": _split_counts(pictures, recipe),
        "seed": recipe.seed,
        "threshold": threshold,
        "groups": groups,
        "control_auc": _controls(pictures, recipe),
    }
    (out / EVALUATION_FILE).write_text(json.dumps(evaluation, indent=1) + "\n", encoding="utf-8")
    digest = hashlib.sha256((out / WEIGHTS_FILE).read_bytes()).hexdigest()
    today = datetime.now(UTC).date().isoformat()
    text = card_text(recipe, sha256=digest, calibration=calibration, threshold=threshold, trained_on=today)
    (out / CARD_FILE).write_text(text, encoding="utf-8")
    if recipe_path.resolve() != (out / RECIPE_FILE).resolve():
        shutil.copyfile(recipe_path, out / RECIPE_FILE)
    return out


def draft_card(recipe: Recipe, out: Path) -> ModelCard:
    """The card as far as preprocessing needs it, before there are weights."""
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
    return ModelCard(
        id=out.name,
        title=str(recipe.card["title"]),
        task=recipe.task,
        network=recipe.network,
        version=str(recipe.card["version"]),
        sha256="0" * 64,
        labels=labels,
        calibration=Calibration(),
        contract=contract,
        options=MappingProxyType(dict(recipe.options)),
        precision="float32",
        summary="",
        intended_use="",
        training_data=(),
        limits=(),
        licence="",
        attribution=(),
        folder=out,
    )


def _cell_weights(pictures: Pictures, rows: Array, sources: int) -> NDArray[float64]:
    """Weights that give every source the same say, and in it as much to present as to absent findings."""
    weight: NDArray[float64] = np.zeros(len(rows), dtype=float64)
    for source in range(sources):
        for truth in (False, True):
            cell = (pictures.source[rows] == source) & (pictures.truth[rows] == truth)
            weight[cell] = 1.0 / max(1, cell.sum())
    return np.asarray(weight * len(rows) / weight.sum(), dtype=float64)


def _calibrate(logits: NDArray[float64], pictures: Pictures) -> tuple[Calibration, float]:
    rows = pictures.part("validation")
    weight = _cell_weights(pictures, rows, int(pictures.source.max()) + 1)
    calibration = fit_calibration(pictures.truth[rows], logits[rows], weight)
    return calibration, round(best_threshold(pictures.truth[rows], _probability(logits[rows], calibration), weight), 4)


def _probability(logits: NDArray[float64], calibration: Calibration) -> NDArray[float64]:
    return np.asarray(1 / (1 + np.exp(-(calibration.slope * logits + calibration.offset))), dtype=float64)


def _evaluate(
    logits: NDArray[float64], pictures: Pictures, recipe: Recipe, calibration: Calibration, threshold: float
) -> dict[str, Any]:
    rows = pictures.part("test")
    probability = _probability(logits, calibration)
    chosen = {"all": rows} | {s.name: rows[pictures.source[rows] == i] for i, s in enumerate(recipe.sources)}
    groups: dict[str, Any] = {}
    for name, part in chosen.items():
        groups[name] = _group(Answers(pictures.truth[part], probability[part], pictures.group[part]), threshold)
    return groups


def _group(answers: Answers, threshold: float) -> dict[str, Any]:
    """Counts and metrics; a metric that has no meaning, such as the specificity of ill people only, is left out."""
    found = {k: asdict(v) for k, v in measure(answers, threshold=threshold).items()}
    if answers.truth.all() or not answers.truth.any():
        found = {k: v for k, v in found.items() if k == ("sensitivity" if answers.truth.all() else "specificity")}
    log.info("%d pictures: %s", len(answers.truth), {k: round(v["value"], 3) for k, v in found.items()})
    return {"n": len(answers.truth), "positive": int(answers.truth.sum()), "metrics": found}


def _controls(pictures: Pictures, recipe: Recipe) -> dict[str, Any]:
    """AUC of the trivial control on each source's test pictures, trained on that source alone."""
    controls = {}
    for number, source in enumerate(recipe.sources):
        own = pictures.only(pictures.source == number)
        rows = own.part("test")
        answers = Answers(own.truth[rows], thumbnail_scores(own)[rows].astype(float64), own.group[rows])
        controls[source.name] = asdict(measure(answers, threshold=0.0)["auc"])
    return controls


def _split_counts(pictures: Pictures, recipe: Recipe) -> dict[str, Any]:
    return {
        name: {
            s.name: {
                "negative": int(((pictures.source[rows] == i) & ~pictures.truth[rows]).sum()),
                "positive": int(((pictures.source[rows] == i) & pictures.truth[rows]).sum()),
            }
            for i, s in enumerate(recipe.sources)
        }
        for name, rows in ((n, pictures.part(n)) for n in SPLITS)
    }


def thumbnail_scores(pictures: Pictures, side: int = 12) -> NDArray[float32]:
    """Scores of the trivial control, a ridge regression on side×side thumbnails, for every picture."""
    small = torch.from_numpy(pictures.seen.astype(float32))[:, None]
    flat = torch.nn.functional.adaptive_avg_pool2d(small, side).flatten(1).numpy()
    rows = pictures.part("train")
    flat = (flat - flat[rows].mean(0)) / (flat[rows].std(0) + 1e-6)
    design = np.c_[flat, np.ones(len(flat))]
    gram = design[rows].T @ design[rows] + 100.0 * np.eye(design.shape[1])
    return np.asarray(design @ np.linalg.solve(gram, design[rows].T @ (pictures.truth[rows] * 2.0 - 1)), dtype=float32)
