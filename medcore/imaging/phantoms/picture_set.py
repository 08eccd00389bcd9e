"""Many small chest radiographs of different phantoms, half of them with an opacity: pictures to learn on at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from medcore.imaging.phantoms.radiographs import Opacity, Pose, chest_radiograph
from medcore.imaging.phantoms.thorax import Build

PIXEL_MM = 2.4  # of the detector
SIDES = ("right", "left")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPicture:
    """One radiograph.

    Args:
        patient: "p017"; one phantom is filmed twice, with and without an opacity.
        opacity: Whether there is one.
        side: Of the opacity; "" without one.
        pixels: (rows, columns) uint8.
    """

    patient: str
    opacity: bool
    side: str
    pixels: NDArray[uint8]


def labelled_radiographs(patients: int, *, seed: int = 1) -> Iterator[LabelledPicture]:
    """Two pictures of each of some phantoms, both of which differ in build, pose, exposure and film."""
    for number in range(patients):
        random = np.random.default_rng((seed, number))
        build = Build(
            wide=random.uniform(0.84, 1.14),
            deep=random.uniform(0.85, 1.15),
            heart=random.uniform(0.85, 1.25),
            breath_mm=random.uniform(-18, 14),
            seed=int(random.integers(1, 1_000_000)),
        )
        for present in (False, True):
            side = SIDES[int(random.integers(2))] if present else ""
            opacity = _opacity(random, side) if present else None
            pose = Pose(random.uniform(-20, 20), random.uniform(-24, 24), seed=int(random.integers(1, 1_000_000)))
            film = chest_radiograph(opacity, build=build, pose=pose, pixel_mm=PIXEL_MM).volume.voxels[0]
            yield LabelledPicture(f"p{number:03}", present, side, _as_film(film.astype(np.float32) / 4095, random))


def _opacity(random: np.random.Generator, side: str) -> Opacity:
    """Large and dense enough to be seen by eye where the whole picture is 28 pixels wide."""
    x = random.uniform(58, 92) * (-1 if side == "right" else 1)
    half = random.uniform(28, 48, 3)
    place = (x, float(random.uniform(-15, 35)), float(random.uniform(-62, 40)))
    return Opacity("opacity", place, (half[0], half[1], half[2]), random.uniform(0.7, 1.0))


def _as_film(film: NDArray[np.float32], random: np.random.Generator) -> NDArray[uint8]:
    """Turned, cut and exposed differently each time, so that few phantoms are nearly the same picture."""
    rows, columns = film.shape
    turned = cv2.getRotationMatrix2D((columns / 2, rows / 2), random.uniform(-14, 14), random.uniform(0.82, 1.25))
    turned[:, 2] += (random.uniform(-14, 14), (columns - rows) / 2 + random.uniform(-16, 16))
    film = np.asarray(cv2.warpAffine(film, turned, (columns, columns)), dtype=np.float32)
    film = np.clip(film, 0, 1) ** np.float32(np.exp(random.uniform(-0.35, 0.35)))
    film = film * random.uniform(0.8, 1.0) + random.uniform(0.0, 0.08)
    return np.asarray(np.rint(np.clip(film, 0, 1) * 255), dtype=uint8)
