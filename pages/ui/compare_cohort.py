"""A cohort from a table of several patients: waterfall, swimmer with treatments, and each patient in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from medcore.errors import HistoryError
from medcore.workbench.assess import CriterionFacts
from medcore.workbench.cohort import Member, cohort, waterfall_order
from medcore.workbench.treatments import Treatment, read_treatments
from pages.ui import chart_style, charts, compare_charts, faults, pick
from pages.ui.words import change_percent, plain, say, signed, t

WEEK = 7
ROW, FOOT = 26, 90  # px
MANY = 30  # patients; from here on their names are told by the pointer
LINE = "#8a97a3"
EXAMPLE = """patient,treatment,start,end
P1,Docetaxel,2024-01-15,2024-05-01
"""


def page(data: bytes, facts: CriterionFacts, options: Mapping[str, str]) -> None:
    """The charts and the table of a cohort."""
    members = cohort(data, facts.id, options, _treatments())
    known = [one for one in members if one.response is not None]
    if not known:
        for one in members[:3]:
            st.error(plain(f"{one.patient}: {say(one.refusal) if one.refusal else ''}"), icon=":material/error:")
        return
    chart = pick.segment("cohort", t("Chart"), {"waterfall": t("Waterfall"), "swimmer": t("Swimmer")})
    figure = swimmer(known, facts.order) if chart == "swimmer" else waterfall(known, facts.order)
    if figure is None:
        st.info(t("The swimmer chart needs the dates of the visits."), icon=":material/event:")
    else:
        st.plotly_chart(figure, config=charts.CONFIG, key=f"cohort-{chart}")
    if chart == "swimmer":
        st.caption(t("A lane for each patient: a mark is the category of a visit, a bar a treatment."))
    else:
        st.caption(t("Best change of the sum from the baseline, up to progression; colours are the best response."))
    st.dataframe(pd.DataFrame([_row(one) for one in members]), hide_index=True)


def waterfall(members: Sequence[Member], order: Sequence[str] = ()) -> go.Figure:
    """Best change of each patient, the largest growth first, coloured and hatched by the best response."""
    ordered, figure = waterfall_order(members), go.Figure()
    for category in dict.fromkeys(one.response.best for one in ordered if one.response):
        look = chart_style.category(category, order)
        some = [one for one in ordered if one.response and one.response.best == category]
        figure.add_bar(
            x=[one.patient for one in some],
            y=[one.best_change_percent for one in some],
            name=category,
            marker=look.bar,
            text=[signed(change) for one in some if (change := one.best_change_percent) is not None],
            textposition="outside" if len(ordered) <= MANY else "none",
            cliponaxis=False,
            hovertemplate="%{x}: %{y:+.0f} %<extra>" + category + "</extra>",
        )
    figure.add_hline(y=0, line={"width": 1, "color": LINE})
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=[one.patient for one in ordered])
    figure.update_xaxes(showticklabels=len(ordered) <= MANY)
    return compare_charts.dressed(figure, t("Best change from the baseline, %"))


def swimmer(members: Sequence[Member], order: Sequence[str] = ()) -> go.Figure | None:
    """A lane for each patient in weeks from the baseline: treatments as bars, a mark for the category of each visit."""
    dated = [one for one in members if one.response and one.response.timepoints[0].acquired_on]
    if not dated:
        return None
    dated.sort(key=lambda one: (_first(one) - one.days[-1]).days)
    figure = go.Figure()
    names = list(dict.fromkeys(given.name for one in dated for given in one.treatments))
    lanes = [one.patient for one in dated]
    figure.add_bar(
        x=[_weeks(one, one.days[-1]) for one in dated], y=lanes, orientation="h", width=0.2, showlegend=False,
        marker={"color": LINE, "opacity": 0.45}, hoverinfo="skip",
    )  # fmt: skip
    for number, name in enumerate(names):
        _given(figure, dated, name, number)
    seen: dict[str, list[tuple[float, str, str]]] = {}
    for one in dated:
        for row in one.response.timepoints if one.response else ():
            if row.acquired_on and row.overall != "BASELINE":
                seen.setdefault(row.overall, []).append((_weeks(one, row.acquired_on), one.patient, row.timepoint))
    for category, places in seen.items():
        look = chart_style.category(category, order)
        figure.add_scatter(
            x=[week for week, _, _ in places], y=[patient for _, patient, _ in places], mode="markers", name=category,
            marker={"symbol": look.symbol, "size": 12, "color": look.colour, "line": {"width": 1, "color": "#ffffff"}},
            customdata=[label for _, _, label in places],
            hovertemplate="%{y} · %{customdata}: " + category + "<extra></extra>",
        )  # fmt: skip
    compare_charts.dressed(figure, "")
    figure.update_layout(height=ROW * len(lanes) + FOOT, barmode="overlay")
    figure.update_xaxes(title=t("Weeks from the baseline"))
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=lanes[::-1], showticklabels=len(lanes) <= MANY
    )
    return figure


def _given(figure: go.Figure, members: Sequence[Member], name: str, number: int) -> None:
    """One treatment in all lanes; what goes on ends with an arrow."""
    look = chart_style.series(number)
    bars = [(one, given) for one in members for given in one.treatments if given.name == name]
    ends = [given.end or one.days[-1] for one, given in bars]
    figure.add_bar(
        x=[(end - given.start).days / WEEK for end, (_, given) in zip(ends, bars, strict=True)],
        base=[_weeks(one, given.start) for one, given in bars],
        y=[one.patient for one, _ in bars],
        orientation="h",
        width=0.62,
        name=name,
        text=["" if given.end else "▸" for _, given in bars],
        insidetextanchor="end",
        marker={
            "color": look.colour,
            "opacity": 0.75,
            "pattern": chart_style.hatched(chart_style.PATTERNS[number % len(chart_style.PATTERNS)]),
        },
        customdata=[f"{given.start.isoformat()} – {given.end or t('goes on')}" for _, given in bars],
        hovertemplate="%{y}: " + name + " %{customdata}<extra></extra>",
    )


def _first(one: Member) -> date:
    assert one.response is not None and one.response.timepoints[0].acquired_on is not None, "chosen by the caller"
    return one.response.timepoints[0].acquired_on


def _weeks(one: Member, day: date) -> float:
    return (day - _first(one)).days / WEEK


def _treatments() -> Mapping[str, tuple[Treatment, ...]]:
    """What was uploaded, else what was typed; nothing of it is stored."""
    with st.expander(t("Treatments"), icon=":material/medication:"):
        file = st.file_uploader(t("Table (CSV)"), type=["csv", "tsv", "txt"], key="cohort-treatments")
        typed = st.text_area(t("… or paste it here"), "", height=110, key="cohort-treatments-text", placeholder=EXAMPLE)
        st.caption(t("One row a treatment: patient, treatment, start, end (empty while it goes on)."))
        given = file.getvalue() if file is not None else (typed or "").strip().encode()
        if not given:
            return {}
        try:
            return read_treatments(given)
        except HistoryError as error:
            faults.explain(error.message, error.hint)
            return {}


def _row(one: Member) -> dict[str, str]:
    response = one.response
    return {
        t("Patient"): one.patient,
        t("Visits"): str(len(response.timepoints)) if response else "–",
        t("Best change"): change_percent(one.best_change_percent),
        t("Best response"): response.best if response else "–",
        t("Confirmed"): response.best_confirmed if response else "–",
        t("Now"): response.timepoints[-1].overall if response else "–",
        t("Progression since"): (response.progressed_at or "") if response else "",
        t("Why not"): say(one.refusal) if one.refusal else "",
    }
