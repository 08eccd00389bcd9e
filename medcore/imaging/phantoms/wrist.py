"""A radiograph of a phantom wrist with a fracture of known place through the end of the radius."""

from __future__ import annotations

from datetime import date

import numpy as np
from scipy import ndimage

from medcore.imaging.phantoms.clouds import Cloud, bone, smooth, together
from medcore.imaging.phantoms.shapes import Ellipsoid, Floats, Stack, covered, rotation
from medcore.imaging.phantoms.truth import Phantom, Target
from medcore.imaging.phantoms.xray import Detector, develop, enlarge, expose, projection_affine, shutter, stamp_r
from medcore.volume import Geometry, Mask, Scale, Triple, Unit, Volume, Window

# Linear attenuation per mm at about 40 keV, the effective energy of a 55 kV exposure.
SOFT = 0.0265
CORTEX = 0.128
FIELD_MM = (216.0, 156.0)  # rows, columns
WHITE = 1023  # of 10 bits, as plate readers deliver
SPONGY = 0.2
FRACTURE_MM = (-14.0, 0.0, -17.0)  # middle of the break, LPS
FRACTURE_NORMAL = np.array([0.2, 0.12, 0.97]) / np.linalg.norm([0.2, 0.12, 0.97])
GAP_MM, STEP_MM = 0.9, (-1.6, 0.8, -0.5)
# Centre and half axes of the carpal bones; the thumb side is to the right of the patient (x < 0).
CARPALS: tuple[tuple[Triple, Triple], ...] = (
    ((-15.0, 0.0, 12.5), (9.5, 7.0, 8.0)),
    ((-1.5, 1.0, 13.0), (8.0, 7.5, 7.5)),
    ((10.0, 0.0, 14.5), (6.5, 7.0, 7.0)),
    ((14.0, -4.0, 18.5), (4.6, 5.0, 5.0)),
    ((-21.5, -2.0, 25.5), (6.5, 6.5, 6.2)),
    ((-12.0, 1.0, 28.0), (5.6, 7.0, 6.2)),
    ((-2.0, 1.0, 28.0), (7.0, 8.0, 10.0)),
    ((9.0, 0.0, 28.0), (7.5, 7.5, 7.5)),
)
# Base and head of the metacarpals, and the head of the bone beyond, thumb first.
SHAFT = ([0, 0.04, 0.2, 0.5, 0.82, 0.93, 0.98, 1], [4.2, 6.2, 4.8, 4.1, 5.2, 6.6, 5.4, 3.2])  # half width along it
RAYS: tuple[tuple[Triple, Triple, Triple], ...] = (
    ((-27.0, -4.0, 31.0), (-45.0, -6.0, 60.0), (-56.0, -6.0, 86.0)),
    ((-13.0, 1.0, 33.5), (-21.0, 1.0, 92.0), (-26.0, 1.0, 132.0)),
    ((-2.5, 1.0, 37.0), (-4.0, 1.0, 94.0), (-4.5, 1.0, 138.0)),
    ((7.0, 0.0, 34.5), (12.0, 0.0, 88.0), (17.0, 0.0, 128.0)),
    ((15.0, -1.0, 32.5), (26.0, -1.0, 80.0), (36.0, -1.0, 112.0)),
)


def wrist_radiograph(
    *, fractured: bool = True, pixel_mm: float = 0.13, acquired_on: date | None = None, seed: int = 1
) -> Phantom:
    """A PA radiograph of the right wrist, 10 bit, bone white.

    Args:
        fractured: Break the end of the radius and shift what lies beyond.
        pixel_mm: Pixel size on the detector; 1.0 gives a small one for tests.
    """
    rows, columns = (round(mm / pixel_mm) for mm in FIELD_MM)
    detector = Detector(rows, columns, pixel_mm, 20.0, source_mm=1100.0, object_mm=35.0)
    factor = 2 if pixel_mm <= 0.16 else 1
    coarse = detector.coarser(factor)
    path = _paths(fractured, coarse, seed)
    path = enlarge(path, (rows, columns), factor) if factor > 1 else path
    film = expose(path, pixel_mm=pixel_mm, photons=6.0e5 * pixel_mm**2, seed=seed, scatter=0.15)
    film = develop(film, pixel_mm=pixel_mm, low=0.1, high=2.0, even=0.3, crisp=0.7)
    stamp_r(film, at=(round(14 / pixel_mm), round(12 / pixel_mm)), height=round(11 / pixel_mm), value=0.97)
    film *= shutter(rows, columns, edge=3.0 / pixel_mm)
    pixels = np.rint(film * WHITE).astype(np.uint16)[None]
    geometry = Geometry(projection_affine(pixel_mm), scale=Scale.DETECTOR)
    targets, mask = _truth(detector, geometry, fractured)
    volume = Volume(
        pixels, Unit.GREY, "CR", geometry, name="Wrist PA", acquired_on=acquired_on, body_part="WRIST", view="PA",
        window=Window(512, 1024), synthetic=True,
    )  # fmt: skip
    return Phantom(volume, targets, mask)


