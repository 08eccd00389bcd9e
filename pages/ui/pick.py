"""Choosers: language, open study, scan, task, model. What is chosen stands in the link."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from medcore.errors import NotFoundError
from medcore.language import LANGUAGES
from medcore.records import ScanFacts, Study
from medcore.workbench.analyse import ModelChoice
from pages.ui import faults, show, state
from pages.ui.words import distinct, kind, plain, say, size, study_title, t


def language() -> None:
    """The switch between languages, each under its own name."""
    current = state.language()
    other = next(code for code in LANGUAGES if code != current)
    st.button(
        LANGUAGES[other],
        icon=":material/translate:",
        type="tertiary",
        key="language",
        on_click=state.choose_language,
        args=(other,),
    )


def open_study() -> None:
    """The open study with its chooser, which keeps the page."""
    studies = {study.id: study for study in state.workbench().studies.list()}
    if not studies:
        st.caption(t("No study yet. Add one on the page Studies."))
        return
    chosen, titles = study(), distinct({key: study_title(one) for key, one in studies.items()})
    st.selectbox(
        t("Open study"),
        list(studies),
        index=list(studies).index(chosen.id) if chosen and chosen.id in studies else None,
        format_func=titles.__getitem__,
        placeholder=t("Choose a study"),
        key=f"open-study-{state.study_id()}-{len(studies)}",
        on_change=_open,
        args=(f"open-study-{state.study_id()}-{len(studies)}",),
    )
    if chosen:
        with st.container(key="thumb-open", horizontal=True, vertical_alignment="center"):
            show.thumbnail(chosen, pixels=64)
            show.study_facts(chosen)


def study() -> Study | None:
    """The open study; None, with the reason on the page, when the link names one that is not there."""
    wanted = state.study_id() or _newest()
    if not wanted:
        return None
    state.open_study(wanted)
    try:
        return state.workbench().studies.get(wanted)
    except NotFoundError as error:
        state.open_study("")
        faults.explain(error.message, error.hint)
        return None


def _newest() -> str:
    """The study that was added last, which is the likeliest to be meant when none is named."""
    newest = max(state.workbench().studies.list(), key=lambda one: one.added_at, default=None)
    return newest.id if newest else ""


def scan(of: Study) -> ScanFacts:
    """One scan of a study; no chooser where there is nothing to choose."""
    scans = {one.id: one for one in of.scans}
    titles = {key: f"{one.name} · {kind(one.modality)} · {size(one.shape)}" for key, one in scans.items()}
    return scans[one_of("scan", t("Scan"), titles, default=of.scans[0].id, hide_single=True)]


def series(of: Study) -> ScanFacts:
    """One scan of a study from the strip of its scans."""
    scans = {scan.id: scan for scan in of.scans}
    current = state.chosen("scan", list(scans), of.scans[0].id)
    if len(scans) == 1:
        return scans[current]
    with st.container(horizontal=True, gap="small", key="strip"):
        for scan in of.scans:
            mark = "open-" if scan.id == current else ""
            with st.container(width=104, gap=None, key=f"thumb-{mark}strip-{scan.id}"):
                show.scan_thumbnail(scan.id, pixels=104)
                st.button(
                    plain(scan.name) or kind(scan.modality),
                    key=f"series-{scan.id}",
                    type="tertiary",
                    on_click=state.choose,
                    args=("scan", scan.id),
                    help=f"{kind(scan.modality)} · {size(scan.shape)}",
                )
    return scans[current]


def task(of: ScanFacts) -> str:
    """The clinical question; the likely one stands first."""
    return one_of("task", t("Question"), _answerable(), default=state.likely_task(of) or "")


def any_task() -> str:
    """A clinical question, before it is known about which scan."""
    return one_of("task", t("Question"), _answerable())


def any_model(task: str) -> str:
    """A model of this question; "" when there is none."""
    cards = {card.id: t(card.title) for card in state.workbench().models.for_task(task)}
    return one_of("model", t("Model"), cards)


def model(choices: tuple[ModelChoice, ...]) -> str:
    """One of the models that fit; "" when there is none."""
    fitting = {choice.card.id: t(choice.card.title) for choice in choices if choice.reason is None}
    return one_of("model", t("Model"), fitting)


def unfit_models(choices: tuple[ModelChoice, ...]) -> None:
    """The models that cannot be chosen, each with the reason."""
    unfit = [(choice.card.title, choice.reason) for choice in choices if choice.reason is not None]
    if unfit:
        st.caption(t("These models do not fit this scan:"))
    for title, reason in unfit:
        st.markdown(f":material/block: **{plain(t(title))}**  \n{plain(say(reason))}")


def one_of(name: str, label: str, titles: Mapping[str, str], *, default: str = "", hide_single: bool = False) -> str:
    """One of several ids, shown by title; the choice stands in the link under `name`."""
    ids, titles = list(titles), distinct(titles)
    if not ids:
        return ""
    value = state.chosen(name, ids, default)
    if hide_single and len(ids) == 1:
        return value
    st.selectbox(
        label, ids, format_func=titles.__getitem__, key=state.widget(name), on_change=state.commit, args=(name,)
    )
    return value


def segment(name: str, label: str, titles: Mapping[str, str]) -> str:
    """One of a few ids, all in sight; the choice stands in the link under `name`."""
    value = state.chosen(name, list(titles))
    st.segmented_control(
        label,
        list(titles),
        format_func=titles.__getitem__,
        key=state.widget(name),
        on_change=state.commit,
        args=(name,),
        label_visibility="collapsed",
        required=True,
    )
    return value


def task_title(task: str) -> str:
    """A clinical question by its id; the id itself when there is no such question any more."""
    return _task_titles().get(task, task)


def _answerable() -> dict[str, str]:
    """The questions that some model here answers; all of them where there is no model at all."""
    models, titles = state.workbench().models, _task_titles()
    return {key: title for key, title in titles.items() if models.for_task(key)} or titles


def _task_titles() -> dict[str, str]:
    return {key: t(task.title) for key, task in state.workbench().analyse.tasks().items()}


def _open(key: str) -> None:
    state.open_study(state.widget_value(key))
