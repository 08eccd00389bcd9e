"""The figures of a model that draws masks: overlap by kind and column, agreement of areas."""

from __future__ import annotations

import streamlit as st

from medcore.cards import Estimate
from medcore.workbench.evaluated_masks import MaskPart, areas, mask_parts
from pages.ui import charts, evaluate_charts
from pages.ui.evaluate_choice import EVERYTHING, Chosen
from pages.ui.evaluate_figures import METRICS, beyond, interval, table
from pages.ui.words import plain, signed, t

SHOWN = ("dice_mean", "dice_median", "surface_dice_mean", "hd95_px_median", "missed_rate", "false_region_rate")


def figures(chosen: Chosen) -> None:
    """Overlap of all pictures, and how the areas agree."""
    whole = _parts(chosen)[0]
    metrics: dict[str, Estimate] = dict(whole.metrics)
    if chosen.part.name == EVERYTHING:  # kept with the evaluation: what the masks alone do not say
        metrics |= {name: value for name, value in chosen.evaluated.metrics.items() if name not in metrics}
    left, right = st.columns([4, 7], gap="large")
    with left:
        table({t("Figure"): [], t("Value (95 % interval)"): []}, metrics, "masks")
        st.caption(
            t("{count} pictures of {patients} patients or clusters; intervals are drawn over these.",
              count=whole.n, patients=chosen.part.patients)
            + " " + t("Something was drawn in {drawn} of them; Dice is of these.", drawn=whole.drawn)
        )  # fmt: skip
    with right:
        found = areas(chosen.part.answers)
        if found is not None:
            st.markdown("**" + t("Areas: Bland-Altman") + "**")
            st.plotly_chart(evaluate_charts.bland_altman(found), key="agreement", config=charts.CONFIG)
            one = found.agreement
            bias, low, high = (signed(value, 2) for value in (one.bias.value, one.bias.low, one.bias.high))
            st.caption(
                t("Found less drawn, in percent of the picture: {bias} on average; 95 % of the differences lie between "
                  "{lower} and {upper}.", bias=f"{bias} ({low}, {high})",
                  lower=signed(one.lower, 2), upper=signed(one.upper, 2))
            )  # fmt: skip
    beyond(chosen)


def groups(chosen: Chosen) -> None:
    """Overlap by kind of finding and by column."""
    found = _parts(chosen)[1:]
    if not found:
        st.caption(t("The table has no column with several values of ten pictures or more."))
    for name in dict.fromkeys(part.name for part in found):
        _group(name, [part for part in found if part.name == name])


def _parts(chosen: Chosen) -> tuple[MaskPart, ...]:
    return mask_parts(chosen.part.answers, [label.id for label in chosen.card.labels])


def _group(name: str, parts: list[MaskPart]) -> None:
    columns: dict[str, list[str]] = {plain(name): [plain(part.value) for part in parts]}
    columns[t("Pictures (with a mask)")] = [f"{part.n} ({part.drawn})" for part in parts]
    for metric in SHOWN:
        columns[t(METRICS[metric])] = [
            interval(part.metrics[metric]) if metric in part.metrics else "–" for part in parts
        ]
    with st.container(key=f"figures-group-{name}"):
        st.table(columns, border="horizontal", hide_index=True)
