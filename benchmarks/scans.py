"""Uncompressed DICOM files to measure with: a radiograph and a CT slice, of noise on a gradient."""

from __future__ import annotations

import io

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid


def radiograph(rows: int, columns: int) -> bytes:
    """A 12-bit DX chest image."""
    dataset = _image(DigitalXRayImageStorageForPresentation, "radiograph", rows, columns)
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
    dataset.PixelSpacing = [0.14, 0.14]
    return _bytes(dataset)


def ct_slice(number: int, *, side: int = 512) -> bytes:
    """One slice of a CT series of 1 mm; every number gives other pixels of the same series."""
    dataset = _image(CTImageStorage, f"ct{number}", side, side, seed=number)
    dataset.Modality, dataset.InstanceNumber = "CT", number + 1
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["ct series"])
    dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=["ct frame"])
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, -1024, "HU"
    dataset.PixelSpacing, dataset.SliceThickness = [0.7, 0.7], 1
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.ImagePositionPatient = [-180.0, -180.0, float(number)]
    return _bytes(dataset)


def _image(sop_class: str, name: str, rows: int, columns: int, *, seed: int = 0) -> FileDataset:
    random = np.random.default_rng(seed)
    grey = np.linspace(300, 3300, rows)[:, None] + random.normal(0, 60, (rows, columns))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[name])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[name, "series"])
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel, dataset.PixelRepresentation = "MONOCHROME2", 1, 0
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = np.clip(grey, 0, 4095).astype(np.uint16).tobytes()
    return dataset


def _bytes(dataset: FileDataset) -> bytes:
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
