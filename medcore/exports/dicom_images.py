"""Volumes as DICOM image files: DX, CR, CT and MR, one file a slice or all in one, in many transfer syntaxes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from medcore.errors import N_, UnfitInputError
from medcore.exports.dicom_headers import Labels, common, enhanced, plane, projection, slice_place, unique
from medcore.volume import Array, Unit, Volume

# How a transfer syntax is asked for, which UID it has, and which pydicom plugin encodes it here.
SYNTAXES: dict[str, tuple[UID, str]] = {
    "explicit": (ExplicitVRLittleEndian, ""),
    "implicit": (ImplicitVRLittleEndian, ""),
    "deflated": (DeflatedExplicitVRLittleEndian, ""),
    "rle": (RLELossless, "pylibjpeg"),
    "jpeg_ls": (JPEGLSLossless, "pyjpegls"),
    "jpeg_ls_near": (JPEGLSNearLossless, "pyjpegls"),
    "jpeg_2000": (JPEG2000Lossless, "pylibjpeg"),
    "jpeg_2000_lossy": (JPEG2000, "pylibjpeg"),
}
STORAGE = {
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
}
ENHANCED_STORAGE = {"CT": "1.2.840.10008.5.1.4.1.1.2.1", "MR": "1.2.840.10008.5.1.4.1.1.4.1"}
PROJECTIONS = ("DX", "CR")
HU_INTERCEPT = -1024


@dataclass(frozen=True, slots=True)
class Form:
    """How the pixels are stored.

    Args:
        syntax: A key of `SYNTAXES`.
        inverted: MONOCHROME1 (the smallest stored value is white) instead of MONOCHROME2.
        one_file: Enhanced multi-frame instead of a file a slice; CT and MR only.
        quality: Largest error of "jpeg_ls_near"; compression ratio of "jpeg_2000_lossy".
    """

    syntax: str = "explicit"
    inverted: bool = False
    one_file: bool = False
    quality: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Stored:
    """Pixels as they go into the file: value = stored × slope + intercept."""

    pixels: Array
    bits: int
    slope: float = 1.0
    intercept: float = 0.0
    extra: dict[str, object] = field(default_factory=dict)


def write_dicom(volume: Volume, folder: Path, *, labels: Labels, form: Form | None = None) -> tuple[Path, ...]:
    """Write a volume as DICOM files and return them in slice order.

    UIDs follow from `labels.seed`: the same volume and labels give the same bytes.

    Raises:
        UnfitInputError: The modality or colour has no DICOM image object here.
    """
    form = form or Form()
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, dataset in datasets(volume, labels=labels, form=form):
        path = folder / name
        dataset.save_as(path, enforce_file_format=True)
        files.append(path)
    return tuple(files)


def datasets(volume: Volume, *, labels: Labels, form: Form) -> list[tuple[str, Dataset]]:
    """File name and pydicom dataset of each file of a volume, encoded.

    Raises:
        UnfitInputError: The modality or colour has no DICOM image object here.
    """
    storage = (ENHANCED_STORAGE if form.one_file else STORAGE).get(volume.modality)
    if storage is None or volume.unit is Unit.RGB:
        raise UnfitInputError(
            N_("An image of modality “{modality}” cannot be written as DICOM in this form."),
            hint=N_("Grey DX, CR, CT and MR images can be written; only CT and MR as one multi-frame file."),
            modality=volume.modality or "?",
        )
    stored = _stored(volume, form)
    if form.one_file:
        dataset = _start(volume, labels, storage, 1, stored)
        enhanced(dataset, volume, labels, stored.slope, stored.intercept)
        return [(f"{labels.study}.dcm", _with_pixels(dataset, stored, stored.pixels, form))]
    files = []
    for k in range(volume.shape[0]):
        dataset = _start(volume, labels, storage, k + 1, stored)
        if volume.modality in PROJECTIONS:
            projection(dataset, volume)
        else:
            plane(dataset, volume)
            slice_place(dataset, volume, k)
        _rescale(dataset, volume, stored)
        name = f"{labels.study}-{k + 1:04d}.dcm" if volume.shape[0] > 1 else f"{labels.study}.dcm"
        files.append((name, _with_pixels(dataset, stored, stored.pixels[k], form)))
    return files


def _stored(volume: Volume, form: Form) -> _Stored:
    """Unsigned stored values; polarity turns about the middle of the stored bits."""
    voxels = volume.voxels
    if voxels.dtype.kind == "f":
        low, high = volume.value_range
        slope = (high - low) / 65535 or 1.0
        # DICOM writes a decimal in 16 characters: use the number that will be read back.
        slope, low = float(f"{slope:.9g}"), float(f"{low:.9g}")
        pixels, bits = np.clip(np.rint((voxels - low) / slope), 0, 65535).astype(np.uint16), 16
        stored = _Stored(pixels, bits, slope, low)
    else:
        low = min(int(voxels.min()), HU_INTERCEPT if volume.unit is Unit.HU else 0)
        pixels = (voxels.astype(np.int32) - low).astype(np.uint16)
        stored = _Stored(pixels, 12 if int(pixels.max()) < 4096 else 16, 1.0, float(low))
    if form.inverted:
        turned = ((1 << stored.bits) - 1 - stored.pixels.astype(np.int32)).astype(np.uint16)
        stored = _Stored(turned, stored.bits, stored.slope, stored.intercept, {"inverted": True})
    return stored


def _start(volume: Volume, labels: Labels, storage: str, number: int, stored: _Stored) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = storage
    dataset.SOPInstanceUID = unique(labels.seed, labels.study, labels.series, str(number))
    dataset.InstanceNumber = number
    common(dataset, volume, labels)
    inverted = bool(stored.extra)
    dataset.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    if volume.modality in PROJECTIONS or "1.4.1.1.2.1" in storage or "1.4.1.1.4.1" in storage:
        dataset.PresentationLUTShape = "INVERSE" if inverted else "IDENTITY"
    dataset.SamplesPerPixel = 1
    dataset.Rows, dataset.Columns = volume.shape[1:]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, stored.bits, stored.bits - 1
    dataset.PixelRepresentation = 0
    return dataset


def _rescale(dataset: Dataset, volume: Volume, stored: _Stored) -> None:
    if volume.modality not in ("MR",) or (stored.slope, stored.intercept) != (1.0, 0.0):
        dataset.RescaleSlope, dataset.RescaleIntercept = f"{stored.slope:.9g}", f"{stored.intercept:.9g}"
        dataset.RescaleType = "HU" if volume.unit is Unit.HU else "US"
    if volume.window is not None:
        centre = volume.window.centre
        if stored.extra:
            ends = [v * stored.slope + stored.intercept for v in (0, (1 << stored.bits) - 1)]
            centre = sum(ends) - centre
        dataset.WindowCenter, dataset.WindowWidth = f"{centre:.9g}", f"{volume.window.width:.9g}"


def _with_pixels(dataset: Dataset, stored: _Stored, pixels: Array, form: Form) -> Dataset:
    uid, plugin = SYNTAXES[form.syntax]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = uid
    if not plugin:
        dataset.PixelData = np.ascontiguousarray(pixels, dtype="<u2").tobytes()
        dataset["PixelData"].VR = "OW"
        return dataset
    options: dict[str, Any] = {}
    if form.syntax == "jpeg_ls_near":
        options = {"jls_error": form.quality}
    elif form.syntax == "jpeg_2000_lossy":
        options = {"j2k_cr": [form.quality]}
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian  # what the pixels are before encoding
    dataset.compress(uid, np.ascontiguousarray(pixels), encoding_plugin=plugin, generate_instance_uid=False, **options)
    if options:
        dataset.LossyImageCompression = "01"
        size = sum(len(frame) for frame in _encoded(dataset))
        dataset.LossyImageCompressionRatio = f"{pixels.size * 2 / size:.3g}"
        dataset.LossyImageCompressionMethod = "ISO_14495_1" if form.syntax == "jpeg_ls_near" else "ISO_15444_1"
    return dataset


def _encoded(dataset: Dataset) -> list[bytes]:
    from pydicom.encaps import generate_frames

    return list(generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames", 1))))
