"""Lesions of a model's result: its outlines where it has them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np

from medcore.predictions import Detection
from medcore.volume import Geometry, Mask, Unit, Volume
from medcore.workbench.comparison_models import lesion_mask


def test_outlined_boxes_are_measured_by_their_outlines() -> None:
    geometry = Geometry.from_spacing((1.0, 1.0, 1.0))
    scan = Volume(np.zeros((8, 8, 8), np.int16), Unit.HU, "CT", geometry)
    outlines = Mask(np.eye(8, dtype=np.uint8)[None].repeat(8, axis=0), {1: "nodule"}, geometry)
    run = cast("object", SimpleNamespace(task="lung_nodule"))
    assert lesion_mask(Detection(run=run, boxes=(), mask=outlines), scan) is outlines  # type: ignore[arg-type]
