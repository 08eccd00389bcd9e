"""Volumes as NIfTI files (.nii, .nii.gz), through nibabel."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

from medcore.errors import N_, UnfitInputError
from medcore.volume import Affine, Geometry, Scale, Unit, Volume

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_nifti(volume: Volume, path: Path) -> Path:
    """Write one volume; array axes become (column, row, slice), the affine RAS+ as the format wants it.

    Args:
        path: Ends in .nii or .nii.gz.

    Raises:
        UnfitInputError: The volume is colour or has no patient coordinates.
    """
    image = nibabel.Nifti1Image(np.transpose(patient_grey(volume, "NIfTI"), (2, 1, 0)), ras_affine(volume.geometry))
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"MedCore phantom, synthetic" if volume.synthetic else b"MedCore"
    image.set_qform(image.affine, code=1)
    image.set_sform(image.affine, code=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(image, path)
    return path


def ras_affine(geometry: Geometry) -> Affine:
    """The affine from (column, row, slice) to RAS+ mm."""
    swapped = geometry.affine[:, [2, 1, 0, 3]]
    return np.asarray(LPS_TO_RAS @ swapped, dtype=np.float64)


def patient_grey(volume: Volume, form: str) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """The voxels of a grey volume that lies in a patient.

    Raises:
        UnfitInputError: It is colour, or has no patient coordinates.
    """
    if volume.unit is Unit.RGB or volume.geometry.scale is not Scale.PATIENT:
        raise UnfitInputError(
            N_("This image cannot be written as {form}: it is in colour or has no patient coordinates."),
            hint=N_("Export it as a picture."),
            form=form,
        )
    return np.asarray(volume.voxels)
