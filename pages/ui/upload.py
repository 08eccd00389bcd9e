"""The drop zone, and what became of the files that were dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from medcore.errors import N_, Message
from medcore.records import DatePolicy
from medcore.volume import Triple
from medcore.workbench.jobs import Job
from medcore.workbench.studies import AddReport, numbered_pictures, uploaded
from medcore.workbench.workbench import QUIET, Workbench
from pages.ui import faults, state, tray
from pages.ui.words import plain, say, t

DATES = {
    DatePolicy.KEEP: N_("Keep dates"),
    DatePolicy.SHIFT: N_("Move dates"),
    DatePolicy.DROP: N_("Leave out dates"),
}
FORMATS = "DICOM · NIfTI · NRRD · PNG · JPEG · TIFF · ZIP"


def drop_zone() -> None:
    """Files, a zip, a folder, or the samples; reading starts as soon as the files are here."""
    uploads = state.session().uploads
    with st.container(key="drop"):
        files, folder, samples = st.columns([5, 4, 2], vertical_alignment="bottom")
    with files:
        dropped = st.file_uploader(
            t("Scans: {formats}", formats=FORMATS), accept_multiple_files=True, key=f"files-{uploads}"
        )
    with folder:
        below = st.file_uploader(t("A whole folder"), accept_multiple_files="directory", key=f"folder-{uploads}")
    with samples:
        dates = _dates()
        st.button(
            t("Sample studies"),
            icon=":material/science:",
            key="samples",
            on_click=_start_samples,
            width="stretch",
            help=t("Synthetic studies made by MedCore: no patient stands behind them."),
        )
    chosen = [*(dropped or ()), *(below or ())]
    pictures = numbered_pictures([file.name for file in chosen])
    if pictures:
        _offer_volume(chosen, pictures, uploads, dates)
    elif chosen:
        _start(chosen, dates)


def _dates() -> DatePolicy:
    """What becomes of the dates of the next upload; names never enter the store."""
    titles = {policy: t(text) for policy, text in DATES.items()}
    policy = st.selectbox(
        t("Dates"),
        list(DATES),
        index=list(DATES).index(DatePolicy(state.settings().dates)),
        format_func=titles.__getitem__,
        key="upload-dates",
        persist_state="session",
        help=t(
            "Names and numbers of patients never enter the store. Dates are kept, moved by a number of days of the "
            "patient's own, or left out; a patient who is here already is treated as before."
        ),
    )
    return DatePolicy(policy)


def _offer_volume(files: Sequence[UploadedFile], count: int, uploads: int, dates: DatePolicy) -> None:
    """Numbered pictures may be the slices of one volume; only the user knows, and knows how far apart they are."""
    with st.container(border=True, key="stack"):
        st.markdown(t("{count} of these pictures are numbered. Are they the slices of one volume?", count=count))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            step = _millimetres(t("Slice spacing (mm)"), f"slice-mm-{uploads}")
            side = _millimetres(t("Pixel spacing (mm)"), f"pixel-mm-{uploads}")
            volume = st.button(
                t("Read as one volume"),
                key="stack-volume",
                icon=":material/layers:",
                type="primary",
                disabled=not (step and side),
            )
            single = st.button(t("Read as single pictures"), key="stack-single", icon=":material/photo_library:")
    if volume and step and side:
        _start(files, dates, (step, side, side))
    elif single:
        _start(files, dates)


def _millimetres(label: str, key: str) -> float | None:
    return st.number_input(
        label, min_value=0.001, max_value=1000.0, value=None, format="%.3f", placeholder="–", key=key, width=170
    )


def outcome() -> None:
    """Progress of the latest upload, then what was read and what was refused, until it is put away."""
    job = state.workbench().jobs.get(state.session().adding) if state.session().adding else None
    if job is None:
        return
    with st.container(border=True, key="outcome"):
        if job.state.over:
            _over(job)
        else:
            tray.follow(job)


def _over(job: Job) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        if isinstance(job.result, AddReport):
            st.markdown(_counts(job.result))
        elif job.error is not None:
            faults.show(job.error)
        else:
            st.markdown(":material/cancel: " + t("Reading was cancelled. Studies that were stored before are kept."))
        st.button(t("Close"), key="close-outcome", icon=":material/close:", type="tertiary", on_click=_put_away)
    for refusal in job.result.refused if isinstance(job.result, AddReport) else ():
        reason = " ".join(filter(None, (say(refusal.error.message), say(refusal.error.hint))))
        st.markdown(f":orange[:material/block:] **{plain(refusal.name)}**  \n{plain(reason)}")


def _counts(report: AddReport) -> str:
    read = t("{count} read", count=len(report.added) + len(report.known))
    known = t("{count} of them were here already", count=len(report.known)) if report.known else ""
    refused = t("{count} refused", count=len(report.refused)) if report.refused else ""
    masks = t("{count} masks laid onto their scan", count=len(report.masks)) if report.masks else ""
    icon = ":orange[:material/rule:]" if report.refused else ":green[:material/check_circle:]"
    return f"{icon} **{', '.join(filter(None, (read, known, masks, refused)))}**"


def _start(files: Sequence[UploadedFile], dates: DatePolicy, stack_mm: Triple | None = None) -> None:
    bench = state.workbench()
    sources = [uploaded(file.name, file.getvalue()) for file in files]
    job = bench.jobs.start(
        Message(N_("Reading {count} files"), {"count": len(sources)})
        if len(sources) > 1
        else Message(N_("Reading a file")),
        lambda progress: _then_check(
            bench,
            lambda: bench.studies.add(
                sources, progress=progress, cancelled=progress.cancelled, stack_mm=stack_mm, dates=dates
            ),
        ),
    )
    _follow(job)
    st.rerun()


def _start_samples() -> None:
    bench = state.workbench()
    _follow(
        bench.jobs.start(
            Message(N_("Making the sample studies")),
            lambda progress: _then_check(
                bench, lambda: bench.studies.add_samples(progress, cancelled=progress.cancelled)
            ),
        )
    )


def _then_check(bench: Workbench, add: Callable[[], AddReport]) -> AddReport:
    """Add studies; their quality is checked afterwards, so that nobody waits for it."""
    try:
        return add()
    finally:
        bench.check_quality(owner=QUIET)


def _follow(job: Job) -> None:
    state.session().adding = job.id
    state.session().uploads += 1


def _put_away() -> None:
    state.session().adding = ""
