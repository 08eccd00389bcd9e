"""First step of a comparison: the baseline, the later studies, which masks are lesions, what speaks against it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from medcore.errors import N_
from medcore.records import ScanFacts, Study
from medcore.volume import MaskOrigin
from medcore.workbench.comparison_draft import Chosen
from medcore.workbench.comparison_studies import when
from medcore.workbench.comparisons import Source
from pages.ui import attach, compare_draft, compare_timeline, compare_treatments, compare_viewer, faults, show, state
from pages.ui.compare_draft import Reading
from pages.ui.words import distinct, kind, plain, size, t

ORIGINS = {
    MaskOrigin.DRAWN: N_("drawn"),
    MaskOrigin.CORRECTED: N_("corrected"),
    MaskOrigin.SEG: "DICOM SEG",
    MaskOrigin.RTSTRUCT: "RTSTRUCT",
    MaskOrigin.FILE: N_("from a file"),
    MaskOrigin.REGION: N_("a region by density"),
    "model": N_("found by a model"),
}


def teach() -> None:
    """What the page does, where nothing is there yet."""
    st.subheader(t("No study yet"))
    st.markdown(
        t(
            "Compare puts two or more studies of one patient on top of each other, follows each lesion over time and "
            "tells the response by the criteria of oncology, with its uncertainty. Bring in a baseline and a later "
            "study, or take the samples: they hold a synthetic patient before and after treatment."
        )
    )
    if st.button(t("Go to Studies"), icon=":material/folder_open:", type="primary"):
        state.go("studies.py")


def page(reading: Reading) -> None:
    """The step."""
    compare_timeline.section(reading)
    with st.container(key="split"):
        left, right = st.columns([2, 1], gap="medium")
    with right:
        studies = _baseline_and_later(reading)
        for number, chosen in enumerate(reading.draft.visits):
            _visit(reading, number, chosen, studies[chosen.study])
        show.issues(state.workbench().comparisons.doubts(reading.draft))
        _actions(reading)
    with left:
        compare_viewer.side_by_side(reading)


def _baseline_and_later(reading: Reading) -> dict[str, Study]:
    """The choosers; studies of the same patient stand first."""
    studies = {one.id: one for one in state.workbench().comparisons.candidates(reading.baseline)}
    titles = distinct({key: compare_draft.name_of(one, reading.draft) for key, one in studies.items()})
    baseline = state.chosen("baseline", list(studies), reading.baseline.id)
    st.selectbox(
        t("Baseline"),
        list(studies),
        index=list(studies).index(baseline),
        format_func=titles.__getitem__,
        key=state.widget("baseline"),
        on_change=state.commit,
        args=("baseline",),
        help=t("Change is counted from here on. The draft of a comparison is kept with its baseline."),
    )
    now = [one.study for one in reading.draft.visits[1:]]
    later = st.multiselect(
        t("Later studies"),
        [key for key in studies if key != reading.baseline.id],
        default=now,
        format_func=titles.__getitem__,
        placeholder=t("Choose at least one"),
        key=reading.key("later"),
    )
    if set(later) != set(now):
        compare_draft.change(reading, replace(reading.draft, visits=_ordered(reading, later, studies)))
    if len(studies) == 1:
        st.info(t("There is one study only. Add a later one of the same patient."), icon=":material/info:")
    return studies


def _ordered(reading: Reading, later: list[str], studies: dict[str, Study]) -> tuple[Chosen, ...]:
    """The baseline, then the chosen studies by date, those without a date in the order they were chosen."""
    first = reading.draft.visits[0] if reading.draft.visits else Chosen(reading.baseline.id, "")
    known = {one.study: one for one in reading.draft.visits[1:]}
    kinds = next(one for one in studies[first.study].scans if one.id == first.scan)
    chosen = []
    for key in sorted(later, key=lambda one: str(when(studies[one], reading.draft.dates) or "9999")):
        scans = studies[key].scans
        alike = [one for one in scans if one.modality == kinds.modality] or list(scans)
        largest = max(alike, key=lambda one: one.shape[0] * one.shape[1] * one.shape[2])
        chosen.append(known.get(key, Chosen(key, largest.id)))
    return (first, *chosen)


def _date(reading: Reading, study: Study) -> None:
    """The date of a study that carries none, as pictures do; the order of the studies follows it."""
    if study.acquired_on is not None:
        return
    now = reading.draft.dates.get(study.id)
    day = st.date_input(
        t("Date, if you know it"),
        now,
        min_value=compare_treatments.FIRST_DAY,
        max_value=compare_treatments.LAST_DAY,
        format="YYYY-MM-DD",
        key=f"compare-date-{reading.baseline.id}-{study.id}-{now}",  # a change of another study's date leaves it alone
    )
    if day == now:
        return
    dates = {key: value for key, value in reading.draft.dates.items() if key != study.id}
    if day is not None:
        dates[study.id] = day
    first, *later = reading.draft.visits
    there = {one.id: one for one in state.workbench().comparisons.candidates(reading.baseline)}
    later.sort(key=lambda one: str(when(there[one.study], dates) or "9999"))
    compare_draft.change(reading, replace(reading.draft, dates=dates, visits=(first, *later)))


def _visit(reading: Reading, number: int, chosen: Chosen, study: Study) -> None:
    """One study: which of its scans, and which masks are its lesions."""
    with st.container(border=True, key=f"compare-visit-{number}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            show.scan_thumbnail(chosen.scan, pixels=48)
            with st.container(gap=None):
                st.markdown(f"**{compare_draft.title_of(reading, number)}**")
                st.caption(" · ".join(filter(None, (t("Baseline") if number == 0 else "", study.patient))))
        if len(study.scans) > 1:
            titles = distinct({one.id: f"{one.name} · {kind(one.modality)} · {size(one.shape)}" for one in study.scans})
            scan = st.selectbox(
                t("Scan"),
                list(titles),
                index=list(titles).index(chosen.scan),
                format_func=titles.__getitem__,
                key=reading.key(f"scan-{number}"),
            )
            if scan != chosen.scan:
                _replace(reading, number, Chosen(chosen.study, scan))
        _date(reading, study)
        _lesions(reading, number, chosen, next(one for one in study.scans if one.id == chosen.scan))


def _lesions(reading: Reading, number: int, chosen: Chosen, scan: ScanFacts) -> None:
    """Which masks and results of models are its lesions; or that the reader found none."""
    door = state.workbench().comparisons
    sources = distinct({one.id: _source(one) for one in door.sources(chosen.scan, chosen.study)})
    clear = chosen.study in reading.draft.clear
    if sources and not clear:
        now = list(door.chosen_sources(chosen))
        wanted = st.multiselect(
            t("Lesions from"),
            list(sources),
            default=now,
            format_func=sources.__getitem__,
            placeholder=t("Nothing chosen"),
            key=reading.key(f"sources-{number}-{len(sources)}-{'-'.join(now)}"),
        )
        if wanted != now:
            _replace(reading, number, replace(chosen, sources=tuple(wanted)))
    elif not clear:
        st.caption(t("No lesion marked yet: draw in the picture with the brush, add a mask, or run a model (Analyse)."))
    boxes = () if clear else door.unmeasured(chosen.scan, chosen.study)
    if boxes:
        st.caption(
            t(
                "{models} gave boxes only. A box tells where something is, not where it ends, so it has no diameter "
                "that could be followed. Draw what you see with the brush, or type its size in “From a table”.",
                models=plain(", ".join(boxes)),
            )
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        attach.mask_of(scan)
        bare = st.checkbox(
            t("No lesion in this study"),
            value=clear,
            key=reading.key(f"clear-{number}"),
            help=t("You looked and there is none; masks of this study do not count then."),
        )
    if bare != clear:
        compare_draft.change(reading, replace(reading.draft, clear=reading.draft.clear ^ {chosen.study}))


def _source(one: Source) -> str:
    """A mask or a model's result by its name and where it comes from."""
    origin = ORIGINS.get(one.origin)
    return f"{one.title} · {t(origin)}" if origin else one.title


