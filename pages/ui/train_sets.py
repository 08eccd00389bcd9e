"""Choosing labelled pictures: a folder of this installation, an upload, or phantoms that are made here."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from medcore.errors import N_, MedcoreError, Message
from medcore.workbench.picture_sets import PHANTOMS, PictureSet
from pages.ui import faults, pick, state, tray
from pages.ui.words import plain, t

MAKING = "phantoms"  # the job that makes them


def choose() -> PictureSet | None:
    """One set; None while there is none or the phantoms are being made."""
    st.markdown("#### " + t("Pictures"))
    sets = {one.id: one for one in state.workbench().train.sets.list()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = pick.one_of("set", t("Labelled pictures"), {key: _title(one) for key, one in sets.items()})
        if PHANTOMS not in sets:
            st.button(
                t("Make phantom radiographs"),
                icon=":material/science:",
                key="make-phantoms",
                on_click=_make_phantoms,
                help=t("400 small chest radiographs computed here, half of them with an opacity; a minute or two."),
            )
    _upload()
    _making()
    return sets.get(chosen)


def _title(one: PictureSet) -> str:
    return t("Phantom radiographs (synthetic)") if one.id == PHANTOMS else one.id


def _upload() -> None:
    with st.expander(t("Add a set of your own"), icon=":material/upload:"):
        st.markdown(
            t(
                "A **zip** with a folder per class, or with a table index.csv (columns file, label, and patient where "
                "it is known), or images beside masks or boxes; or a MedMNIST file (**.npz**). "
                "Larger sets go into the folder {folder}.",
                folder=plain(str(state.settings().pictures_dir)),
            )
        )
        uploads = state.session().uploads
        file = st.file_uploader(t("ZIP or NPZ"), type=["zip", "npz"], key=f"files-train-{uploads}")
        if file is not None:
            _add(file)


def _add(file: UploadedFile) -> None:
    try:
        with tempfile.TemporaryDirectory() as folder, st.spinner(t("Unpacking")):
            path = Path(folder) / "upload"
            path.write_bytes(file.getbuffer())
            added = state.workbench().train.sets.add(file.name, path)
    except MedcoreError as error:
        faults.explain(error.message, error.hint)
        return
    state.session().uploads += 1
    state.choose("set", added.id)
    st.rerun()


def _make_phantoms() -> None:
    bench = state.workbench()
    job = bench.jobs.start(
        Message(N_("Making phantom radiographs")),
        lambda progress: bench.train.sets.make_phantoms(progress, cancelled=progress.cancelled),
    )
    state.session().working[MAKING] = job.id


def _making() -> None:
    job = state.workbench().jobs.get(state.session().working.get(MAKING, ""))
    if job is None:
        return
    if not job.state.over:
        tray.follow(job)
    elif job.error is not None:
        faults.show(job.error)
    else:
        del state.session().working[MAKING]
        state.choose("set", PHANTOMS)
        st.rerun()
