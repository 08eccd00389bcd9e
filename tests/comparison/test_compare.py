"""From scans and masks to a response, on phantoms whose change is known; doubts stop what must not be claimed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pytest

from medcore.comparison.compare import Choices, Moment, compare
from medcore.comparison.doubts import placeholder_spacing
from medcore.comparison.readings import Reader, TargetRules
from medcore.comparison.tracks import Fate
from medcore.criteria import load_criterion
from medcore.errors import HistoryError, UnfitInputError
from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr, rigid
from medcore.imaging.phantoms.chest_ct import axial
from medcore.imaging.phantoms.truth import Phantom
from medcore.imaging.registration.same_contrast import turn
from medcore.records import Severity
from medcore.volume import Geometry, Mask, Unit, Volume

STEP_MM = 2.2
SHAPE = (84, 96, 96)
MOVED = rigid(turn(np.deg2rad(7) * np.array([0.6, -0.48, 0.64])), (7.0, -4.0, 9.0))
BRAIN = Choices(reader=Reader(organ="brain"), rules=TargetRules(most_per_organ=None))


@cache
def head(first_mm: float, second_mm: float, *, later: bool) -> Phantom:
    """A head with up to two round lesions of these diameters; the later one moved and has other noise."""
    spots = [("first", (30.0, 10.0, 20.0), first_mm), ("second", (-30.0, -20.0, 12.0), second_mm)]
    lesions = [Lesion(name, centre, (mm / 2,) * 3) for name, centre, mm in spots if mm]
    moved = MOVED if later else None
    when = date(2021, 6, 1) if later else date(2021, 3, 1)
    return brain_mr(lesions, axial(SHAPE, (STEP_MM,) * 3), SHAPE, moved=moved, seed=1 + later, acquired_on=when)


def moment(phantom: Phantom, label: str) -> Moment:
    mask = Mask((phantom.mask.labels > 0).astype(np.uint8), {1: "lesion"}, phantom.mask.geometry)
    return Moment(label, phantom.volume, mask)


def pair(first_mm: float, second_mm: float) -> list[Moment]:
    return [moment(head(24.0, 18.0, later=False), "before"), moment(head(first_mm, second_mm, later=True), "after")]


@pytest.mark.parametrize(("sizes", "overall"), [((24.0, 18.0), "SD"), ((14.0, 11.0), "PR"), ((32.0, 24.0), "PD")])
def test_a_known_change_gives_its_response(sizes: tuple[float, float], overall: str) -> None:
    found = compare(pair(*sizes), load_criterion("recist11"), BRAIN)
    assert found.response is not None and found.response.timepoints[1].overall == overall
    first, second = found.timepoints[1].lesions
    assert first.longest_mm == pytest.approx(sizes[0], abs=1.2) and second.longest_mm == pytest.approx(
        sizes[1], abs=1.2
    )
    true = 100 * ((sizes[0] ** 3 + sizes[1] ** 3) / (24.0**3 + 18.0**3) - 1)
    assert found.volume_change_percent[1] == pytest.approx(true, abs=5.0)
    assert not found.issues


def test_the_same_scan_noised_and_moved_shows_no_change() -> None:
    found = compare(pair(24.0, 18.0), load_criterion("volumetric"), BRAIN)
    assert abs(found.volume_change_percent[1] or 99) < 2.0
    assert [track.sightings[1].fate for track in found.tracks] == [Fate.FOLLOWED, Fate.FOLLOWED]


def test_a_lesion_that_vanished_is_gone_and_a_new_one_is_progression() -> None:
    before, after = pair(24.0, 18.0)
    only_second = moment(head(0.0, 18.0, later=True), "after")
    assert [t.sightings[1].fate for t in compare([before, only_second]).tracks] == [Fate.GONE, Fate.FOLLOWED]
    fewer = [moment(head(24.0, 0.0, later=False), "before"), after]
    found = compare(fewer, load_criterion("recist11"), BRAIN)
    assert found.response is not None and found.response.timepoints[1].overall == "PD"


def test_an_alignment_that_cannot_be_trusted_gives_no_response_unless_a_reader_takes_it() -> None:
    before, _ = pair(24.0, 18.0)
    noise = np.random.default_rng(0).normal(300, 90, SHAPE).astype(np.int16)
    strange = replace(before, label="after", scan=replace(before.scan, voxels=noise))
    found = compare([before, strange], load_criterion("recist11"), BRAIN)
    assert found.response is None
    assert {issue.code for issue in found.issues if issue.severity is Severity.BLOCK} == {"alignment_doubtful"}
    taken = compare([before, strange], load_criterion("recist11"), replace(BRAIN, accept_doubtful=True))
    assert taken.response is not None and all(issue.severity is not Severity.BLOCK for issue in taken.issues)


def test_without_masks_the_alignment_alone_is_told() -> None:
    bare = [replace(one, mask=None) for one in pair(24.0, 18.0)]
    found = compare(bare, load_criterion("recist11"))
    assert found.response is None and found.visits == () and found.alignments[0].trust.trusted


def test_a_header_of_placeholders_gives_relative_change_only() -> None:
    geometry = Geometry.from_spacing((1.0, 1.0, 1.0))
    voxels = np.zeros((12, 64, 64), dtype=np.int16)
    scan = Volume(voxels, Unit.GREY, "MR", geometry)
    assert placeholder_spacing(scan)
    assert not placeholder_spacing(replace(scan, geometry=Geometry.from_spacing((5.0, 1.0, 1.0))))
    assert not placeholder_spacing(replace(scan, voxels=np.zeros((60, 64, 64), dtype=np.int16)))
    labels = [np.zeros((12, 64, 64), dtype=np.uint8) for _ in range(2)]
    labels[0][4:8, 20:30, 20:30] = 1
    labels[1][4:8, 20:30, 20:40] = 1
    moments = [Moment(str(k), scan, Mask(one, {1: "lesion"}, geometry)) for k, one in enumerate(labels)]
    found = compare(moments, load_criterion("recist11"))
    assert found.relative and found.volume_change_percent == (0.0, 100.0) and found.burden_ml == (None, None)
    assert found.timepoints[1].lesions[0].longest_mm is None
    assert found.response is not None and found.response.timepoints[1].overall == "NE"
    assert "placeholder_spacing" in {issue.code for issue in found.issues}


def test_studies_out_of_order_alone_or_of_different_kinds_are_refused() -> None:
    before, after = pair(24.0, 18.0)
    with pytest.raises(HistoryError, match="out of order"):
        compare([after, before])
    with pytest.raises(UnfitInputError, match="two studies"):
        compare([before])
    picture = Volume(np.zeros((1, 20, 20), dtype=np.uint8), Unit.GREY, "DX", Geometry.pixels())
    with pytest.raises(UnfitInputError, match="radiograph"):
        compare([before, Moment("x", picture)])


def test_thick_slices_and_another_modality_are_told() -> None:
    before, after = pair(24.0, 18.0)
    thick = replace(
        after.scan, modality="CT", voxels=after.scan.voxels[::3], geometry=_every_third(after.scan.geometry)
    )
    found = compare([replace(before, mask=None), Moment("after", thick)])
    assert {"modality_differs", "slice_spacing_differs"} <= {issue.code for issue in found.issues}


def _every_third(geometry: Geometry) -> Geometry:
    affine = geometry.affine.copy()
    affine[:3, 0] *= 3
    return Geometry(affine)
