"""The timeline of a comparison: the patient's studies by date, the baseline marked, treatments as dated bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import plotly.graph_objects as go
import streamlit as st

from medcore.workbench.comparison_studies import same_patient, when
from medcore.workbench.treatments import Treatment
from pages.ui import chart_style, charts, compare_draft, compare_treatments, state, theme
from pages.ui.compare_draft import Reading
from pages.ui.words import plain, study_title, t

ROW, FOOT, FOOT_UNDATED = 28, 34, 12  # px
FULL_LABELS = 6  # with more studies a label is its number alone
NEAR = 0.09  # share of the whole time below which neighbours' labels would touch
QUIET = "#8a97a3"


@dataclass(frozen=True, slots=True)
class Stop:
    """One study on the timeline.

    Args:
        label: T0, T1 ..., or "" for a study of the patient that is not in the comparison.
        title: What the study is called.
    """

    label: str
    title: str
    when: date | None


def section(reading: Reading, *, undo: bool = True) -> None:
    """The timeline with what can be entered on it.

    Args:
        undo: Whether the page has no other button that takes a change back.
    """
    stops = _stops(reading)
    with st.container(border=True, key="compare-timeline", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("**" + t("Timeline") + "**")
            compare_treatments.editor(reading)
            compare_treatments.states(reading)
            if undo:
                compare_draft.undo(reading, "timeline")
        st.plotly_chart(figure(stops, reading.draft.treatments), config=charts.CONFIG, key="compare-timeline-chart")
        undated = ", ".join(one.label for one in stops if one.label and one.when is None)
        if undated and any(one.when for one in stops):
            st.caption(
                plain(t("Without a date: {studies}. Its place in the order is the one you chose.", studies=undated))
            )


def figure(stops: Sequence[Stop], treatments: Sequence[Treatment]) -> go.Figure:
    """Studies as points in one row, a row of bars for each treatment; without any date the points stand in order."""
    dated = any(one.when for one in stops)
    shown = [one for one in stops if one.when] if dated else list(stops)
    chart = go.Figure()
    if dated:
        _bars(chart, treatments, _until(shown, treatments))
    _points(chart, shown, dated=dated)
    names = list(dict.fromkeys(one.name for one in treatments)) if dated else []
    rows = [*reversed(names), t("Studies")]
    chart.update_layout(
        height=ROW * (len(rows) + 1) + (FOOT if dated else FOOT_UNDATED),
        margin={"l": 0, "r": 12, "t": 0, "b": 0},
        showlegend=False,
        barmode="overlay",
        dragmode=False,
        hovermode="closest",
    )
    chart.update_yaxes(type="category", categoryorder="array", categoryarray=rows, range=[-0.6, len(rows) + 0.4])
    chart.update_yaxes(fixedrange=True, automargin=True, showgrid=False)
    if dated:
        chart.update_xaxes(type="date", tickformat="%Y-%m-%d", nticks=8, range=_range(shown, treatments))
    else:
        chart.update_xaxes(showticklabels=False, range=[-0.5, max(len(shown) - 0.5, 0.5)])
    chart.update_xaxes(fixedrange=True, automargin=True)
    return chart


def _stops(reading: Reading) -> list[Stop]:
    """The chosen studies in their order, then the patient's others."""
    door, dates = state.workbench().comparisons, reading.draft.dates
    studies = {one.id: one for one in door.candidates(reading.baseline)}
    chosen = [studies[one.study] for one in reading.draft.visits if one.study in studies]
    others = [one for one in studies.values() if one not in chosen and same_patient(one, reading.baseline)]
    numbered = [Stop(f"T{number}", study_title(one), when(one, dates)) for number, one in enumerate(chosen)]
    return numbered + [Stop("", study_title(one), one.acquired_on) for one in others if one.acquired_on]


