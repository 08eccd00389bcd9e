"""A response from typed measurements: a CSV that is uploaded or pasted, without any scan."""

from __future__ import annotations

import streamlit as st

from medcore.errors import HistoryError
from medcore.workbench import assess
from medcore.workbench.comparison_tables import history_csv
from medcore.workbench.history_table import HistoryTable, patients, read_history
from pages.ui import compare_answer, compare_cohort, compare_criteria, compare_what_if, faults, show, words
from pages.ui.words import t

EXAMPLE = """timepoint,date,lesion,role,organ,node,longest_mm,short_axis_mm,status
baseline,2024-01-10,A,target,lung,,32,,
baseline,2024-01-10,B,target,node,1,,18,
baseline,2024-01-10,C,nontarget,bone,,,,measured
week 8,2024-03-06,A,target,lung,,20,,
week 8,2024-03-06,B,target,node,1,,12,
week 8,2024-03-06,C,nontarget,bone,,,,measured
"""
COHORT = "\0all"  # no patient is called so


def page() -> None:
    """The step."""
    left, right = st.columns([1, 1], gap="medium")
    with left:
        given = _table()
        with st.container(horizontal=True, vertical_alignment="bottom"):
            facts = compare_answer.criterion("recist11", "table-criterion")
            options = compare_answer.options(facts, {}, "table-option")
            sd_mm = st.number_input(t("Reader SD, mm"), 0.0, 10.0, 1.5, 0.5, key="table-sd")
        patient = _patient(given)
    if patient == COHORT:
        with right:
            compare_cohort.page(given, facts, options)
        return
    table = _read(given, patient)
    if table is None:
        return
    try:
        response = assess.assess(table.timepoints, facts.id, options)
    except HistoryError as error:
        with left:
            faults.explain(error.message, error.hint)
        return
    labels = [
        " · ".join(filter(None, (one.label, words.day(one.acquired_on) if one.acquired_on else "")))
        for one in table.timepoints
    ]
    sure = compare_answer.sure_of(table.timepoints, response, options, sd_mm)
    with left:
        show.issues(table.issues)
        compare_answer.pictures(table.timepoints, response, labels, sure, "table-chart")
        compare_answer.visits(response, labels)
        compare_criteria.side_by_side(table.timepoints, response)
        st.download_button(
            t("Table as CSV"), history_csv(table.timepoints), "medcore-lesions.csv", "text/csv", icon=":material/table:"
        )
    with right:
        compare_answer.headline(response)
        if sure is not None:
            compare_answer.certainty(response, sure)
        compare_what_if.panel(table.timepoints, response, options, "table")


def _table() -> bytes:
    """What was uploaded, else what was typed."""
    st.markdown(t("Lesions that were measured elsewhere: one row for each lesion and visit. Nothing of it is stored."))
    file = st.file_uploader(t("Table (CSV)"), type=["csv", "tsv", "txt"], key="table-file")
    if file is not None:
        return file.getvalue()
    typed = st.text_area(
        t("… or paste it here"),
        EXAMPLE,
        height=190,
        key="table-text",
        help=t(
            "Needed columns: timepoint, lesion, role. Lengths in mm, volumes in ml; an empty cell is unknown. With a "
            "column patient the table may hold several: they become a cohort."
        ),
    )
    return (typed or "").encode()


def _patient(data: bytes) -> str:
    """Of a table that holds several patients all of them, or the one to read; "" for a table of one."""
    try:
        names = patients(data)
    except HistoryError:  # told when the table is read
        return ""
    if len(names) < 2:
        return ""
    return st.selectbox(
        t("Patient"),
        [COHORT, *names],
        format_func=lambda one: t("All: {count} patients", count=len(names)) if one == COHORT else one,
        key="table-patient",
    )


def _read(data: bytes, patient: str) -> HistoryTable | None:
    try:
        return read_history(data, patient=patient)
    except HistoryError as error:
        faults.explain(error.message, error.hint)
        return None
