"""One original DICOM file in, the same without identity out: what the sandbox's child does."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.uid import UID

from medcore.deidentify.keyed import time_shift
from medcore.deidentify.pixels import PIXELS, Rectangle, clean_pixels, cover
from medcore.deidentify.profile import Removed, Subject, deidentify
from medcore.deidentify.suspicion import SECONDARY_CAPTURE
from medcore.errors import N_, CorruptFileError, ReadError, UnsupportedFormatError
from medcore.intake import pseudonym
from medcore.readers import HEAD_BYTES, Limits, Scan, Slice
from medcore.readers._archive import unpack_member
from medcore.readers._dicom_header import text, values
from medcore.readers.dicom import READER, parse, transfer_syntax
from medcore.records import DatePolicy
from medcore.wire import map_file

DIRECTORY = "1.2.840.10008.1.3.10"  # DICOMDIR
DOCUMENT = "EncapsulatedDocument"


def clean_file(
    name: str,
    source: Path | memoryview,
    member: Mapping[str, Any] | None,
    limits: Mapping[str, int],
    order: Mapping[str, Any],
) -> dict[str, object]:
    """De-identify one DICOM file.

    Args:
        name: What to call it in messages.
        source: The file, or the zip that `member` is in.
        member: As `_archive.list_members` describes it, or None.
        limits: The limits of the settings, by name.
        order: `secret` (hexadecimal), `dates`, `boxes` (top, left, bottom, right), and whether `picture` is wanted.

    Returns:
        `data` (the new file), `study`, `series`, `instance` (its new UIDs), `patient`, what speaks for text in the
        pixels (`modality`, `says_text`, `sop_class`, `image_type`), `picture` (voxels to look for text in, or None)
        and `removed`.

    Raises:
        ReadError: It is no DICOM file, is damaged, or is of a kind that cannot be de-identified.
    """
    whole = map_file(source) if isinstance(source, Path) else memoryview(source)
    data = memoryview(unpack_member(name, whole, member, limits)) if member is not None else whole
    sizes = _sizes(limits)
    dataset = _opened(name, data, sizes)
    secret = bytes.fromhex(str(order["secret"]))
    who = text(dataset, "PatientID")
    patient = pseudonym(secret, "patient", who) or pseudonym(secret, "study", text(dataset, "StudyInstanceUID"))
    facts: dict[str, object] = {
        "patient": patient,
        "modality": text(dataset, "Modality").upper(),
        "says_text": text(dataset, "BurnedInAnnotation").upper() == "YES",
        "sop_class": text(dataset, "SOPClassUID"),
        "image_type": [str(part) for part in values(dataset, "ImageType")],
    }
    boxes = [Rectangle(*map(int, box)) for box in order["boxes"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom quotes the values that it warns about
        try:
            removed = _pass(dataset, Subject(patient, time_shift(secret, patient)), boxes, secret, str(order["dates"]))
            cleaned = _written(dataset)
        except MemoryError:
            raise
        except Exception as error:
            raise _unfit(name, error) from error
    return {
        **facts,
        "data": cleaned,
        "study": text(dataset, "StudyInstanceUID"),
        "series": text(dataset, "SeriesInstanceUID"),
        "instance": text(dataset, "SOPInstanceUID"),
        "picture": _picture(name, cleaned, sizes) if order["picture"] else None,
        "removed": [dict(removed.attributes), removed.private, removed.moved, removed.uids],
    }


def _pass(dataset: Any, subject: Subject, boxes: Sequence[Rectangle], secret: bytes, dates: str) -> Removed:
    hidden = clean_pixels(dataset)
    removed = deidentify(dataset, subject, secret=secret, dates=DatePolicy(dates))
    removed.private += hidden
    cover(dataset, boxes)
    return removed


def _opened(name: str, data: memoryview, sizes: Limits) -> Any:
    if not READER.recognises(bytes(data[:HEAD_BYTES]), name):
        raise UnsupportedFormatError(
            N_("“{name}” is not DICOM; only DICOM files are de-identified as they are."),
            hint=N_("Add it on Studies and export it from there: MedCore writes such files anew."),
            name=name,
        )
    dataset = parse(name, data, sizes)
    if text(dataset, "SOPClassUID") == DIRECTORY or text(dataset.file_meta, "MediaStorageSOPClassUID") == DIRECTORY:
        raise UnsupportedFormatError(
            N_("“{name}” is a directory of a DICOM disc: a list of names and files."),
            hint=N_("Nothing is lost: the images it lists are de-identified on their own."),
            name=name,
        )
    if DOCUMENT in dataset and not any(keyword in dataset for keyword in PIXELS):
        raise UnsupportedFormatError(
            N_("“{name}” holds a document (a PDF, say), whose text cannot be de-identified."),
            hint=N_("Leave it out, or blacken it with a program for documents."),
            name=name,
        )
    dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax(dataset))
    if not dataset.file_meta.TransferSyntaxUID.is_transfer_syntax:
        raise UnsupportedFormatError(
            N_("“{name}” is packed in a way that cannot be written again (transfer syntax {syntax})."),
            hint=N_("Add it on Studies and export it from there: MedCore writes such files anew."),
            name=name,
            syntax=str(dataset.file_meta.TransferSyntaxUID)[:64],
        )
    if not text(dataset, "SOPClassUID"):
        dataset.SOPClassUID = UID(text(dataset.file_meta, "MediaStorageSOPClassUID") or SECONDARY_CAPTURE)
    if not text(dataset, "SOPInstanceUID"):
        stated = text(dataset.file_meta, "MediaStorageSOPInstanceUID")
        dataset.SOPInstanceUID = UID(stated or f"2.25.{int(hashlib.sha256(data).hexdigest()[:30], 16)}")
    return dataset


def _written(dataset: Any) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _picture(name: str, cleaned: bytes, sizes: Limits) -> np.ndarray[Any, Any] | None:
    """Voxels (S, R, C) or (S, R, C, 3) of the cleaned file, for a look at text in it; None without a picture."""
    import pydicom

    if not any(keyword in pydicom.dcmread(io.BytesIO(cleaned), stop_before_pixels=False) for keyword in PIXELS):
        return None
    try:
        items = list(READER.read(name, memoryview(cleaned), sizes))
    except ReadError:
        return None
    item = items[len(items) // 2]
    if isinstance(item, Scan):
        return np.ascontiguousarray(item.volume.voxels)
    return np.ascontiguousarray(item.voxels[None]) if isinstance(item, Slice) else None  # regions carry no text


def _sizes(limits: Mapping[str, int]) -> Limits:
    pixels = limits["max_image_megapixels"] * 1_000_000
    return Limits(max_pixels=pixels, max_bytes=pixels * 4)


def _unfit(name: str, error: Exception) -> CorruptFileError:
    return CorruptFileError(
        N_("“{name}” cannot be written again without identity ({reason})."),
        hint=N_("It is probably damaged. Export it again from its source."),
        name=name,
        reason=type(error).__name__,
    )
