"""Colour to grey: the luma of a colour picture."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from medcore.errors import N_
from medcore.imaging.steps import GreyStep, Group, Settings, Watch
from medcore.records import Issue
from medcore.volume import Unit, Volume


class ToGrey(GreyStep):
    """`cv2.cvtColor` with the weights of ITU-R BT.601; a grey scan stays as it is."""

    title = N_("Colour to grey")
    summary = N_("The brightness of a colour picture; a grey scan stays as it is.")
    group = Group.GREY
    takes_colour = True
    gives_grey = True

    def change(self, scan: Volume, settings: Settings, watch: Watch) -> tuple[Volume, tuple[Issue, ...]]:
        if scan.unit is not Unit.RGB:
            return scan, ()
        planes = [cv2.cvtColor(np.ascontiguousarray(plane), cv2.COLOR_RGB2GRAY) for plane in scan.voxels]
        return replace(scan, voxels=np.stack(planes), unit=Unit.GREY, window=None), ()


STEP = ToGrey()
