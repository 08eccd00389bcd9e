"""A chest written down in LPS mm: body, lungs, heart, diaphragm, bones, airways and vessels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from medcore.imaging.phantoms.clouds import Cloud, bone, plate, smooth, together, tube, twigs
from medcore.imaging.phantoms.shapes import Ellipsoid, Stack, rotation
from medcore.volume import Triple

RIGHT, LEFT = -1, 1  # sign of x in LPS
SIDES = (RIGHT, LEFT)
RIB_PITCH_MM = 22.5
DISC_PITCH_MM = 22.9
FIRST_RIB_MM = 120.0
TURN = 0.5  # of a rib's way round (0 at the spine, pi in front), where it leaves the back
TRABECULAE = 0.16  # density of spongy bone above soft tissue, as a share of that of cortex


@dataclass(frozen=True)
class Build:
    """How one chest differs from another.

    Args:
        wide: Factor on the width.
        deep: Factor on the depth.
        heart: Factor on the heart's size.
        breath_mm: How far the diaphragm stands below its usual height.
        seed: Of the vessel trees and the small irregularities.
    """

    wide: float = 1.0
    deep: float = 1.0
    heart: float = 1.0
    breath_mm: float = 0.0
    seed: int = 1


@dataclass(frozen=True)
class Thorax:
    """One chest; z = 0 at mid chest, x = 0 in the middle, y = 0 between front and back."""

    body: tuple[Stack | Ellipsoid, ...]
    lungs: tuple[Stack, Stack]  # right, left: the pleural spaces before the organs take their share
    domes: tuple[Ellipsoid, ...]  # liver, stomach and spleen, and the tendon between them
    heart: tuple[Ellipsoid, ...]
    mediastinum: tuple[Stack | Ellipsoid, ...]
    aorta: Stack
    stomach_air: Ellipsoid
    stomach_level_mm: float  # the fluid below this height
    airways: Cloud
    vessels: Cloud
    vertebrae: tuple[Stack, ...]
    bones: Cloud  # in mm³ of cortex
    arms: Cloud  # the same, of bones that leave the field when the arms are raised
    pectorals: tuple[Ellipsoid, ...]


@lru_cache(maxsize=2)
def thorax(build: Build, grain: float = 1.0) -> Thorax:
    """Lay out one chest; `grain` above 1 makes bones and vessels of fewer points, for coarse grids."""
    rng = np.random.default_rng(build.seed)
    lungs = (_lung(RIGHT, build), _lung(LEFT, build))
    low = build.breath_mm
    return Thorax(
        body=_body(build),
        lungs=lungs,
        domes=(
            _ellipsoid((-73, 4, -170 - low), (79, 95, 83), build, rotation("y", -4)),
            _ellipsoid((75, 4, -186 - low), (77, 95, 87), build, rotation("y", 5)),
            _ellipsoid((8, -22, -170 - low), (66, 78, 62), build),
        ),
        heart=_heart(build),
        mediastinum=_mediastinum(build),
        aorta=Stack(((-190, 10, 44, 11, 11), (-80, 17, 50, 12, 12), (20, 23, 54, 12, 13), (62, 25, 45, 12, 15))),
        stomach_air=_ellipsoid((70, -22, -142 - low), (34, 28, 26), build, rotation("y", 14)),
        stomach_level_mm=-136.0 - low,
        airways=_airways(grain),
        vessels=_vessels(lungs, rng, grain),
        vertebrae=_vertebrae(rng),
        bones=together([*_rib_cage(lungs, rng, grain), *_girdle(build, grain), *_spine_processes(grain)]),
        arms=_arms(build, grain),
        pectorals=tuple(_ellipsoid((s * 84, -96, 34), (66, 20, 66), build, rotation("y", s * 18)) for s in SIDES),
    )


def _ellipsoid(centre: Triple, semi_axes: Triple, build: Build, turn: NDArray[np.float64] | None = None) -> Ellipsoid:
    x, y, z = centre
    a, b, c = semi_axes
    axes = np.eye(3) if turn is None else turn
    return Ellipsoid((x * build.wide, y * build.deep, z), (a * build.wide, b * build.deep, c), axes)


def _scaled(levels: list[tuple[float, float, float, float, float]], build: Build, power: float = 2.0) -> Stack:
    w, d = build.wide, build.deep
    return Stack(tuple((z, x * w, y * d, a * w, b * d) for z, x, y, a, b in levels), power)


def _body(build: Build) -> tuple[Stack | Ellipsoid, ...]:
    trunk = _scaled(
        [(-320, 0, 0, 150, 112), (-190, 0, 0, 150, 112), (-60, 0, 0, 157, 116), (30, 0, 0, 162, 112),
         (85, 0, 4, 170, 100), (112, 0, 8, 178, 86), (130, 0, 14, 166, 72), (146, 0, 18, 122, 66),
         (160, 0, 18, 82, 62), (178, 0, 16, 64, 60), (210, 0, 12, 60, 60), (330, 0, 10, 62, 62)],
        build, 2.5,
    )  # fmt: skip
    return (trunk, *(_ellipsoid((s * 178, 12, 72), (42, 48, 66), build) for s in SIDES))


def _lung(side: int, build: Build) -> Stack:
    # The lowest levels are the recess behind the diaphragm; the left lung is a little narrower.
    levels = [(-200, 66, 62, 30, 1), (-178, 74, 56, 57, 26), (-140, 76, 26, 66, 66), (-100, 75, 6, 67, 88),
              (-50, 74, 0, 67, 93), (0, 71, 2, 64, 90), (40, 66, 6, 59, 82), (75, 60, 10, 51, 68),
              (100, 53, 14, 42, 52), (117, 48, 18, 31, 36), (127, 46, 20, 20, 22), (133, 45, 20, 1, 1)]  # fmt: skip
    narrow = 1.0 if side == RIGHT else 0.985
    return _scaled([(z + side * 1.5, side * x, y, a * narrow, b) for z, x, y, a, b in levels], build, 2.2)


def _heart(build: Build) -> tuple[Ellipsoid, ...]:
    h, drop = build.heart, -8 - 0.5 * build.breath_mm

    def part(centre: Triple, axes: Triple, tilt: float) -> Ellipsoid:
        x, y, z = centre
        a, b, c = axes
        return _ellipsoid((x, y, z + drop), (a * h, b * h, c * h), build, rotation("y", tilt))

    return (
        part((29, -20, -64), (58, 62, 40), 34),  # ventricles: the long axis points left and down
        part((-11, -12, -52), (33, 58, 48), -8),  # right atrium
        part((12, 2, -20), (34, 44, 34), 10),  # left atrium and auricle
        part((20, -26, 4), (24, 44, 44), 18),  # outflow tract
    )


def _mediastinum(build: Build) -> tuple[Stack | Ellipsoid, ...]:
    column = Stack(
        ((-220, 0, 34, 22, 46), (-60, 0, 22, 24, 50), (20, -2, 14, 27, 56), (60, -3, 8, 28, 56), (88, -3, 8, 26, 46),
         (104, -2, 14, 28, 42), (120, -1, 14, 32, 40), (140, 0, 14, 42, 38), (180, 0, 12, 46, 40)), 1.5
    )  # fmt: skip
    return (
        column,
        _ellipsoid((21, 18, 62), (18, 34, 21), build, rotation("y", 20)),  # aortic knob
        _ellipsoid((19, -2, 25), (19, 44, 34), build, rotation("y", 20)),  # pulmonary trunk
        _ellipsoid((-13, -14, 36), (18, 36, 66), build, rotation("y", 2)),  # superior vena cava, ascending aorta
    )


def _airways(grain: float) -> Cloud:
    windpipe = [(-1, -6, 210), (-2, 2, 150), (-3, 14, 100), (-4, 22, 62)]
    right = [(-4, 22, 66), (-18, 24, 46), (-34, 26, 24), (-44, 28, 2)]
    left = [(-2, 22, 66), (20, 24, 48), (40, 26, 35), (54, 30, 24)]
    return together(
        [
            tube(smooth(windpipe), 8.6, grain=grain),
            tube(smooth(right), np.linspace(7.5, 3.5, 60), grain=grain),
            tube(smooth(left), np.linspace(7, 3, 60), grain=grain),
        ]
    )


def _disc_height(k: int) -> tuple[float, float]:
    """z of the middle of vertebra Tk and the y of its body's centre."""
    z = FIRST_RIB_MM + 2 - DISC_PITCH_MM * (k - 1)
    return z, float(47 + 10 * np.sin((z + 20) / 110 * np.pi / 2.4))


