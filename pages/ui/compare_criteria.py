"""What criteria say: one in full, or all of them side by side with their disagreements flagged."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from medcore.records import Response, Threshold, Timepoint, TimepointResponse
from medcore.workbench import comparison_answer
from medcore.workbench.comparison_answer import Opinion
from pages.ui.words import change_percent, plain, say, signed, t

DIGITS = {"mm": 1, "ml": 2, "mm²": 0, "mm³": 0}  # decimals of a sum, by unit


def body(response: Response) -> None:
    """The last visit: rule, parts, figures, what is missing, how near the next categories are."""
    last = response.timepoints[-1]
    st.markdown(plain(say(last.reason)))
    parts = ((t("Target"), last.target), (t("Non-target"), last.nontarget), (t("New"), last.new))
    st.caption(" · ".join(plain(f"{name} {category or '–'}") for name, category in parts))
    _figures(response, last)
    for missing in last.missing:
        st.markdown(f":orange[:material/help:] {plain(say(missing))}")
    for note in last.notes:
        st.markdown(f":blue[:material/info:] {plain(say(note))}")
    for threshold in last.thresholds:
        st.markdown(plain(_nearness(threshold, response.unit)))
    best = t("Best response: {best}; confirmed: {confirmed}", best=response.best, confirmed=response.best_confirmed)
    st.caption(plain(best))


def to_confirm(response: Response) -> None:
    """Rules that were not yet checked against the paper, in sight."""
    if not response.to_confirm:
        return
    with st.expander(
        t("To be confirmed against the paper: {count}", count=len(response.to_confirm)), icon=":material/menu_book:"
    ):
        for message in response.to_confirm:
            st.markdown(f"- {plain(say(message))}")
        st.caption(plain(response.source))


def side_by_side(history: tuple[Timepoint, ...], response: Response) -> None:
    """All criteria on the same sizes; those that disagree with the chosen one are flagged, a click opens one."""
    opinions = comparison_answer.opinions(history, response)
    against = sum(one.agrees is False for one in opinions)
    title = t("All criteria side by side")
    if against:
        title += " · " + t("disagreeing: {count}", count=against)
    with st.expander(title, icon=":material/balance:"):
        rows = [_row(one) for one in opinions]
        picked = st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            height="content",
            on_select="rerun",
            selection_mode="single-row",
            key=f"compare-opinions-{response.criterion}",
        )
        st.caption(
            t("Criteria made for another disease or measure may disagree for good reason; only one of them was chosen.")
            + " "
            + t("Click a row to read one in full.")
        )
        for index in picked["selection"]["rows"]:
            _in_full(opinions[index])


def number(value: float | None, unit: str) -> str:
    """A sum with the digits it deserves."""
    return "–" if value is None else f"{value:.{DIGITS.get(unit, 1)}f}"


def _in_full(opinion: Opinion) -> None:
    with st.container(border=True, gap="small"):
        st.markdown(f"**{plain(t(opinion.title))}: {plain(opinion.category or t('not applicable'))}**")
        if opinion.response is None:
            st.markdown(plain(say(opinion.reason)))
            return
        body(opinion.response)
        for message in opinion.response.to_confirm:
            st.caption(f":material/menu_book: {t('To be confirmed')}: {plain(say(message))}")


def _row(one: Opinion) -> dict[str, str]:
    last = one.response.timepoints[-1] if one.response else None
    unit = one.response.unit if one.response else ""
    return {
        t("Criterion"): t(one.title),
        t("Category"): one.category or t("not applicable"),
        t("Agreement"): t("another scale")
        if one.other_scale
        else {True: "=", False: t("⚠ disagrees"), None: ""}[one.agrees],
        t("Sum"): f"{number(last.sum, unit)} {unit}" if last and last.sum is not None else "–",
        t("Baseline"): number(last.baseline, unit) if last else "–",
        t("Nadir"): number(last.nadir, unit) if last else "–",
        t("Next"): _next(last, unit),
        t("Why"): say(one.reason),
        t("Missing"): " ".join(say(message) for message in last.missing) if last else "",
        t("To be confirmed"): str(len(one.response.to_confirm) or "") if one.response else "",
    }


def _next(last: TimepointResponse | None, unit: str) -> str:
    """The nearest other category in a few characters."""
    nearest = min(last.thresholds if last else (), key=lambda one: abs(one.distance), default=None)
    if nearest is None:
        return "–"
    return f"{nearest.category} {signed(nearest.distance, DIGITS.get(unit, 1))} {unit}"


def _figures(response: Response, last: TimepointResponse) -> None:
    """Baseline, nadir and now with their changes."""
    if last.sum is None and last.baseline is None:
        return
    unit, since_baseline = response.unit, last.change_from_baseline_percent
    columns = st.columns(3)
    columns[0].metric(f"{t('Baseline')} ({unit})", number(last.baseline, unit))
    columns[1].metric(f"{t('Nadir')} ({unit})", number(last.nadir, unit))
    columns[2].metric(
        f"{t('Now')} ({unit})",
        number(last.sum, unit),
        None if since_baseline is None else change_percent(since_baseline),
        delta_color="off",
        delta_arrow="off",
        help=t("{percent} from the nadir", percent=change_percent(last.change_from_nadir_percent)),
    )


def _nearness(threshold: Threshold, unit: str) -> str:
    digits = DIGITS.get(unit, 1)
    return t(
        "{category} begins at {at} {unit}: {distance} {unit} from here.",
        category=threshold.category,
        at=f"{threshold.at:.{digits}f}",
        distance=signed(threshold.distance, digits),
        unit=unit,
    )
