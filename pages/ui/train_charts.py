"""Curves of a training: loss, validation metrics and learning rate over the epochs."""

from __future__ import annotations

from math import log10

import plotly.graph_objects as go

from medcore.errors import N_
from medcore.workbench.train_runs import TrainingRun
from pages.ui import theme
from pages.ui.words import t

HEIGHT = 250
TITLES = {"auc": N_("AUC"), "accuracy": N_("Accuracy"), "map50": N_("mAP50"), "auc_map50": "AUC + mAP50"}


def losses(run: TrainingRun) -> go.Figure:
    """Training and validation loss."""
    figure = go.Figure()
    epochs = _epochs(run)
    figure.add_scatter(x=epochs, y=[e.loss for e in run.history], name=t("Training"), mode="lines+markers")
    validation = [e.metrics.get("loss") for e in run.history]
    figure.add_scatter(x=epochs, y=validation, name=t("Validation"), mode="lines+markers", line={"dash": "dot"})
    _mark_best(figure, run)
    return _dressed(figure, run, t("Loss"))


def metrics(run: TrainingRun) -> go.Figure:
    """Validation metrics but the loss."""
    figure = go.Figure()
    for name in dict.fromkeys(name for epoch in run.history for name in epoch.metrics if name != "loss"):
        values = [epoch.metrics.get(name) for epoch in run.history]
        figure.add_scatter(x=_epochs(run), y=values, name=t(TITLES.get(name, name)), mode="lines+markers")
    _mark_best(figure, run)
    return _dressed(figure, run, t("Validation"))


def rates(run: TrainingRun) -> go.Figure:
    """The learning rate: what was, and what is planned."""
    figure = go.Figure()
    done = len(run.history)
    figure.add_scatter(x=list(range(1, done + 1)), y=run.rates[:done], name=t("done"), mode="lines")
    figure.add_scatter(
        x=list(range(max(done, 1), run.epochs + 1)), y=run.rates[max(done, 1) - 1 :], name=t("planned"), mode="lines",
        line={"dash": "dot"},
    )  # fmt: skip
    figure = _dressed(figure, run, t("Learning rate"))
    low, high = min(run.rates), max(run.rates)
    figure.update_yaxes(type="log", range=[log10(low) - 0.1, log10(high) + 0.1], tickformat=".0e", nticks=4)
    return figure


def _epochs(run: TrainingRun) -> list[int]:
    return [epoch.number + 1 for epoch in run.history]


def _mark_best(figure: go.Figure, run: TrainingRun) -> None:
    best = next((epoch for epoch in reversed(run.history) if epoch.best), None)
    if best is not None:
        figure.add_vline(x=best.number + 1, line={"width": 1, "dash": "dash", "color": "#8a97a3"})


def _dressed(figure: go.Figure, run: TrainingRun, title: str) -> go.Figure:
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "bgcolor": "rgba(0,0,0,0)"},
        colorway=theme.colours(),
        dragmode=False,
        hovermode="x unified",
    )
    figure.update_xaxes(
        title=t("Epoch"), range=[0.5, run.epochs + 0.5], fixedrange=True, tickformat="d", automargin=True
    )
    figure.update_yaxes(title=title, fixedrange=True, automargin=True)
    return figure