def _vertebrae(rng: np.random.Generator) -> tuple[Stack, ...]:
    """C7-L2: each body waisted between its end plates."""
    out = []
    for k in range(0, 15):
        z, y = _disc_height(k)
        half, wide, deep = 7.9 + 0.2 * k, 14.2 + 0.42 * k + rng.normal(0, 0.2), 13 + 0.4 * k
        shape = ((-1.0, 1.05, 1.0), (-0.55, 0.94, 0.97), (0.0, 0.9, 0.95), (0.55, 0.94, 0.97), (1.0, 1.05, 1.0))
        x = float(rng.normal(0, 0.4))
        out.append(Stack(tuple((z + half * t, x, y, wide * a, deep * b) for t, a, b in shape), 3.0))
    return tuple(out)


def _spine_processes(grain: float) -> list[Cloud]:
    out = []
    for k in range(0, 15):
        z, y = _disc_height(k)
        for s in SIDES:
            pedicle = [(s * 11, y + 14, z + 2.5), (s * 13, y + 24, z + 1)]
            out.append(bone(pedicle, 4.0, 1.0, core=0.5, grain=grain).times(0.7))
            side = smooth([(s * 8, y + 26, z), (s * 22, y + 32, z + 2.5), (s * 30, y + 36, z + 4)])
            out.append(bone(side, np.linspace(3.0, 3.8, 60), 0.8, core=TRABECULAE, grain=grain))
        spine = smooth([(0, y + 28, z - 1), (0, y + 40, z - 8), (0.5, y + 52, z - 15)])
        out.append(bone(spine, np.linspace(1.6, 3.4, 60), 0.8, core=0.3, grain=grain))
    return out


