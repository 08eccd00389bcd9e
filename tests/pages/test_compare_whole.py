"""All lesions together over time, as the Compare page shows them: PET in SUV, and a study in which nothing is left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medcore.comparison.compare import compare
from pages.ui import compare_charts
from pages.ui.compare_whole import courses_of
from tests.workbench.test_comparison_whole import moment


def test_a_pet_pair_has_volume_glycolysis_and_uptake_and_nothing_left_is_zero_not_missing() -> None:
    before, after = moment(0, 14.0, 8.0), moment(1, 9.0, 4.0)
    assert after.mask is not None
    gone = replace(after, mask=replace(after.mask, labels=0 * after.mask.labels))
    found = compare([before, after])
    courses = courses_of(found, [one.burden for one in found.visits])
    assert list(courses) == ["volume", "tlg", "peak", "highest"] and courses["highest"] == [8.0, 4.0]
    first, second = courses["volume"]
    assert first and second and courses["tlg"] == [pytest.approx(8 * first), pytest.approx(4 * second)]
    nothing = compare([before, gone])
    courses = courses_of(nothing, [one.burden for one in nothing.visits])
    assert courses["volume"][1] == 0 and courses["tlg"][1] == 0 and courses["peak"][1] is None
    figure = compare_charts.course(courses["volume"], [None, None], ["T0", "T1"], "ml")
    assert list(figure.data[0].y) == courses["volume"] and figure.layout.yaxis.range[0] == 0
