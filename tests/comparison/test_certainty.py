"""How sure a response is: against the closed form, and what flips it."""

import pytest

from medcore.comparison.certainty import Noise, category_chances, changed, flips, length_sd_mm, progression_chance
from medcore.criteria import load_criterion
from medcore.records import LesionReading, LesionRole, LesionStatus, Timepoint
from tests.criteria.histories import series

RECIST = load_criterion("recist11")


@pytest.mark.parametrize(("now", "expected"), [(58, 0.240), (60, 0.500), (64, 0.921)])
def test_the_chance_of_progression_is_the_published_one(now: float, expected: float) -> None:
    assert progression_chance(now, 50, sum_sd_mm=2) == pytest.approx(expected, abs=0.0005)


@pytest.mark.parametrize("now", [56, 58, 60, 64])
def test_drawn_chances_agree_with_the_closed_form(now: float) -> None:
    """One lesion; the nadir is the baseline. The closed form neglects that the threshold moves with the nadir."""
    chances = category_chances(RECIST, series([50, now]), Noise(length_mm=2.0), draws=2000)[1].chances
    moved = (1.2**2 + 1) ** 0.5 / 2**0.5  # with the threshold 1.2 × nadir the error of the nadir counts 1.2 times
    expected = progression_chance(now, 50, sum_sd_mm=2.0 * moved)
    assert chances.get("PD", 0.0) == pytest.approx(expected, abs=0.035)


def test_chances_sum_to_one_and_repeat() -> None:
    one = category_chances(RECIST, series([100, 69, 60]), Noise(), draws=200)
    assert one == category_chances(RECIST, series([100, 69, 60]), Noise(), draws=200)
    assert all(sum(chance.chances.values()) == pytest.approx(1) for chance in one)
    assert one[0].chances == {"BASELINE": 1.0}
    assert (one[1].sum_low or 0) < 69 < (one[1].sum_high or 0)


def test_without_error_the_answer_is_certain() -> None:
    sure = category_chances(RECIST, series([100, 60, 72]), Noise(0.0, 0.0, 0.0, 0.0), draws=5)
    assert [dict(chance.chances) for chance in sure] == [{"BASELINE": 1.0}, {"PR": 1.0}, {"PD": 1.0}]


def test_what_was_not_assessed_stays_not_evaluable() -> None:
    unseen = Timepoint("b", None, (LesionReading("T1", LesionRole.TARGET, LesionStatus.NOT_ASSESSED),))
    assert category_chances(RECIST, [*series([50]), unseen], Noise(), draws=20)[1].chances == {"NE": 1.0}


@pytest.mark.parametrize("criterion", ["who", "volumetric", "percist", "rano2", "choi"])
def test_every_kind_of_measure_is_drawn(criterion: str) -> None:
    chances = category_chances(load_criterion(criterion), series([20, 17, 15], hu_mean=60), Noise(3.0), draws=100)
    assert len(chances[-1].chances) > 1


def test_the_error_of_a_diameter_holds_the_pixel_and_the_reader() -> None:
    assert length_sd_mm(0.0, reader_sd_mm=2.0) == 2.0
    assert length_sd_mm(3.0, reader_sd_mm=0.0) == pytest.approx(0.75)  # a quarter of a pixel, as simulated
    assert length_sd_mm(0.0, reader_sd_mm=0.0, slice_mm=5.0, length_mm=11.0) == pytest.approx(0.5)


def test_one_more_millimetre_flips_the_answer() -> None:
    flip = flips(RECIST, series([20, 14, 18]))[0]
    assert (flip.larger_mm, flip.larger) == (1.0, "PD")
    assert (flip.smaller_mm, flip.smaller) == (4.0, "PR")
    history = series([20, 14, 18])
    assert RECIST.assess(changed(history, 2, "T1", 1.0)).timepoints[2].overall == "PD"
    assert RECIST.assess(changed(history, 2, "T1", 0.9)).timepoints[2].overall == "SD"


def test_an_answer_out_of_reach_has_no_flip() -> None:
    flip = flips(RECIST, series([100, 100]), reach_mm=10)[0]
    assert (flip.larger_mm, flip.smaller_mm) == (None, None)


def test_a_longer_lesion_has_a_larger_volume() -> None:
    lesion = changed(series([10.0]), 0, "T1", 10.0)[0].lesions[0]
    assert (lesion.longest_mm, lesion.volume_ml) == (20.0, 80.0)
