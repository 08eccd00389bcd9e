"""A DICOM file with a canary in every attribute of PS3.15 table E.1-1, and in every corner that no table lists."""

from __future__ import annotations

import io
import re
from collections import Counter

from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID

from tests.readers.factory import ct_dataset

WORD, UID_ROOT = "KNRY", "1.2.826.0.1.3680043.9.7777"
DAY, CLOCK = "19870", "0411"  # every planted date is 198701DD, every planted time 0411SS
TEXT = re.compile(rb"KNRY|knry")
DATE = re.compile(rb"19870[0-9]{3}")
TIME = re.compile(rb"0411[0-5][0-9]")
NUMBER = 731906  # planted in numbers


def attributes() -> list[tuple[int, int]]:
    """The single attributes of the table (repeating groups apart)."""
    listed = dicom_anonymization_database_selector("dicomfields_2026c")["ALL_TAGS"]
    return sorted(tag for tag in listed if len(tag) == 2 and tag[0] not in (0x0000, 0x0002))


def canary_file(number: int = 1, *, patient: str = "KNRYHOSP-4711", nested: bool = True) -> bytes:
    """One slice of a study with canaries everywhere."""
    ds = ct_dataset(InstanceNumber=number)
    for place, tag in enumerate(attributes()):
        plant(ds, tag, place)
    study = f"{UID_ROOT}.1"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = UID(study), UID(study + ".2"), UID(study + ".3")
    ds.SOPInstanceUID = UID(f"{study}.2.{number}")
    ds.PatientID, ds.PatientName = patient, "KNRYDOE^KNRYJOHN"
    ds.ConvolutionKernel = "KNRYkernel"
    ds.SequenceName = "for KnryDoe"  # not in the table, but it holds the name
    ds.add_new(0x00090010, "LO", "KNRY CREATOR")
    ds.add_new(0x00091001, "LO", "KNRY PRIVATE")
    ds.add_new(0x60000010, "US", 16)
    ds.add_new(0x60000011, "US", 16)
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60003000, "OW", b"KNRYOVERLAYDATA!" * 2)
    ds.add_new(0x60004000, "LT", "KNRY OVERLAY COMMENT")
    ds.add_new(0x50000022, "LO", "KNRY CURVE")
    ds.add_new(0xFFFCFFFC, "OB", b"KNRYPADDING!")
    if nested:
        ds.RTROIObservationsSequence = Items([nested_item()])  # a sequence that the table does not list
        group = Dataset()
        group.PixelMeasuresSequence = Items([nested_item()])
        ds.SharedFunctionalGroupsSequence = Items([group])
    ds.file_meta.SourceApplicationEntityTitle = "KNRYAE"
    ds.file_meta.SendingApplicationEntityTitle = "KNRYSEND"
    ds.file_meta.PrivateInformationCreatorUID = UID(f"{UID_ROOT}.9")
    ds.file_meta.PrivateInformation = b"KNRYPRIVATE!"
    ds.preamble = b"KNRY" * 32
    out = io.BytesIO()
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def nested_item() -> Dataset:
    """An item with every attribute of the table, as a sequence that the table leaves alone may hold it."""
    item = Dataset()
    for place, tag in enumerate(attributes()):
        plant(item, tag, place)
    item.add_new(0x000B0010, "LO", "KNRY CREATOR")
    item.add_new(0x000B1001, "UN", b"KNRY PRIVATE")
    return item


def plant(ds: Dataset, tag: tuple[int, int], place: int) -> None:
    """Put a canary that fits the attribute's VR."""
    code = tag[0] << 16 | tag[1]
    vr = dictionary_VR(code) if dictionary_has_tag(code) else "LO"
    if vr == "SQ":
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = f"{WORD}{place}", "99KNRY", f"{WORD} meaning"
        item.PersonName, item.UID, item.Date = "KNRY^KNRY", f"{UID_ROOT}.{place}", "19870112"
        ds[code] = DataElement(code, vr, Items([item]))
        return
    ds[code] = DataElement(code, vr, canary(vr, place))


def canary(vr: str, place: int) -> object:
    """A value of this VR that can be found again."""
    day, second = f"{DAY}{101 + place % 28}", f"{place % 60:02d}"
    values: dict[str, object] = {
        "DA": day,
        "DT": f"{day}{CLOCK}{second}",
        "TM": f"{CLOCK}{second}",
        "UI": f"{UID_ROOT}.{place + 100}",
        "AS": "042Y",
        "DS": str(NUMBER),
        "IS": str(NUMBER),
        "OB": b"KNRYBYTES!",
        "UN": b"KNRYBYTES!",
        "UR": f"http://knry/{place}",
        "PN": f"KNRY{place}^KNRY",
    }
    if vr in ("US", "SS", "UL", "SL"):
        return 7319
    if vr in ("FL", "FD"):
        return 7319.5
    return values.get(vr, f"{WORD}{place}")


def survivors(data: bytes) -> Counter[str]:
    """How many canaries of each kind are in the bytes of a file, wherever they stand (pixels are a ramp)."""
    return Counter(
        text=len(TEXT.findall(data)),
        date=len(DATE.findall(data)),
        time=len(TIME.findall(data)),
        uid=len(re.findall(UID_ROOT.encode(), data)),
        number=len(re.findall(str(NUMBER).encode(), data)),
    )


def header_bytes(ds: Dataset) -> bytes:
    """The dataset without its pixels, as explicit little endian, so that a search meets text only."""
    bare = Dataset()
    for element in ds:
        if element.tag.group != 0x7FE0:
            bare.add(element)
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, False
    write_dataset(out, bare)
    return out.getvalue()


def known(tag: tuple[int, int]) -> str:
    """Keyword of an attribute of the table."""
    return keyword_for_tag(tag[0] << 16 | tag[1])
