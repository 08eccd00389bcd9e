"""A nodule in numbers: diameters, volume, density, and whether it is solid, part-solid or ground glass."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy import float32
from numpy.typing import NDArray
from scipy import ndimage

from medcore.errors import N_, Message
from medcore.imaging.lesions import Extent, measure
from medcore.imaging.nodules.looks import PIXEL_MM
from medcore.imaging.nodules.outline import SOLID_HU, Outline
from medcore.volume import Geometry, Volume

SOLID, PART_SOLID, GROUND_GLASS = "solid", "part_solid", "ground_glass"
DENSE_HU = -300.0  # what is denser inside ground glass is a solid part
DENSE_SHARE = 0.08  # of a ground-glass nodule, from which it counts
EDGE_MM = 1.0  # left out where density is judged: there the scanner mixes nodule and lung


@dataclass(frozen=True, slots=True, eq=False)
class Nodule:
    """One measured nodule, in native space.

    Args:
        extent: Place and diameters of its voxels.
        volume_ml: Of its outline, also between voxels.
        kind: SOLID, PART_SOLID or GROUND_GLASS.
        solid_mm: Mean diameter of the solid part of a part-solid nodule.
        hu_mean: Mean density.
        evidence: What the kind was told from.
    """

    outline: Outline
    extent: Extent
    volume_ml: float
    kind: str
    solid_mm: float | None
    hu_mean: float
    evidence: tuple[Message, ...]

    @property
    def diameter_mm(self) -> float:
        """Mean of the longest and the perpendicular diameter (Lung-RADS v2022, Fleischner 2017)."""
        return (self.extent.longest_mm + self.extent.short_axis_mm) / 2


def measured(scan: Volume, outline: Outline) -> Nodule:
    """All numbers of one outline."""
    values = _values(scan, outline)
    extent = measure(outline.inside, scan.geometry, corner=outline.corner)
    kind, dense, evidence = _kind(values, outline, scan.geometry)
    solid_mm = None
    if kind == PART_SOLID and dense.any():
        part = measure(dense, scan.geometry, corner=outline.corner)
        solid_mm = (part.longest_mm + part.short_axis_mm) / 2
        evidence = (*evidence, Message(N_("Solid part: {size:.1f} mm."), {"size": solid_mm}))
    return Nodule(outline, extent, outline.volume_ml, kind, solid_mm, float(values[outline.inside].mean()), evidence)


def axial_slices(scan: Volume, outline: Outline) -> tuple[NDArray[float32], NDArray[np.bool_]]:
    """HU and outline of the box of a nodule as slices across the body, PIXEL_MM a pixel."""
    along = int(np.argmax(np.abs(scan.geometry.affine[2, :3])))
    steps = [mm for axis, mm in enumerate(scan.geometry.steps) if axis != along]
    values, inside = np.moveaxis(_values(scan, outline), along, 0), np.moveaxis(outline.inside, along, 0)
    size = tuple(max(1, round(n * mm / PIXEL_MM)) for n, mm in zip(values.shape[1:], steps, strict=True))
    if size == values.shape[1:]:
        return values, inside
    planes = [cv2.resize(np.ascontiguousarray(v), size[::-1], interpolation=cv2.INTER_LINEAR) for v in values]
    masks = [cv2.resize(m.astype(float32), size[::-1], interpolation=cv2.INTER_LINEAR) > 0.5 for m in inside]
    whole = np.stack(masks)
    return (np.stack(planes), whole) if whole.any() else (values, inside)


def _values(scan: Volume, outline: Outline) -> NDArray[float32]:
    box = tuple(slice(a, a + n) for a, n in zip(outline.corner, outline.inside.shape, strict=True))
    return np.asarray(scan.voxels[box], dtype=float32)


def _kind(
    values: NDArray[float32], outline: Outline, geometry: Geometry
) -> tuple[str, NDArray[np.bool_], tuple[Message, ...]]:
    """The kind, its dense voxels, and why."""
    said: dict[str, str | int | float] = {"core": _hu(outline.core_hu), "lung": _hu(outline.lung_hu)}
    middle = Message(N_("Middle {core} HU, lung around it {lung} HU."), said)
    if outline.halo_hu is not None:
        rim = Message(N_("A rim of {halo} HU goes further than blur does."), {"halo": _hu(outline.halo_hu)})
        return PART_SOLID, outline.solid, (middle, rim)
    if outline.core_hu > SOLID_HU:
        return SOLID, outline.inside, (middle,)
    padded = np.pad(outline.inside, 1)
    depth = ndimage.distance_transform_edt(padded, sampling=geometry.steps)[1:-1, 1:-1, 1:-1]
    judged = depth > min(EDGE_MM, 0.5 * float(depth.max()))
    dense = judged & (values > DENSE_HU)
    share = float(dense.sum() / max(judged.sum(), 1))
    told = Message(N_("{share:.0f} % of it is denser than −300 HU."), {"share": 100 * share})
    return (PART_SOLID if share >= DENSE_SHARE else GROUND_GLASS), dense, (middle, told)


def _hu(value: float) -> str:
    return f"{value:.0f}".replace("-", "−")
