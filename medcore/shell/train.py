"""The verb `train`: from a recipe to a model folder with card, weights and evaluation, and a log of the training."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from medcore.cards import load_card
from medcore.settings import ROOT, Settings
from medcore.shell.catalogues import card_object
from medcore.shell.output import AsJson, print_json, print_line, t

RECIPE_FILE = "recipe.toml"
LOG_FILE = "train.log"


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help=t("The training recipe."))],
    *,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help=t("Folder of the recipe's data sets; the recipe's own.")),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="models/ID", help=t("Model folder to write."))] = None,
    work: Annotated[
        Path | None, typer.Option("--work", metavar="DIR", help=t("Folder of checkpoints and log; runs/ID."))
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help=t("Go on from the last checkpoint."))] = False,
    device: Annotated[str, typer.Option("--device", help=t("auto, cpu or cuda."))] = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a model."""
    from medcore.nn.torch_engine import choose_device
    from medcore.nn.training.recipe import load_recipe
    from medcore.nn.training.train import train as train_model

    folder = out or _model_folder(config, Settings.from_environment())
    work = work or ROOT / "runs" / folder.name
    place = str(choose_device(device))
    load_recipe(config)  # a bad recipe is named before anything is written
    with _log_in(work) as log:
        train_model(config, data=data or config.parent, out=folder, work=work, device=place, resume=resume)
    card = load_card(folder)
    if as_json:
        print_json({"model": card_object(card), "folder": str(folder), "log": str(log)})
    else:
        print_line(t("The model {model} is in {folder}.", model=card.id, folder=str(folder)))


def _model_folder(config: Path, settings: Settings) -> Path:
    """The folder of a recipe.toml that lies beside its model, else models/<name of the file>."""
    return config.parent if config.name == RECIPE_FILE else settings.models_dir / config.stem


@contextmanager
def _log_in(work: Path) -> Iterator[Path]:
    """Write what training reports to stderr and to a file that later trainings add to."""
    work.mkdir(parents=True, exist_ok=True)
    path = work / LOG_FILE
    handlers = (logging.StreamHandler(sys.stderr), logging.FileHandler(path, encoding="utf-8"))
    log = logging.getLogger("medcore")
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield path
    finally:
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()
