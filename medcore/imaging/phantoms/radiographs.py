"""Radiographs of phantoms: a chest, with or without an opacity of known place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medcore.imaging.phantoms.shapes import Chord, Ellipsoid, Floats, covered, hull
from medcore.imaging.phantoms.thorax import Build, Thorax, thorax
from medcore.imaging.phantoms.truth import Phantom, Target
from medcore.imaging.phantoms.xray import Detector, develop, enlarge, expose, projection_affine, shutter, stamp_r
from medcore.volume import Geometry, Mask, Scale, Triple, Unit, Volume, Window

# Linear attenuation per mm at the effective energy of a 120 kV chest exposure (about 65 keV).
SOFT = 0.0195
LUNG = 0.0047
CORTEX = 0.054
MARROW = 0.0245
WHITE = 4095  # of 12 bits
CHEST_FIELD_MM = (428.0, 352.0)  # rows, columns: 17 by 14 inches
CHEST_MIDDLE_MM = -20.0


@dataclass(frozen=True, slots=True)
class Opacity:
    """A soft consolidation: an ellipsoid that is densest in its middle and ends at its surface.

    Args:
        name: What to call it.
        centre_mm: LPS.
        semi_axes_mm: Half diameters.
        density: Share of air it replaces in its middle.
    """

    name: str
    centre_mm: Triple
    semi_axes_mm: Triple
    density: float = 0.85


@dataclass(frozen=True, slots=True)
class Pose:
    """How the patient stood: shift in the plane of the detector (LPS x, z) and photon noise of this exposure."""

    x_mm: float = 0.0
    z_mm: float = 0.0
    seed: int = 1


def chest_radiograph(
    opacity: Opacity | None = None, *, build: Build | None = None, pose: Pose | None = None, pixel_mm: float = 0.2,
    acquired_on: date | None = None,
) -> Phantom:  # fmt: skip
    """A PA chest radiograph, 12 bit, as developed for reading.

    Args:
        opacity: What is wrong with the lung; None: nothing.
        pixel_mm: Pixel size on the detector; 0.2 gives 2140×1760, 1.6 a small one for tests.
    """
    pose = pose or Pose()
    build = build or Build()
    rows, columns = (round(mm / pixel_mm) for mm in CHEST_FIELD_MM)
    detector = Detector(rows, columns, pixel_mm, CHEST_MIDDLE_MM, shift_mm=(pose.x_mm, pose.z_mm))
    # Anatomy has no detail below 0.4 mm here; the photons are counted on the full grid.
    factor = 2 if pixel_mm <= 0.25 else 1
    coarse = detector.coarser(factor)
    path, lung = _chest_paths(build, coarse)
    solids = []
    if opacity is not None:
        solid = Ellipsoid(opacity.centre_mm, opacity.semi_axes_mm)
        path = path + _consolidation(solid, opacity.density, coarse, lung, build.seed)
        solids.append((opacity.name, solid))
    path = enlarge(path, (rows, columns), factor) if factor > 1 else path
    film = expose(path, pixel_mm=pixel_mm, photons=1.5e6 * pixel_mm**2, seed=pose.seed)
    film = develop(film, pixel_mm=pixel_mm, low=1.0, high=4.2)
    stamp_r(film, at=(round(30 / pixel_mm), round(26 / pixel_mm)), height=round(17 / pixel_mm), value=0.97)
    film *= shutter(rows, columns, edge=5.5 / pixel_mm)
    return _radiograph(film, detector, solids, acquired_on)


def _radiograph(
    film: Floats, detector: Detector, solids: list[tuple[str, Ellipsoid]], acquired_on: date | None
) -> Phantom:
    pixels = np.rint(film * WHITE).astype(np.uint16)[None]
    geometry = Geometry(projection_affine(detector.pixel_mm), scale=Scale.DETECTOR)
    labels = np.zeros(pixels.shape, dtype=np.uint8)
    targets = []
    for number, (name, solid) in enumerate(solids, start=1):
        row, column, half_rows, half_columns = _outline(solid, detector)
        y, x = np.ogrid[: detector.rows, : detector.columns]
        labels[0][((y - row) / half_rows) ** 2 + ((x - column) / half_columns) ** 2 <= 1] = number
        size = (0.0, 2 * half_rows * detector.pixel_mm, 2 * half_columns * detector.pixel_mm)
        targets.append(Target(number, name, (0.0, row, column), solid.centre, size, None))
    volume = Volume(
        pixels, Unit.GREY, "DX", geometry, name="Chest PA", acquired_on=acquired_on, body_part="CHEST", view="PA",
        window=Window(2048, 4096), synthetic=True,
    )  # fmt: skip
    return Phantom(volume, tuple(targets), Mask(labels, {t.label: t.name for t in targets}, geometry))


def _outline(solid: Ellipsoid, detector: Detector) -> tuple[float, float, float, float]:
    """Centre (row, column) and half sizes in pixels of the shadow of an upright ellipsoid."""
    row, column = detector.index(np.array([solid.centre]))[0].tolist()
    scale = detector.magnification(solid.centre[1]) / detector.pixel_mm
    return row, column, solid.semi_axes[2] * scale, solid.semi_axes[0] * scale


def _chest_paths(build: Build, detector: Detector) -> tuple[Floats, Floats]:
    """Line integral of attenuation (rows, columns) through one chest, and mm of lung in it."""
    chest = thorax(build, float(np.clip(detector.pixel_mm / 0.4, 1, 3)))
    x, z = detector.plane()
    body = covered([solid.chord(x, z) for solid in chest.body])
    lung = _lung_path(chest, x, z)
    rough = _mottle(lung.shape, detector.pixel_mm, build.seed)
    total = SOFT * body - (SOFT - LUNG * (1 + 0.035 * rough)) * lung
    low, high = chest.stomach_air.chord(x, z)
    total -= SOFT * (high - low) * np.clip((z - chest.stomach_level_mm) / 0.8, 0, 1)
    for solid in chest.pectorals:
        low, high = solid.chord(x, z)
        total += SOFT * 0.25 * (high - low)
    blood = detector.shadow(chest.vessels)
    total += (SOFT - LUNG) * 26 * (1 - np.exp(-blood / 22)) * np.clip(lung / 20, 0, 1)
    total -= SOFT * np.minimum(detector.shadow(chest.airways), 17)
    total += (CORTEX - SOFT) * (detector.shadow(chest.bones) + detector.shadow(chest.arms))
    spine = np.zeros_like(body)
    for vertebra in chest.vertebrae:
        low, high = vertebra.chord(x, z)
        spine += high - low
    total += (MARROW - SOFT) * ndimage.gaussian_filter(spine, 0.7 / detector.pixel_mm)
    return np.maximum(total, 0), lung


def _lung_path(chest: Thorax, x: Floats, z: Floats) -> Floats:
    groups = (chest.heart, chest.mediastinum, chest.domes, (chest.aorta,))
    organs: list[Chord] = [hull([solid.chord(x, z) for solid in group]) for group in groups]
    total = np.zeros(np.broadcast_shapes(x.shape, z.shape), dtype=np.float32)
    for space in chest.lungs:
        whole = space.chord(x, z)
        # Only the columns of this lung: the rest of the field is not its business.
        seen = np.flatnonzero((whole[1] > whole[0]).any(axis=0))
        if seen.size:
            strip = slice(seen[0], seen[-1] + 1)
            inside = (whole[0][:, strip], whole[1][:, strip])
            taken = covered([(low[:, strip], high[:, strip]) for low, high in organs], within=inside)
            total[:, strip] += inside[1] - inside[0] - taken
    return total


def _consolidation(solid: Ellipsoid, density: float, detector: Detector, lung: Floats, seed: int) -> Floats:
    """Added attenuation of a patchy opacity that fades to its surface and stays within the lung."""
    row, column, half_rows, half_columns = _outline(solid, detector)
    y, x = np.ogrid[: detector.rows, : detector.columns]
    out = ((y - row) / half_rows) ** 2 + ((x - column) / half_columns) ** 2
    chord = 2 * solid.semi_axes[1] * np.maximum(1 - out, 0)
    patchy = np.clip(1 + 0.24 * _mottle(lung.shape, detector.pixel_mm, seed + 4, size_mm=5.0), 0.3, 1.7)
    return np.asarray((SOFT - LUNG) * density * np.minimum(chord * patchy, lung), dtype=np.float32)


def _mottle(shape: tuple[int, ...], pixel_mm: float, seed: int, size_mm: float = 1.8) -> NDArray[np.float32]:
    """Soft random texture of unit variance and of one grain size."""
    rng = np.random.default_rng([seed, 7])
    factor = max(int(size_mm / pixel_mm / 1.5), 1)
    small = rng.standard_normal([-(-n // factor) for n in shape], dtype=np.float32)
    small = ndimage.gaussian_filter(small, max(size_mm / pixel_mm / factor, 0.5))
    return enlarge(small / max(float(small.std()), 1e-9), (shape[0], shape[1]), factor)
