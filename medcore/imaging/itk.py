"""Volumes and masks as SimpleITK images and back, with their place in the patient."""

from __future__ import annotations

from typing import cast

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.volume import Array, Geometry


def to_image(voxels: Array, geometry: Geometry) -> sitk.Image:
    """An image in SimpleITK's order: axes (column, row, slice), LPS mm.

    Args:
        voxels: (S, R, C), or (S, R, C, K) with K values a voxel. Booleans become uint8.
        geometry: Where they lie; pixels count as millimetres where it has no scale.
    """
    array = voxels.view(np.uint8) if voxels.dtype.kind == "b" else voxels
    image = sitk.GetImageFromArray(np.ascontiguousarray(array), isVector=voxels.ndim == 4)
    steps = geometry.steps
    direction = geometry.affine[:3, :3] / np.asarray(steps)
    image.SetSpacing(steps[::-1])
    image.SetDirection(direction[:, ::-1].ravel().tolist())
    image.SetOrigin(geometry.affine[:3, 3].tolist())
    return image


def to_voxels(image: sitk.Image) -> Array:
    """(S, R, C) or (S, R, C, K) of an image; its own memory."""
    return cast(Array, sitk.GetArrayFromImage(image))


def to_geometry(image: sitk.Image, like: Geometry) -> Geometry:
    """The geometry of a 3-D image, with the scale and frame of reference of the scan it comes from."""
    affine = np.eye(4)
    direction = np.asarray(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = (direction * np.asarray(image.GetSpacing()))[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    return Geometry(affine, scale=like.scale, frame_of_reference=like.frame_of_reference)
