"""The table of Lung-RADS, cell by cell, at the sizes where categories begin."""

from datetime import timedelta

import pytest

from medcore.criteria import load_criterion
from medcore.records import LesionReading, LesionRole, LesionStatus, Timepoint
from tests.criteria.histories import FIRST_DAY


def nodule(kind: str, size: float, solid: float | None = None, *, new: bool = False) -> LesionReading:
    return LesionReading("A", LesionRole.NEW if new else LesionRole.TARGET, longest_mm=size, kind=kind, solid_mm=solid)


def category(*visits: list[LesionReading], gap_days: int = 180) -> str:
    history = [Timepoint(str(k), FIRST_DAY + timedelta(days=gap_days * k), tuple(v)) for k, v in enumerate(visits)]
    return load_criterion("lung_rads").assess(history).timepoints[-1].overall


@pytest.mark.parametrize(
    ("kind", "size", "solid", "expected"),
    [
        ("solid", 5.9, None, "2"),
        ("solid", 6.0, None, "3"),
        ("solid", 7.9, None, "3"),
        ("solid", 8.0, None, "4A"),
        ("solid", 14.9, None, "4A"),
        ("solid", 15.0, None, "4B"),
        ("part_solid", 5.9, 3.0, "2"),
        ("part_solid", 6.0, 5.9, "3"),
        ("part_solid", 9.0, 6.0, "4A"),
        ("part_solid", 9.0, 8.0, "4B"),
        ("part_solid", 9.0, None, "NE"),
        ("ground_glass", 29.9, None, "2"),
        ("ground_glass", 30.0, None, "3"),
        ("", 8.0, None, "NE"),
    ],
)
def test_a_nodule_of_the_baseline(kind: str, size: float, solid: float | None, expected: str) -> None:
    assert category([nodule(kind, size, solid)]) == expected


@pytest.mark.parametrize(
    ("kind", "size", "solid", "expected"),
    [
        ("solid", 3.9, None, "2"),
        ("solid", 4.0, None, "3"),
        ("solid", 6.0, None, "4A"),
        ("solid", 8.0, None, "4B"),
        ("part_solid", 5.0, 2.0, "3"),
        ("part_solid", 8.0, 3.9, "4A"),
        ("part_solid", 8.0, 4.0, "4B"),
        ("ground_glass", 30.0, None, "3"),
    ],
)
def test_a_new_nodule(kind: str, size: float, solid: float | None, expected: str) -> None:
    assert category([], [nodule(kind, size, solid, new=True)]) == expected


@pytest.mark.parametrize(
    ("before", "now", "gap", "expected"),
    [
        (nodule("solid", 5.0), nodule("solid", 6.5), 180, "3"),  # exactly 1.5 mm is no growth
        (nodule("solid", 5.0), nodule("solid", 6.6), 180, "4A"),
        (nodule("solid", 7.0), nodule("solid", 8.6), 180, "4B"),
        (nodule("solid", 5.0), nodule("solid", 6.6), 400, "3"),  # not within 12 months: by size
        (nodule("part_solid", 9, 1.0), nodule("part_solid", 9, 2.6), 180, "4A"),
        (nodule("part_solid", 9, 3.0), nodule("part_solid", 9, 4.6), 180, "4B"),
        (nodule("ground_glass", 9), nodule("part_solid", 9, 4.0), 180, "4B"),
        (nodule("ground_glass", 31), nodule("ground_glass", 31), 180, "2"),
        (nodule("ground_glass", 31), nodule("ground_glass", 33), 180, "3"),
    ],
)
def test_a_nodule_that_was_there_before(before: LesionReading, now: LesionReading, gap: int, expected: str) -> None:
    assert category([before], [now], gap_days=gap) == expected


def test_the_most_suspicious_nodule_decides_and_one_not_seen_is_not_benign() -> None:
    small, large = nodule("solid", 4), LesionReading("B", LesionRole.TARGET, longest_mm=9, kind="solid")
    unseen = LesionReading("C", LesionRole.TARGET, LesionStatus.NOT_ASSESSED, kind="solid")
    assert category([small, large]) == "4A"
    assert category([small, large, unseen]) == "NE"
    assert category([]) == "1"


def test_the_mean_of_both_axes_to_one_decimal_counts() -> None:
    oval = LesionReading("A", LesionRole.TARGET, longest_mm=9.0, short_axis_mm=6.8, kind="solid")
    assert category([oval]) == "3", "7.9 mm"
