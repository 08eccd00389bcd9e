"""Generated histories against a second, independently written opinion."""

import math
from fractions import Fraction
from random import Random

import pytest

from medcore.criteria import load_criterion
from medcore.records import LesionReading, LesionRole, Timepoint
from tests.criteria.histories import FIRST_DAY, as_timepoints, random_history
from tests.criteria.oracle_irecist import immune_responses
from tests.criteria.oracle_sums import (
    TABLE,
    choi_responses,
    mixed_tumour,
    overall_responses,
    rano2_arm,
    target_responses,
)

CASES = 120  # for each criterion
SPHERE_5MM = math.pi * 125 / 6000


def found(criterion: str, timepoints: list[Timepoint]) -> list[str]:
    return [row.overall for row in load_criterion(criterion).assess(timepoints).timepoints]


@pytest.mark.parametrize("criterion", sorted(TABLE))
def test_the_overall_response_of_random_histories_is_that_of_the_oracle(criterion: str) -> None:
    TABLE["volumetric"] = (["volume"], ["volume"], Fraction(SPHERE_5MM), *TABLE["volumetric"][3:])
    for seed in range(CASES):
        visits, days = random_history(seed)
        assert found(criterion, as_timepoints(visits, days)) == overall_responses(criterion, visits), seed


def test_the_target_response_of_random_histories_is_that_of_the_oracle() -> None:
    for seed in range(CASES, 3 * CASES):
        visits, days = random_history(seed)
        answer = load_criterion("recist11").assess(as_timepoints(visits, days))
        assert [row.target for row in answer.timepoints] == target_responses("recist11", visits), seed


def test_random_histories_have_every_category() -> None:
    words = {word for seed in range(CASES) for word in overall_responses("recist11", random_history(seed)[0])}
    assert words >= {"CR", "PR", "SD", "PD", "NE"}
    immune = {word for seed in range(4 * CASES) for word in immune_responses(*random_history(seed))}
    assert immune >= {"iCR", "iPR", "iSD", "iUPD", "iCPD", "NE"}


def test_irecist_of_random_histories_is_that_of_the_oracle() -> None:
    for seed in range(4 * CASES):
        visits, days = random_history(seed)
        assert found("irecist", as_timepoints(visits, days)) == immune_responses(visits, days), seed


def test_choi_of_random_histories_is_that_of_the_oracle() -> None:
    for seed in range(2 * CASES):
        visits, days = random_history(seed, nodes=False, others=False)
        assert found("choi", as_timepoints(visits, days)) == choi_responses(visits), seed


@pytest.mark.parametrize("method", ["area", "volume"])
def test_rano2_of_random_mixed_tumours_is_that_of_the_oracle(method: str) -> None:
    rng = Random(7)
    for _ in range(CASES):
        count = rng.randint(2, 5)
        sides = {"E": [rng.choice([100, 50, 125, 75, 60, 35, 140, 90, 0]) for _ in range(count)]}
        sides["F"] = [rng.choice([100, 50, 125, 75, 60, 35, 140, 90]) for _ in range(count)]
        sides["E"][0] = sides["F"][0] = 100
        timepoints = [
            Timepoint(
                str(index),
                FIRST_DAY,
                tuple(
                    LesionReading(
                        name,
                        LesionRole.TARGET,
                        longest_mm=float(values[index]),
                        perpendicular_mm=1.0,
                        volume_ml=float(values[index]),
                        enhancing=name == "E",
                    )
                    for name, values in sides.items()
                ),
            )
            for index in range(count)
        ]
        arms = [
            rano2_arm([Fraction(v) for v in sides[name]], volume=method == "volume", minor=name == "F")
            for name in ("E", "F")
        ]
        expected = ["BASELINE", *(mixed_tumour(a, b) for a, b in list(zip(*arms, strict=True))[1:])]
        criterion = load_criterion("rano2").configured({"method": method})
        assert [row.overall for row in criterion.assess(timepoints).timepoints] == expected, sides
