"""The map of flips says of every millimetre what the criterion itself says of the changed history."""

from datetime import date

import pytest

from medcore.comparison.certainty import changed
from medcore.criteria import load_criterion
from medcore.records import LesionReading, LesionRole, LesionStatus, Timepoint
from medcore.workbench.flip_map import flip_map
from medcore.workbench.growth import growth_curves


def visit(label: str, when: date | None, *sizes_mm: float | None) -> Timepoint:
    lesions = tuple(
        LesionReading(
            f"L{number}",
            LesionRole.TARGET,
            LesionStatus.ABSENT if mm is None else LesionStatus.MEASURED,
            longest_mm=mm,
            perpendicular_mm=mm,
        )
        for number, mm in enumerate(sizes_mm, start=1)
    )
    return Timepoint(label, when, lesions)


HISTORY = (visit("a", date(2021, 1, 1), 30.0, 20.0), visit("b", date(2021, 4, 1), 22.0, 14.0))


def test_the_category_flips_where_the_sum_meets_the_threshold_by_hand() -> None:
    # 50 mm at the baseline and 36 mm now: PR from 35 mm down, so L1 at most 21 mm; PD from 60 mm on, out of reach
    row = flip_map(HISTORY, "L1", "recist11", ())[0]
    assert (row.criterion, row.now, row.nearest_mm) == ("recist11", "SD", -1.0)
    assert [one.category for one in row.stretches] == ["PR", "SD"]
    assert row.stretches[0].to_mm == -1.0 and row.stretches[1].from_mm == -0.5


@pytest.mark.parametrize("name", ["who", "rano2010", "volumetric"])
def test_every_criterion_agrees_with_its_own_row(name: str) -> None:
    rows = {row.criterion: row for row in flip_map(HISTORY, "L2", name, ())}
    if name not in rows:
        return
    for one in rows[name].stretches:
        for mm in (one.from_mm, one.to_mm):
            answer = load_criterion(name).assess(changed(HISTORY, 1, "L2", mm))
            assert answer.timepoints[-1].overall == one.category


def test_a_criterion_without_an_answer_has_no_row_and_the_chosen_one_keeps_its_options() -> None:
    rows = {row.criterion: row for row in flip_map(HISTORY, "L1", "volumetric", (("spheres", "true"),))}
    assert "percist" not in rows and "volumetric" in rows
    assert "volumetric" not in {row.criterion for row in flip_map(HISTORY, "L1", "recist11", ())}


def test_growth_doubles_by_hand_and_needs_two_dates() -> None:
    # 6 mm to 8 mm in 90 days doubles in 72.3 days
    history = (visit("a", date(2021, 1, 1), 6.0), visit("b", date(2021, 4, 1), 8.0), visit("c", date(2021, 5, 1), 8.0))
    (curve,) = growth_curves(history)
    assert curve.days == (0, 90, 120) and curve.doubling_days[0] is None and curve.doubling_days[2] is None
    assert curve.doubling_days[1] == pytest.approx(72.3, abs=0.05)
    assert growth_curves((visit("a", None, 6.0), visit("b", date(2021, 4, 1), 8.0))) == ()
