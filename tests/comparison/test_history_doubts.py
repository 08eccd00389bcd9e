"""Bad input is told with its consequence: dates, patients, coverage, contrast, a lesion missed once, a cavity."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from medcore.comparison.compare import Moment, compare
from medcore.comparison.doubts import doubts_about
from medcore.comparison.history_doubts import date_doubts, empty_doubts, lesion_doubts, patient_doubts
from medcore.comparison.tracks import follow
from medcore.comparison.visits import Visit
from medcore.criteria import load_criterion
from medcore.imaging.registration.alignment import Alignment, Method, Motion, Trust
from medcore.records import LesionRole
from medcore.volume import Geometry, Mask, Unit, Volume
from tests.comparison.test_tracks import A, B, visit

GRID = Geometry.from_spacing((2.0, 1.0, 1.0))
SCAN = Volume(np.full((20, 40, 40), 40, np.int16), Unit.HU, "CT", GRID, acquired_on=date(2021, 1, 1))
GIVEN = Alignment(np.eye(4), Motion.RIGID, Method.SAME_CONTRAST, Trust(0.9, 1.0, 0.1, 0.3))


def test_missing_and_equal_dates_are_told() -> None:
    assert date_doubts([SCAN, replace(SCAN, acquired_on=date(2021, 2, 1))]) == ()
    assert [one.code for one in date_doubts([SCAN, SCAN])] == ["same_date"]
    assert [one.code for one in date_doubts([SCAN, replace(SCAN, acquired_on=None)])] == ["no_date"]


def test_two_patients_are_told_and_a_file_that_names_nobody_is_not() -> None:
    assert [one.code for one in patient_doubts(["P1", "", "P2"])] == ["other_patient"]
    assert patient_doubts(["P1", "", "P1"]) == ()
    empty = Mask(np.zeros(SCAN.shape, np.uint8), {1: "x"}, GRID)
    found = compare([Moment("a", SCAN, empty, patient="P1"), Moment("b", SCAN, empty, patient="P2")])
    assert {"other_patient", "same_date"} <= {one.code for one in found.issues}


def codes(first: dict[str, str], second: dict[str, str]) -> list[str]:
    return [one.code for one in doubts_about([replace(SCAN, facts=first), replace(SCAN, facts=second)], [GIVEN])]


def test_what_the_headers_say_differently_is_told_with_its_consequence() -> None:
    assert codes({"contrast_agent": "yes"}, {"kvp": "120"}) == ["contrast_agent_differs"]
    assert codes({"contrast_agent": "no"}, {"contrast_agent": "yes"}) == ["contrast_agent_differs"]
    assert codes({"contrast_agent": "no"}, {"kvp": "120"}) == []
    assert codes({"kernel": "B30f"}, {"kernel": "B70f"}) == ["kernel_differs"]
    assert codes({"slice_thickness_mm": "1.0"}, {"slice_thickness_mm": "5"}) == ["slice_thickness_differs"]
    assert codes({"slice_thickness_mm": "1.0"}, {"slice_thickness_mm": "1.25"}) == []
    thick = replace(SCAN, geometry=Geometry.from_spacing((5.0, 1.0, 1.0)))
    assert [one.code for one in doubts_about([SCAN, thick], [GIVEN])] == ["slice_spacing_differs"]
    for one in doubts_about([SCAN, thick], [GIVEN]):
        assert one.hint.text()


def test_half_a_scan_and_another_contrast_are_told() -> None:
    half = replace(GIVEN, trust=replace(GIVEN.trust, overlap=0.5))
    assert [one.code for one in doubts_about([SCAN, SCAN], [half])] == ["partial_coverage"]
    other = replace(GIVEN, method=Method.MUTUAL_INFORMATION)
    assert [one.code for one in doubts_about([SCAN, SCAN], [other])] == ["contrast_differs"]
    assert doubts_about([SCAN, SCAN], [GIVEN]) == ()


def test_a_lesion_that_is_missing_once_is_told_and_one_that_stays_away_is_not() -> None:
    once = [visit([(A, 6), (B, 5)]), visit([(B, 5)]), visit([(A, 6), (B, 5)])]
    (issue,) = lesion_doubts(follow(once), once)
    assert issue.code == "lesion_missed_once" and issue.message.values["number"] == 2
    gone = [visit([(A, 6), (B, 5)]), visit([(B, 5)])]
    gone = [replace_voxels(one, 40) for one in gone]
    assert lesion_doubts(follow(gone), gone) == ()


def replace_voxels(one: Visit, value: int) -> Visit:
    scan = replace(one.scan, voxels=np.full(one.scan.shape, value, np.int16))
    return Visit(one.label, one.acquired_on, scan, one.mask, one.alignment)


def test_a_study_without_a_lesion_is_told_with_what_follows() -> None:
    full, bare = visit([(A, 6)]), visit([])
    assert empty_doubts([full, full]) == ()
    for visits, number, consequence in (
        ([full, bare], 2, "counts as gone there"),
        ([bare, full], 1, "counts as new"),
        ([bare, bare], 0, "nothing to measure"),
    ):
        (issue,) = empty_doubts(visits)
        assert issue.message.values["number"] == number and consequence in issue.hint.text()


def test_a_baseline_without_a_lesion_gives_no_change_in_percent_and_what_comes_later_is_new() -> None:
    grey = np.random.default_rng(0).normal(40, 20, (30, 60, 60)).astype(np.int16)
    moments = [
        Moment(one.label, replace(one.scan, voxels=grey), one.mask, GIVEN) for one in (visit([]), visit([(A, 6)]))
    ]
    found = compare(moments, load_criterion("recist11"))
    assert found.volume_change_percent == (None, None) and found.roles == {"L1": LesionRole.NEW}
    assert "no_lesion" in {one.code for one in found.issues} and found.response is not None
    assert (
        found.response.timepoints[1].overall == "PD" and found.response.timepoints[1].change_from_nadir_percent is None
    )


def test_a_place_that_was_cut_out_is_no_response() -> None:
    before, after = replace_voxels(visit([(A, 6), (B, 5)]), 40), visit([(B, 5)])
    fluid = replace_voxels(after, 5)
    (issue,) = lesion_doubts(follow([before, fluid]), [before, fluid])
    assert issue.code == "cavity" and "may have been removed" in issue.message.text()
