"""The verb `evaluate`: how good a model is on labelled pictures, with 95 % intervals, groups and trivial controls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from medcore.cards import EVALUATION_FILE, ModelCard
from medcore.errors import N_, StoreError, UnknownNameError
from medcore.evaluation.kept_answers import ANSWERS_FILE, answers_text
from medcore.settings import Settings
from medcore.shell.output import AsJson, Plain, note, plain, print_json, print_table, progress_line, t
from medcore.workbench.models import Models


def evaluate(
    *,
    model: Annotated[str, typer.Option("--model", help=t("The model to evaluate; see the verb models."))],
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help=t("Folder with index.csv, or of the recipe's data sets."))
    ],
    columns: Annotated[
        str,
        typer.Option("--columns", help=t("Names in the table, such as label=fractured,positive=1,group=region.")),
    ] = "",
    device: Annotated[str, typer.Option("--device", help=t("auto, cpu or cuda."))] = "auto",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help=t("Folder for evaluation.json and answers.csv."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a model."""
    from medcore.nn.torch_engine import open_engine
    from medcore.nn.training.evaluate import evaluate as evaluate_model

    settings = Settings.from_environment()
    card = Models(settings.models_dir).card(model)
    show = progress_line()
    evaluated = evaluate_model(
        card,
        data,
        open_engine(settings),
        columns=pairs(columns),
        device=device,
        tell=lambda done, total: show(done / max(1, total), t("Running the network")),
    )
    found: dict[str, Plain] = evaluated.found
    if out is not None:
        kept = _kept(card, out, own=evaluated.own)
        _write(out / EVALUATION_FILE, json.dumps(kept | found, indent=1, ensure_ascii=False) + "\n")
        _write(out / ANSWERS_FILE, answers_text(evaluated.answers, [label.id for label in card.labels]))
    if found.get("seen_in_training"):
        note(
            t("{count} of these pictures were in the model's own training.", count=int(str(found["seen_in_training"])))
        )
    if as_json:
        answer: dict[str, Plain] = {name: plain(value) for name, value in found.items()}
        print_json(answer)
    else:
        _print(card.title, found)


def pairs(text: str) -> dict[str, str]:
    """name=value pairs between commas.

    Raises:
        UnknownNameError: A part is no such pair.
    """
    found = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, sign, value = part.partition("=")
        if not sign or not value:
            raise UnknownNameError(
                N_("“{part}” is not of the form name=value."),
                hint=N_("Write --columns label=fractured,positive=1,group=region."),
                part=part,
            )
        found[name] = value
    return found


def _kept(card: ModelCard, out: Path, *, own: bool) -> dict[str, Plain]:
    """What training alone knows (counts of the split, controls trained on it) when `out` is the model's own folder.

    Raises:
        StoreError: The model's own evaluation would be replaced by one of other pictures.
    """
    path = card.folder / EVALUATION_FILE
    if out.resolve() != card.folder.resolve() or not path.is_file():
        return {}
    if not own:
        raise StoreError(
            N_("{path} is about the model's own test split, and these are other pictures."),
            hint=N_("Give another folder to --out."),
            path=str(path),
        )
    kept: dict[str, Plain] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(N_("{path} cannot be written."), path=str(path)) from error


def _print(title: str, found: dict[str, Plain]) -> None:
    """One table of metrics a group, and the controls."""
    sections = {"": found["metrics"]}
    for kind in ("groups", "per_group"):
        parts = found[kind]
        assert isinstance(parts, dict)
        sections |= {name: part["metrics"] for name, part in parts.items() if isinstance(part, dict) and name != "all"}
    for kind in ("controls", "within"):
        parts = found[kind]
        assert isinstance(parts, dict)
        sections |= {name: part for name, part in parts.items() if isinstance(part, dict)}
    for name, metrics in sections.items():
        assert isinstance(metrics, dict)
        rows = [(metric, *_figures(value)) for metric, value in metrics.items()]
        print_table(f"{t(title)} {name}".strip(), (t("metric"), t("value"), t("95 % interval")), rows)


def _figures(value: Plain) -> tuple[str, str]:
    assert isinstance(value, dict)
    return f"{value['value']:.3f}", f"{value['low']:.3f} – {value['high']:.3f}"
