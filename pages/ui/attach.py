"""A label image from elsewhere becomes a mask of the scan on the screen."""

from __future__ import annotations

import streamlit as st

from medcore.errors import MedcoreError
from medcore.records import ScanFacts
from medcore.workbench.label_images import attach_label_image
from medcore.workbench.studies import uploaded
from pages.ui import faults, state
from pages.ui.words import t

KINDS = ["nii", "gz", "nrrd", "mha", "mhd", "npy", "tif", "tiff", "png"]


def mask_of(scan: ScanFacts) -> None:
    """Offers to take a file of labels (0 is background) as a mask of this scan."""
    with st.popover(t("Add a mask"), icon=":material/layers:"):
        st.caption(
            t(
                "A label image of this scan: 0 is background, 1, 2, 3 … are lesions or organs. "
                "DICOM SEG and RTSTRUCT go into the upload area instead: they find their scan by themselves."
            )
        )
        with st.form(f"mask-{scan.id}", border=False, clear_on_submit=True):
            file = st.file_uploader(
                t("Label image (NIfTI, NRRD, MetaImage, NumPy, TIFF, PNG)"), type=KINDS, key=f"mask-file-{scan.id}"
            )
            sent = st.form_submit_button(t("Attach"), key=f"mask-attach-{scan.id}")
        if sent and file is None:
            st.info(t("Choose a file first."), icon=":material/upload_file:")
        elif sent and file is not None:
            _attach(scan, file.name, file.getvalue())


def _attach(scan: ScanFacts, name: str, data: bytes) -> None:
    try:
        facts = attach_label_image(state.workbench().studies, scan.id, uploaded(name, data))
    except MedcoreError as error:
        faults.show(error)
        return
    st.toast(t("“{name}” is now a mask of this scan.", name=facts.name), icon=":material/layers:")
    st.rerun()
