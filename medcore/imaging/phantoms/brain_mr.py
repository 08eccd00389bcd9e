"""MR of a phantom head (T1 after contrast) with an enhancing lesion of known place and volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medcore.imaging.phantoms.canvas import Canvas, covered_share
from medcore.imaging.phantoms.shapes import Ellipsoid, Floats, Grid, Region, grid, rotation
from medcore.imaging.phantoms.truth import Phantom, known
from medcore.volume import Geometry, Triple, Unit, Volume, Window

AIR, CORTEX, MARROW, SCALP, MUSCLE = 4.0, 14.0, 95.0, 205.0, 78.0
CSF, GREY, WHITE, DURA = 27.0, 84.0, 125.0, 150.0
RIM, CORE, OEDEMA = 228.0, 48.0, 84.0
SCALE = 4.0  # signal units to stored numbers
RIM_MM, OEDEMA_MM = 3.2, 9.0
GYRUS_MM, FOLIUM_MM = 21.0, 7.0  # wavelengths of the folding
BOX, BOX_MM = 128, 2.0  # the folds repeat after 256 mm
INNER_SKULL = Ellipsoid((0, 0, 0), (69, 86, 74))
OUTER_SKULL = Ellipsoid((0, 0, -1), (76.5, 94, 81.5))
SKIN = Ellipsoid((0, 0, -3), (83, 101, 89.5))
CALLOSUM = Ellipsoid((0, 2, 4), (34, 50, 27))
CEREBELLUM = Ellipsoid((0, 47, -44), (51, 33, 29))
BRAINSTEM = Ellipsoid((0, 19, -48), (13.5, 12.5, 34))
SIDES = (-1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Lesion:
    """An enhancing ellipsoid: name, centre in the unmoved head, half diameters in mm."""

    name: str
    centre_mm: Triple
    semi_axes_mm: Triple


def rigid(turn: NDArray[np.float64], shift_mm: Triple) -> NDArray[np.float64]:
    """A 4×4 rigid motion: turn about the middle of the head, then shift."""
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = turn, shift_mm
    return out


def brain_mr(
    lesions: Sequence[Lesion], geometry: Geometry, shape: tuple[int, int, int], *,
    moved: NDArray[np.float64] | None = None, noise: float = 3.2, bias: float = 0.14, seed: int = 1,
    acquired_on: date | None = None,
) -> Phantom:  # fmt: skip
    """A T1-weighted head after contrast on any grid.

    Args:
        geometry: The grid, in any orientation.
        moved: 4×4 rigid motion of the head in the scanner, LPS to LPS.
        noise: Rician standard deviation; white matter is 126.
        bias: Strength of the receive field's slow variation.
        seed: Of the noise; the anatomy is always the same.
    """
    moved = np.eye(4) if moved is None else moved
    # The grid in the coordinates of the unmoved head.
    canvas = Canvas(Geometry(np.linalg.inv(moved) @ geometry.affine), shape, AIR)
    _paint_head(canvas)
    solids = [Ellipsoid(n.centre_mm, n.semi_axes_mm) for n in lesions]
    for solid in solids:
        _paint_lesion(canvas, solid)
    image = _receive(canvas.image, geometry, noise, bias, seed)
    there = [(n.name, _carried(s, moved)) for n, s in zip(lesions, solids, strict=True)]
    targets, mask = known(there, geometry, shape)
    volume = Volume(
        image, Unit.GREY, "MR", geometry, name="T1 postcontrast", acquired_on=acquired_on, body_part="BRAIN",
        window=Window(360, 720), synthetic=True,
    )  # fmt: skip
    return Phantom(volume, targets, mask, moved)


def _carried(solid: Ellipsoid, moved: NDArray[np.float64]) -> Ellipsoid:
    x, y, z = (moved[:3, :3] @ np.asarray(solid.centre) + moved[:3, 3]).tolist()
    return Ellipsoid((x, y, z), solid.semi_axes, moved[:3, :3] @ solid.turn)


def _paint_head(canvas: Canvas) -> None:
    """Signal without noise."""
    canvas.paint(SKIN, SCALP)
    canvas.paint(OUTER_SKULL, CORTEX)
    canvas.paint(OUTER_SKULL, MARROW, inset_mm=2.2, edge_mm=2.0)
    canvas.paint(INNER_SKULL, CORTEX, inset_mm=-2.4, edge_mm=2.0)
    _paint_face(canvas)
    region = canvas.region(INNER_SKULL)
    if region is None:
        return
    points = canvas.points(region)
    inner = INNER_SKULL.distance(points)
    share = _inside(inner)
    fold, steep, wander = _folds(points)
    block = canvas.image[region]
    block += share * (_cerebrum(points, -inner, fold, steep, wander) - block)
    rough, within = np.zeros((2, *canvas.shape), dtype=np.float32)
    rough[region], within[region] = wander, share
    for solid, value in _deep():
        canvas.paint(solid, value, edge_mm=1.2, rough=0.7 * rough)
    _paint_hindbrain(canvas, region, fold, rough, within)
    block += _dura(points, inner) * share * (RIM * 0.85 - block)


def _dura(p: Grid, inner: Floats) -> Floats:
    """The sickle between the hemispheres and the venous sinus in its edge, both of which enhance."""
    x, y, z = p
    falx = np.exp(-((x / 0.9) ** 2)) * np.clip((CALLOSUM.distance(p) - 3) / 3, 0, 1) * np.clip(z / 10 + 0.5, 0, 1)
    sinus = np.hypot(x, np.minimum(-inner - 3.4, 6.0)) - 3.0
    vein = _inside(sinus) * np.clip((y + 60) / 10, 0, 1) * (z > 0)
    return np.asarray(np.maximum(0.35 * falx, vein), dtype=np.float32)


def _paint_face(canvas: Canvas) -> None:
    """Orbits, sinuses and the muscles of face and temple, in front of and below the skull."""
    outside = np.ones(canvas.shape, dtype=np.float32)
    region = canvas.region(OUTER_SKULL)
    if region is not None:
        outside[region] = np.clip((OUTER_SKULL.distance(canvas.points(region)) - 0.5) / 1.5, 0, 1)
    for face in (Ellipsoid((0, -58, -52), (69, 50, 58)), Ellipsoid((0, -94, -58), (17, 24, 26))):
        canvas.paint(face, SCALP * 0.95, where=outside)
        canvas.paint(face, MUSCLE * 1.3, inset_mm=6.0, where=outside)
    for side in SIDES:
        canvas.paint(Ellipsoid((side * 66, -30, -40), (12, 30, 46)), MUSCLE, where=outside)
        canvas.paint(Ellipsoid((side * 31, -70, -44), (19, 26, 17)), SCALP * 0.95)
        globe = Ellipsoid((side * 32, -80, -43), (12.2, 12.2, 12.2))
        canvas.paint(globe, MUSCLE)
        canvas.paint(globe, CSF * 1.2, inset_mm=1.4)
        canvas.paint(Ellipsoid((side * 43, -66, -44), (2.2, 17, 6)), DURA * 0.8)
    for sinus in (Ellipsoid((0, -78, -46), (10, 24, 20)), Ellipsoid((0, -86, -12), (22, 6, 13))):
        canvas.paint(sinus, AIR * 2)


def _cerebrum(p: Grid, depth: Floats, fold: Floats, steep: Floats, wander: Floats) -> Floats:
    """Cortex, white matter and sulci; `depth` below the inner skull in mm."""
    x, y, z = p
    depth = depth - 2.2 - 0.5 * wander
    valley = np.abs(fold) / np.maximum(steep, 0.35)  # mm to the middle of the nearest sulcus
    reach = 17 + 5 * wander
    near = valley - 0.75 * np.clip((reach - depth) / 6, -3, 1)
    between = np.abs(x + 1.2 * wander) - 0.8  # the hemispheres
    near = np.minimum(near, np.where(CALLOSUM.distance(p) > 0, between, 9))
    slope = np.abs(z + 6 - 0.3 * y + 2 * wander) - 1.3  # above the temporal lobe
    lateral = (np.abs(x) > 30) & (y > -42) & (y < 26)
    near = np.minimum(near, np.where(lateral, slope + np.maximum(depth - 24, 0), 9))
    near = np.minimum(near, depth)
    signal = GREY + _inside(2.9 + 0.35 * wander - near, 1.6) * (WHITE - GREY)
    return np.asarray(signal + _inside(near, 0.9) * (CSF - signal), dtype=np.float32)


def _deep() -> list[tuple[Ellipsoid, float]]:
    """Nuclei and ventricles."""
    out = []
    for side in SIDES:
        out += [
            (Ellipsoid((side * 15, -19, 11), (5, 12, 9)), GREY + 2),  # caudate
            (Ellipsoid((side * 11, 9, 4), (9.5, 14, 9)), GREY + 10),  # thalamus
            (Ellipsoid((side * 25, -4, 3), (6.5, 17, 10.5)), GREY + 5),  # lentiform nucleus
            (Ellipsoid((side * 10, -23, 13), (5.2, 18, 7.5), rotation("z", side * 12)), CSF),  # frontal horn
            (Ellipsoid((side * 13.5, 5, 18), (5.6, 28, 6.5), rotation("z", -side * 5)), CSF),  # body
            (Ellipsoid((side * 22, 33, 11), (6.2, 19, 8), rotation("z", -side * 16)), CSF),  # occipital horn
        ]
    return [*out, (Ellipsoid((0, 3, -1), (2.2, 14, 10)), CSF)]  # third ventricle


def _paint_hindbrain(canvas: Canvas, region: Region, fold: Floats, rough: Floats, within: Floats) -> None:
    """Skull base, cisterns, cerebellum with its leaves, brainstem, fourth ventricle."""
    canvas.paint(Ellipsoid((0, -14, -76), (27, 32, 34)), CORTEX * 2.6)
    canvas.paint(Ellipsoid((0, 6, -24), (12, 14, 9)), CSF, rough=1.5 * rough)
    canvas.paint(CEREBELLUM, CSF, inset_mm=-1.3, where=within)
    points = canvas.points(region)
    around = CEREBELLUM.distance(points)
    leaf = np.abs(np.sin(around / FOLIUM_MM * np.pi + 0.8 * fold))
    leaves = GREY - 14 * np.clip(1 - leaf * 3, 0, 1)
    leaves += _inside(around + 11 + 3 * rough[region], 4.0) * (WHITE - 6 - leaves)
    block = canvas.image[region]
    block += _inside(around) * within[region] * (leaves - block)
    canvas.paint(BRAINSTEM, CSF, inset_mm=-2.2)
    canvas.paint(BRAINSTEM, WHITE - 8)
    canvas.paint(Ellipsoid((0, 33, -41), (7, 5.5, 9)), CSF)


def _paint_lesion(canvas: Canvas, solid: Ellipsoid) -> None:
    """Rim, dead core, and the swelling around; the volume counts rim and core."""
    region = canvas.region(solid, OEDEMA_MM + 3)
    if region is None:
        return
    distance = solid.distance(canvas.points(region))
    signal = canvas.image[region]
    swelling = np.clip(1 - np.maximum(distance, 0) / OEDEMA_MM, 0, 1) ** 0.6
    signal += 0.85 * swelling * (np.minimum(signal, OEDEMA) - signal)
    signal += _inside(distance, 0.7) * (RIM - signal)
    signal += _inside(distance + RIM_MM, 1.4) * (CORE - signal)


def _receive(signal: Floats, geometry: Geometry, noise: float, bias: float, seed: int) -> NDArray[np.uint16]:
    """Uneven reception, noise of both channels (Rician), whole numbers."""
    s, r, c = signal.shape
    x, y, z = (v / 100 for v in grid(geometry, (slice(0, s), slice(0, r), slice(0, c))))
    field = np.exp(bias * (0.9 * y - 0.5 * x * y + 0.7 * z - 0.8 * (x**2 + y**2) + 0.4 * x))
    rng = np.random.default_rng(seed)
    signal = ndimage.gaussian_filter(signal, (0, 0.35, 0.35), truncate=3) * field
    real = signal + np.float32(noise) * rng.standard_normal(signal.shape, dtype=np.float32)
    other = np.float32(noise) * rng.standard_normal(signal.shape, dtype=np.float32)
    return np.asarray(np.clip(np.rint(np.hypot(real, other) * SCALE), 0, 4095), dtype=np.uint16)


def _inside(distance: NDArray[np.floating[Any]], edge_mm: float = 1.2) -> Floats:
    return covered_share(distance, edge_mm)


def _folds(p: Grid) -> tuple[Floats, Floats, Floats]:
    """The folding field, its steepness per mm, and a slow wander, each of about unit size."""
    fields = _fields()
    shape = np.broadcast_shapes(*(v.shape for v in p))
    at = np.stack([np.broadcast_to(v / np.float32(BOX_MM), shape) for v in p])
    a, b, c = (ndimage.map_coordinates(f, at, order=1, mode="grid-wrap") for f in fields)
    return a, b, c


@lru_cache(maxsize=1)
def _fields() -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(20)
    k = np.fft.fftfreq(BOX, BOX_MM)
    size = np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + np.fft.rfftfreq(BOX, BOX_MM)[None, None, :] ** 2)

    def noise(wavelength_mm: float, narrow: float) -> Floats:
        white = np.fft.rfftn(rng.standard_normal((BOX,) * 3))
        out = np.fft.irfftn(white * np.exp(-(((size * wavelength_mm - 1) / narrow) ** 2)), s=(BOX,) * 3, axes=(0, 1, 2))
        return np.asarray(out / out.std(), dtype=np.float32)

    fold = noise(GYRUS_MM, 0.25)
    slope = np.sqrt(sum(((np.roll(fold, -1, a) - np.roll(fold, 1, a)) / (2 * BOX_MM)) ** 2 for a in range(3)))
    return fold, np.asarray(slope, dtype=np.float32), noise(45.0, 0.6)