def _replace(reading: Reading, number: int, chosen: Chosen) -> None:
    visits = list(reading.draft.visits)
    visits[number] = chosen
    compare_draft.change(reading, replace(reading.draft, visits=tuple(visits)))


def _actions(reading: Reading) -> None:
    """How scans may move, and the button that begins."""
    motions = {
        "rigid": t("Turn and shift (head, bone)"),
        "affine": t("Also stretch (another breath or scanner)"),
        "deformable": t("Also bend (soft tissue; same contrast)"),
    }
    motion = st.selectbox(
        t("How scans may move"),
        list(motions),
        index=list(motions).index(reading.draft.motion) if reading.draft.motion in motions else 0,
        format_func=motions.__getitem__,
        key=reading.key("motion"),
    )
    if motion != reading.draft.motion:
        compare_draft.change(reading, replace(reading.draft, motion=motion))
    with st.container(horizontal=True):
        st.button(
            t("Align"),
            type="primary",
            icon=":material/layers:",
            key="compare-align",
            disabled=len(reading.draft.visits) < 2,
            help=t("Puts the later studies on top of the baseline."),
            on_click=compare_draft.want_alignment,
            args=(reading.baseline.id,),
        )
        # Typing a date and pressing this may arrive together: the date is kept first, with a run of its own.
        if compare_draft.wants_alignment(reading):
            with faults.caught():
                compare_draft.align(reading)
                compare_draft.go("alignment")
                st.rerun()
