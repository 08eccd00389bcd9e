"""The golden object: ellipsoids without any symmetry, to prove that every format lays voxels where they belong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medcore.imaging.phantoms.canvas import Canvas
from medcore.imaging.phantoms.shapes import Ellipsoid, rotation
from medcore.imaging.phantoms.truth import Phantom, known
from medcore.volume import Affine, Geometry, Triple, Unit, Volume, Window

BACKGROUND = 40
# Name, value and solid. No two share a coordinate, a size or a value: any flip, swap or shift is seen.
PARTS: tuple[tuple[str, int, Ellipsoid], ...] = (
    ("left", 400, Ellipsoid((31.0, 3.0, -7.0), (9.0, 9.0, 9.0))),
    ("posterior", 700, Ellipsoid((-6.0, 34.0, 5.0), (11.0, 7.0, 8.0))),
    ("superior", 1000, Ellipsoid((4.0, -9.0, 29.0), (6.0, 8.0, 10.0), rotation("x", 25) @ rotation("z", 15))),
    ("right anterior inferior", 1400, Ellipsoid((-27.0, -25.0, -23.0), (12.0, 12.0, 12.0))),
)
# Columns: unit vectors of the slice, row and column axes in LPS.
ORIENTATIONS: dict[str, NDArray[np.float64]] = {
    "axial": np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], dtype=np.float64).T,
    "axial from above": np.array([[0, 0, -1], [0, 1, 0], [-1, 0, 0]], dtype=np.float64).T,
    "coronal": np.array([[0, 1, 0], [0, 0, -1], [1, 0, 0]], dtype=np.float64).T,
    "sagittal": np.array([[-1, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=np.float64).T,
    "oblique": rotation("x", 20) @ rotation("y", -15) @ rotation("z", 30) @ np.eye(3)[:, ::-1],
}
GRIDS: tuple[tuple[Triple, Triple], ...] = (
    ((2.0, 2.0, 2.0), (96.0, 104.0, 112.0)),
    ((3.0, 1.25, 1.5), (96.0, 100.0, 108.0)),
)


def golden_affine(
    orientation: str, spacing_mm: Triple, shape: Sequence[int], *, centre_mm: Triple = (3.0, -4.0, 2.0)
) -> Affine:
    """A 4×4 affine of one of `ORIENTATIONS` whose grid has its middle at `centre_mm`."""
    affine = np.eye(4)
    affine[:3, :3] = ORIENTATIONS[orientation] * np.asarray(spacing_mm)
    middle = (np.asarray(shape) - 1) / 2
    affine[:3, 3] = np.asarray(centre_mm) - affine[:3, :3] @ middle
    return affine


def golden(
    orientation: str = "axial", spacing_mm: Triple = (2.0, 2.0, 2.0), *, size_mm: Triple = (96.0, 104.0, 112.0),
    modality: str = "CT",
) -> Phantom:  # fmt: skip
    """The golden object on a grid, without noise.

    Args:
        orientation: A key of `ORIENTATIONS`.
        spacing_mm: (slice, row, column).
        size_mm: Field of view along (slice, row, column).
        modality: "CT" (HU) or "MR" (grey).
    """
    s, r, c = (round(size / mm) for size, mm in zip(size_mm, spacing_mm, strict=True))
    geometry = Geometry(golden_affine(orientation, spacing_mm, (s, r, c)))
    canvas = Canvas(geometry, (s, r, c), BACKGROUND)
    for _name, value, solid in PARTS:
        canvas.paint(solid, value)
    targets, mask = known([(name, solid) for name, _value, solid in PARTS], geometry, (s, r, c))
    volume = Volume(
        np.rint(canvas.image).astype(np.int16 if modality == "CT" else np.uint16),
        Unit.HU if modality == "CT" else Unit.GREY,
        modality,
        geometry,
        name="Volume",
        body_part="HEAD",
        window=Window(700, 1500),
        synthetic=True,
    )
    return Phantom(volume, targets, mask)


def measure(volume: Volume, value: int) -> tuple[Triple, float]:
    """LPS centre in mm and volume in ml of the part of the golden object that has a value, as a reader delivers it.

    Counts each voxel by how far it is from the background towards the value.
    """
    box = next(solid for _name, other, solid in PARTS if other == value)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in volume.shape), indexing="ij"), axis=-1)
    places = volume.geometry.to_lps(index)
    low, high = box.box
    margin = 2 * max(volume.geometry.steps)
    near = np.all((places > low - margin) & (places < high + margin), axis=-1)
    share = np.clip((volume.voxels.astype(np.float64) - BACKGROUND) / (value - BACKGROUND), 0, 1) * near
    x, y, z = (places * share[..., None]).sum(axis=(0, 1, 2)) / share.sum()
    return (float(x), float(y), float(z)), float(share.sum() * volume.geometry.voxel_ml)
