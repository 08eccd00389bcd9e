"""CT of a phantom chest with nodules of known place, diameter and volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medcore.imaging.phantoms.canvas import Canvas
from medcore.imaging.phantoms.shapes import Ellipsoid, Floats
from medcore.imaging.phantoms.thorax import Build, Thorax, thorax
from medcore.imaging.phantoms.truth import Phantom, known
from medcore.volume import Geometry, Triple, Unit, Volume, Window

AIR, LUNG, FAT, MUSCLE, LIVER, BLOOD, CORTEX, MARROW, NODULE = -1000, -865, -95, 55, 105, 165, 1150, 210, 35
SKIN_MM, FAT_MM = 1.8, 11.0
SLAB = 64  # slices computed at once


@dataclass(frozen=True, slots=True)
class Nodule:
    """A ball or an ellipsoid of one density, with a denser core where it has one.

    Args:
        centre_mm: LPS.
        diameter_mm: Of the ball; of an ellipsoid the geometric mean of its three diameters.
        hu: Its density; ground glass is about -650.
        core_mm: Diameter of a solid core in its middle (a part-solid nodule); 0: none.
        stretch: Its three diameters over `diameter_mm`; their product is 1.
        turn: 3×3 whose columns are its own axes in LPS, row by row; () for none.
    """

    name: str
    centre_mm: Triple
    diameter_mm: float
    hu: float = NODULE
    core_mm: float = 0.0
    stretch: Triple = (1.0, 1.0, 1.0)
    turn: tuple[Triple, ...] = ()

    @property
    def solid(self) -> Ellipsoid:
        """Its shape."""
        a, b, c = (self.diameter_mm / 2 * s for s in self.stretch)
        return Ellipsoid(self.centre_mm, (a, b, c), np.array(self.turn) if self.turn else np.eye(3))


def axial(shape: tuple[int, int, int], spacing_mm: Triple, *, centre_mm: Triple = (0.0, 0.0, 0.0)) -> Geometry:
    """An axial grid of (slice, row, column) spacing whose middle lies at `centre_mm`."""
    half = [(n - 1) / 2 * mm for n, mm in zip(shape, spacing_mm, strict=True)]
    origin = (centre_mm[0] - half[2], centre_mm[1] - half[1], centre_mm[2] - half[0])
    return Geometry.from_spacing(spacing_mm, origin_mm=origin)


def chest_ct(
    nodules: Sequence[Nodule], geometry: Geometry, shape: tuple[int, int, int], *, build: Build | None = None,
    noise_hu: float = 17.0, seed: int = 1, acquired_on: date | None = None,
) -> Phantom:  # fmt: skip
    """A contrast-enhanced CT of a chest on any grid, in HU.

    Args:
        geometry: The grid, in any orientation.
        shape: (slices, rows, columns).
        noise_hu: Standard deviation of the noise in the body.
    """
    solids = [(n.name, n.solid) for n in nodules]
    image = np.empty(shape, dtype=np.int16)
    for start in range(0, shape[0], SLAB):  # a whole series in float32 would fill the memory of a laptop
        stop = min(start + SLAB, shape[0])
        affine = geometry.affine.copy()
        affine[:3, 3] = geometry.to_lps(np.array([start, 0, 0]))
        canvas = Canvas(Geometry(affine), (stop - start, *shape[1:]), AIR)
        _paint_chest(canvas, thorax(build or Build(), float(np.clip(canvas.edge_mm / 2, 1, 3))))
        for nodule in nodules:
            canvas.paint(nodule.solid, nodule.hu)
            if nodule.core_mm:
                canvas.paint(Ellipsoid(nodule.centre_mm, (nodule.core_mm / 2,) * 3), NODULE)
        image[start:stop] = _finish(canvas.image, noise_hu, [seed, start])
    targets, mask = known(solids, geometry, shape)
    volume = Volume(
        image, Unit.HU, "CT", geometry, name="Chest CT", acquired_on=acquired_on, body_part="CHEST",
        window=Window(-550, 1500), synthetic=True,
    )  # fmt: skip
    return Phantom(volume, targets, mask)


def _paint_chest(canvas: Canvas, chest: Thorax) -> None:
    trunk = chest.body[0]
    canvas.paint(trunk, MUSCLE - 15)
    canvas.paint(trunk, FAT, inset_mm=SKIN_MM)
    canvas.paint(trunk, MUSCLE, inset_mm=FAT_MM)
    _paint_couch(canvas)
    for lung in chest.lungs:
        canvas.paint(lung, LUNG)
    canvas.image += (canvas.image < -700) * (0.28 * canvas.points()[1])  # denser where the patient lies on it
    canvas.fill(chest.vessels.fill(canvas.geometry, canvas.shape), 60)
    for solid in chest.mediastinum[:1]:
        canvas.paint(solid, FAT + 20)
    for solid in chest.domes:
        canvas.paint(solid, LIVER)
    for hu, inset_mm in ((FAT + 40, 0.0), (BLOOD - 55, 3.5), (BLOOD, 12.0)):  # fat, muscle, chambers
        for solid in chest.heart:
            canvas.paint(solid, hu, inset_mm=inset_mm)
    for solid in chest.mediastinum[1:]:
        canvas.paint(solid, FAT + 30)
        canvas.paint(solid, BLOOD - 10, inset_mm=4.0)
    canvas.paint(chest.aorta, BLOOD)
    for vertebra in chest.vertebrae:
        canvas.paint(vertebra, CORTEX * 0.45)
        canvas.paint(vertebra, MARROW, inset_mm=1.6)
    canvas.image += chest.bones.fill(canvas.geometry, canvas.shape) * (CORTEX - MUSCLE)
    canvas.fill(chest.airways.fill(canvas.geometry, canvas.shape), AIR + 20)


def _paint_couch(canvas: Canvas) -> None:
    x, y, _z = canvas.points()
    above = y - (121 + 0.0007 * x**2 * np.sign(160 - np.abs(x)))
    share = np.clip(0.5 - (np.abs(np.abs(above - 12) - 11) - 0.8) / canvas.edge_mm, 0, 1) * (np.abs(x) < 160)
    canvas.image += 560 * share * (canvas.image < -990)


def _finish(image: Floats, noise_hu: float, seed: list[int]) -> NDArray[np.int16]:
    """Reconstruction noise (finer than white, correlated in the plane), then whole HU."""
    rng = np.random.default_rng(seed)
    slices = min(image.shape[0], 12)
    noise = rng.standard_normal((slices, *image.shape[1:]), dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, (0, 0.7, 0.7)) - 0.8 * ndimage.gaussian_filter(noise, (0, 2.0, 2.0))
    noise *= noise_hu / noise.std()
    for k in range(image.shape[0]):
        shift = rng.integers(0, image.shape[1]), rng.integers(0, image.shape[2])
        image[k] += np.roll(noise[k % slices], shift, axis=(0, 1))
    return np.clip(np.rint(image), -1024, 3071).astype(np.int16)
