"""CLAHE: equalise the histogram in tiles, with a limit on the contrast (Zuiderveld 1994)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy import float32

from medcore.errors import N_
from medcore.imaging.steps import GreyStep, Group, Settings, Watch
from medcore.imaging.steps._grey import UNIT_WINDOW, as_grey, lost_unit, to_unit_range
from medcore.recipes import Parameter
from medcore.records import Issue
from medcore.volume import Volume

LEVELS = 65535  # 16 bits: 8 would show steps on a radiograph


class Clahe(GreyStep):
    """`cv2.createCLAHE` on each slice; all slices share one grey range."""

    title = N_("CLAHE")
    summary = N_("Raises local contrast, tile by tile, up to a limit; slice by slice.")
    group = Group.GREY
    parameters = (
        Parameter("clip_limit", N_("Contrast limit"), 2.0, low=0.1, high=20.0, step=0.1),
        Parameter("tiles", N_("Tiles along each side"), 8, low=1, high=32, step=1),
    )

    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        tiles = int(settings["tiles"])
        engine = cv2.createCLAHE(clipLimit=float(settings["clip_limit"]), tileGridSize=(tiles, tiles))
        values = np.empty(scan.shape, dtype=float32)
        unit = to_unit_range(scan.voxels)
        for number, plane in enumerate(unit):
            values[number] = engine.apply(np.rint(plane * LEVELS).astype(np.uint16))
            watch((number + 1) / len(unit))
        values *= 1.0 / LEVELS
        return as_grey(scan, values, window=UNIT_WINDOW), lost_unit(scan)


STEP = Clahe()
