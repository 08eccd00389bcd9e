"""One more millimetre: a slider that makes one lesion longer or shorter, and where each criterion would flip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from medcore.records import Response, Timepoint
from medcore.workbench import comparison_answer
from medcore.workbench.flip_map import REACH_MM, STEP_MM, FlipRow, flip_map
from pages.ui import chart_style, charts
from pages.ui.words import plain, signed, t

ROW, FOOT = 24, 58  # px


def panel(history: tuple[Timepoint, ...], response: Response, chosen: Mapping[str, str], key: str) -> None:
    """The slider, what the answer would be, and the same for all criteria."""
    lesions = comparison_answer.measured_last(history)
    if not lesions:
        return
    with st.container(border=True, key="compare-what-if", gap="small"):
        st.markdown(t("**One more millimetre**"))
        lesion = st.selectbox(t("Lesion"), lesions, key=f"{key}-what-lesion")
        by_mm = st.slider(
            t("Change at the last visit, mm"), -REACH_MM, REACH_MM, 0.0, STEP_MM, key=f"{key}-what-mm-{lesion}"
        )
        answer = comparison_answer.what_if(history, response.criterion, chosen, lesion, by_mm)
        now = response.timepoints[-1].overall
        total = "–" if answer.sum is None else f"{answer.sum:.1f} {response.unit}"
        text = t("Sum {sum}: {category}", sum=total, category=answer.overall)
        if answer.overall == now:
            st.info(plain(text), icon=":material/check:")
        else:
            st.warning(plain(f"{now} → {text}"), icon=":material/swap_horiz:")
        rows = flip_map(history, lesion, response.criterion, tuple(sorted(chosen.items())))
        st.caption(_flips(rows, response, lesion))
        with st.expander(t("Where each criterion flips"), icon=":material/multiple_stop:"):
            if rows:
                st.plotly_chart(figure(rows, by_mm), config=charts.CONFIG, key=f"{key}-flips")
                st.caption(_nearest(rows, lesion))


def figure(rows: Sequence[FlipRow], by_mm: float) -> go.Figure:
    """A row of stretches for each criterion, and the slider as a line across them."""
    chart = go.Figure()
    for row in rows:
        for one in row.stretches:
            look = chart_style.category(one.category, row.order)
            low, high = one.from_mm - STEP_MM / 2, one.to_mm + STEP_MM / 2
            chart.add_bar(
                x=[high - low], base=[low], y=[t(row.title)], orientation="h", width=0.8,
                marker=look.bar,
                text=one.category if high - low >= 3 else "", insidetextanchor="middle", textangle=0,
                hovertemplate=f"{signed(one.from_mm, 1)} – {signed(one.to_mm, 1)} mm: {one.category}<extra></extra>",
            )  # fmt: skip
    chart.add_vline(x=by_mm, line={"width": 2, "color": "#0b6b8a" if by_mm else "#8a97a3"})
    chart.update_layout(
        height=ROW * len(rows) + FOOT,
        margin={"l": 0, "r": 8, "t": 4, "b": 0},
        barmode="overlay",
        showlegend=False,
        dragmode=False,
    )
    chart.update_yaxes(autorange="reversed", fixedrange=True, automargin=True)
    low = min(one.from_mm for row in rows for one in row.stretches)
    chart.update_xaxes(range=[low - STEP_MM, REACH_MM + STEP_MM], title="mm", fixedrange=True, zeroline=False)
    return chart


def _flips(rows: Sequence[FlipRow], response: Response, lesion: str) -> str:
    """Where the answer of the chosen criterion flips, to both sides."""
    stretches = next((row.stretches for row in rows if row.criterion == response.criterion), ())
    shorter = [(one.to_mm, one.category) for one in stretches if one.to_mm < 0][-1:]
    longer = [(one.from_mm, one.category) for one in stretches if one.from_mm > 0][:1]
    sides = shorter + longer
    if not sides:
        return t("No change of {lesion} by up to {mm} mm flips the category.", lesion=lesion, mm=f"{REACH_MM:g}")
    texts = [t("{mm} mm: {category}", mm=signed(mm, 1), category=category) for mm, category in sides]
    return plain(t("The category flips at {places}", places=" · ".join(texts)))


def _nearest(rows: Sequence[FlipRow], lesion: str) -> str:
    """The criterion that flips first."""
    flips = [(row, row.nearest_mm) for row in rows]
    nearest = min(((abs(mm), mm, row) for row, mm in flips if mm is not None), default=None, key=lambda one: one[0])
    if nearest is None:
        return t("No change of {lesion} by up to {mm} mm flips any criterion.", lesion=lesion, mm=f"{REACH_MM:g}")
    text = t("The first to flip is {criterion}, at {mm} mm.", criterion=t(nearest[2].title), mm=signed(nearest[1], 1))
    return plain(text)