def _until(stops: Sequence[Stop], treatments: Sequence[Treatment]) -> date:
    """Where a bar that goes on ends on the chart: a little after the last known day."""
    days = [one.when for one in stops if one.when]
    days += [day for one in treatments for day in (one.start, one.end) if day]
    return max(days) + timedelta(days=max(7, round(0.05 * (max(days) - min(days)).days)))


def _range(stops: Sequence[Stop], treatments: Sequence[Treatment]) -> list[str]:
    """From a little before the first known day to a little after the last."""
    days = [one.when for one in stops if one.when] + [one.start for one in treatments]
    last = _until(stops, treatments)
    aside = timedelta(days=max(10, round(0.06 * (last - min(days)).days)))
    return [(min(days) - aside).isoformat(), (last + aside / 2).isoformat()]


def _bars(chart: go.Figure, treatments: Sequence[Treatment], until: date) -> None:
    names = list(dict.fromkeys(one.name for one in treatments))
    colours = theme.colours() or [QUIET]
    for one in treatments:
        number = names.index(one.name)
        end = one.end or until
        ends = one.end.isoformat() if one.end else t("goes on")
        chart.add_bar(
            x=[((end - one.start).days + 1) * 86_400_000],
            base=[one.start.isoformat()],
            y=[one.name],
            orientation="h",
            width=0.55,
            marker={
                "color": colours[(number + 1) % len(colours)],
                "pattern": chart_style.hatched(chart_style.PATTERNS[number % len(chart_style.PATTERNS)]),
            },
            text=t("goes on") + " ▸" if one.end is None else "",
            textposition="inside",
            insidetextanchor="end",
            hovertemplate=f"{one.name}: {one.start.isoformat()} – {ends}<extra></extra>",
        )


def _points(chart: go.Figure, stops: Sequence[Stop], *, dated: bool) -> None:
    colours = theme.colours() or [QUIET]
    first = next((one.when for one in stops if one.label == "T0"), None)
    chart.add_scatter(
        x=[one.when.isoformat() if one.when else number for number, one in enumerate(stops)] if dated
        else list(range(len(stops))),
        y=[t("Studies")] * len(stops),
        mode="markers+text",
        text=[_label(one, len(stops)) for one in stops],
        textposition=_positions(stops),
        cliponaxis=False,
        marker={
            "size": [16 if one.label == "T0" else 12 if one.label else 9 for one in stops],
            "symbol": ["diamond" if one.label == "T0" else "circle" if one.label else "circle-open" for one in stops],
            "color": [colours[0] if one.label else QUIET for one in stops],
            "line": {"width": 1.5},
        },
        customdata=[_hover(one, first) for one in stops],
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip


def _label(stop: Stop, count: int) -> str:
    if not stop.label:
        return ""
    name = f"{stop.label} {t('Baseline')}" if stop.label == "T0" else stop.label
    return f"{name}<br>{stop.when.isoformat()}" if stop.when and count <= FULL_LABELS else name


def _positions(stops: Sequence[Stop]) -> list[str]:
    """Labels above the points; one whose neighbour is near stands below."""
    days = [one.when for one in stops if one.when]
    whole = (max(days) - min(days)).days if days else 0
    places, last, low = [], None, False
    for one in sorted((one for one in stops if one.label), key=lambda one: str(one.when)):
        near = one.when and last and whole and (one.when - last).days < NEAR * whole
        low = bool(near) and not low
        last = one.when or last
        places.append((one, "bottom center" if low else "top center"))
    found = dict(places)
    return [found.get(one, "top center") for one in stops]


def _hover(stop: Stop, first: date | None) -> str:
    parts = [stop.label or t("not in this comparison"), stop.title]
    if stop.when is None:
        parts.append(t("no date"))
    else:
        parts.append(stop.when.isoformat())
        if first and stop.when != first:
            parts.append(t("{days} days from the baseline", days=f"{(stop.when - first).days:+d}"))
    return "<br>".join(parts)