def _paths(fractured: bool, detector: Detector, seed: int) -> Floats:
    x, z = detector.plane()
    flesh = covered([solid.chord(x, z) for solid in _flesh()])
    grain = float(np.clip(detector.pixel_mm / 0.26, 1, 4)) * 0.55
    radius = _radius(grain)
    bones = [_break(radius) if fractured else radius, _ulna(grain), *(_ray(ray, grain) for ray in RAYS)]
    rng = np.random.default_rng([seed, 3])
    cloud = together(bones)
    loose = rng.normal(0, 0.16, cloud.points.shape).astype(np.float32)  # so that no two points line up
    total = SOFT * flesh + (CORTEX - SOFT) * detector.shadow(Cloud(cloud.points + loose, cloud.mm3))
    for centre, semi_axes in CARPALS:
        total += (CORTEX - SOFT) * _pebble(centre, semi_axes, x, z)
    grains = ndimage.gaussian_filter(rng.standard_normal(total.shape, dtype=np.float32), 0.35 / detector.pixel_mm)
    spongy = np.clip(total - SOFT * flesh, 0, None)
    return np.asarray(total + 0.06 * spongy * grains / max(float(grains.std()), 1e-9), dtype=np.float32)


def _flesh() -> list[Stack | Ellipsoid]:
    arm = Stack(((-140, 0, 0, 40, 27), (-60, 0, 0, 35, 23), (-5, -1, 0, 29, 19), (20, -3, 0, 31, 18),
                 (55, -4, 0, 42, 16), (90, -2, 0, 43, 14), (106, -1, 0, 40, 11), (116, 0, 0, 6, 3)), 2.2)  # fmt: skip
    thenar = Ellipsoid((-31, 0, 50), (15, 13, 34), rotation("y", -33))
    solids: list[Stack | Ellipsoid] = [arm, thenar]
    for _base, knuckle, tip in RAYS:
        along = [np.asarray(knuckle) + t * (np.asarray(tip) - knuckle) for t in (-0.45, 0.2, 1.0, 2.0)]
        levels = tuple(
            (float(p[2]), float(p[0]), 0.0, wide, 10.0) for p, wide in zip(along, (2, 10.5, 9, 8.5), strict=True)
        )
        solids.append(Stack(levels))
    return solids


def _radius(grain: float) -> Cloud:
    path = smooth([(-21, 0, -140), (-17, 0, -80), (-14, 0, -30), (-13, 0, -8), (-12.5, 0, 3)], 90)
    wide = np.interp(np.linspace(0, 1, 90), [0, 0.45, 0.72, 0.85, 0.95, 1], [8, 7.4, 8.6, 12.5, 15.5, 14.5])
    front = (0.0, 1.0, 0.0)
    parts = [
        bone(path[low:high], wide[low:high], wall, core=core, flat=0.78, outward=front, grain=grain)
        for low, high, wall, core in (
            (0, 59, 2.2, 0.07),
            (58, 66, 1.7, 0.12),
            (65, 73, 1.2, 0.16),
            (72, 90, 0.8, SPONGY),
        )
    ]
    return together([*parts, _styloid((-23.5, 0, -4), (-21.5, 0, 8), 4.4, grain), _plate(-12.5, 3.0, 13.0, grain)])


