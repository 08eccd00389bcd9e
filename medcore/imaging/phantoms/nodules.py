"""Many nodules for one phantom chest: where they may lie, how large and dense they are, what they touch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medcore.imaging.phantoms.chest_ct import NODULE, Nodule
from medcore.imaging.phantoms.shapes import Grid, rotation
from medcore.imaging.phantoms.thorax import Build, Thorax, thorax

GLASS_HU = (-720.0, -560.0)
SOLID_HU = (-60.0, 90.0)
APART_MM = 12.0  # between the surfaces of two nodules
TRIES = 400
HUBS_MM, HUB_MM = ((-43.0, 18.0, 2.0), (42.0, 20.0, 18.0)), 24.0  # where the vessels begin


@dataclass(frozen=True, slots=True)
class Mix:
    """What is drawn from.

    Args:
        diameters_mm: Smallest and largest; small ones are drawn more often.
        on_wall, on_vessel: Shares of nodules that touch the wall of the chest, and a vessel.
        glass, part_solid: Shares of pure ground glass, and of ground glass with a solid core.
    """

    diameters_mm: tuple[float, float] = (4.0, 20.0)
    on_wall: float = 0.25
    on_vessel: float = 0.25
    glass: float = 0.12
    part_solid: float = 0.1


def scatter(
    count: int, *, build: Build, heights_mm: tuple[float, float], seed: int, mix: Mix | None = None
) -> tuple[Nodule, ...]:
    """Nodules in the lungs of one build, clear of heart, diaphragm and great vessels; fewer where there is no room.

    Args:
        heights_mm: Lowest and highest z of their centres.
    """
    mix = mix or Mix()
    rng = np.random.default_rng(seed)
    chest = thorax(build, 2.0)
    twigs = chest.vessels.points
    twigs = twigs[(twigs[:, 2] > heights_mm[0]) & (twigs[:, 2] < heights_mm[1])]
    found: list[Nodule] = []
    for _ in range(TRIES):
        if len(found) == count:
            break
        low, high = mix.diameters_mm
        diameter = float(low * (high / low) ** (rng.random() ** 1.3))
        place = _place(chest, twigs, diameter, heights_mm=heights_mm, mix=mix, rng=rng)
        if place is not None and _clear(place, diameter, found):
            found.append(_nodule(f"nodule {len(found) + 1}", place, diameter, mix, rng))
    return tuple(found)


def _place(
    chest: Thorax,
    twigs: NDArray[np.float32],
    diameter: float,
    *,
    heights_mm: tuple[float, float],
    mix: Mix,
    rng: np.random.Generator,
) -> NDArray[np.float64] | None:
    """A centre at the wanted distance from the wall, or None when chance put it elsewhere."""
    kind = rng.random()
    lung = chest.lungs[int(rng.integers(2))]
    low, high = lung.box
    if kind < mix.on_vessel and len(twigs):
        step = rng.normal(0, 1, 3)
        at = twigs[rng.integers(len(twigs))] + step / np.linalg.norm(step) * (diameter / 2) * rng.uniform(0.3, 1.0)
    else:
        at = np.array([*rng.uniform(low[:2], high[:2]), rng.uniform(*heights_mm)])
    depth = -min(float(_at(solid, at)) for solid in chest.lungs)
    wall = kind > 1 - mix.on_wall
    if wall and not 0.1 * diameter < depth < 0.45 * diameter:
        return None
    if not wall and depth < diameter / 2 + 1.5:
        return None
    if min(np.linalg.norm(at - np.array(hub)) for hub in HUBS_MM) < HUB_MM + diameter / 2:
        return None  # inside the trunks of the vessels nobody could tell
    organs = (*chest.domes, *chest.heart, *chest.mediastinum, chest.aorta, *chest.vertebrae)
    if min(float(_at(solid, at)) for solid in organs) < diameter / 2 + 2.0:
        return None
    return np.asarray(at, dtype=np.float64)


def _at(solid: object, at: NDArray[np.float64]) -> float:
    x, y, z = (np.full((1, 1, 1), v, dtype=np.float32) for v in at)
    points: Grid = (x, y, z)
    return float(solid.distance(points).ravel()[0])  # type: ignore[attr-defined]  # every solid has it


def _clear(at: NDArray[np.float64], diameter: float, others: list[Nodule]) -> bool:
    return all(np.linalg.norm(at - np.array(o.centre_mm)) > (diameter + o.diameter_mm) / 2 + APART_MM for o in others)


def _nodule(name: str, at: NDArray[np.float64], diameter: float, mix: Mix, rng: np.random.Generator) -> Nodule:
    kind = rng.random()
    glass = kind < mix.glass + mix.part_solid and diameter >= 6.0
    core = diameter * float(rng.uniform(0.3, 0.6)) if glass and kind > mix.glass else 0.0
    hu = float(rng.uniform(*(GLASS_HU if glass else SOLID_HU)))
    long = np.exp(rng.normal(0, 0.12, 3))
    long /= np.cbrt(long.prod())
    turn = rotation("x", rng.uniform(0, 180)) @ rotation("z", rng.uniform(0, 180))
    rows = tuple((float(a), float(b), float(c)) for a, b, c in turn)
    x, y, z = (float(v) for v in at)
    stretch = (float(long[0]), float(long[1]), float(long[2]))
    return Nodule(name, (x, y, z), diameter, hu if glass else min(hu, NODULE + 60.0), core, stretch, rows)