def _rib_cage(lungs: tuple[Stack, Stack], rng: np.random.Generator, grain: float) -> list[Cloud]:
    out = []
    for side, lung in zip(SIDES, lungs, strict=True):
        for nth in range(1, 13):
            path, outward = _rib(side, nth, lung, rng)
            height = {1: 5.4, 2: 5.8, 11: 4.6, 12: 3.6}.get(nth, 6.3)
            along = np.linspace(0, 1, len(path))
            swell = np.interp(along, [0, 0.08, 0.3, 0.8, 0.97, 1], [0.72, 0.8, 0.96, 1, 1.04, 0.6])
            out.append(bone(path, height * swell, 0.8, core=TRABECULAE, flat=0.5, outward=outward, grain=grain))
    breastbone = smooth([(0, -86, 96), (0, -97, 60), (0, -104, 0), (0, -106, -50)])
    wide = np.interp(np.linspace(0, 1, 60), [0, 0.2, 0.36, 0.8, 1], [24, 20, 13, 15, 8])
    return [*out, bone(breastbone, wide, 0.5, core=0.09, flat=0.3, outward=(0.0, 1.0, 0.0), grain=grain)]


def _rib(side: int, nth: int, lung: Stack, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre line of one rib from the spine round to its cartilage, and the outward direction along it."""
    start = FIRST_RIB_MM + 7 - RIB_PITCH_MM * (nth - 1)
    drop = np.interp(nth, [1, 2, 4, 8, 10, 12], [34, 62, 94, 116, 100, 62]) + rng.normal(0, 1.5)
    end = np.interp(nth, [1, 2, 3, 7, 8, 10, 11, 12], [2.95, 2.9, 2.84, 2.74, 2.6, 2.2, 1.6, 1.2]) + rng.normal(0, 0.03)
    angle = np.linspace(0.12, end, 90)
    z = start + rng.normal(0, 0.6) + 5 * np.sin(np.minimum(angle * 2.2, np.pi)) - drop * (angle / np.pi) ** 1.12
    x, y, a, b = (np.asarray(v, dtype=np.float64) for v in lung.section(np.clip(z, -100, 110)))
    close = np.interp(z, [90, 124], [1.0, 0.86])  # the first rib hugs the apex
    # From the spine to the back of the lung, then around the lung's own outline.
    turn = np.maximum(angle - TURN, 0) / (np.pi - TURN) * np.pi
    ease = np.minimum(angle / TURN, 1) ** 0.8
    round_x, round_y = np.sin(turn) ** 0.91, np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.91
    across = 17 + ease * (np.abs(x) - 17) + (a + 4.0) * round_x
    deep = 60 + ease * (y + (b + 4.5) * round_y - 60)
    outward = np.stack([side * np.sin(turn) / a, np.cos(turn) / b, np.zeros_like(turn)], axis=1)
    path = np.stack([side * across * close, deep, z], axis=1)
    return path, outward / np.linalg.norm(outward, axis=1, keepdims=True)


def _girdle(build: Build, grain: float) -> list[Cloud]:
    """Clavicles and scapulae."""
    out = []
    tip, corner, joint = (118.0, 77.0, -14.0), (98.0, 77.0, 110.0), (146.0, 44.0, 92.0)
    for s in SIDES:
        w = s * build.wide
        out += [
            # Clavicle; lateral and medial border of the scapula; its spine with the acromion; its blade.
            _bent([(16, -74, 101), (38, -78, 109), (66, -62, 120), (98, -28, 129), (128, 2, 132), (152, 18, 130)],
                  [10, 7, 5.6, 5.4, 5.8, 6.6], 1.4, w, grain),
            _bent([tip, (131, 68, 36), (144, 50, 78), (152, 38, 100)], [3.0, 4.4, 5.0, 9.0], 1.4, w, grain),
            _bent([tip, (104, 82, 40), corner], [2.6, 1.8, 2.2], 0.9, w, grain),
            _bent([(100, 80, 90), (128, 74, 114), (160, 36, 126)], [2.5, 4.5, 6.0], 1.2, w, grain),
            plate([(x * w, y, z) for x, y, z in (tip, corner, joint)], 1.2, grain=grain),
        ]  # fmt: skip
    return out


def _arms(build: Build, grain: float) -> Cloud:
    path: list[Triple] = [(172, 30, 118), (176, 26, 94), (180, 24, 30), (182, 24, -20)]
    return together([_bent(path, [17, 23, 13, 11, 11], 1.8, s * build.wide, grain) for s in SIDES])


def _bent(corners: list[Triple], radius: list[float], wall_mm: float, wide: float, grain: float) -> Cloud:
    path = smooth(np.asarray(corners, dtype=np.float64) * (wide, 1, 1))
    thick = np.interp(np.linspace(0, 1, 60), np.linspace(0, 1, len(radius)), radius)
    return bone(path, thick, wall_mm, core=TRABECULAE, grain=grain)


def _vessels(lungs: tuple[Stack, Stack], rng: np.random.Generator, grain: float) -> Cloud:
    """Branching trees from the hila to the periphery, thinner and denser with every fork."""
    starts, ends, radii = [], [], []
    right = smooth([(-18, 6, 22), (-38, 14, 14), (-47, 20, -12), (-54, 24, -42)])
    left = smooth([(16, -2, 36), (36, 14, 32), (45, 24, 12), (50, 28, -18)])
    trunks = [tube(right, np.linspace(7, 4, 60), grain=grain), tube(left, np.linspace(7.5, 4, 60), grain=grain)]
    for lung, hub in zip(lungs, ((-43.0, 18.0, 2.0), (42.0, 20.0, 18.0)), strict=True):
        low, high = lung.box
        tip = np.array([hub]) + rng.normal(0, (5, 10, 20), (30, 3))
        # Aim at points spread over the lung, more of them in the lower zone, as blood does.
        aim = np.stack([rng.uniform(low[0] + 8, high[0] - 8, 30), rng.uniform(low[1] + 15, high[1] - 15, 30),
                        rng.triangular(-140, -80, 120, 30)], axis=1)  # fmt: skip
        heading = (aim - tip) / np.linalg.norm(aim - tip, axis=1, keepdims=True)
        radius = rng.uniform(1.8, 3.9, 30)
        for _generation in range(16):
            new = tip + heading * rng.uniform(6, 12, len(tip))[:, None]
            x, y, z = new.T.astype(np.float32)
            keep = lung.distance((x, y, z)) < -2.0
            starts.append(tip[keep])
            ends.append(new[keep])
            radii.append(radius[keep])
            tip, heading, radius = new[keep], heading[keep], radius[keep]
            fork = rng.random(len(tip)) < 0.45
            side = _nudge(heading[fork], 0.6, rng)
            tip = np.concatenate([tip, tip[fork]])
            heading = np.concatenate([_nudge(heading, 0.17, rng), side])
            radius = np.concatenate([radius * np.where(fork, 0.86, 0.955), radius[fork] * 0.66])
            alive = radius > 0.3
            tip, heading, radius = tip[alive], heading[alive], radius[alive]
    return together([*trunks, twigs(np.concatenate(starts), np.concatenate(ends), np.concatenate(radii), grain=grain)])


def _nudge(heading: NDArray[np.float64], amount: float, rng: np.random.Generator) -> NDArray[np.float64]:
    out = heading + rng.normal(0, amount, heading.shape)
    return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True))
