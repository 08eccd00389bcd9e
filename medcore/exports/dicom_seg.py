"""Masks as DICOM SEG objects that refer to the exported images they lie on, through highdicom."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from medcore.deidentify.keyed import stand_in_uid
from medcore.deidentify.stamp import NOTICE, stamp
from medcore.errors import N_, UnfitInputError
from medcore.records import DatePolicy
from medcore.volume import Mask

MAKER = "MedCore"
TISSUE = ("85756007", "SCT", "Tissue")  # says nothing wrong of a region drawn for any purpose (PS3.16, CID 7150)
SOURCES = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4")  # CT and MR: slices that lie in a patient
FIRST_SERIES_NUMBER = 1000


@dataclass(frozen=True, slots=True)
class SegLabel:
    """How a mask came to be.

    Args:
        name: Series Description, in technical words.
        seed: Its UIDs follow from it.
        number: Tells the masks of a scan apart.
        model: Name and version of the network that made it; empty: a person did.
        corrections: How many a reader made to what the network drew; another number gives other UIDs.
    """

    name: str
    seed: bytes
    number: int = 1
    model: tuple[str, str] | None = None
    corrections: int = 0


def segmentation(mask: Mask, images: Sequence[Dataset], label: SegLabel, *, dates: DatePolicy) -> Dataset:
    """One binary SEG of all labels of a mask.

    Args:
        mask: (S, R, C); slice k lies on `images[k]`.
        images: The de-identified datasets of the scan, one a slice.
        label: How it came to be.
        dates: What the images' dates have gone through.

    Raises:
        UnfitInputError: The mask is empty, or its scan is not written as slices in a patient.
    """
    import highdicom as hd  # a second of import that only this needs

    present = [int(value) for value in np.unique(mask.labels) if value]
    if not present or any(str(image.SOPClassUID) not in SOURCES for image in images):
        raise UnfitInputError(
            N_("This mask cannot be a DICOM SEG: it is empty, or its scan is not a CT or MR series."),
            hint=N_("Choose NIfTI or NRRD for masks."),
        )
    segments = _segments(mask.names, present, label)
    which = f"{label.number} {images[0].SOPInstanceUID}" + (f" {label.corrections}" if label.corrections else "")
    uid = [stand_in_uid(label.seed, f"{kind} {which}") for kind in ("series", "seg")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a pseudonym has no family name, and highdicom minds
        seg = hd.seg.Segmentation(
            source_images=list(images),
            pixel_array=np.searchsorted([0, *present], mask.labels).astype(np.uint8),
            segmentation_type="BINARY",
            segment_descriptions=segments,
            series_instance_uid=uid[0],
            series_number=FIRST_SERIES_NUMBER + label.number,
            sop_instance_uid=uid[1],
            instance_number=1,
            manufacturer=MAKER,
            manufacturer_model_name=MAKER,
            software_versions="1",
            device_serial_number="0",
            series_description=f"{label.name}. {NOTICE}"[:64],
        )
    seg.ContentDate, seg.ContentTime = images[0].ContentDate, images[0].ContentTime
    for keyword in ("InstanceCreationDate", "InstanceCreationTime", "SeriesDate", "SeriesTime"):
        if keyword in seg:
            delattr(seg, keyword)
    stamp(seg, str(images[0].PatientID), dates=dates)
    return seg


def _segments(names: Mapping[int, str], present: Sequence[int], label: SegLabel) -> list[Any]:
    """One description a label, numbered 1, 2, ... as the object wants them."""
    import highdicom as hd
    from pydicom.sr.coding import Code

    tissue, algorithm = Code(*TISSUE), None
    if label.model is not None:
        algorithm = hd.AlgorithmIdentificationSequence(
            label.model[0][:64], Code("123110", "DCM", "Artificial Intelligence"), label.model[1][:64] or "1"
        )
    how = "MANUAL" if algorithm is None else "SEMIAUTOMATIC" if label.corrections else "AUTOMATIC"
    return [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=names.get(value, str(value))[:64],
            segmented_property_category=tissue,
            segmented_property_type=tissue,
            algorithm_type=how,
            algorithm_identification=algorithm,
        )
        for number, value in enumerate(present, start=1)
    ]
