"""What the regions share: a coarser copy to work on, the way back to the scan's grid, morphology, plausibility."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy import uint8
from numpy.typing import NDArray
from skimage.filters import threshold_otsu, threshold_triangle

from medcore.errors import N_, Message
from medcore.imaging import morphology
from medcore.imaging.itk import to_image, to_voxels
from medcore.imaging.regions import Found, Reason, in_hu
from medcore.volume import Volume

Inside = NDArray[np.bool_]
SKIN_HU = -350.0  # between air and fat


def full_image(scan: Volume) -> sitk.Image:
    """The scan in a type that every filter takes."""
    exact = scan.voxels.dtype in (np.uint8, np.int16, np.uint16, np.float32)
    return to_image(scan.voxels if exact else scan.voxels.astype(np.float32), scan.geometry)


def coarse_image(scan: Volume, spacing_mm: float) -> sitk.Image:
    """The scan averaged down to voxels of about `spacing_mm`, as float32."""
    factors = [max(1, min(round(spacing_mm / mm), n)) for mm, n in zip(scan.geometry.steps, scan.shape, strict=True)]
    return sitk.Cast(sitk.BinShrink(full_image(scan), factors[::-1]), sitk.sitkFloat32)


def back_to(inside: sitk.Image, scan: Volume) -> Inside:
    """A coarse mask, or a part of one, on the scan's own grid, its surface half way between inside and outside."""
    if np.allclose(inside.GetSpacing()[::-1], scan.geometry.steps):
        start = np.rint(scan.geometry.to_index(np.array(inside.GetOrigin()))).astype(int)
        whole, part = np.zeros(scan.shape, dtype=bool), to_voxels(inside).astype(bool)
        whole[tuple(slice(a, a + n) for a, n in zip(start, part.shape, strict=True))] = part
        return whole
    full = sitk.Resample(
        sitk.Cast(inside, sitk.sitkFloat32), full_image(scan), sitk.Transform(3, sitk.sitkIdentity), sitk.sitkLinear,
        0.0, sitk.sitkFloat32, True,
    )  # fmt: skip
    return np.asarray(to_voxels(full) > 0.5)


def ball(image: sitk.Image, radius_mm: float) -> list[int]:
    """Radius of a structuring element in voxels along (column, row, slice)."""
    axes = zip(image.GetSpacing(), image.GetSize(), strict=True)
    return [round(radius_mm / mm) if n > 1 and mm <= radius_mm else 0 for mm, n in axes]  # thick slices: in the plane


def opened(inside: sitk.Image, radius_mm: float) -> sitk.Image:
    """Without what is thinner than twice the radius."""
    return _by_ball(morphology.opened, inside, radius_mm)


def closed(inside: sitk.Image, radius_mm: float) -> sitk.Image:
    """With gaps narrower than twice the radius."""
    return _by_ball(morphology.closed, inside, radius_mm)


def dilated(inside: sitk.Image, radius_mm: float) -> sitk.Image:
    """Larger by the radius."""
    return _by_ball(morphology.dilated, inside, radius_mm)


def eroded(inside: sitk.Image, radius_mm: float) -> sitk.Image:
    """Smaller by the radius; the border of the scan is no surface."""
    return _by_ball(morphology.eroded, inside, radius_mm)


def _by_ball(work: Callable[[Inside, Sequence[int]], Inside], inside: sitk.Image, radius_mm: float) -> sitk.Image:
    return as_image(work(to_voxels(inside).astype(bool), ball(inside, radius_mm)[::-1]), inside)


def as_image(inside: Inside, like: sitk.Image) -> sitk.Image:
    """A region on the grid of an image."""
    image = sitk.GetImageFromArray(inside.view(uint8))
    image.CopyInformation(like)
    return image


def pieces(inside: sitk.Image) -> tuple[sitk.Image, list[float]]:
    """Connected pieces numbered from the largest on, and their volumes in ml."""
    order = sitk.RelabelComponentImageFilter()
    numbered = order.Execute(sitk.ConnectedComponent(inside))
    counts = np.array(order.GetSizeOfObjectsInPixels())
    return numbered, (counts * np.prod(inside.GetSpacing()) / 1000.0).tolist()


def largest(inside: sitk.Image) -> sitk.Image:
    """The largest connected piece."""
    return sitk.Equal(pieces(inside)[0], 1)


