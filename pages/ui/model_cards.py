"""Draws a model card: what the model is for, how good it was measured to be, and where it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from medcore.cards import Estimate, Familiarity, ModelCard
from pages.ui import charts, show, state
from pages.ui.evaluate_figures import METRICS
from pages.ui.words import kind, plain, t

SHOWN = (
    "auc", "accuracy", "sensitivity", "specificity", "precision", "f1", "ece", "map50", "dice_mean", "dice_median",
    "missed_rate", "false_region_rate", "class_accuracy",
)  # fmt: skip
CHARTED = ("auc", "sensitivity", "specificity", "map50", "dice_mean", "dice_median", "class_accuracy")
EVERYTHING = "all"  # the group of evaluation.json that holds the whole test split


def excerpt(card: ModelCard) -> None:
    """What a reader of a result must know of its model."""
    with st.expander(t("The model and its limits"), icon=":material/badge:", expanded=True):
        st.markdown(f"**{plain(t(card.title))}** {plain(card.version)}  \n{plain(t(card.summary))}")
        _list(card.limits)
        st.caption(t("Measured on its own test data: {figures}", figures=_headline(card)))


def full(card: ModelCard) -> None:
    """The whole card."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"### {plain(t(card.title))}")
        st.badge(plain(card.network), color="gray")
        st.badge(plain(card.version), color="gray")
    st.markdown(plain(t(card.summary)))
    data, measured = st.columns([2, 3], gap="large")
    with data:
        _facts(card)
    with measured:
        _measured(card)
    with st.expander(t("Licence, attribution and hash"), icon=":material/gavel:"):
        show.facts(
            {
                t("Licence"): card.licence,
                t("Attribution"): "; ".join(card.attribution),
                t("Weights SHA-256"): card.sha256,
            }
        )


def _facts(card: ModelCard) -> None:
    st.markdown(t("**Intended use**") + "  \n" + plain(t(card.intended_use)))
    if card.out_of_scope:
        st.markdown(t("**Not for**") + "  \n" + plain(t(card.out_of_scope)))
    st.markdown(t("**Trained on**"))
    _list(card.training_data)
    st.markdown(t("**Limits**"))
    _list(card.limits)
    contract = card.contract
    labels = (f"{t(label.title)} ({t('operating point')} {label.threshold:.2f})" for label in card.labels)
    show.facts(
        {
            t("Labels"): ", ".join(labels),
            t("Accepts"): ", ".join(kind(modality) for modality in contract.modalities),
            t("Network input"): t(
                "{size} × {size} px, {channels} channels", size=contract.size, channels=contract.channels
            ),
            t("Calibration"): t(
                "Platt scaling: slope {slope}, offset {offset}",
                slope=f"{card.calibration.slope:.3f}",
                offset=f"{card.calibration.offset:.3f}",
            ),
        }
    )


def _measured(card: ModelCard) -> None:
    st.markdown(t("**Measured on its own test data, with 95 % intervals**"))
    if not card.metrics:
        st.caption(t("No evaluation is stored with this model."))
        return
    groups = {group: _group(group) for group in card.metrics}
    names = [name for name in SHOWN if any(name in figures for figures in card.metrics.values())]
    table = {t("Measure"): [t(METRICS[name]) for name in names]}
    for group, title in groups.items():
        table[title] = [_figure(card.metrics[group], name) for name in names]
    with st.container(key=f"figures-{card.id}"):
        st.table(table, border="horizontal", hide_index=True)
    charted = [name for name in CHARTED if name in names]
    st.plotly_chart(_intervals(card, groups, charted), key=f"intervals-{card.id}", config=charts.CONFIG)
    if card.familiarity is not None and card.familiarity.refused:
        st.markdown("**" + t("Refused as unlike the training images") + "**")
        show.facts({name: _refused(card.familiarity, name) for name in card.familiarity.refused})
    st.page_link(
        state.PAGES / "evaluate.py",
        label=t("See how good it is"),
        icon=":material/monitoring:",
        query_params={"model": card.id},
    )


def _refused(gate: Familiarity, name: str) -> str:
    """The share of one kind of pictures that is refused, and that by a check which was never shown this kind."""
    share, unseen = f"{gate.refused[name]:.1%}", gate.refused_unseen.get(name)
    return share if unseen is None else t("{share}; {unseen} if the check had never been shown its like",
                                          share=share, unseen=f"{unseen:.1%}")  # fmt: skip


def _intervals(card: ModelCard, groups: Mapping[str, str], charted: Sequence[str]) -> go.Figure:
    figure = go.Figure()
    for group, title in groups.items():
        found = [(t(METRICS[name]), card.metrics[group][name]) for name in charted if name in card.metrics[group]]
        figure.add_trace(charts.interval_trace(title, found))
    return charts.dressed(figure, height=90 + 20 * len(charted) * len(groups))


def _group(group: str) -> str:
    return t("All test images") if group == EVERYTHING else group.replace("_", " ")


def _figure(figures: Mapping[str, Estimate], name: str) -> str:
    found = figures.get(name)
    return "–" if found is None else f"{found.value:.2f} ({found.low:.2f}–{found.high:.2f})"


def _headline(card: ModelCard) -> str:
    figures = card.metrics.get(EVERYTHING, {})
    known = [f"{t(METRICS[name])} {_figure(figures, name)}" for name in CHARTED if name in figures]
    return plain(", ".join(known)) or t("nothing")


def _list(texts: tuple[str, ...]) -> None:
    st.markdown("\n".join(f"- {plain(t(text))}" for text in texts))