def _ulna(grain: float) -> Cloud:
    path = smooth([(17, 0, -140), (16, 0, -80), (15, 0, -30), (14.5, 0, -1)], 90)
    wide = np.interp(np.linspace(0, 1, 90), [0, 0.6, 0.88, 0.96, 1], [7.2, 5.6, 6.2, 8.2, 7.6])
    shaft = bone(path, wide, 1.6, core=0.1, flat=0.9, outward=(0.0, 1.0, 0.0), grain=grain)
    return together([shaft, _styloid((20, 0, -3), (20.5, 0, 6), 2.6, grain), _plate(14.5, -0.5, 6.5, grain)])


def _styloid(low: Triple, high: Triple, radius: float, grain: float) -> Cloud:
    return bone(smooth([low, high], 20), np.linspace(radius, radius * 0.55, 20), 0.8, core=SPONGY, grain=grain).times(
        0.55
    )


def _plate(x: float, z: float, half: float, grain: float) -> Cloud:
    """The dense plate under the cartilage of a joint."""
    bow = smooth([(x - half, 0, z + 1.2), (x, 0, z - 1.6), (x + half, 0, z + 0.4)], 30)
    return bone(bow, 5.0, 0.6, core=0.1, flat=0.14, outward=(0.0, 0.0, 1.0), grain=grain)


def _ray(ray: tuple[Triple, Triple, Triple], grain: float) -> Cloud:
    """A metacarpal and the bone beyond it."""
    out = []
    for start, stop, size in ((ray[0], ray[1], 1.0), (ray[1], ray[2], 0.86)):
        a, b = np.asarray(start), np.asarray(stop)
        a = a + 0.04 * (b - a) if size < 1 else a
        line = smooth([a, (a + b) / 2 + (0, -2, 0), b - 0.02 * (b - a)], 50)
        wide = size * np.interp(np.linspace(0, 1, 50), *SHAFT)
        out.append(bone(line, wide, 1.3, core=0.16, flat=0.9, grain=grain))
    return together(out)


def _pebble(centre: Triple, semi_axes: Triple, x: Floats, z: Floats) -> Floats:
    """Path through a carpal bone in mm of cortex: a thin shell around spongy bone."""
    low, high = Ellipsoid(centre, semi_axes).chord(x, z)
    a, b, c = (mm - 0.55 for mm in semi_axes)
    inner_low, inner_high = Ellipsoid(centre, (a, b, c)).chord(x, z)
    return (high - low) - (1 - SPONGY) * (inner_high - inner_low)


def _break(radius: Cloud) -> Cloud:
    """Take out a thin slice along the line of the break and shift what lies beyond it."""
    side = (radius.points - np.array(FRACTURE_MM, dtype=np.float32)) @ FRACTURE_NORMAL.astype(np.float32)
    ragged = 0.5 * np.sin(radius.points[:, 0] * 1.3) + 0.3 * np.sin(radius.points[:, 0] * 3.1 + radius.points[:, 1])
    side = side + ragged
    beyond = side > 0
    points = radius.points + beyond[:, None] * np.array(STEP_MM, dtype=np.float32)
    kept = np.abs(side) > GAP_MM / 2
    return Cloud(points[kept], radius.mm3[kept])


def _truth(detector: Detector, geometry: Geometry, fractured: bool) -> tuple[tuple[Target, ...], Mask]:
    labels = np.zeros((1, detector.rows, detector.columns), dtype=np.uint8)
    if not fractured:
        return (), Mask(labels, {}, geometry)
    row, column = detector.index(np.array([FRACTURE_MM]))[0].tolist()
    half_rows, half_columns = (mm * detector.magnification(0.0) / detector.pixel_mm for mm in (6.0, 15.0))
    y, x = np.ogrid[: detector.rows, : detector.columns]
    labels[0][(np.abs(y - row) <= half_rows) & (np.abs(x - column) <= half_columns)] = 1
    size = (0.0, 2 * half_rows * detector.pixel_mm, 2 * half_columns * detector.pixel_mm)
    target = Target(1, "fracture of the radius", (0.0, row, column), FRACTURE_MM, size, None)
    return (target,), Mask(labels, {1: target.name}, geometry)
