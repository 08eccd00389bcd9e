"""Landmarks: a residual by hand, a doubt where they contradict the alignment, pairs from marks and from a table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medcore.errors import HistoryError
from medcore.imaging.registration.alignment import Alignment, Method, Motion, Trust
from medcore.imaging.registration.landmarks import Landmark, residuals, with_landmarks
from medcore.volume import Geometry, Unit, Volume
from medcore.workbench.landmarks import paired, read_landmarks
from medcore.workbench.marks import Mark

SHIFT = np.array([[1.0, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
ALIGNED = Alignment(SHIFT, Motion.RIGID, Method.SAME_CONTRAST, Trust(0.9, 1.0, 0.1, 0.3))
HEAD = Volume(np.zeros((10, 20, 20), np.int16), Unit.GREY, "MR", Geometry.from_spacing((2.0, 1.0, 1.0)))
GOOD = Landmark("a", (1.0, 2.0, 3.0), (6.0, 2.0, 3.0))
OFF = Landmark("b", (1.0, 2.0, 3.0), (6.0, 5.0, 7.0))
HEADER = "fixed_x,fixed_y,fixed_z,moving_x,moving_y,moving_z"


def test_the_residual_is_the_distance_that_is_left() -> None:
    assert residuals(ALIGNED, [GOOD, OFF]) == pytest.approx((0.0, 5.0))
    assert residuals(ALIGNED, []) == ()


def test_landmarks_that_fit_are_told_and_those_that_do_not_are_a_doubt() -> None:
    fine = with_landmarks(ALIGNED, [GOOD, OFF], HEAD)
    assert fine.trust.trusted and fine.trust.landmark_mm == pytest.approx(2.5)
    bad = with_landmarks(ALIGNED, [OFF], HEAD)
    assert not bad.trust.trusted and "1 landmarks are 5.0 mm apart" in bad.trust.doubts[0].text()
    thick = replace(HEAD, geometry=Geometry.from_spacing((6.0, 1.0, 1.0)))
    assert with_landmarks(ALIGNED, [OFF], thick).trust.trusted  # less than a slice
    assert with_landmarks(ALIGNED, [], HEAD) is ALIGNED


def mark(name: str, text: str, x: float, kind: str = "point") -> Mark:
    return Mark(name, kind, ((x, 0.0, 0.0),), text=text)


def test_points_of_the_same_name_are_pairs_and_nameless_ones_go_by_order() -> None:
    first = [
        mark("1", "Carina", 1),
        mark("2", "", 2),
        mark("3", "lonely", 3),
        mark("4", "", 4),
        mark("5", "", 9, "arrow"),
    ]
    second = [mark("6", "", 20), mark("7", " carina ", 10), mark("8", "", 40), mark("9", "", 50)]
    pairs = paired(first, second)
    assert [(one.name, one.fixed[0], one.moving[0]) for one in pairs] == [("Carina", 1, 10), ("1", 2, 20), ("2", 4, 40)]


def test_a_table_of_landmarks_is_read_by_study() -> None:
    table = f"study,name,{HEADER}\n1,a,1,2,3,4,5,6\nT2,b,7,8,9,10,11,12\n"
    found = read_landmarks(table.encode(), 2)
    assert found[1] == (Landmark("a", (1, 2, 3), (4, 5, 6)),) and found[2][0].moving == (10, 11, 12)
    assert read_landmarks(f"{HEADER}\n1,2,3,4,5,6\n".encode(), 1)[1][0].name == "1"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("x,y\n1,2\n", "lacks the column fixed_x"),
        ("", "lacks the column"),
        (f"{HEADER}\n1,2,3,4,5,nan\n", "Line 2"),
        (f"{HEADER}\n1,2,3,4,,6\n", "where a number should be"),
        (f"study,{HEADER}\n3,1,2,3,4,5,6\n", "no such later study"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_reason(table: str, said: str) -> None:
    with pytest.raises(HistoryError, match=said):
        read_landmarks(table.encode(), 1)
