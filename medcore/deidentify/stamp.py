"""What a de-identified DICOM object says of itself: by which method, and that MedCore is no medical device."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID

from medcore.records import DatePolicy

NOTICE = "Research and teaching software, not a medical device."  # on everything that leaves MedCore
METHOD = "MedCore, DICOM PS3.15 2026c Basic Profile"
# CID 7050: de-identification methods.
BASIC = ("113100", "Basic Application Confidentiality Profile")
CLEAN_PIXELS = ("113101", "Clean Pixel Data Option")
FULL_DATES = ("113106", "Retain Longitudinal Temporal Information Full Dates Option")
MOVED_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
DATES = {DatePolicy.KEEP: "UNMODIFIED", DatePolicy.SHIFT: "MODIFIED", DatePolicy.DROP: "REMOVED"}
PREAMBLE = b"\0" * 128


def stamp(dataset: Dataset, patient: str, *, dates: DatePolicy) -> None:
    """Say who it is (a pseudonym), how it was de-identified, and by what; make file meta and preamble anew."""
    dataset.PatientName = dataset.PatientID = patient
    dataset.PatientBirthDate = ""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = METHOD
    methods = [BASIC, *{DatePolicy.KEEP: [FULL_DATES], DatePolicy.SHIFT: [MOVED_DATES]}.get(dates, [])]
    dataset.DeidentificationMethodCodeSequence = Items(_code(*method) for method in methods)
    dataset.LongitudinalTemporalInformationModified = DATES[dates]
    dataset.ContributingEquipmentSequence = Items([*dataset.get("ContributingEquipmentSequence", []), _equipment()])
    _new_file_meta(dataset)


def add_clean_pixels(dataset: Dataset) -> None:
    """Say that text in the pixels was covered."""
    dataset.DeidentificationMethodCodeSequence.append(_code(*CLEAN_PIXELS))
    dataset.BurnedInAnnotation = "NO"


def _equipment() -> Dataset:
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = Items([_code("109104", "De-identifying Equipment")])
    item.Manufacturer = "MedCore"
    item.ContributionDescription = NOTICE
    return item


def _new_file_meta(dataset: Dataset) -> None:
    old: Any = getattr(dataset, "file_meta", None)
    meta = FileMetaDataset()
    if old is not None and old.get("TransferSyntaxUID"):
        meta.TransferSyntaxUID = old.TransferSyntaxUID
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if dataset.get(keyword):
            setattr(meta, f"MediaStorage{keyword}", dataset[keyword].value)
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    meta.ImplementationVersionName = "MEDCORE"
    dataset.file_meta, dataset.preamble = meta, PREAMBLE


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item
