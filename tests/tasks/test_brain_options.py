"""N4 and taking the skull away before a brain is looked at: off by default, told, and stopped when asked."""

from dataclasses import replace

import numpy as np
import pytest

from medcore.errors import CancelledError
from medcore.imaging.phantoms.brain_mr import brain_mr
from medcore.tasks._brain_options import refined
from medcore.tasks.brain_tumour import TASK
from medcore.volume import Geometry, Volume


@pytest.fixture(scope="module")
def head() -> Volume:
    shape, spacing = (40, 72, 60), (4.0, 3.0, 3.0)
    origin = tuple(-step * (n - 1) / 2 for step, n in zip(spacing[::-1], shape[::-1], strict=True))
    geometry = Geometry.from_spacing(spacing, origin_mm=(origin[0], origin[1], origin[2]))
    return brain_mr([], geometry, shape).volume


def done(scan: Volume, *options: str, skull: bool = True, stop: bool = False) -> tuple[Volume, list[str]]:
    after, notes = refined(
        scan, options, skull_in_training=skull, progress=lambda share, stage: None, cancelled=lambda: stop
    )
    return after, [note.code for note in notes]


def test_the_task_offers_both_and_neither_is_done_by_itself(head: Volume) -> None:
    assert [one.id for one in TASK.options] == ["n4", "skull_strip"]
    after, notes = done(head)
    assert after is head
    assert notes == []


def test_n4_takes_a_slow_brightness_variation_away(head: Volume) -> None:
    rows = np.linspace(0.6, 1.5, head.shape[1])[None, :, None]
    shaded = replace(head, voxels=(head.voxels * rows).astype(np.float32))
    after, notes = done(shaded, "n4")
    assert notes == ["bias_removed"]
    assert after.geometry is head.geometry
    inside = head.voxels > np.percentile(head.voxels, 60)
    row = np.broadcast_to(np.arange(head.shape[1])[None, :, None], head.shape)[inside]
    slopes = [np.polyfit(row, np.log(scan.voxels[inside] / head.voxels[inside]), 1)[0] for scan in (shaded, after)]
    assert 0 < slopes[1] < 0.75 * slopes[0], "a coarse head with its scalp: most of the rest is the scalp's own shade"


def test_without_scalp_and_skull_only_the_brain_is_left_and_a_network_that_knows_skulls_is_doubted(
    head: Volume,
) -> None:
    after, notes = done(head, "skull_strip")
    kept = after.voxels > head.voxels.min()
    assert notes == ["stripped"]
    assert 0.7 < kept.sum() * head.geometry.voxel_ml / 1400 < 1.4
    np.testing.assert_array_equal(after.voxels[kept], head.voxels[kept])
    assert done(head, "skull_strip", skull=False)[1] == []


def test_where_no_brain_is_found_nothing_is_removed_and_it_is_said(head: Volume) -> None:
    noise = np.random.default_rng(0).normal(100, 5, head.shape).astype(np.float32)
    after, notes = done(replace(head, voxels=noise), "skull_strip")
    assert notes == ["not_stripped"]
    np.testing.assert_array_equal(after.voxels, noise)


@pytest.mark.parametrize("option", ["n4", "skull_strip"])
def test_each_stops_when_told_to(head: Volume, option: str) -> None:
    with pytest.raises(CancelledError):
        done(head, option, stop=True)
