"""Quality findings: the short list of a study, and the page that ranks all studies by them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import streamlit as st

from medcore.errors import MedcoreError
from medcore.records import Issue, Severity, Study
from medcore.workbench.quality import Finding, StudyQuality, findings
from pages.ui import faults, pick, show, state
from pages.ui.words import plain, say, studies_text, study_title, t

PER_PAGE = 10
SHOWN = 2  # titles of findings on a study's card
TITLES = 3  # in a row of the ranking
DIGITS = 3


def teach() -> None:
    """What an empty page says."""
    st.subheader(t("No study to check yet"))
    st.markdown(
        t(
            "Every scan is checked when it comes in: noise, blur, contrast, cut-off values, ghosts, metal, bias field, "
            "polarity, rotation, text in the pixels, compression, gaps between slices and duplicates. What is found "
            "stands here, the worst first, and goes with every result."
        )
    )
    st.page_link(state.PAGES / "studies.py", label=t("Bring in a scan"), icon=":material/folder_open:")


def checked(study: Study) -> Study:
    """The study with its findings; they are made now where that has not happened yet."""
    try:
        return state.workbench().quality.checked(study)
    except MedcoreError as error:  # its pixels cannot be read; the rest of the study is still worth showing
        faults.explain(error.message, error.hint)
        return study


def short_list(study: Study) -> None:
    """All findings about a study, the worst first, and the way to the page with their figures."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(t("**Quality**"))
        if any(scan.issues for scan in study.scans):
            st.page_link(state.PAGES / "quality.py", label=t("Figures"), icon=":material/rule:")
    found = findings(study)
    show.issues([one.issue for one in found], {id(one.issue): len(one.scans) for one in found})
    if not any(scan.issues for scan in study.scans):
        st.caption(t("Nothing to complain about."))


def summary(study: Study) -> str:
    """The titles of the worst findings in one line; "" where there is none worth a look."""
    found = [one for one in findings(study) if one.issue.severity is not Severity.INFO]
    titles = list(dict.fromkeys(t(one.title) for one in found))
    more = [t("and {count} more", count=len(titles) - SHOWN)] if len(titles) > SHOWN else []
    return " · ".join([*titles[:SHOWN], *more])


def filters() -> tuple[StudyQuality, ...]:
    """Search, severity and kind of finding; the studies that pass, the worst first."""
    door = state.workbench().quality
    titles = {code: t(title) for code, title in door.titles().items()}
    with st.container(horizontal=True, vertical_alignment="center"):
        search = st.text_input(
            t("Search"),
            type="search",
            placeholder=t("Search title, pseudonym or date"),
            label_visibility="collapsed",
            key="quality-search",
        )
        severities = st.pills(
            t("Severity"),
            list(show.ORDER),
            format_func=severity,
            selection_mode="multi",
            label_visibility="collapsed",
            key="quality-severities",
        )
        codes = st.multiselect(
            t("Finding"),
            sorted(titles, key=titles.__getitem__),
            format_func=lambda code: titles.get(code, code),
            placeholder=t("All findings"),
            label_visibility="collapsed",
            key="quality-codes",
            width=300,
        )
    return door.ranked(search=search or "", severities=severities or (), codes=codes or ())


def waiting() -> None:
    """How many scans are not checked yet, and the way to check them now."""
    bench = state.workbench()
    count = bench.quality.waiting()
    if not count:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(":material/pending: " + t("{count} scans are not checked yet.", count=count))
        if st.button(t("Check now"), icon=":material/rule:", key="check-quality"):
            bench.check_quality()
            st.rerun()


def ranking(found: Sequence[StudyQuality]) -> None:
    """The studies, a page at a time."""
    st.caption(studies_text(len(found)))
    if not found:
        st.info(t("No study passes the search and filters."), icon=":material/search_off:")
        return
    pages = -(-len(found) // PER_PAGE)
    shown = st.pagination(pages, key="quality-page") if pages > 1 else 1
    with st.container(gap="xxsmall"):
        for one in found[(shown - 1) * PER_PAGE : shown * PER_PAGE]:
            _row(one)


def detail(study: Study) -> None:
    """Each finding of one study with its figures and what to do."""
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(key=f"thumb-quality-{study.id}", width=112):
            show.thumbnail(study, pixels=112)
        with st.container(gap="xsmall"):
            st.markdown(f"#### {plain(study_title(study))}")
            show.study_facts(study)
            with st.container(horizontal=True):
                st.page_link(state.PAGES / "studies.py", label=t("Look at it"), icon=":material/visibility:")
                st.page_link(state.PAGES / "analyse.py", label=t("Analyse"), icon=":material/query_stats:")
    found = findings(study)
    for finding in found:
        with st.container(border=True, gap="xsmall"):
            _finding(finding, scans_of=len(study.scans))
    if not found:
        st.success(t("Nothing to complain about."), icon=":material/check_circle:")


def severity(value: Severity) -> str:
    """A severity as people call it."""
    words = {Severity.BLOCK: t("Do not use"), Severity.WARN: t("With care"), Severity.INFO: t("Note")}
    return words[value]


def _row(one: StudyQuality) -> None:
    study = one.study
    mark = "open-" if study.id == state.study_id() else ""
    with st.container(key=f"row-{mark}quality-{study.id}", horizontal=True, vertical_alignment="center"):
        with st.container(key=f"thumb-quality-row-{study.id}", width=48):
            show.thumbnail(study, pixels=48)
        with st.container(gap=None):
            st.button(
                plain(study_title(study)),
                key=f"quality-{study.id}",
                type="tertiary",
                on_click=state.open_study,
                args=(study.id,),
            )
            st.caption(plain(" · ".join(_titles(one.findings)) or t("Nothing to complain about.")))
        with st.container(horizontal=True, horizontal_alignment="right", width=120):
            show.quality_badge(study.worst)


def _titles(found: Sequence[Finding]) -> Iterator[str]:
    titles = list(dict.fromkeys(t(one.title) for one in found))
    yield from titles[:TITLES]
    if len(titles) > TITLES:
        yield t("and {count} more", count=len(titles) - TITLES)


def _finding(finding: Finding, *, scans_of: int) -> None:
    issue = finding.issue
    colour = show.COLOURS[issue.severity]
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f":{colour}[{show.ICONS[issue.severity]}] **{plain(t(finding.title))}**")
        st.badge(severity(issue.severity), color=colour)  # type: ignore[arg-type]
    st.markdown(plain(say(issue.message)))
    hint, figures = say(issue.hint), _figures(issue)
    if hint:
        st.markdown(f":material/arrow_forward: {plain(hint)}")
    names = list(dict.fromkeys(one.name for one in finding.scans if one.name))
    scan = plain(", ".join(names[:TITLES])) if scans_of > 1 else ""
    if line := " · ".join(filter(None, (scan, figures, f"`{issue.code}`"))):
        st.caption(line)


def _figures(issue: Issue) -> str:
    """The measured value against its limit, with the digits they deserve."""
    if issue.measured is None:
        return ""
    measured = f"{issue.measured:.{DIGITS}g}"
    if issue.limit is None:
        return plain(t("measured {measured}", measured=measured))
    return plain(t("measured {measured}, limit {limit}", measured=measured, limit=f"{issue.limit:.{DIGITS}g}"))


def open_or_worst(found: Sequence[StudyQuality]) -> Study | None:
    """The open study if it passes the filters, else the one that stands first."""
    chosen = pick.study() if state.study_id() else None
    if chosen is not None and any(one.study.id == chosen.id for one in found):
        return chosen
    return found[0].study if found else None
