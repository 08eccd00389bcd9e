"""Files made for the tests of the readers: DICOM, pictures and zips, sound or broken in one chosen way."""

import io
import zipfile
import zlib
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

STUDY, SERIES, FRAME = "1.2.826.0.1.3680043.10.1.1", "1.2.826.0.1.3680043.10.1.2", "1.2.826.0.1.3680043.10.1.3"
NOT_IN_DX = (
    *("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"),
    *("RescaleType", "WindowCenter", "WindowWidth", "FrameOfReferenceUID", "SliceThickness"),
)
CT, DX, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.4"


def ct_dataset(pixels: np.ndarray | None = None, **changes: Any) -> Dataset:
    """One axial CT slice, 2 mm apart from the next, stored + 1024 = HU; `changes` set elements, None deletes them."""
    pixels = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48) if pixels is None else pixels
    number = int(changes.pop("InstanceNumber", 1))
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(changes.pop("TransferSyntaxUID", ExplicitVRLittleEndian))
    ds.file_meta.MediaStorageSOPClassUID = UID(CT)
    ds.SOPClassUID, ds.SOPInstanceUID = UID(CT), UID(f"{SERIES}.{number}")
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = UID(STUDY), UID(SERIES), UID(FRAME)
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "DOE^JOHN", "HOSP-4711", "19510203"
    ds.Modality, ds.ImageType, ds.StudyDate = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"], "20240131"
    ds.SeriesDescription = "Doe John chest"
    ds.InstanceNumber, ds.SliceThickness = number, 2.0
    ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-100.0, -120.0, 2.0 * number]
    ds.PixelSpacing = [0.8, 0.7]
    set_pixels(ds, pixels)
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, -1024, "HU"
    ds.WindowCenter, ds.WindowWidth = 40, 400
    return changed(ds, **changes)


def dx_dataset(pixels: np.ndarray | None = None, **changes: Any) -> Dataset:
    """One 12-bit chest radiograph."""
    pixels = (np.arange(60 * 50, dtype=np.uint16).reshape(60, 50) % 4096) if pixels is None else pixels
    ds = ct_dataset(pixels)
    for keyword in NOT_IN_DX:
        delattr(ds, keyword)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID(DX)
    ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "DX", "CHEST", "PA"
    ds.ImagerPixelSpacing, ds.BitsStored, ds.HighBit = [0.15, 0.15], 12, 11
    return changed(ds, **changes)


def set_pixels(ds: Dataset, pixels: np.ndarray) -> None:
    """Store pixels (R, C), (R, C, 3) or (F, R, C) with the elements that describe them."""
    colour = pixels.ndim == 3 and pixels.shape[2] == 3
    ds.Rows, ds.Columns = pixels.shape[:2] if colour or pixels.ndim == 2 else pixels.shape[1:]
    if pixels.ndim == 3 and not colour:
        ds.NumberOfFrames = pixels.shape[0]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = (3, "RGB") if colour else (1, "MONOCHROME2")
    if colour:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = pixels.dtype.itemsize * 8
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(pixels.dtype.kind == "i")
    ds.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"


def changed(ds: Dataset, **changes: Any) -> Dataset:
    """Set the elements given, delete those given as None."""
    for keyword, value in changes.items():
        if value is None:
            if keyword in ds:
                delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def saved(ds: Dataset) -> bytes:
    """The dataset as the bytes of a DICOM file."""
    import warnings

    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def ct(**changes: Any) -> bytes:
    return saved(ct_dataset(**changes))


def dx(pixels: np.ndarray | None = None, **changes: Any) -> bytes:
    return saved(dx_dataset(pixels, **changes))


def ct_series(count: int = 12, **changes: Any) -> list[bytes]:
    """A regular series; slice k is filled with 100 k stored."""
    return [ct(pixels=np.full((16, 12), 100 * k, np.uint16), InstanceNumber=k, **changes) for k in range(1, count + 1)]


def picture(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims any size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0"
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 10)) + chunk(b"IEND", b"")
    )
