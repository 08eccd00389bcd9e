"""The verb `train`: from a recipe to a model folder with card, weights and evaluation, and a log of the training."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from medcore.cards import load_card
from medcore.nn.training.recipe import load_recipe
from medcore.nn.training.reporting import Reporter, Show
from medcore.nn.training.run_folder import Epoch, Status, refuse_second
from medcore.settings import ROOT, Settings
from medcore.shell.catalogues import card_object
from medcore.shell.output import AsJson, note, print_json, print_line, progress_line, t

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
    devices: Annotated[int, typer.Option("--devices", min=1, help=t("Graphics cards of this machine."))] = 1,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help=t("Machines; torchrun says which is which."))] = 1,
    as_json: AsJson = False,
) -> None:
    """Train a model; torchrun -m medcore train ... starts one process a graphics card, on one machine or several."""
    from medcore.nn.torch_engine import choose_device
    from medcore.nn.training.train import train as train_model

    folder = out or _model_folder(config, Settings.from_environment())
    work = work or ROOT / "runs" / folder.name
    place = str(choose_device(device))
    recipe = load_recipe(config)  # a bad recipe is named before anything is written
    if int(os.environ.get("RANK", "0")):  # one of several processes: the first one reports
        train_model(config, data=data or config.parent, out=folder, work=work, device=place, resume=resume)
        return
    refuse_second(work)
    reporter = Reporter(work, recipe, resume=resume, show=_shown(sum(stage.epochs for stage in recipe.stages)))
    with _log_in(work) as log, reporter.watching():
        train_model(
            config,
            data=data or config.parent,
            out=folder,
            work=work,
            device=place,
            devices=devices,
            nodes=nodes,
            resume=resume,
            tell=reporter.tell,
            reading=reporter.reading,
            stop=reporter.stop,
            judging=reporter.judging,
        )
    card = load_card(folder)
    if as_json:
        print_json({"model": card_object(card), "folder": str(folder), "log": str(log)})
    else:
        print_line(t("The model {model} is in {folder}.", model=card.id, folder=str(folder)))


def _model_folder(config: Path, settings: Settings) -> Path:
    """The folder of a recipe.toml that lies beside its model, else models/<name of the file>."""
    return config.parent if config.name == RECIPE_FILE else settings.models_dir / config.stem


def _shown(epochs: int) -> Show:
    """Says on stderr how far the training is: on one line of a terminal, else a line an epoch."""
    line = progress_line()

    def show(status: Status, epoch: Epoch | None) -> None:
        left = "" if status.seconds_left is None else t("about {time} left", time=_duration(status.seconds_left))
        line(min(status.fraction, 0.99), "  ".join(filter(None, (t(status.stage.words), left))))
        if epoch is not None and left and not sys.stderr.isatty():
            note(t("Epoch {number} of {total}: {left}", number=epoch.number + 1, total=epochs, left=left))

    return show


def _duration(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> _duration(59), _duration(3725)
    ('0:59', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


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
