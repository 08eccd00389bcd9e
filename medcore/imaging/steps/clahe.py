"""CLAHE: equalise the histogram in tiles, with a limit on the contrast (Zuiderveld 1994)."""

from __future__ import annotations

import numpy as np
from numpy import float32
from numpy.typing import NDArray
from skimage.exposure import equalize_adapthist

from medcore.errors import N_
from medcore.imaging.steps import GreyStep, Group, Settings, Watch
from medcore.imaging.steps._grey import UNIT_WINDOW, as_grey, lost_unit, to_unit_range
from medcore.recipes import Parameter
from medcore.records import Issue
from medcore.volume import Volume

BINS = 256
# OpenCV is 14 times faster, but on 16 bits it has more bins than a tile has pixels, and its limit limits nothing.


class Clahe(GreyStep):
    """`skimage.exposure.equalize_adapthist` on each slice; all slices share one grey range."""

    title = N_("CLAHE")
    summary = N_("Raises local contrast, tile by tile, up to a limit; slice by slice.")
    group = Group.GREY
    parameters = (
        Parameter(
            "clip_limit",
            N_("Contrast limit"),
            2.0,
            low=1.0,
            high=20.0,
            step=0.1,
            explained=N_("How many times more often than the mean a grey may count in a tile."),
        ),
        Parameter("tiles", N_("Tiles along each side"), 8, low=1, high=32, step=1),
    )
    speed = 1e7

    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        tiles = int(settings["tiles"])
        kernel = [max(1, -(-n // tiles)) for n in scan.shape[1:]]
        limit = float(settings["clip_limit"]) / BINS  # of a tile's pixels, as scikit-image counts
        values = np.empty(scan.shape, dtype=float32)
        unit = to_unit_range(scan.voxels)
        for number, plane in enumerate(unit):
            flat = plane.min() == plane.max()
            values[number] = plane if flat else _equalised(plane, kernel, limit)
            watch((number + 1) / len(unit))
        return as_grey(scan, values, window=UNIT_WINDOW), lost_unit(scan)


def _equalised(plane: NDArray[float32], kernel: list[int], limit: float) -> NDArray[float32]:
    """The plane equalised, in the range that it had: scikit-image stretches each to 0..1."""
    low, high = float(plane.min()), float(plane.max())
    return np.asarray(equalize_adapthist(plane, kernel, limit, BINS) * (high - low) + low, dtype=float32)


STEP = Clahe()
