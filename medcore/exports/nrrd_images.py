"""Volumes as NRRD and MetaImage files, the formats of 3D Slicer and ITK, whose world is LPS as here."""

from __future__ import annotations

from pathlib import Path

import nrrd
import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.exports.nifti_images import patient_grey
from medcore.volume import Volume


def write_nrrd(volume: Volume, path: Path) -> Path:
    """Write one volume as .nrrd (gzip); array axes become (column, row, slice).

    Raises:
        UnfitInputError: The volume is colour or has no patient coordinates.
    """
    affine = volume.geometry.affine
    header = {
        "space": "left-posterior-superior",
        "space directions": affine[:3, [2, 1, 0]].T,
        "space origin": affine[:3, 3],
        "space units": ["mm", "mm", "mm"],
        "kinds": ["domain", "domain", "domain"],
        "encoding": "gzip",
        "content": "MedCore phantom, synthetic" if volume.synthetic else "MedCore",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    nrrd.write(str(path), np.transpose(patient_grey(volume, "NRRD"), (2, 1, 0)), header, index_order="F")
    return path


def write_metaimage(volume: Volume, path: Path) -> Path:
    """Write one volume as .mha (one file) or .mhd (header and raw file).

    Raises:
        UnfitInputError: The volume is colour or has no patient coordinates.
    """
    slice_mm, row_mm, column_mm = volume.geometry.steps
    image = sitk.GetImageFromArray(patient_grey(volume, "MetaImage"))
    image.SetSpacing((column_mm, row_mm, slice_mm))
    image.SetOrigin(volume.geometry.affine[:3, 3].tolist())
    image.SetDirection((volume.geometry.affine[:3, [2, 1, 0]] / (column_mm, row_mm, slice_mm)).ravel().tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path), useCompression=path.suffix == ".mha")
    return path
