"""The comparison that is open: its step, its baseline, the draft that every change is kept in at once, undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import streamlit as st

from medcore.errors import N_, HistoryError, MedcoreError, Message, UnfitInputError
from medcore.records import Study
from medcore.workbench.comparison_draft import Draft
from medcore.workbench.comparison_studies import when
from medcore.workbench.comparisons import Aligned, Found, Kept
from medcore.workbench.jobs import Job, JobState
from pages.ui import faults, pick, state, tray
from pages.ui.words import day, plain, study_title, t

STEPS = {
    "studies": N_("1 Pick studies"),
    "alignment": N_("2 Check alignment"),
    "lesions": N_("3 Confirm lesions"),
    "response": N_("4 Response"),
    "table": N_("From a table"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the page works on.

    Args:
        baseline: The study that the draft is kept with.
        aligned: None while the studies have not been aligned as the draft says.
    """

    baseline: Study
    kept: Kept
    aligned: Aligned | None

    @property
    def draft(self) -> Draft:
        """What was decided so far."""
        return self.kept.draft

    def key(self, name: str) -> str:
        """Key of a widget: another one after each change, so that it shows what is kept, also after an undo."""
        return f"compare-{name}-{self.baseline.id}-{self.kept.version}"


def step() -> str:
    """The steps, all in sight."""
    with st.container(horizontal=True, vertical_alignment="center", key="compare-steps"):
        return pick.segment("step", t("Step"), {name: t(title) for name, title in STEPS.items()})


def go(name: str) -> None:
    """Open another step, as a callback of a button."""
    state.choose("step", name)


def opened(study: Study) -> Reading:
    """The comparison of the open study: of the baseline in the link, else of the patient's first study."""
    comparisons = state.workbench().comparisons
    studies = {one.id: one for one in comparisons.candidates(study)}
    first = next((one.id for one in studies.values() if one.patient and one.patient == study.patient), study.id)
    baseline = studies[state.chosen("baseline", list(studies), first)]
    kept = comparisons.opened(baseline)
    try:
        return Reading(baseline, kept, state.aligned(kept.draft))
    except (UnfitInputError, HistoryError) as error:
        faults.explain(error.message, error.hint)
        return Reading(baseline, kept, None)


def change(reading: Reading, draft: Draft) -> None:
    """Keep a change at once and show the page with it."""
    _stored(lambda: state.workbench().comparisons.keep(reading.baseline.id, draft, version=reading.kept.version))


def concluded(reading: Reading, aligned: Aligned) -> Found | None:
    """What follows from the decisions so far; None, with the reason on the page, where the criterion refuses."""
    try:
        return state.workbench().comparisons.conclude(aligned, reading.draft)
    except HistoryError as error:
        faults.explain(error.message, error.hint)
        return None


def undo(reading: Reading, place: str = "") -> None:
    """The button that takes the latest change back.

    Args:
        place: Tells two of them on one page apart.
    """
    key = reading.key(f"undo{place}")
    if st.button(t("Undo"), icon=":material/undo:", disabled=not reading.kept.undoable, key=key, type="tertiary"):
        _stored(lambda: state.workbench().comparisons.undo(reading.baseline.id, version=reading.kept.version))


def align(reading: Reading) -> Job:
    """Start to align the studies as the draft says."""
    door, draft = state.workbench().comparisons, reading.draft
    job = state.workbench().jobs.start(
        Message(N_("Aligning studies")),
        lambda progress: door.align(draft, progress=progress, cancelled=progress.cancelled),
    )
    state.session().comparing[reading.baseline.id] = job.id
    return job


def want_alignment(baseline: str) -> None:
    """Remember, as a callback of a button, that the studies shall be aligned once what was just typed is kept."""
    state.session().comparing[_wish(baseline)] = "align"


def wants_alignment(reading: Reading) -> bool:
    """Whether the button was pressed since it was asked last."""
    return bool(state.session().comparing.pop(_wish(reading.baseline.id), ""))


def _wish(baseline: str) -> str:
    return f"wish {baseline}"


def progress(reading: Reading) -> None:
    """The job that aligns, while it is under way; why it failed, when it did."""
    follow(state.session().comparing.get(reading.baseline.id, ""))


def follow(job_id: str) -> Job | None:
    """A job of this page with its progress and cancel; the job when it is done."""
    job = state.workbench().jobs.get(job_id)
    if job is None or job.state is JobState.DONE:
        return job
    if not job.state.over:
        tray.follow(job)
    elif job.error is not None:
        faults.show(job.error)
    else:
        st.info(t("The comparison was cancelled."), icon=":material/cancel:")
    return None


def name_of(study: Study, draft: Draft) -> str:
    """A study as a chooser shows it, with its date or the one that the reader knows."""
    return " · ".join(filter(None, (study_title(study), day(when(study, draft.dates)), study.patient)))


def need_alignment(reading: Reading) -> None:
    """What to do first, where a step needs studies that are aligned."""
    if len(reading.draft.visits) < 2:
        st.info(t("Choose a baseline and at least one later study first."), icon=":material/looks_one:")
        st.button(t("Pick studies"), on_click=go, args=("studies",), type="primary", key="compare-back")
        return
    st.info(t("These studies have not been aligned yet."), icon=":material/layers:")
    if st.button(t("Align"), type="primary", icon=":material/layers:", key="compare-align-now"):
        align(reading)
        st.rerun()


def title_of(reading: Reading, number: int) -> str:
    """A visit as the page calls it: T0, T1 ... and its date."""
    day = day_of(reading, number)
    return plain(f"T{number}") + (f" · {day.isoformat()}" if day else "")


def day_of(reading: Reading, number: int) -> date | None:
    """When a visit was imaged."""
    return when(state.workbench().studies.get(reading.draft.visits[number].study), reading.draft.dates)


def _stored(work: Callable[[], Kept]) -> None:
    try:
        work()
    except MedcoreError as error:
        faults.show(error)
        return
    st.rerun()
