"""Images that no other DICOM object here takes (colour, pictures, ultrasound ...) as secondary captures."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from medcore.errors import N_, UnfitInputError
from medcore.exports.dicom_headers import Labels, common, unique
from medcore.volume import Array, Unit, Volume

STORAGE = UID("1.2.840.10008.5.1.4.1.1.7")  # Secondary Capture Image Storage
MOST = 65535


def capture_datasets(volume: Volume, *, labels: Labels) -> list[tuple[str, Dataset]]:
    """File name and dataset of each slice; grey keeps its numbers, colour is RGB.

    Raises:
        UnfitInputError: Values are fractions or negative, which this object has no way to say.
    """
    colour = volume.unit is Unit.RGB
    voxels = volume.voxels if colour else _whole(volume)
    files = []
    for k in range(volume.shape[0]):
        dataset = Dataset()
        dataset.SOPClassUID = STORAGE
        dataset.SOPInstanceUID = UID(unique(labels.seed, labels.study, labels.series, "capture", str(k)))
        dataset.InstanceNumber = k + 1
        common(dataset, volume, labels)
        dataset.Modality = volume.modality or "OT"
        dataset.ConversionType = "WSD"  # made by a workstation
        dataset.ImageType = ["DERIVED", "SECONDARY"]
        for keyword in ("FrameOfReferenceUID", "PositionReferenceIndicator", "BurnedInAnnotation"):
            delattr(dataset, keyword)
        _add_pixels(dataset, voxels[k], colour=colour)
        files.append((f"{k + 1:04d}.dcm", dataset))
    return files


def _whole(volume: Volume) -> Array:
    low, high = volume.value_range
    if volume.voxels.dtype.kind == "f" or low < 0 or high > MOST:
        raise UnfitInputError(
            N_("An image of modality “{modality}” cannot be written as DICOM in this form."),
            hint=N_("Choose NIfTI or NRRD: they keep fractions and negative values."),
            modality=volume.modality or "?",
        )
    return volume.voxels


def _add_pixels(dataset: Dataset, plane: Array, *, colour: bool) -> None:
    wide = not colour and int(plane.max()) > 255
    pixels = np.ascontiguousarray(plane, "<u2" if wide else np.uint8)
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 3 if colour else 1
    dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 16 if wide else 8
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
    dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    dataset["PixelData"].VR = "OW" if wide else "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
