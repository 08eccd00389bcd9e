"""DICOM objects that carry no image: each is named, with what to send instead."""

from __future__ import annotations

from typing import Any

from medcore.errors import N_, ContentsOnlyError, CorruptFileError, MedcoreError, NoPixelsError, TruncatedFileError
from medcore.readers._dicom_header import text

DIRECTORY = "1.2.840.10008.1.3.10"
SHOWN_ELSEWHERE = N_("Read it in the system that wrote it, and send the images it speaks of.")
SEND_IMAGES = N_("Send the image series it belongs to.")
IS_DOCUMENT = N_("Open it in a program for documents; MedCore reads images.")
# Start of the SOP Class UID (PS3.4, B.5), what it is, what to do; the first that fits counts.
KINDS = (
    ("1.2.840.10008.5.1.4.1.1.88.59", N_("a selection of key images (KO)"), N_("Send the images that it selects.")),
    ("1.2.840.10008.5.1.4.1.1.88.67", N_("a radiation dose report (SR)"), SHOWN_ELSEWHERE),
    ("1.2.840.10008.5.1.4.1.1.88.", N_("a structured report (SR)"), SHOWN_ELSEWHERE),
    (
        "1.2.840.10008.5.1.4.1.1.11.",
        N_("a presentation state (PR)"),
        N_("It says how to show other images and marks them; send those images."),
    ),
    ("1.2.840.10008.5.1.4.1.1.104.1", N_("a PDF document"), IS_DOCUMENT),
    ("1.2.840.10008.5.1.4.1.1.104.2", N_("a clinical document (CDA)"), IS_DOCUMENT),
    ("1.2.840.10008.5.1.4.1.1.104.", N_("a three-dimensional model"), SEND_IMAGES),
    ("1.2.840.10008.5.1.4.1.1.9.", N_("a waveform, such as an ECG"), N_("MedCore reads images, not curves.")),
    ("1.2.840.10008.5.1.4.1.1.481.5", N_("a radiotherapy plan"), N_("Send the planning CT, its structures and dose.")),
    ("1.2.840.10008.5.1.4.1.1.481.", N_("a radiotherapy object without an image"), SEND_IMAGES),
    ("1.2.840.10008.5.1.4.34.", N_("a radiotherapy object without an image"), SEND_IMAGES),
    ("1.2.840.10008.5.1.4.1.1.66.1", N_("a spatial registration"), SEND_IMAGES),
    ("1.2.840.10008.5.1.4.1.1.66.3", N_("a spatial registration"), SEND_IMAGES),
    ("1.2.840.10008.5.1.4.1.1.66.2", N_("a set of fiducial points"), SEND_IMAGES),
    ("1.2.840.10008.5.1.4.1.1.66.5", N_("a surface segmentation"), N_("Export it as a DICOM segmentation of voxels.")),
    ("1.2.840.10008.5.1.4.1.1.66.6", N_("a tractography result"), SEND_IMAGES),
    ("1.2.840.10008.5.1.4.1.1.66", N_("raw data of a scanner"), SEND_IMAGES),
    ("1.2.840.10008.5.1.4.1.1.67", N_("a table of real-world values"), SEND_IMAGES),
    ("1.2.840.10008.5.1.4.38.", N_("a hanging protocol"), SEND_IMAGES),
    ("1.2.840.10008.5.1.4.39.", N_("a colour palette"), SEND_IMAGES),
)


def without_image(dataset: Any, name: str) -> MedcoreError:
    """Why a DICOM file without pixels gives no image: what it is instead, cut short, or damaged."""
    modality, kind = text(dataset, "Modality"), text(dataset, "SOPClassUID")
    stated = kind or str(getattr(dataset, "file_meta", {}).get("MediaStorageSOPClassUID") or "")
    if stated == DIRECTORY:
        return ContentsOnlyError(
            N_("“{name}” is the table of contents of a disc (DICOMDIR), not an image."),
            hint=N_("Send the whole folder or the files beside it; MedCore finds their order by itself."),
            name=name,
        )
    if not kind and not modality:
        return CorruptFileError(
            N_("The DICOM header of “{name}” is damaged: it says neither what it is nor how large its image is."),
            hint=N_("Export it again from its source."),
            name=name,
        )
    what, hint = next(((what, hint) for start, what, hint in KINDS if kind.startswith(start)), ("", SEND_IMAGES))
    if what:
        return NoPixelsError(N_("“{name}” is {what!t}; it carries no image."), hint=hint, name=name, what=what)
    if "Rows" in dataset and "Columns" in dataset:
        return TruncatedFileError(
            N_("“{name}” ends before its pixels: the header is there, the image is not."),
            hint=N_("The file was cut short; fetch it again."),
            name=name,
        )
    if kind and _class_name(kind).endswith("Image Storage") and modality not in ("SR", "KO", "PR", "DOC"):
        return NoPixelsError(
            N_("“{name}” says that it is an image ({kind}), but the image is not in it."),
            hint=N_("The file was cut short, or saved without its pixels; fetch it again."),
            name=name,
            kind=_class_name(kind),
        )
    return NoPixelsError(
        N_("“{name}” is sound DICOM but carries no image ({kind}, modality {modality})."),
        hint=SEND_IMAGES,
        name=name,
        kind=_class_name(kind),
        modality=modality if modality.isalnum() else "?",
    )


def _class_name(uid: str) -> str:
    from pydicom.uid import UID

    try:
        name = UID(uid).name
    except ValueError:
        return "?"
    return name if name.replace(" ", "").replace("-", "").isalnum() else "?"
