"""What a reader enters on the timeline: treatments with their days, and the patient's state at each study."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Literal, TypeAlias

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from medcore.errors import N_, HistoryError
from medcore.records import PatientState, Steroids, Trend
from medcore.workbench.treatments import LONGEST_NAME, Treatment, checked, ordered
from pages.ui import compare_draft, faults
from pages.ui.compare_draft import Reading
from pages.ui.words import t

FIRST_DAY, LAST_DAY = date(1950, 1, 1), date(2150, 12, 31)
TRENDS = {None: "–", Trend.BETTER: N_("better"), Trend.STABLE: N_("stable"), Trend.WORSE: N_("worse")}
STEROIDS = {
    None: "–",
    Steroids.NONE: N_("none"),
    Steroids.LESS: N_("less"),
    Steroids.STABLE: N_("unchanged"),
    Steroids.MORE: N_("more"),
}
LabelVisibility: TypeAlias = Literal["visible", "collapsed"]
DEAUVILLE = (None, 1, 2, 3, 4, 5)


def editor(reading: Reading) -> None:
    """Treatments in rows; every change is kept at once, and undone with the rest."""
    treatments = reading.draft.treatments
    count = f" ({len(treatments)})" if treatments else ""
    with st.popover(t("Treatments") + count, icon=":material/medication:", key="compare-treatments"):
        st.caption(t("In the calendar of the studies. A treatment without a last day goes on."))
        for number, one in enumerate(treatments):
            _row(reading, number, one)
        with st.form(reading.key("treatment-form"), border=False, clear_on_submit=True):
            name, start, end = _fields(reading.key("treatment-new"), None)
            added = st.form_submit_button(t("Add"), icon=":material/add:", key=reading.key("treatment-add"))
        if added:
            _keep(reading, treatments, name, start, end)


def states(reading: Reading) -> None:
    """What criteria ask of the patient beyond the lesions: a visit that nobody spoke of stays unknown."""
    known = sum(1 for one in reading.draft.visits if one.study in reading.draft.states)
    count = f" ({known})" if known else ""
    with st.popover(t("Patient's state") + count, icon=":material/clinical_notes:", key="compare-states"):
        st.caption(t("RANO asks for the clinical state and steroids, Lugano for the Deauville score. “–” is unknown."))
        for number, one in enumerate(reading.draft.visits):
            st.markdown(f"**{compare_draft.title_of(reading, number)}**")
            now = reading.draft.states.get(one.study, PatientState())
            wanted = _state(reading, number, now)
            if wanted != now:
                kept = {study: state for study, state in reading.draft.states.items() if study != one.study}
                if wanted != PatientState():
                    kept[one.study] = wanted
                compare_draft.change(reading, replace(reading.draft, states=kept))


def _row(reading: Reading, number: int, one: Treatment) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        name, start, end = _fields(reading.key(f"treatment-{number}"), one)
        removed = st.button("", icon=":material/delete:", key=reading.key(f"treatment-drop-{number}"), help=t("Remove"))
    others = tuple(other for place, other in enumerate(reading.draft.treatments) if place != number)
    if removed:
        compare_draft.change(reading, replace(reading.draft, treatments=others))
    if (name, start, end) != (one.name, one.start, one.end):
        _keep(reading, others, name, start, end)


def _fields(key: str, one: Treatment | None) -> tuple[str, date | None, date | None]:
    """Name and days of a treatment; only the empty row, which is the last, says what its fields are."""
    shown: LabelVisibility = "visible" if one is None else "collapsed"
    left, middle, right = st.columns([2, 1.3, 1.3])
    with left:
        name = st.text_input(
            t("Treatment"),
            one.name if one else "",
            key=f"{key}-name",
            placeholder=t("Drug, surgery, radiotherapy …"),
            max_chars=LONGEST_NAME,
            label_visibility=shown,
        )
    with middle:
        start = _day(t("First day"), one.start if one else None, f"{key}-start", shown)
    with right:
        end = _day(t("Last day"), one.end if one else None, f"{key}-end", shown)
    return name or "", start, end


def _day(label: str, value: date | None, key: str, shown: LabelVisibility) -> date | None:
    return st.date_input(
        label,
        value,
        min_value=FIRST_DAY,
        max_value=LAST_DAY,
        format="YYYY-MM-DD",
        key=key,
        label_visibility=shown,
    )


def _keep(reading: Reading, others: tuple[Treatment, ...], name: str, start: date | None, end: date | None) -> None:
    try:
        treatments = ordered([*others, checked(name, start, end)])
    except HistoryError as error:
        faults.explain(error.message, error.hint)
        return
    if treatments != reading.draft.treatments:
        compare_draft.change(reading, replace(reading.draft, treatments=treatments))


def _state(reading: Reading, number: int, now: PatientState) -> PatientState:
    clinical, steroids, deauville, ended = st.columns(4)
    return PatientState(
        clinical=clinical.selectbox(
            t("Clinical state"),
            list(TRENDS),
            index=list(TRENDS).index(now.clinical),
            format_func=lambda one: t(TRENDS[one]),
            key=reading.key(f"clinical-{number}"),
            disabled=number == 0,
        ),
        steroids=steroids.selectbox(
            t("Steroids"),
            list(STEROIDS),
            index=list(STEROIDS).index(now.steroids),
            format_func=lambda one: t(STEROIDS[one]),
            key=reading.key(f"steroids-{number}"),
        ),
        deauville=deauville.selectbox(
            t("Deauville"),
            DEAUVILLE,
            index=DEAUVILLE.index(now.deauville),
            format_func=lambda one: "–" if one is None else str(one),
            key=reading.key(f"deauville-{number}"),
        ),
        radiotherapy_ended_on=_ended(ended, now, reading.key(f"radiotherapy-{number}")),
    )


def _ended(place: DeltaGenerator, now: PatientState, key: str) -> date | None:
    with place:
        return _day(t("Radiotherapy ended"), now.radiotherapy_ended_on, key, "visible")
