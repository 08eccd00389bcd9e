"""The study list, and the study that is open beside it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from medcore.records import Study
from pages.ui import attach, export, pick, picture, quality, show, state
from pages.ui.words import kind, plain, scans, studies_text, study_title, t

PER_PAGE = 12


def teach() -> None:
    """What an empty list says: what this page does, a sample in one click, formats and limits."""
    st.subheader(t("Bring in a scan"))
    st.markdown(
        t(
            "Drop a chest X-ray, or any other scan, below. MedCore reads it, checks its quality and keeps it as a "
            "study. Then choose **Analyse**: a model says what it finds, on which scale, and where it looked."
        )
    )
    st.caption(t("No scan at hand? The sample studies are synthetic: no patient stands behind them."))


def filters() -> tuple[Study, ...]:
    """Search, filter by modality and layout; the studies that pass."""
    studies = state.workbench().studies
    modalities = sorted({modality for study in studies.list() for modality in study.modalities})
    with st.container(horizontal=True, vertical_alignment="center"):
        search = st.text_input(
            t("Search"),
            type="search",
            placeholder=t("Search title, pseudonym or date"),
            label_visibility="collapsed",
            key="search",
            persist_state="session",
        )
        wanted = st.pills(
            t("Modality"),
            modalities,
            format_func=kind,
            selection_mode="multi",
            label_visibility="collapsed",
            key="modalities",
            persist_state="session",
        )
    return tuple(s for s in studies.list(search=search or "") if not wanted or set(wanted) & set(s.modalities))


def listing(studies: Sequence[Study]) -> None:
    """The studies as a list or a grid, a page at a time."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(studies_text(len(studies)))
        batch_button()
        layout = pick.segment("layout", t("Layout"), {"list": ":material/view_list:", "grid": ":material/grid_view:"})
    pages = -(-len(studies) // PER_PAGE)
    shown = st.pagination(pages, key="page") if pages > 1 else 1
    part = studies[(shown - 1) * PER_PAGE : shown * PER_PAGE]
    if not part:
        st.info(t("No study passes the search and filters."), icon=":material/search_off:")
    elif layout == "grid":
        _grid(part)
    else:
        answered = state.workbench().studies.tasks_run()
        with st.container(gap="xxsmall"):
            for study in part:
                _row(study, answered.get(study.id, ()))


def batch_button() -> None:
    """Analyse all ticked studies in one go."""
    ticked = state.session().ticked
    if ticked and st.button(t("Analyse {count} ticked", count=len(ticked)), icon=":material/playlist_play:"):
        state.go("analyse.py", several="yes")


def details(study: Study) -> None:
    """The open study: title, actions, quick look, scans, quality."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"#### {plain(study_title(study))}")
        with st.container(horizontal=True, width="content"):
            if st.button(t("Analyse"), icon=":material/query_stats:", type="primary"):
                state.go("analyse.py")
            export.button(study)
            with st.popover(t("Rename"), icon=":material/edit:"):
                _rename(study)
            with st.popover(t("Delete"), icon=":material/delete:"):
                _delete(study)
    export.dialog(study)
    _undo()
    scan = pick.series(study)
    picture.look(study, scan)
    attach.mask_of(scan)
    show.scan_facts(study)
    quality.short_list(quality.checked(study))


def _row(study: Study, answered: Sequence[str]) -> None:
    opened = study.id == state.study_id()
    with st.container(key=f"row-{'open-' if opened else ''}{study.id}", horizontal=True, vertical_alignment="center"):
        _tick(study)
        with st.container(key=f"thumb-{study.id}", width=48):
            show.thumbnail(study, pixels=48)
        with st.container(gap=None):
            _title(study)
            facts = (plain(show.identity(study)), scans(len(study.scans)), plain(quality.summary(study)))
            st.caption(" · ".join(filter(None, facts)))
        with st.container(horizontal=True, horizontal_alignment="right", width=210, gap="xsmall"):
            show.badges(study)
            for task in answered:
                st.badge(pick.task_title(task), icon=":material/query_stats:", color="blue")


def _grid(studies: Sequence[Study]) -> None:
    grid = st.grid(min_column_width=150, gap="small")
    for study in studies:
        with grid.container(border=True, key=f"thumb-card-{study.id}"):
            show.thumbnail(study, pixels=128)
            _title(study)
            if doubts := quality.summary(study):
                st.caption(plain(doubts))
            with st.container(horizontal=True, gap="xsmall"):
                _tick(study)
                show.badges(study)


def _title(study: Study) -> None:
    st.button(
        plain(study_title(study)), key=f"title-{study.id}", type="tertiary", on_click=state.open_study, args=(study.id,)
    )


def _tick(study: Study) -> None:
    st.checkbox(
        t("Tick {title} for a batch", title=plain(study_title(study))),
        value=study.id in state.session().ticked,
        key=f"tick-{study.id}",
        label_visibility="collapsed",
        on_change=state.tick,
        args=(study.id,),
    )


def _rename(study: Study) -> None:
    with st.form(f"rename-{study.id}", border=False):
        title = st.text_input(t("Title"), value=study.title, max_chars=120, key=f"new-title-{study.id}")
        st.caption(t("Do not type the patient's name."))
        if st.form_submit_button(t("Rename"), key="rename") and title and title.strip() != study.title:
            state.session().renamed = (study.id, state.workbench().studies.rename(study.id, title.strip()))
            st.rerun()


def _undo() -> None:
    renamed = state.session().renamed
    if renamed is None:
        return
    study, former = renamed
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(t("Renamed from “{title}”.", title=plain(former)))
        if st.button(t("Undo"), icon=":material/undo:", type="tertiary", key="undo-rename"):
            state.workbench().studies.rename(study, former)
            state.session().renamed = None
            st.rerun()


def _delete(study: Study) -> None:
    st.markdown(t("“{title}” and all its results will be removed for good.", title=plain(study_title(study))))
    if st.button(t("Delete for good"), type="primary", icon=":material/delete_forever:", key="delete"):
        state.workbench().studies.delete(study.id)
        state.forget(study.id)
        st.rerun()
