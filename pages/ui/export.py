"""The export dialog: formats and dates, what holds the pictures back, covering and release, then a zip."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from medcore.errors import N_, MedcoreError, Message
from medcore.records import DatePolicy, Study
from medcore.workbench.export import MIME, Choice, Package
from medcore.workbench.jobs import JobState
from medcore.workbench.release import Held, Rectangles, rectangle, typed
from pages.ui import faults, state, tray
from pages.ui.words import giga, kind, plain, say, t

FORMATS = {
    "dicom": "DICOM",
    "nifti": "NIfTI",
    "nrrd": "NRRD",
    "png": "PNG",
    "csv": N_("Table of results (CSV)"),
    "json": N_("Table of results (JSON)"),
    "dicom_seg": N_("Masks (DICOM SEG)"),
}
OF_A_STUDY, OF_A_RESULT = ("dicom",), ("nifti", "csv")  # what is chosen at first
DATES = {
    DatePolicy.SHIFT: N_("Move"),
    DatePolicy.KEEP: N_("Keep"),
    DatePolicy.DROP: N_("Remove"),
}
DATES_HELP = {
    DatePolicy.SHIFT: N_("Dates move by a number of days of the patient's own: intervals stay right."),
    DatePolicy.KEEP: N_("Dates of imaging stay as they are stored; whoever knows a date may find the patient."),
    DatePolicy.DROP: N_("Dates are left out."),
}


def button(study: Study) -> None:
    """The button that opens the dialog."""
    st.button(t("Export"), icon=":material/ios_share:", key="export", on_click=_open, args=(study.id,))


def button_of_result(study: str, run: str) -> None:
    """The button that opens the dialog for one result: its mask, its scan, its table."""
    st.button(t("Mask and scan"), icon=":material/ios_share:", key="export-result", on_click=_open, args=(study, run))


def dialog(study: Study) -> None:
    """The dialog, while it is open for this study."""
    opened = state.session().exporting
    if opened is not None and opened.study == study.id:
        st.dialog(t("Export without identity"), width="large", icon=":material/ios_share:", on_dismiss=_close)(
            _content
        )(study, opened)


def _content(study: Study, opened: state.Exporting) -> None:
    with faults.caught():
        choice = _choice(study, opened)
        _what_leaves(study)
        held = _looked_at(study, opened)
        if held is None:
            return
        _pictures(study, opened, held)
        _files(study, opened, choice, blocked=any(one.blocked for one in held))


def _choice(study: Study, opened: state.Exporting) -> Choice:
    """Formats and dates."""
    forms = {form.value: form for form in state.workbench().export.formats(study)}
    left, right = st.columns([3, 2], gap="medium")
    with left:
        wanted = st.pills(
            t("Formats"),
            list(forms),
            format_func=lambda form: t(FORMATS[form]),
            selection_mode="multi",
            default=[form for form in (OF_A_RESULT if opened.run else OF_A_STUDY) if form in forms],
            key="export-formats",
        )
    with right:
        dates = st.segmented_control(
            t("Dates"),
            list(DATES),
            format_func=lambda policy: t(DATES[policy]),
            default=DatePolicy.SHIFT,
            required=True,
            key="export-dates",
        )
    policy = DatePolicy(dates or DatePolicy.SHIFT)
    st.caption(t(DATES_HELP[policy]))
    return Choice(tuple(forms[form] for form in wanted), policy, dict(opened.covers), opened.run)


def _what_leaves(study: Study) -> None:
    """What the files will and will not hold."""
    with st.expander(t("What is removed, and what stays"), icon=":material/visibility_off:"):
        patient = plain(study.patient or study.id[:10].upper())
        lines = (
            t("**Never stored here**: names, birth dates, hospital numbers, institutions, free text of headers."),
            t(
                "**Replaced**: the patient is called {patient}; UIDs are new ones that only this installation can make "
                "again, so files of a study stay together.",
                patient=patient,
            ),
            t("**Removed**: private elements, overlays, comments, the title that you see here, names of files."),
            t("**Stays**: pixels and their geometry, modality, body part, and what scanners write of themselves."),
            t("**Added**: the method (DICOM PS3.15, Basic Profile), and that MedCore is not a medical device."),
        )
        st.markdown("\n".join(f"- {line}" for line in lines))


def _looked_at(study: Study, opened: state.Exporting) -> tuple[Held, ...] | None:
    """What was found in the pictures; None while somebody still looks, or after a fault."""
    bench = state.workbench()
    if opened.looked:
        return bench.export.check(study, opened.covers, run=opened.run)  # from what was seen, with today's releases
    job = bench.jobs.get(opened.looking) if opened.looking else None
    if job is None:
        covers = dict(opened.covers)
        job = bench.jobs.start(
            Message(N_("Looking for text in the pictures")),
            lambda progress: bench.export.check(
                study, covers, run=opened.run, progress=progress, cancelled=progress.cancelled
            ),
        )
        opened.looking = job.id
        job.wait(1.0)  # most are looked at already, or quick: no flicker
    if not job.state.over:
        tray.follow(job)
        return None
    if job.state is JobState.DONE:
        opened.looked = True
        bench.jobs.dismiss(job.id)
        return bench.export.check(study, opened.covers, run=opened.run)
    if job.error is not None:
        faults.show(job.error)
    else:
        st.button(t("Look again"), icon=":material/refresh:", on_click=_look_again)
    return None


def _pictures(study: Study, opened: state.Exporting, held: Sequence[Held]) -> None:
    """What holds the pictures back, with the means to cover text and to release them."""
    suspect = [one for one in held if one.suspicions]
    _summary(held, suspect)
    for one in suspect:
        _picture(study, opened, one)
    blocked = [one for one in suspect if one.blocked]
    if blocked:
        _release(study, opened, blocked)


def _summary(held: Sequence[Held], suspect: Sequence[Held]) -> None:
    by_shapes = any(one.look.by != "tesseract" or one.look.failed for one in held)
    blocked = sum(one.blocked for one in held)
    if blocked:
        st.warning(
            t(
                "{count} of {all} pictures may show a name. Look, cover the text, or release what names nobody.",
                count=blocked,
                all=len(held),
            ),
            icon=":material/front_hand:",
        )
    elif suspect:
        st.success(t("A person has looked at the pictures and released them."), icon=":material/how_to_reg:")
    else:
        st.success(
            t("No text was found in the pictures. Looking is no proof: glance over them."), icon=":material/check:"
        )
    if by_shapes:
        st.caption(
            t("Tesseract, the program that reads text, is not installed: only shapes of letters were looked for.")
        )


def _picture(study: Study, opened: state.Exporting, one: Held) -> None:
    """One suspect scan: the picture, why it is suspect, and what to cover."""
    export = state.workbench().export
    number = 1 + [scan.id for scan in study.scans].index(one.scan.id)
    title = f"{number} · {plain(one.scan.name)} · {kind(one.scan.modality)}"
    icon = ":material/front_hand:" if one.blocked else ":material/how_to_reg:"
    with st.expander(title, expanded=one.blocked, icon=icon):
        shown, told = st.columns([1, 1], gap="medium")
        with shown:
            st.image(export.picture(one, opened.covers), width="stretch", alt=t("The picture as it would leave"))
        with told:
            for found in one.suspicions:
                st.markdown(f":orange[:material/warning:] {plain(say(found.message))}")
            if one.confirmation is not None:
                when = one.confirmation.when.strftime("%Y-%m-%d %H:%M UTC")
                st.caption(
                    t("Released by {who}, {when}: {why}", who=plain(one.confirmation.who), when=when,
                      why=plain(one.confirmation.why))
                )  # fmt: skip
            _cover(study, opened, one)


def _cover(study: Study, opened: state.Exporting, one: Held) -> None:
    """Rectangles to blacken: those that were found, drawn in the viewer, or typed."""
    scan = one.scan.id
    now = opened.covers.get(scan, ())
    drawn = state.workbench().export.drawn(study, scan)
    with st.container(horizontal=True):
        if one.look.boxes and st.button(t("Cover what was found"), icon=":material/ink_marker:", key=f"cover-{scan}"):
            _set_covers(opened, scan, (*now, *one.look.boxes))
        new = tuple(box for box in drawn if box not in now)
        if new and st.button(t("Cover {count} drawn rectangles", count=len(new)), key=f"drawn-{scan}"):
            _set_covers(opened, scan, (*now, *new))
        if now and st.button(t("Uncover"), key=f"uncover-{scan}", type="tertiary"):
            _set_covers(opened, scan, ())
    with st.form(f"boxes-{scan}-{len(now)}", border=False):
        text = st.text_area(
            t("Rectangles to blacken: top, left, bottom, right in pixels, one a line"),
            value="\n".join(map(typed, now)),
            height=90,
            key=f"typed-{scan}-{len(now)}",
            placeholder="0, 0, 40, 300",
        )
        if st.form_submit_button(t("Cover"), icon=":material/ink_marker:", key=f"apply-{scan}-{len(now)}"):
            try:
                boxes = tuple(rectangle(line) for line in (text or "").splitlines() if line.strip())
            except MedcoreError as error:
                faults.show(error)
            else:
                _set_covers(opened, scan, boxes)


def _release(study: Study, opened: state.Exporting, blocked: Sequence[Held]) -> None:
    """A person says that the pictures, as they are covered now, name nobody."""
    with st.form("release"):
        st.markdown(t("**Release**: I have looked at these pictures, and no patient can be known by them."))
        who_side, why_side = st.columns(2)
        who = who_side.text_input(t("Your name"), max_chars=80, key="release-who")
        why = why_side.text_input(
            t("Reason"), max_chars=500, key="release-why", placeholder=t("Only scale and machine settings")
        )
        st.caption(t("Name, reason and time are kept in the audit trail. Do not type the patient's name."))
        if st.form_submit_button(t("Release"), icon=":material/how_to_reg:", key="release"):
            try:
                state.workbench().export.confirm(
                    study, [one.scan.id for one in blocked], who=who or "", why=why or "", covers=opened.covers
                )
            except MedcoreError as error:
                faults.show(error)
            else:
                st.rerun()


def _files(study: Study, opened: state.Exporting, choice: Choice, *, blocked: bool) -> None:
    """The files: made by a job, then downloaded."""
    bench = state.workbench()
    job = bench.jobs.get(opened.packing) if opened.packing else None
    if job is not None and not job.state.over:
        tray.follow(job)
        return
    if job is not None and job.error is not None:
        faults.show(job.error)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            t("Make the files"),
            icon=":material/folder_zip:",
            key="make-files",
            type="secondary" if job is not None and job.error is None else "primary",
            disabled=blocked or not choice.formats,
        ):
            started = bench.jobs.start(
                Message(N_("Exporting a study")),
                lambda progress: bench.export.package(study, choice, progress=progress, cancelled=progress.cancelled),
            )
            opened.packing = started.id
            started.wait(0.5)
            st.rerun()
        if job is not None and isinstance(job.result, Package):
            _download(job.result)
    if job is not None and isinstance(job.result, Package):
        for one in job.result.left_out:
            st.caption(f"{plain(one.what)}, {t(FORMATS[one.form.value])}: {plain(say(one.error.message))}")


def _download(package: Package) -> None:
    st.download_button(
        t("Download {size}", size=giga(max(len(package.data), 1_000_000))),
        package.data,
        file_name=package.name,
        mime=MIME,
        icon=":material/download:",
        type="primary",
        key="download-export",
        on_click="ignore",
    )


def _open(study: str, run: str = "") -> None:
    state.session().exporting = state.Exporting(study, run)


def _close() -> None:
    """The dialog was closed: what was packed for it is let go."""
    opened, state.session().exporting = state.session().exporting, None
    for job in (opened.looking, opened.packing) if opened is not None else ():
        state.workbench().jobs.dismiss(job)


def _look_again() -> None:
    opened = state.session().exporting
    if opened is not None:
        opened.looking = ""


def _set_covers(opened: state.Exporting, scan: str, boxes: Rectangles) -> None:
    opened.covers[scan] = tuple(dict.fromkeys(boxes))
    opened.looking, opened.looked = "", False
    st.rerun()
