"""The verb `laboratory`: where a model breaks as its pictures get noisier, softer, darker; two models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medcore.imaging.shifts import SHIFTS
from medcore.nn.training.laboratory import PICTURES, Laboratory
from medcore.settings import Settings
from medcore.shell.evaluate import pairs
from medcore.shell.output import AsJson, plain, print_json, print_table, progress_line, t
from medcore.workbench.models import Models

SHOWN = ("auc", "sensitivity", "specificity")


def laboratory(
    *,
    model: Annotated[str, typer.Option("--model", help=t("The model to look at; see the verb models."))],
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help=t("Folder with index.csv, or of the recipe's data sets."))
    ],
    against: Annotated[str, typer.Option("--against", help=t("A second model, on the same pictures."))] = "",
    columns: Annotated[
        str,
        typer.Option("--columns", help=t("Names in the table, such as label=fractured,positive=1,group=region.")),
    ] = "",
    shifts: Annotated[str, typer.Option("--shifts", help=t("Some of: {known}.", known=", ".join(SHIFTS)))] = "",
    pictures: Annotated[int, typer.Option("--pictures", min=8, help=t("Pictures to ask about."))] = PICTURES,
    device: Annotated[str, typer.Option("--device", help=t("auto, cpu or cuda."))] = "auto",
    as_json: AsJson = False,
) -> None:
    """Shift the pictures as another device would, step by step, and measure again."""
    from medcore.nn.torch_engine import open_engine
    from medcore.nn.training.evaluate import test_cases
    from medcore.nn.training.laboratory import laboratory as run_laboratory

    settings = Settings.from_environment()
    models = Models(settings.models_dir)
    cards = [models.card(name) for name in (model, against) if name]
    show = progress_line()
    found = run_laboratory(
        cards,
        test_cases(cards[0], data, pairs(columns)),
        open_engine(settings),
        shifts=tuple(filter(None, shifts.split(","))) or tuple(SHIFTS),
        pictures=pictures,
        device=device,
        tell=lambda done, total: show(done / max(1, total), t("Changing the pictures and asking again")),
    )
    if as_json:
        print_json({"models": [plain(lab) for lab in found]})
        return
    for lab in found:
        _print(models.card(lab.model).title, lab)


def _print(title: str, lab: Laboratory) -> None:
    rows = []
    for curve in lab.curves:
        for i, strength in enumerate(curve.strengths):
            figures = [
                f"{curve.metrics[m][i].value:.3f}" + ("  ✗" if curve.breaks_at[m] == strength else "") for m in SHOWN
            ]
            rows.append((t(SHIFTS[curve.shift].title), f"{strength:g}", *figures))
    print_table(f"{t(title)} (n = {lab.n})", (t("shift"), t("strength"), *SHOWN), rows)
