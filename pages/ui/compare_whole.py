"""Measures of the whole image over time: all lesions together, in SUV their uptake, for disease that has no borders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from medcore.errors import N_
from medcore.workbench.comparison_whole import Amount, burdens_of
from medcore.workbench.comparisons import Found
from pages.ui import charts, compare_charts, pick
from pages.ui.words import change_percent, t, three_digits

NAMES = {
    "volume": N_("Volume of all lesions, ml"),
    "voxels": N_("Voxels of all lesions"),
    "tlg": N_("Total lesion glycolysis, SUV·ml"),
    "peak": "SUVpeak",
    "highest": "SUVmax",
}


def panel(found: Found, labels: Sequence[str]) -> None:
    """All lesions of each study together, as a table and over time; nothing without lesions."""
    amounts = burdens_of(found)
    if not any(one.voxels for one in amounts):
        return
    with st.expander(t("Whole image"), icon=":material/data_usage:", key="compare-whole"):
        courses = courses_of(found, amounts)
        chosen = pick.segment("whole", t("Measure"), {name: t(NAMES[name]) for name in courses})
        days = [visit.acquired_on for visit in found.timepoints]
        figure = compare_charts.course(courses[chosen], days, labels, t(NAMES[chosen]))
        st.plotly_chart(figure, config=charts.CONFIG, key=f"compare-whole-chart-{chosen}")
        changes = found.volume_change_percent
        rows = zip(labels, amounts, changes, strict=True)
        st.dataframe(pd.DataFrame([_row(label, one, change, courses) for label, one, change in rows]), hide_index=True)
        if found.relative:
            st.caption(t("Only relative change is true here: a study has no true spacing."))


def courses_of(found: Found, amounts: Sequence[Amount]) -> Mapping[str, list[float | None]]:
    """What can be told of every study: volume or else voxels, and of PET in SUV the uptake; 0 where nothing is left."""
    known = [visit.sized and one.volume_ml is not None for visit, one in zip(found.visits, amounts, strict=True)]
    if all(known):
        courses: dict[str, list[float | None]] = {"volume": [one.volume_ml for one in amounts]}
    else:
        courses = {"voxels": [float(one.voxels) for one in amounts]}
    if any(one.uptake is not None for one in amounts):
        if all(known):
            courses["tlg"] = [one.uptake.glycolysis if one.uptake else _none_left(one) for one in amounts]
        courses["peak"] = [one.uptake.peak if one.uptake else None for one in amounts]
        courses["highest"] = [one.uptake.highest if one.uptake else None for one in amounts]
    return courses


def _none_left(one: Amount) -> float | None:
    """Nothing glows where there is no lesion; a scan that is not in SUV says nothing."""
    return None if one.voxels else 0.0


def _row(label: str, one: Amount, change: float | None, courses: Mapping[str, list[float | None]]) -> dict[str, str]:
    row = {t("Visit"): label, t("Lesions"): str(one.lesions)}
    if "volume" in courses:
        row[t("Volume, ml")] = "–" if one.volume_ml is None else three_digits(one.volume_ml)
    else:
        row[t("Voxels")] = str(one.voxels)
    row[t("from baseline")] = change_percent(change, 1)
    if "peak" in courses:
        found = one.uptake
        sizes = ("–",) * 4 if found is None else tuple(
            f"{value:.2f}" for value in (found.highest, found.mean, found.peak, found.glycolysis)
        )  # fmt: skip
        row |= dict(zip(("SUVmax", "SUVmean", "SUVpeak", "TLG, SUV·ml"), sizes, strict=True))
    return row