def filled(inside: sitk.Image, *, axes: Sequence[int] = (0, 1, 2)) -> sitk.Image:
    """With its holes, also those that a plane through the scan shows closed: lungs are open at the last slice.

    Args:
        axes: Index axes (slice, row, column) across which the planes are looked at.
    """
    voxels = to_voxels(inside).astype(bool)
    for axis in axes:
        if min(n for other, n in enumerate(voxels.shape) if other != axis) >= 3:
            voxels |= _holes(voxels, axis)
    return as_image(voxels, inside)


def _holes(inside: Inside, axis: int) -> Inside:
    """Background that does not reach the border of its plane, plane by plane across an axis."""
    planes = np.moveaxis(inside, axis, 0)
    found = np.empty_like(planes)
    for k, plane in enumerate(planes):
        framed = np.pad(plane, 1).view(uint8)
        cv2.floodFill(framed, None, (0, 0), 1)
        found[k] = framed[1:-1, 1:-1] == 0
    return np.moveaxis(found, 0, axis)


def skin_value(scan: Volume, small: sitk.Image) -> float:
    """The value between background and patient, faint tissue included."""
    if in_hu(scan):
        return SKIN_HU
    values = to_voxels(small)
    low, high = float(values.min()), float(values.max())
    if low == high:
        return high
    return float(min(0.5 * threshold_otsu(values) + 0.5 * low, threshold_triangle(values)))


def trunk(small: sitk.Image, skin: float, *, sheet_mm: float, couch_mm: float) -> tuple[sitk.Image, list[float]]:
    """The patient on the coarse grid, lungs and bowel filled, and the volumes in ml of the pieces that were found.

    Args:
        skin: The value between air and skin.
        sheet_mm: Half of the thickness below which something is a sheet, a cable or the shell of a couch.
        couch_mm: Half of the thickness of what may still hang on the patient, once the patient is solid.
    """
    numbered, volumes = pieces(opened(sitk.Greater(small, skin), sheet_mm))
    if not volumes:
        return numbered, []
    solid = filled(closed(sitk.Equal(numbered, 1), 2 * sheet_mm))
    return (largest(opened(solid, couch_mm)) if couch_mm else solid), volumes


def volume_ml(inside: Inside, scan: Volume) -> float:
    """Volume of a mask on the scan's grid."""
    return int(inside.sum()) * scan.geometry.voxel_ml


def nothing_found(scan: Volume, message: Message) -> Found:
    """An empty mask and why."""
    return Found(np.zeros(scan.shape, dtype=uint8), (Reason(message, 0.0),))


def within(value: float, low: float, high: float, *, soft: float) -> float:
    """1 between the limits, falling to 0 over `soft` beyond them."""
    beyond = max(low - value, value - high, 0.0)
    return float(max(0.0, 1.0 - beyond / soft))


def axial_axis(scan: Volume) -> int:
    """The index axis that runs along the body."""
    return int(np.argmax(np.abs(scan.geometry.affine[2, :3])))


def touching_sides(inside: Inside, scan: Volume) -> Reason:
    """How much of the region is cut off at the sides of the field (its ends along the body may be)."""
    along = axial_axis(scan)
    touching = 0
    for axis in range(3):
        if axis != along and scan.shape[axis] > 1:
            planes = np.moveaxis(inside, axis, 0)
            touching += int(planes[0].sum()) + int(planes[-1].sum())
    percent = 100.0 * touching / max(_surface(inside), 1)
    message = Message(
        N_("{percent} % of its surface is cut off at the sides of the field."), {"percent": f"{percent:.1f}"}
    )
    return Reason(message, max(0.0, 1.0 - percent / 40.0))


def cut_at_ends(inside: Inside, scan: Volume) -> bool:
    """Whether the region goes on beyond the first or last slice along the body."""
    planes = np.moveaxis(inside, axial_axis(scan), 0)
    widest = max(planes.sum(axis=(1, 2)).max(), 1)
    return bool(max(planes[0].sum(), planes[-1].sum()) > 0.1 * widest)


def one_piece(volumes: Sequence[float]) -> Reason:
    """How much of what was found hangs together."""
    share = 100.0 * volumes[0] / sum(volumes)
    return Reason(
        Message(N_("{percent} % of what was found is one piece."), {"percent": f"{share:.0f}"}),
        within(share, 80, 100, soft=60),
    )


def _surface(inside: Inside) -> int:
    """Number of faces between inside and outside, with those at the border of the scan."""
    return sum(int(np.count_nonzero(np.diff(inside, axis=axis, prepend=False, append=False))) for axis in range(3))
