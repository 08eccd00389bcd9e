"""A detector of boxes in volumes: its windows, its grid and its boxes lead to nodules where they are."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy import float32
from numpy.typing import NDArray

from medcore.engine import Output
from medcore.errors import CancelledError
from medcore.imaging.nodules.field import Field, lung_field
from medcore.predictions import Detection
from medcore.tasks._nodule_detector import decode, detect, window_anchors
from medcore.tasks._nodule_finding import Judged
from tests.tasks.test_lung_nodule import NOBODY, NODULES, card, chest, task

SIDE = 64
BOXES = replace(card(), options={"anchors": 3}, contract=replace(card().contract, size=SIDE))


def sees_balls(inputs: NDArray[float32]) -> Output:
    """A network that says yes to what is bright 3 mm to all six sides and dark 12 mm away."""
    seen = np.pad(inputs[0, 0], 18, mode="edge")
    anchors = window_anchors(inputs.shape[2:])
    at = np.rint((anchors[:, :3] + anchors[:, 3:]) / 2).astype(int) + 18
    steps = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]])
    near = np.min([seen[tuple((at + step * (4, 4, 2)).T)] for step in steps], axis=0)
    away = np.max([seen[tuple((at + step * (17, 17, 9)).T)] for step in steps], axis=0)
    dense = np.zeros((1, 7, len(anchors)), dtype=float32)
    dense[0, 0] = np.where((near > 0.65) & (away < 0.5), 4.0, -9.0)
    return Output(np.zeros((1, 1), float32), np.zeros((1, 1, 1, 1, 1), float32), "cpu", "float32", 0.0, dense=dense)


@cache
def field() -> Field:
    found = lung_field(chest())
    assert found is not None
    return found


def asked(*, stop_after: int = 10**6) -> Judged:
    calls: list[float] = []
    return detect(
        chest(), field(), card=BOXES, forward=sees_balls, cancelled=lambda: len(calls) > stop_after, tell=calls.append
    )


def test_nodules_are_found_where_they_are_through_windows_and_another_grid() -> None:
    found = asked()
    places = np.array([place.centre_lps_mm for place in found.places])
    for nodule in NODULES:
        away = np.linalg.norm(places - np.array(nodule.centre_mm), axis=1)
        assert away.min() < 4.0, "half a place of the finest level is 2 mm"
    assert found.patches.shape == (len(places), 3, 32, 32)
    assert found.patches[:, :, 16, 16].min() > 0.6, "each picture has its place in the middle"


def test_the_task_outlines_and_measures_what_a_detector_found() -> None:
    answer = task().analyse(
        [chest()], card=BOXES, forward=sees_balls, run=NOBODY, progress=lambda share, stage: None,
        cancelled=lambda: False,
    )  # fmt: skip
    assert isinstance(answer.prediction, Detection)
    assert answer.parameters["grid_mm"] == "0.703125 × 0.703125 × 1.25"
    boxes = answer.prediction.boxes
    for nodule in NODULES:
        near = [one for one in boxes if np.linalg.norm(np.subtract(one.centre_lps_mm, nodule.centre_mm)) < 2.0]
        assert len(near) == 1
        assert near[0].diameter_mm == pytest.approx(nodule.diameter_mm, abs=1.5)


def test_it_stops_before_the_next_window() -> None:
    with pytest.raises(CancelledError):
        asked(stop_after=0)


def test_a_box_is_its_anchor_moved_and_stretched() -> None:
    anchors = window_anchors((16, 16, 8))
    assert len(anchors) == 3 * (4 * 4 * 4 + 2 * 2 * 2 + 1)
    dense = np.zeros((7, len(anchors)), dtype=float32)
    dense[1, 0], dense[6, 0] = 0.5, np.log(2)
    _, boxes = decode(dense, anchors)
    np.testing.assert_allclose(anchors[0], [-1, -2, -1, 5, 6, 3])
    np.testing.assert_allclose(boxes[0], [2, -2, -3, 8, 6, 5], atol=1e-6)
    np.testing.assert_allclose(boxes[1:], anchors[1:])
