"""The verbs `models compare`, `train` and `complete`: two models on the same pictures, shipped models anew, gates."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medcore.cards import load_card
from medcore.errors import N_, DataSetError, NotFoundError, TrainingError
from medcore.evaluation.kept_answers import PictureAnswer, read_answers
from medcore.nn.training.recipe import Recipe, load_recipe
from medcore.settings import ROOT, Settings
from medcore.shell.evaluate import pairs
from medcore.shell.output import AsJson, note, plain, print_json, print_line, print_table, progress_line, t
from medcore.workbench.models import Models

if TYPE_CHECKING:  # the workbench's door opens the store, which `models --json` has no use for
    from medcore.workbench.evaluate import Pair

RECIPE, ANSWERS = "recipe.toml", "answers.csv"


def compare(
    first: Annotated[str, typer.Argument(metavar="MODEL", help=t("The first model."))],
    second: Annotated[str, typer.Argument(metavar="MODEL", help=t("The second model."))],
    *,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help=t("Labelled pictures; else what both were tested on."))
    ] = None,
    columns: Annotated[
        str,
        typer.Option("--columns", help=t("Names in the table, such as label=fractured,positive=1,group=region.")),
    ] = "",
    device: Annotated[str, typer.Option("--device", help=t("auto, cpu or cuda."))] = "auto",
    as_json: AsJson = False,
) -> None:
    """Say how two models differ on the pictures that both were asked about."""
    from medcore.workbench.evaluate import compare_answers

    settings = Settings.from_environment()
    cards = [Models(settings.models_dir).card(name) for name in (first, second)]
    if data is None:
        said = [read_answers(card.folder / ANSWERS) for card in cards]
    else:
        said = _asked(settings, (first, second), data, pairs(columns), device)
    thresholds = (cards[0].labels[0].threshold, cards[1].labels[0].threshold)
    found = compare_answers(said[0], said[1], thresholds)
    if as_json:
        print_json({"first": first, "second": second, "n": found.n, "positive": found.positive,
                    "comparison": plain(found.comparison)})  # fmt: skip
    else:
        _print(first, second, found)


def _asked(
    settings: Settings, names: Sequence[str], data: Path, columns: Mapping[str, str], device: str
) -> list[tuple[PictureAnswer, ...]]:
    """Answers of both models to the same folder."""
    from medcore.nn.torch_engine import open_engine
    from medcore.nn.training.evaluate import evaluate

    engine, show = open_engine(settings), progress_line()
    cards = [Models(settings.models_dir).card(name) for name in names]
    return [
        evaluate(
            card, data, engine, columns=columns, device=device,
            tell=lambda done, total: show(done / max(1, total), t("Running the network")),
        ).answers
        for card in cards
    ]  # fmt: skip


def _print(first: str, second: str, found: Pair) -> None:
    differences = found.comparison.differences
    rows = [
        (name, f"{gap.value:+.3f}", f"{gap.low:+.3f} – {gap.high:+.3f}", f"{found.comparison.p_bootstrap[name]:.4f}")
        for name, gap in differences.items()
    ]
    columns = (t("metric"), t("difference"), t("95 % interval"), "p")
    print_table(f"{first} − {second} (n = {found.n})", columns, rows)
    print_line(t("DeLong: p = {delong}; McNemar: p = {mcnemar}", delong=f"{found.comparison.p_delong:.4f}",
                 mcnemar=f"{found.comparison.p_mcnemar:.4f}"))  # fmt: skip


def train_all(
    *,
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help=t("Folder of the recipes' data sets."))],
    only: Annotated[str, typer.Option("--only", help=t("Some of the models, with commas between."))] = "",
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help=t("Folder of models to write."))] = None,
    device: Annotated[str, typer.Option("--device", help=t("auto, cpu or cuda."))] = "auto",
    as_json: AsJson = False,
) -> None:
    """Train the shipped models again, those first that others start from; a killed run goes on where it stopped."""
    settings = Settings.from_environment()
    recipes = {path.parent.name: load_recipe(path) for path in sorted(settings.models_dir.glob(f"*/{RECIPE}"))}
    wanted = tuple(filter(None, only.split(","))) or tuple(recipes)
    for name in wanted:
        if name not in recipes:
            raise NotFoundError(N_("The model {model} has no recipe."), model=name)
    if not data.is_dir():
        raise NotFoundError(N_("{path} is not there."), path=str(data))
    missing = [s.folder for n in wanted for s in recipes[n].sources if not (data / s.folder).exists()]
    if missing:
        raise DataSetError(
            N_("{path} lacks the data sets {missing}."), path=str(data), missing=", ".join(dict.fromkeys(missing))
        )
    done = []
    for name in [n for n in _order(recipes) if n in wanted]:
        note(t("Training {model}", model=name))
        _train(settings.models_dir / name / RECIPE, data, (out or settings.models_dir) / name, device)
        done.append(name)
    if as_json:
        print_json({"trained": list(done)})
    else:
        print_line(t("Trained: {models}", models=", ".join(done)))


def complete(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=t("The model."))],
    *,
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help=t("Folder of the recipe's data sets."))],
    anew: Annotated[
        bool, typer.Option("--calibrate", help=t("Fit calibration and operating points anew, too."))
    ] = False,
    device: Annotated[str, typer.Option("--device", help=t("auto, cpu or cuda."))] = "auto",
    as_json: AsJson = False,
) -> None:
    """Give a trained model a gate and conformal sets without training it again."""
    from medcore.nn.torch_engine import open_engine
    from medcore.nn.training.complete import complete as complete_model

    settings, show = Settings.from_environment(), progress_line()
    card = Models(settings.models_dir).card(model)
    folder = complete_model(
        card, data, open_engine(settings), anew=anew, device=device,
        tell=lambda done, total: show(done / max(1, total), t("Running the network")),
    )  # fmt: skip
    card = load_card(folder)
    refused = dict(card.familiarity.refused) if card.familiarity else {}
    if as_json:
        print_json({"model": card.id, "folder": str(folder), "refused": {**refused}})
    else:
        rows = [(name, f"{share:.1%}") for name, share in refused.items()]
        print_table(t(card.title), (t("pictures"), t("refused by the gate")), rows)


def _order(recipes: Mapping[str, Recipe]) -> tuple[str, ...]:
    """A model comes after the one that it starts from."""
    graph = {name: {r.options.start_from} & set(recipes) for name, r in recipes.items()}
    return tuple(TopologicalSorter(graph).static_order())


def _train(recipe: Path, data: Path, out: Path, device: str) -> None:
    command = [sys.executable, "-m", "medcore", "train", str(recipe), "--data", str(data), "--out", str(out)]
    command += ["--work", str(ROOT / "runs" / out.name), "--resume", "--device", device, "--json"]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode < 0:
        raise TrainingError(
            N_("The training of {model} was killed (signal {signal})."),
            hint=N_("The same command goes on from its last whole epoch."),
            model=out.name,
            signal=-ended.returncode,
        )
    if ended.returncode:
        raise TrainingError(
            N_("The training of {model} failed: {reason}"), model=out.name, reason=_reason(ended.stdout)
        )


def _reason(answer: str) -> str:
    try:
        return str(json.loads(answer)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return answer[-200:]
