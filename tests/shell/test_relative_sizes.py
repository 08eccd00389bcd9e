"""Lesions of a scan without millimetres are told in pixels and as shares, with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medcore.nn.training.asking import NOBODY
from medcore.predictions import Lesion, Segmentation
from medcore.shell.answer import relative_lesions
from medcore.volume import Geometry, Mask


def test_diameters_come_in_pixels_and_volumes_as_shares() -> None:
    labels = np.zeros((5, 40, 60), np.uint8)
    labels[2, 10:20, 10:40] = 1  # 300 voxels
    labels[4, 30:40, 50:60] = 1  # 100
    plain = Lesion("1", "Tumour", None, None, None, None, voxels=300)
    found = Segmentation(
        NOBODY, Mask(labels, {1: "Tumour"}, Geometry.pixels()), (plain, replace(plain, id="2", voxels=100))
    )
    large, small = relative_lesions(found)
    assert isinstance(large, dict) and isinstance(small, dict)
    assert (large["share_of_burden"], small["share_of_burden"]) == (0.75, 0.25)
    assert large["longest_px"] == pytest.approx(np.hypot(30, 10), rel=0.04)
    assert small["short_axis_px"] == pytest.approx(np.hypot(10, 10), rel=0.08)
    assert large["longest_mm"] is None
