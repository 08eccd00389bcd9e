"""The chart of lesions over time is a picture whose lines lie where the figures say."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from medcore.exports.lesion_chart import Course, lesion_chart

BLUE = (11, 98, 164)


def rows_of(picture: bytes, colour: tuple[int, int, int], column: float) -> np.ndarray:
    """Rows in which a column of the chart (0 left, 1 right) has a colour."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)
    across = round(62 + column * (900 - 62 - 90))
    near = np.abs(pixels[:, across - 2 : across + 3] - colour).max(axis=2) < 60
    return np.flatnonzero(near.any(axis=1))


def test_a_line_goes_down_with_its_lesion_and_stays_where_nothing_changed() -> None:
    falls = lesion_chart(["T0", "T1"], [Course("L1", (0.0, -50.0))], "falls")
    stays = lesion_chart(["T0", "T1"], [Course("L1", (0.0, 0.0))], "stays")
    assert falls.wide and falls.caption == "falls"
    assert rows_of(falls.jpeg, BLUE, 1.0).mean() - rows_of(falls.jpeg, BLUE, 0.0).mean() > 150
    assert abs(rows_of(stays.jpeg, BLUE, 1.0).mean() - rows_of(stays.jpeg, BLUE, 0.0).mean()) < 2


def test_a_visit_without_a_size_has_no_dot_and_growth_of_any_size_fits() -> None:
    gap = lesion_chart(["T0", "T1", "T2"], [Course("L1", (0.0, 30.0, None))], "gap")
    assert len(rows_of(gap.jpeg, BLUE, 0.5)) and not len(rows_of(gap.jpeg, BLUE, 1.0))
    huge = lesion_chart(["T0", "T1"], [Course("L1", (0.0, 26_000.0)), Course("L2", (0.0, None))], "huge", limits=(20,))
    assert len(rows_of(huge.jpeg, BLUE, 1.0))
