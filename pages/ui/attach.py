"""A mask from elsewhere, a label image or a DICOM SEG or RTSTRUCT, becomes one of the scan on the screen."""

from __future__ import annotations

import streamlit as st

from medcore.errors import MedcoreError
from medcore.records import ScanFacts
from medcore.workbench.label_images import attach_dicom, attach_label_image
from medcore.workbench.studies import uploaded
from pages.ui import faults, state
from pages.ui.words import t

KINDS = ["nii", "gz", "nrrd", "mha", "mhd", "npy", "tif", "tiff", "png", "dcm"]
DICOM_AT, DICOM = 128, b"DICM"  # where a DICOM file says that it is one


def mask_of(scan: ScanFacts) -> None:
    """Offers to take a file of labels (0 is background) as a mask of this scan."""
    masks = len(state.workbench().studies.masks(scan.id))
    # Another key for each number of masks, so that it closes once one is attached.
    with st.popover(t("Add a mask"), icon=":material/layers:", key=f"add-mask-{scan.id}-{masks}"):
        st.caption(
            t(
                "A label image of this scan: 0 is background, 1, 2, 3 … are lesions or organs. "
                "Or a DICOM SEG or RTSTRUCT: it names the scan that it was drawn on."
            )
        )
        with st.form(f"mask-{scan.id}", border=False, clear_on_submit=True):
            file = st.file_uploader(
                t("Mask (NIfTI, NRRD, MetaImage, NumPy, TIFF, PNG, DICOM SEG, RTSTRUCT)"),
                type=KINDS,
                key=f"mask-file-{scan.id}",
            )
            sent = st.form_submit_button(t("Attach"), key=f"mask-attach-{scan.id}")
        if sent and file is None:
            st.info(t("Choose a file first."), icon=":material/upload_file:")
        elif sent and file is not None:
            _attach(scan, file.name, file.getvalue())


def _attach(scan: ScanFacts, name: str, data: bytes) -> None:
    attach = attach_dicom if data[DICOM_AT : DICOM_AT + len(DICOM)] == DICOM else attach_label_image
    try:
        facts = attach(state.workbench().studies, scan.id, uploaded(name, data))
    except MedcoreError as error:
        faults.show(error)
        return
    st.toast(t("“{name}” is now a mask of this scan.", name=facts.name), icon=":material/layers:")
    st.rerun()
