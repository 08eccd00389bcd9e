"""The verbs that list what there is: `tasks`, `models` and `models verify`; none of them loads torch."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from medcore.cards import Estimate, ModelCard
from medcore.settings import Settings
from medcore.shell.output import AsJson, Plain, plain, print_json, print_table, say, t
from medcore.tasks import Task, load_tasks
from medcore.workbench.models import Models, Verified

ALL_CASES = "all"  # the group of evaluation.json that holds every case

models = typer.Typer(invoke_without_command=True, pretty_exceptions_enable=False)


def tasks(as_json: AsJson = False) -> None:
    """List the clinical questions and the models that answer them."""
    found, cards = tuple(load_tasks().values()), _models().cards()
    if as_json:
        print_json({"tasks": [_task(task, cards) for task in found]})
        return
    rows = [(task.id, t(task.title), t(task.question), ", ".join(_models_of(task, cards))) for task in found]
    print_table(t("Tasks"), (t("id"), t("title"), t("question"), t("models")), rows)


@models.callback()
def list_models(context: typer.Context, as_json: AsJson = False) -> None:
    """List the models with their figures."""
    if context.invoked_subcommand is not None:
        return
    cards = _models().cards()
    if as_json:
        print_json({"models": [card_object(card) for card in cards]})
        return
    rows = [(card.id, t(card.title), card.task, card.network, card.version, _auc(card)) for card in cards]
    columns = (t("id"), t("title"), t("task"), t("network"), t("version"), t("AUC (95 % interval)"))
    print_table(t("Models"), columns, rows)


@models.command("verify", help=t("Check the SHA-256 of all weights."))
def verify(as_json: AsJson = False) -> None:
    """Check that the weights are the ones the cards were written for."""
    results = _models().verify()
    if as_json:
        print_json({"ok": all(result.ok for result in results), "models": [_verified(result) for result in results]})
    else:
        rows = [(result.id, t("ok") if result.ok else t("failed"), _reason(result)) for result in results]
        print_table(t("Weights"), (t("id"), t("state"), t("reason")), rows)


def card_object(card: ModelCard) -> dict[str, Plain]:
    """A model as JSON: ids, operating points, figures, and what its card says."""
    return {
        "id": card.id,
        "title": t(card.title),
        "task": card.task,
        "network": card.network,
        "version": card.version,
        "sha256": card.sha256,
        "labels": [label.id for label in card.labels],
        "label_titles": {label.id: t(label.title) for label in card.labels},
        "thresholds": {label.id: label.threshold for label in card.labels},
        "metrics": _figures(card.metrics.get(ALL_CASES, {})),
        "per_group": {group: _figures(metrics) for group, metrics in card.metrics.items() if group != ALL_CASES},
        "calibration": plain(card.calibration),
        "input": plain(card.contract),
        "precision": card.precision,
        "summary": t(card.summary),
        "intended_use": t(card.intended_use),
        "out_of_scope": t(card.out_of_scope) if card.out_of_scope else "",
        "training_data": [t(text) for text in card.training_data],
        "limits": [t(text) for text in card.limits],
        "licence": card.licence,
        "attribution": list(card.attribution),
        "trained_on": card.trained_on,
    }


def _models() -> Models:
    return Models(Settings.from_environment().models_dir)


def _task(task: Task, cards: tuple[ModelCard, ...]) -> dict[str, Plain]:
    return {
        "id": task.id,
        "title": t(task.title),
        "question": t(task.question),
        "modalities": list(task.modalities),
        "models": list(_models_of(task, cards)),
    }


def _models_of(task: Task, cards: tuple[ModelCard, ...]) -> tuple[str, ...]:
    return tuple(card.id for card in cards if card.task == task.id)


def _figures(metrics: Mapping[str, Estimate]) -> dict[str, Plain]:
    return {name: plain(figure) for name, figure in metrics.items()}


def _auc(card: ModelCard) -> str:
    figure = card.metrics.get(ALL_CASES, {}).get("auc")
    return f"{figure.value:.3f} ({figure.low:.3f}–{figure.high:.3f})" if figure else "–"


def _verified(result: Verified) -> dict[str, Plain]:
    return {"id": result.id, "ok": result.ok, "reason": _reason(result)}


def _reason(result: Verified) -> str:
    return say(result.reason) if result.reason else ""
