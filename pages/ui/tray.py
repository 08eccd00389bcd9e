"""The jobs tray: long work with its stage, progress and cancel, on every page."""

from __future__ import annotations

import streamlit as st

from medcore.workbench.analyse import Analysis
from medcore.workbench.batch import BatchReport
from medcore.workbench.evaluation_file import Evaluated
from medcore.workbench.jobs import Job, JobState
from medcore.workbench.laboratory import LabReport
from medcore.workbench.picture_sets import PictureSet
from medcore.workbench.prepare import Derived, FoundRegion
from medcore.workbench.train import Look
from pages.ui import faults, state
from pages.ui.words import plain, say, seconds, t

REFRESH_SECONDS = 1.0
SHOWN = 3  # finished jobs kept in sight
ICONS = {
    JobState.DONE: ":material/check_circle:",
    JobState.FAILED: ":material/error:",
    JobState.CANCELLED: ":material/cancel:",
}


def show() -> None:
    """The tray; it refreshes itself only while a job is under way."""
    busy = any(not job.state.over for job in state.workbench().jobs.list())
    st.fragment(_tray, run_every=REFRESH_SECONDS if busy else None)()


def follow(job: Job) -> None:
    """One job on the page that waits for it; the page runs again when it is over."""
    st.fragment(_follow, run_every=REFRESH_SECONDS)(job)


def _follow(job: Job) -> None:
    with faults.caught():
        if job.state.over:
            st.rerun()
        _progress(job, place="page")


def _tray() -> None:
    with faults.caught():
        jobs = state.workbench().jobs.list()
        if not jobs:
            return
        with st.container(key="tray", gap="xsmall"):
            st.caption(t("Jobs"))
            for job in jobs:
                if not job.state.over:
                    st.markdown(plain(say(job.title)))
                    _progress(job, place="tray")
            for job in [job for job in jobs if job.state.over][-SHOWN:]:
                _finished(job)


def _progress(job: Job, *, place: str) -> None:
    """One job that is under way: stage, fraction, time, cancel. It may stand at several places of a page."""
    remaining = round(job.seconds_left or 0)
    left = t("about {time} left", time=seconds(remaining)) if remaining else ""
    line = " · ".join(filter(None, (say(job.stage), seconds(job.seconds), left)))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        st.progress(job.fraction, text=plain(line))
        st.button(
            t("Cancel"),
            key=f"cancel-{place}-{job.id}",
            icon=":material/close:",
            type="tertiary",
            disabled=job.cancelling,
            on_click=job.cancel,
        )


def _finished(job: Job) -> None:
    """One line with a link to where the result stands."""
    link = {"study": job.result.prediction.run.study} if isinstance(job.result, Analysis) else {}
    several = isinstance(job.result, BatchReport)
    page = "analyse.py" if link or several else "studies.py"
    if isinstance(job.result, Derived):
        page, link = "prepare.py", {"study": job.result.study, "scan": job.result.scan.id}
    elif isinstance(job.result, FoundRegion):
        page, link = "prepare.py", {"study": job.result.study, "scan": job.result.scan}
    elif isinstance(job.result, Look | PictureSet):
        page = "train.py"
    elif isinstance(job.result, Evaluated | LabReport):
        page = "evaluate.py"
    st.page_link(
        state.PAGES / page,
        label=f"{plain(say(job.title))} · {seconds(job.seconds)}",
        icon=ICONS[job.state],
        help=say(job.error.message) if job.error else None,
        query_params={"several": "yes"} if several else link,
    )
