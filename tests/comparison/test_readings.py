"""A history made of masks: roles by RECIST's limits, sizes of each visit, and "not seen" is never "gone"."""

from __future__ import annotations

import numpy as np
import pytest

from medcore.comparison.readings import Reader, TargetRules, proposed_roles, timepoints
from medcore.comparison.tracks import follow
from medcore.comparison.visits import Visit
from medcore.criteria import load_criterion
from medcore.records import LesionRole, LesionStatus, Timepoint
from medcore.volume import Geometry
from tests.comparison.test_tracks import A, B, Ball, C, visit

EVERYWHERE = [(x, y, z) for z in (14.0, 44.0) for y in (14.0, 44.0) for x in (14.0, 44.0)]
LUNG = Reader(organ="lung")


def read(visits: list[Visit], reader: Reader = LUNG, rules: TargetRules = TargetRules()) -> tuple[Timepoint, ...]:  # noqa: B008
    tracks = follow(visits)
    return timepoints(tracks, visits, proposed_roles(tracks, visits, reader, rules), reader)


def test_the_two_largest_measurable_lesions_of_an_organ_are_targets() -> None:
    (only,) = read([visit([(A, 6), (B, 8), (C, 7)])])
    by_size = sorted(only.lesions, key=lambda one: -(one.longest_mm or 0))
    assert [one.role for one in by_size] == [LesionRole.TARGET, LesionRole.TARGET, LesionRole.NONTARGET]
    assert by_size[0].longest_mm == pytest.approx(16.0, abs=1.0)
    assert by_size[0].volume_ml == pytest.approx(4 / 3 * 3.14159 * 0.8**3, rel=0.05)


def test_at_most_five_targets_where_organs_do_not_limit_them() -> None:
    balls: list[Ball] = [(centre, 6.0) for centre in EVERYWHERE]
    (only,) = read([visit(balls)], rules=TargetRules(most_per_organ=None))
    assert [one.role for one in only.lesions].count(LesionRole.TARGET) == 5


def test_a_small_lesion_is_no_target_and_thick_slices_ask_for_more() -> None:
    (only,) = read([visit([(A, 4.0)])])
    assert only.lesions[0].role is LesionRole.NONTARGET
    thick = Geometry.from_spacing((8.0, 1.0, 1.0))
    (only,) = read([visit([(A, 7.0)], geometry=thick, shape=(8, 60, 60))])
    assert only.lesions[0].role is LesionRole.NONTARGET  # 14 mm, and 16 would be needed


def test_a_node_counts_by_its_short_axis() -> None:
    nodes = Reader(nodes=frozenset({"L1"}), organ="lung")
    (only,) = read([visit([(A, 6.0)])], nodes)
    assert only.lesions[0].node and only.lesions[0].role is LesionRole.NONTARGET  # 12 mm, and 15 would be needed


def test_a_reader_decides_the_role() -> None:
    (only,) = read([visit([(A, 6.0)])], Reader(roles={"L1": LesionRole.NONTARGET}))
    assert only.lesions[0].role is LesionRole.NONTARGET


def test_gone_is_absent_and_outside_is_not_assessed() -> None:
    upper = Geometry(np.array([[0, 0, 1, 0], [0, 1, 0, 0], [2.0, 0, 0, 30], [0, 0, 0, 1]], dtype=float))
    low, high = (15.0, 15.0, 12.0), (40.0, 40.0, 45.0)
    _, second = read([visit([(low, 6.5), (high, 5.5)]), visit([], geometry=upper, shape=(15, 60, 60))])
    assert {one.id: one.status for one in second.lesions} == {
        "L1": LesionStatus.NOT_ASSESSED,
        "L2": LesionStatus.ABSENT,
    }


def test_a_part_that_split_off_is_no_new_lesion() -> None:
    near = (A[0] + 13, A[1], A[2])
    _, second = read([visit([(A, 8), (near, 8)]), visit([(A, 5), (near, 4)])])
    assert [(one.role, one.part_of) for one in second.lesions] == [(LesionRole.TARGET, ""), (LesionRole.TARGET, "L1")]


@pytest.mark.parametrize(
    ("after", "overall"),
    [
        ([(A, 8.0), (B, 7.0)], "SD"),
        ([(A, 5.0), (B, 4.5)], "PR"),
        ([], "CR"),
        ([(A, 10.5), (B, 9.0)], "PD"),
        ([(A, 5.0), (B, 4.5), (C, 4.0)], "PD"),  # a new lesion
    ],
)
def test_masks_make_the_response_that_their_diameters_say(after: list[Ball], overall: str) -> None:
    response = load_criterion("recist11").assess(read([visit([(A, 8.0), (B, 7.0)]), visit(after)]))
    assert response.timepoints[1].overall == overall, response.timepoints[1]
