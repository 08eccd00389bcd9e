"""A response on the page: the category, its rule in words, how near the next one is, how sure; other criteria."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from medcore.errors import HistoryError
from medcore.records import Response, Timepoint, TimepointResponse
from medcore.workbench import comparison_answer
from medcore.workbench.assess import Certainty, CriterionFacts, criteria
from pages.ui import charts, compare_charts, compare_criteria, faults, pick, show
from pages.ui.words import change_percent, percent, plain, t


def criterion(current: str, key: str) -> CriterionFacts:
    """The chooser of the criterion; returns the chosen one."""
    facts = {one.id: one for one in criteria()}
    chosen = st.selectbox(
        t("Criterion"),
        list(facts),
        index=list(facts).index(current) if current in facts else 0,
        format_func=lambda one: t(facts[one].title),
        key=key,
        help=t("Which rules turn the sizes into a response."),
    )
    return facts[chosen]


def options(facts: CriterionFacts, current: Mapping[str, str], key: str) -> dict[str, str]:
    """What can be set of a criterion; only what differs from its own value comes back."""
    wanted: dict[str, str] = {}
    if not facts.options:
        return wanted
    with st.popover(t("Options"), icon=":material/tune:"):
        st.caption(f"{t(facts.summary)} {facts.source}")
        for name, own in facts.options.items():
            text, words = current.get(name, ""), facts.words[name]
            label = t(words.title)
            if words.choices:
                value = _choice(label, words.choices, text or str(own), f"{key}-{name}")
                changed = "" if value == own else value
            elif isinstance(own, bool):
                ticked = st.checkbox(label, value=text == "true" if text else own, key=f"{key}-{name}")
                changed = ("true" if ticked else "false") if ticked != own else ""
            elif isinstance(own, float | int):
                number = st.number_input(label, value=float(text or own), min_value=0.0, key=f"{key}-{name}")
                changed = "" if abs(number - float(own)) < 1e-9 else f"{number:g}"
            else:
                changed = st.text_input(label, text or str(own), key=f"{key}-{name}")
                changed = "" if changed == own else changed
            if changed:
                wanted[name] = changed
    return wanted


def _choice(label: str, titles: Mapping[str, str], value: str, key: str) -> str:
    """One of the few values of an option."""
    values = list(titles)
    return st.selectbox(label, values, index=values.index(value), format_func=lambda one: t(titles[one]), key=key)


def headline(response: Response) -> None:
    """The answer of the last visit: category, rule, what is missing, how near the next category is."""
    with st.container(border=True, key="compare-answer", gap="small"):
        st.markdown(f"### {plain(t(response.title))}: {plain(response.timepoints[-1].overall)}")
        compare_criteria.body(response)
    show.issues(response.issues)
    compare_criteria.to_confirm(response)


def visits(response: Response, labels: Sequence[str]) -> None:
    """Every visit in one row."""
    rows = [_visit_row(row, label, response.unit) for row, label in zip(response.timepoints, labels, strict=True)]
    st.dataframe(pd.DataFrame(rows), hide_index=True)


def sure_of(
    history: tuple[Timepoint, ...], response: Response, chosen: Mapping[str, str], sd_mm: float
) -> Certainty | None:
    """The chances under measurement error; None where they cannot be told."""
    try:
        return comparison_answer.sureness(history, response.criterion, tuple(sorted(chosen.items())), sd_mm)
    except HistoryError as error:
        faults.explain(error.message, error.hint)
        return None


def pictures(
    history: tuple[Timepoint, ...], response: Response, labels: Sequence[str], sure: Certainty | None, key: str
) -> None:
    """The charts, one at a time."""
    titles = {
        "sum": t("Sum"),
        "chances": t("Chances"),
        "spider": t("Each lesion"),
        "waterfall": t("Waterfall"),
        "doubling": t("Growth"),
    }
    chart = pick.segment("chart", t("Chart"), titles)
    volumes = response.unit in ("ml", "mm³")
    size, title = ("volume_ml", t("volume")) if volumes else ("longest_mm", t("diameter"))
    figure = None
    if chart == "spider":
        figure = compare_charts.spider(history, labels, size, title)
    elif chart == "waterfall":
        figure = compare_charts.waterfall(history, size, title)
    elif chart == "doubling":
        figure = compare_charts.doubling(history)
        if figure is None:
            st.info(t("Growth needs the dates of two visits and a size at both."), icon=":material/event:")
            return
    elif chart == "chances" and sure is not None:
        figure = compare_charts.chances(sure, labels)
    else:
        figure = compare_charts.sums(response, labels, sure)
    if not _drawn(figure):
        st.info(t("Nothing to draw: no study here has a size in mm or ml."), icon=":material/straighten:")
        return
    st.plotly_chart(figure, config=charts.CONFIG, key=f"{key}-{chart}")


def _drawn(figure: go.Figure) -> bool:
    """Whether any value stands in a chart."""
    return any(value is not None for trace in figure.data for value in (trace.y if trace.y is not None else ()))


def certainty(response: Response, sure: Certainty) -> None:
    """The chances of the last visit in words, and the smallest change that flips it."""
    last = sure.chances[-1]
    shares = " · ".join(f"P({name}) {percent(share)}" for name, share in last.chances.items())
    st.markdown(f"**{plain(shares)}**")
    if last.sum_low is not None and last.sum_high is not None:
        st.caption(
            t("95 % interval of the sum: {low} to {high}", low=f"{last.sum_low:.1f}", high=f"{last.sum_high:.1f}")
            + f" {response.unit}"
        )
    turns = _turns(sure)
    if turns:
        st.caption("  \n".join(plain(text) for text in turns))


def _turns(sure: Certainty) -> list[str]:
    """For each lesion the smallest changes that change the answer."""
    texts = []
    for flip in sure.flips:
        if flip.larger_mm is not None:
            mm = f"{flip.larger_mm:.1f}"
            texts.append(
                t("{lesion}: {mm} mm longer gives {category}", lesion=flip.lesion, mm=mm, category=flip.larger)
            )
        if flip.smaller_mm is not None:
            mm = f"{flip.smaller_mm:.1f}"
            texts.append(
                t("{lesion}: {mm} mm shorter gives {category}", lesion=flip.lesion, mm=mm, category=flip.smaller)
            )
    return texts


def _visit_row(row: TimepointResponse, label: str, unit: str) -> dict[str, str]:
    return {
        t("Visit"): label,
        t("Sum") + f" ({unit})": "–" if row.sum is None else f"{row.sum:.1f}",
        t("from baseline"): change_percent(row.change_from_baseline_percent),
        t("from nadir"): change_percent(row.change_from_nadir_percent),
        t("Category"): row.overall,
    }
