"""The published rules as numbers: every reference vector, and what happens exactly at a threshold."""

from datetime import timedelta
from math import pi

import pytest

from medcore.criteria import load_criterion
from medcore.criteria._sul import body_surface_m2, lean_mass_james_kg, lean_mass_janmahasatian_kg, sul
from medcore.criteria.doubling_time import doubling_days
from medcore.criteria.volumetric import (
    RECIST_PROGRESSION_PERCENT,
    RECIST_RESPONSE_PERCENT,
    sphere_diameter_mm,
    sphere_ml,
)
from medcore.records import LesionReading, LesionRole, LesionStatus, PatientState, Steroids, Timepoint, Trend
from tests.criteria.histories import FIRST_DAY, series

TARGET, NONTARGET, NEW = LesionRole.TARGET, LesionRole.NONTARGET, LesionRole.NEW


def overall(criterion: str, timepoints: list[Timepoint], **options: str) -> list[str]:
    """The categories after the baseline."""
    answer = load_criterion(criterion).configured(options).assess(timepoints)
    return [row.overall for row in answer.timepoints[1:]]


def visits(*lesions: list[LesionReading], states: list[PatientState] | None = None, gap: int = 42) -> list[Timepoint]:
    states = states or [PatientState()] * len(lesions)
    return [
        Timepoint(f"visit {k}", FIRST_DAY + timedelta(days=gap * k), tuple(found), state)
        for k, (found, state) in enumerate(zip(lesions, states, strict=True))
    ]


def target(size: float | None = None, name: str = "T1", **fields: object) -> LesionReading:
    return LesionReading(name, TARGET, longest_mm=size, **fields)  # type: ignore[arg-type]


RECIST = [
    ([100, 70, 60, 71, 72], ["PR", "PR", "SD", "PD"]),
    ([20, 14, 17], ["PR", "SD"]),
    ([20, 14, 19], ["PR", "PD"]),
    ([100, 60, 85], ["PR", "PD"]),
    ([100, 70.1], ["SD"]),
    ([100, 120], ["PD"]),
    ([100, 119.9], ["SD"]),
    ([100, 70], ["PR"]),
    ([25, 30], ["PD"]),
    ([25, 29.9], ["SD"]),
    ([10, 14.9], ["SD"]),
    ([10, 15], ["PD"]),
    ([70.1, 84.12], ["PD"]),
    ([0.1 + 0.2, 0.3], ["SD"]),
    ([100, 130, 150], ["PD", "PD"]),
    ([100, None, 120], ["NE", "PD"]),
    ([100, None, 70], ["NE", "PR"]),
]


@pytest.mark.parametrize(("sums", "expected"), RECIST, ids=str)
def test_recist_of_a_series_of_sums(sums: list[float], expected: list[str]) -> None:
    assert overall("recist11", series(sums)) == expected


@pytest.mark.parametrize(
    ("criterion", "sums", "expected"),
    [
        ("who", [10, 7.0710678], ["PR"]),  # 100 -> 50 mm²
        ("who", [10, 7.08], ["SD"]),
        ("who", [10, 125**0.5], ["PD"]),
        ("who", [10, 124.9**0.5], ["SD"]),
        ("rano2010", [20, 200**0.5], ["PR"]),
        ("rano2010", [20, 500**0.5], ["PD"]),
        ("rano_bm", [100, 70], ["PR"]),
        ("rano_bm", [20, 24], ["SD"]),  # 20 %, but no lesion grew by 5 mm
        ("rano_bm", [20, 25], ["PD"]),
        ("mrecist", [20, 14, 17], ["PR", "PD"]),  # no 5 mm are asked
        ("volumetric", [100, 34.3], ["PR"]),
        ("volumetric", [100, 34.4], ["SD"]),
        ("volumetric", [100, 172.8], ["PD"]),
        ("volumetric", [100, 172.7], ["SD"]),
        ("eortc_pet", [8, 6], ["PMR"]),
        ("eortc_pet", [8, 6.01], ["SMD"]),
        ("eortc_pet", [8, 10], ["PMD"]),
        ("percist", [8, 5], ["PMR"]),
        ("percist", [2, 1.3], ["SMD"]),  # −35 %, but only 0.7 units
        ("percist", [2, 1.2], ["PMR"]),  # exactly 0.8 units
        ("percist", [2, 2.7], ["SMD"]),
        ("percist", [2, 2.8], ["PMD"]),
        ("percist", [10, 13], ["PMD"]),
        ("percist", [10, 12.9], ["SMD"]),
    ],
)
def test_thresholds_of_the_other_sums(criterion: str, sums: list[float], expected: list[str]) -> None:
    assert overall(criterion, series(sums)) == expected


def test_user_limits_of_the_volume_are_used() -> None:
    assert overall("volumetric", series([100, 60]), response_percent="40") == ["PR"]
    assert overall("volumetric", series([100, 60])) == ["SD"]
    assert overall("volumetric", series([100, 141]), progression_percent="40") == ["PD"]


def test_sphere_equivalents_of_recist_and_rano() -> None:
    assert pytest.approx(65.7, abs=0.05) == RECIST_RESPONSE_PERCENT
    assert pytest.approx(72.8, abs=0.05) == RECIST_PROGRESSION_PERCENT
    assert pytest.approx(64.6, abs=0.05) == (1 - 0.5**1.5) * 100  # −50 % area: consistent with 65 %
    assert pytest.approx(39.8, abs=0.05) == (1.25**1.5 - 1) * 100  # +25 % area: consistent with 40 %
    assert sphere_ml(10) == pytest.approx(pi / 6)
    for mm, mm3 in {4: 34, 6: 113, 8: 268, 10: 524, 15: 1767, 30: 14_137}.items():
        assert round(sphere_ml(mm) * 1000) == mm3
        assert sphere_diameter_mm(sphere_ml(mm)) == pytest.approx(mm)


def test_lean_body_mass_and_surface() -> None:
    assert lean_mass_james_kg(70, 175, "M") == pytest.approx(56.52, abs=0.005)
    assert lean_mass_james_kg(70, 175, "F") == pytest.approx(51.22, abs=0.005)
    assert lean_mass_janmahasatian_kg(70, 175, "M") == pytest.approx(55.857, abs=0.0005)
    assert lean_mass_janmahasatian_kg(70, 175, "F") == pytest.approx(45.197, abs=0.0005)
    assert body_surface_m2(70, 175) == pytest.approx(1.8481, abs=0.00005)
    assert sul(10, weight_kg=70, height_cm=175, sex="F") == pytest.approx(10 * 45.197 / 70, abs=1e-3)


@pytest.mark.parametrize(
    ("first", "second", "days", "expected"), [(6, 8, 90, 72.3), (8, 10, 90, 93.2), (10, 20 ** (1 / 3) * 10, 90, None)]
)
def test_doubling_time_of_diameters(first: float, second: float, days: float, expected: float | None) -> None:
    found = doubling_days(first**3, second**3, days)
    assert found == pytest.approx(expected, abs=0.05) if expected else found is not None
    assert doubling_days(second**3, first**3, days) is None, "shrinking is no growth, never a negative number"
    assert pytest.approx(2.0, abs=0.001) == 1.26**3


@pytest.mark.parametrize(
    ("sizes", "gap", "expected"),
    [
        ([6, 8], 90, ["SUSPICIOUS"]),
        ([10, 10], 90, ["NO_GROWTH"]),
        ([10, 9], 90, ["NO_GROWTH"]),
        ([10, 10.7], 90, ["STABLE"]),  # +22.5 % of volume
        ([10, 10 * 2 ** (1 / 3)], 400, ["INDETERMINATE"]),
        ([10, 10 * 2 ** (1 / 3)], 399, ["SUSPICIOUS"]),
        ([10, 10 * 2 ** (1 / 3)], 600, ["INDETERMINATE"]),
        ([10, 10 * 2 ** (1 / 3)], 601, ["BENIGN"]),
        ([10, None], 90, ["NE"]),
    ],
)
def test_growth_of_a_nodule(sizes: list[float], gap: int, expected: list[str]) -> None:
    lesions = [[target(size)] if size else [target(status=LesionStatus.NOT_ASSESSED)] for size in sizes]
    assert overall("doubling_time", visits(*lesions, gap=gap)) == expected


def test_growth_without_dates_is_not_evaluable() -> None:
    timepoints = [Timepoint("a", None, (target(6),)), Timepoint("b", None, (target(8),))]
    answer = load_criterion("doubling_time").assess(timepoints)
    assert answer.timepoints[1].overall == "NE"
    assert "date" in str(answer.timepoints[1].missing[-1])


# Nodes, vanished lesions, merged and split ones


def node(short: float | None, **fields: object) -> LesionReading:
    return LesionReading("L1", TARGET, node=True, short_axis_mm=short, longest_mm=40, **fields)  # type: ignore[arg-type]


def test_a_node_counts_by_its_short_axis_and_is_normal_below_10_mm() -> None:
    answer = load_criterion("recist11").assess(visits([node(18)], [node(10)], [node(9.9)]))
    assert [row.overall for row in answer.timepoints[1:]] == ["PR", "CR"]
    assert [row.sum for row in answer.timepoints] == [18, 10, 9.9]


def test_a_complete_response_with_a_normal_node_left_has_a_sum_above_zero() -> None:
    gone = target(status=LesionStatus.ABSENT)
    answer = load_criterion("recist11").assess(visits([target(30), node(20)], [gone, node(8)]))
    assert (answer.timepoints[1].overall, answer.timepoints[1].sum) == ("CR", 8)


def test_too_small_to_measure_counts_5_mm() -> None:
    answer = load_criterion("recist11").assess(visits([target(20)], [target(status=LesionStatus.TOO_SMALL)]))
    assert (answer.timepoints[1].overall, answer.timepoints[1].sum) == ("PR", 5)


def test_a_lesion_that_returns_after_a_complete_response_is_progression() -> None:
    gone = target(status=LesionStatus.ABSENT)
    assert overall("recist11", visits([target(20)], [gone], [target(3)])) == ["CR", "PD"]


def test_a_lesion_not_assessed_leaves_the_visit_not_evaluable_unless_the_rest_proves_progression() -> None:
    unseen = target(name="T2", status=LesionStatus.NOT_ASSESSED)
    first = [target(30), target(20, "T2")]
    assert overall("recist11", visits(first, [target(30), unseen])) == ["NE"]
    assert overall("recist11", visits(first, [target(59), unseen])) == ["NE"]
    answer = load_criterion("recist11").assess(visits(first, [target(60), unseen])).timepoints[1]
    assert (answer.overall, answer.rule, answer.sum) == ("PD", "target.pd_incomplete", None)


def test_a_split_lesion_counts_with_all_its_parts_and_is_no_new_lesion() -> None:
    part = LesionReading("T1b", TARGET, longest_mm=12, part_of="T1")
    answer = load_criterion("recist11").assess(visits([target(30)], [target(14), part]))
    assert (answer.timepoints[1].sum, answer.timepoints[1].overall, answer.timepoints[1].new) == (26, "SD", "NO")


def test_merged_lesions_count_once_and_are_not_gone() -> None:
    merged = target(name="T2", status=LesionStatus.MERGED, merged_into="T1")
    history = visits([target(20), target(20, "T2")], [target(36), merged], [target(50)])
    answer = load_criterion("recist11").assess(history)
    assert [(row.sum, row.overall) for row in answer.timepoints[1:]] == [(36, "SD"), (50, "PD")]
    assert not answer.issues, "what has merged needs no row of its own later"


def test_confirmation_takes_28_days() -> None:
    early = load_criterion("recist11").assess(series([100, 60, 60], gap_days=27))
    late = load_criterion("recist11").assess(series([100, 60, 60], gap_days=28))
    assert (early.best, early.best_confirmed, early.timepoints[1].confirmed) == ("PR", "SD", False)
    assert (late.best, late.best_confirmed, late.timepoints[1].confirmed) == ("PR", "PR", True)


def test_thresholds_say_how_near_the_next_category_is() -> None:
    row = load_criterion("recist11").assess(series([20, 14, 17])).timepoints[2]
    near = {limit.category: limit.distance for limit in row.thresholds}
    assert near == {"PD": pytest.approx(2.0), "PR": pytest.approx(-3.0)}, "the 5 mm decide: 14 + 5 = 19 mm"


# Non-target and new lesions


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (LesionStatus.ABSENT, "CR"),
        (LesionStatus.MEASURED, "PR"),
        (LesionStatus.NOT_ASSESSED, "PR"),
        (LesionStatus.UNEQUIVOCAL_PROGRESSION, "PD"),
    ],
)
def test_a_complete_target_response_with_each_non_target_status(status: LesionStatus, expected: str) -> None:
    first = [target(20), LesionReading("N1", NONTARGET)]
    later = [target(status=LesionStatus.ABSENT), LesionReading("N1", NONTARGET, status)]
    assert overall("recist11", visits(first, later)) == [expected]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (LesionStatus.ABSENT, "CR"),
        (LesionStatus.MEASURED, "non-CR/non-PD"),
        (LesionStatus.NOT_ASSESSED, "NE"),
        (LesionStatus.UNEQUIVOCAL_PROGRESSION, "PD"),
    ],
)
def test_patients_with_non_target_disease_only(status: LesionStatus, expected: str) -> None:
    history = visits([LesionReading("N1", NONTARGET)], [LesionReading("N1", NONTARGET, status)])
    assert overall("recist11", history) == [expected]


def test_a_new_lesion_is_progression_until_it_is_said_to_be_gone() -> None:
    new = LesionReading("X", NEW, longest_mm=8)
    gone = LesionReading("X", NEW, LesionStatus.ABSENT)
    history = visits([target(20)], [target(10), new], [target(10)], [target(10), gone])
    assert overall("recist11", history) == ["PD", "PD", "PR"]


# iRECIST


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        ([100, 120, 125], ["iUPD", "iCPD"]),
        ([100, 120, 124.9], ["iUPD", "iUPD"]),
        ([100, 120, 124, 126], ["iUPD", "iUPD", "iCPD"]),  # small steps add up: recist.eortc.org
        ([100, 120, 100, 120], ["iUPD", "iSD", "iUPD"]),  # the bar was reset
        ([100, 120, 60, 75, 80], ["iUPD", "iPR", "iUPD", "iCPD"]),
        ([100, 130, 140, 50], ["iUPD", "iCPD", "iCPD"]),
        ([100, 120, None, 126], ["iUPD", "NE", "iCPD"]),
    ],
)
def test_irecist_of_a_series_of_sums(sums: list[float], expected: list[str]) -> None:
    assert overall("irecist", series(sums)) == expected


def new_lesion(size: float | None, name: str = "X", **fields: object) -> LesionReading:
    return LesionReading(name, NEW, longest_mm=size, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("third", "expected"),
    [
        ([new_lesion(17)], "iCPD"),  # +5 mm of a measured new lesion
        ([new_lesion(16.9)], "iUPD"),
        ([new_lesion(12), new_lesion(6, "Y")], "iCPD"),  # one more
        ([new_lesion(None, status=LesionStatus.ABSENT)], "iSD"),
    ],
)
def test_a_new_lesion_is_confirmed_by_growth_or_another_one(third: list[LesionReading], expected: str) -> None:
    history = visits([target(30)], [target(30), new_lesion(12)], [target(30), *third])
    assert overall("irecist", history) == ["iUPD", expected]


def test_any_growth_of_a_small_new_lesion_confirms() -> None:
    history = visits([target(30)], [target(30), new_lesion(6)], [target(30), new_lesion(6.5)])
    assert overall("irecist", history) == ["iUPD", "iCPD"]


def test_scenarios_b_and_f_of_the_irecist_questions() -> None:
    stays = new_lesion(12)
    shrinks_after = visits([target(100)], [target(100), stays], [target(60), stays])
    shrank_before = visits([target(100)], [target(60)], [target(60), stays], [target(60), stays])
    assert overall("irecist", shrinks_after) == ["iUPD", "iPR"]
    assert overall("irecist", shrank_before) == ["iPR", "iUPD", "iUPD"]


def test_progression_in_another_category_confirms() -> None:
    plain = LesionReading("N", NONTARGET)
    worse = LesionReading("N", NONTARGET, LesionStatus.UNEQUIVOCAL_PROGRESSION)
    history = visits([target(100), plain], [target(120), plain], [target(120), worse])
    assert overall("irecist", history) == ["iUPD", "iCPD"]


def test_a_scan_before_four_weeks_confirms_nothing() -> None:
    assert overall("irecist", series([100, 120, 130, 131], gap_days=20)) == ["iUPD", "iUPD", "iCPD"]


# RANO


def area(values: list[float], enhancing: bool = True, name: str = "E") -> list[LesionReading]:
    return [LesionReading(name, TARGET, longest_mm=v, perpendicular_mm=10.0, enhancing=enhancing) for v in values]


@pytest.mark.parametrize(
    ("enhancing", "other", "expected"),
    [
        ([100, 50], None, "PR"),
        ([100, 50.1], None, "SD"),
        ([100, 125], None, "PD"),
        ([100, 75], None, "SD"),  # no minor response of enhancing tumour
        (None, [100, 75], "MR"),
        (None, [100, 50], "PR"),
        ([100, 0], [100, 100], "SD"),
        ([100, 0], [100, 75], "MR"),
        ([100, 0], [100, 50], "PR"),
        ([100, 50], [100, 100], "PR"),
        ([100, 100], [100, 75], "MR"),
        ([100, 100], [100, 100], "SD"),
        ([100, 0], [100, 125], "PD"),
        ([100, 0], [100, 0], "CR"),
    ],
)
def test_rano2_by_area(enhancing: list[float] | None, other: list[float] | None, expected: str) -> None:
    pairs = (
        [area(enhancing), area(other, False, "F")]
        if enhancing and other
        else [area(enhancing or other or [], bool(enhancing))]
    )
    assert overall("rano2", visits(*[list(pair) for pair in zip(*pairs, strict=True)])) == [expected]


@pytest.mark.parametrize(
    ("volumes", "enhancing", "expected"),
    [
        ([10, 3.5], True, "PR"),
        ([10, 3.6], True, "SD"),
        ([10, 14], True, "PD"),
        ([10, 13.9], True, "SD"),
        ([10, 6], False, "MR"),
        ([10, 6.1], False, "SD"),
    ],
)
def test_rano2_by_volume(volumes: list[float], enhancing: bool, expected: str) -> None:
    history = visits(*[[LesionReading("E", TARGET, volume_ml=v, enhancing=enhancing)] for v in volumes])
    answer = load_criterion("rano2").assess(history)
    assert (answer.timepoints[1].overall, answer.unit) == (expected, "ml")


@pytest.mark.parametrize(
    ("size", "state", "expected"),
    [
        (0, PatientState(steroids=Steroids.NONE, clinical=Trend.STABLE), "CR"),
        (0, PatientState(steroids=Steroids.LESS, clinical=Trend.STABLE), "PR"),
        (5, PatientState(steroids=Steroids.MORE, clinical=Trend.STABLE), "NE"),
        (20, PatientState(steroids=Steroids.STABLE, clinical=Trend.WORSE), "PD"),
        (5, PatientState(steroids=Steroids.STABLE, clinical=Trend.BETTER), "PR"),
        (40, PatientState(steroids=Steroids.MORE, clinical=Trend.STABLE), "PD"),
    ],
)
@pytest.mark.parametrize("criterion", ["rano2010", "rano2", "rano_bm"])
def test_steroids_and_clinical_state_decide_with_the_imaging(
    criterion: str, size: float, state: PatientState, expected: str
) -> None:
    lesions = [[target(20.0, perpendicular_mm=20.0)], [target(float(size), perpendicular_mm=20.0)]]
    assert overall(criterion, visits(*lesions, states=[PatientState(), state])) == [expected]


def test_unknown_steroids_are_said_to_be_missing() -> None:
    row = load_criterion("rano2010").assess(series([20, 10])).timepoints[1]
    assert row.overall == "PR"
    assert any("teroid" in str(message) for message in row.missing)


def test_flair_progression_is_progression_in_rano_2010() -> None:
    flair = LesionReading("F", NONTARGET, enhancing=False)
    worse = LesionReading("F", NONTARGET, LesionStatus.UNEQUIVOCAL_PROGRESSION, enhancing=False)
    first = target(20.0, perpendicular_mm=20.0)
    gone = target(status=LesionStatus.ABSENT)
    assert overall("rano2010", visits([first, flair], [gone, flair])) == ["CR"], "stable FLAIR does not forbid it"
    assert overall("rano2010", visits([first, flair], [gone, worse])) == ["PD"]


def test_the_minor_response_of_low_grade_glioma() -> None:
    history = series([20, (400 * 0.75) ** 0.5])
    assert overall("rano2010", history, low_grade="1") == ["MR"]
    assert overall("rano2010", history) == ["SD"]


# Choi, mRECIST, PET, Lugano, MS


@pytest.mark.parametrize(
    ("size", "density", "expected"),
    [
        (90, 100, "PR"),
        (91, 100, "SD"),
        (100, 85, "PR"),
        (100, 86, "SD"),
        (110, 100, "PD"),
        (109, 100, "SD"),
        (120, 85, "PR"),  # growth, but paler
        (120, None, "NE"),
        (100, None, "NE"),
        (80, None, "PR"),
    ],
)
def test_choi_by_size_and_density(size: float, density: float | None, expected: str) -> None:
    assert overall("choi", visits([target(100, hu_mean=100)], [target(size, hu_mean=density)])) == [expected]


def test_mrecist_sums_the_viable_part() -> None:
    history = visits([target(60, viable_mm=50)], [target(60, viable_mm=30)], [target(60, viable_mm=0)])
    assert overall("mrecist", history) == ["PR", "CR"]
    node_at_hilum = LesionReading("L", TARGET, organ="porta hepatis", node=True, short_axis_mm=18)
    answer = load_criterion("mrecist").assess(visits([target(30), node_at_hilum]))
    assert [issue.code for issue in answer.issues] == ["target_not_measurable"], "such a node needs 20 mm"


def test_percist_follows_the_hottest_lesion_of_each_scan() -> None:
    def pair(one: float, two: float) -> list[LesionReading]:
        return [target(name="A", suv_peak=one), target(name="B", suv_peak=two)]

    answer = load_criterion("percist").assess(visits(pair(10, 4), pair(3, 9)))
    assert (answer.timepoints[1].sum, answer.timepoints[1].overall) == (9, "SMD")


def test_percist_total_lesion_glycolysis_alone_can_be_progression() -> None:
    history = visits([target(suv_peak=5, tlg=40)], [target(suv_peak=5, tlg=70)])
    assert overall("percist", history) == ["PMD"]
    assert overall("percist", visits([target(suv_peak=5, tlg=40)], [target(suv_peak=5, tlg=69)])) == ["SMD"]


def test_percist_turns_suv_into_sul_where_the_body_is_known() -> None:
    body = PatientState(weight_kg=70, height_cm=175, sex="F", liver_suv_mean=1.5, liver_suv_sd=0.2)
    answer = load_criterion("percist").assess(visits([target(suv_peak=10)], states=[body]))
    assert answer.timepoints[0].sum == pytest.approx(6.457, abs=0.001)
    assert not answer.issues


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (PatientState(deauville=1), "CMR"),
        (PatientState(deauville=3), "CMR"),
        (PatientState(deauville=4, uptake=Trend.BETTER), "PMR"),
        (PatientState(deauville=5, uptake=Trend.STABLE), "NMR"),
        (PatientState(deauville=5, uptake=Trend.WORSE), "PMD"),
        (PatientState(deauville=4), "NE"),
        (PatientState(), "NE"),
    ],
)
def test_lugano_from_the_given_score(state: PatientState, expected: str) -> None:
    history = visits([], [], states=[PatientState(deauville=5), state])
    assert overall("lugano", history) == [expected]
    if state.deauville == 1:
        focus = [LesionReading("X", NEW, suv_peak=9)]
        assert overall("lugano", visits([], focus, states=[PatientState(deauville=5), state])) == ["PMD"]


@pytest.mark.parametrize(
    ("later", "expected", "counts"),
    [
        ([1.0], "NO_ACTIVITY", (0, 0)),
        ([1.3], "ACTIVE", (0, 1)),
        ([1.29], "NO_ACTIVITY", (0, 0)),
        ([1.0, 0.2], "ACTIVE", (1, 0)),
    ],
)
def test_activity_in_multiple_sclerosis(later: list[float], expected: str, counts: tuple[int, int]) -> None:
    known = LesionReading("A", NONTARGET, volume_ml=1.0)
    lesions = [LesionReading("A", NONTARGET, volume_ml=later[0])]
    lesions += [LesionReading("B", NEW, volume_ml=size, longest_mm=5) for size in later[1:]]
    row = load_criterion("ms_activity").assess(visits([known], lesions)).timepoints[1]
    assert (row.overall, row.figures["new"], row.figures["enlarging"]) == (expected, *counts)


def test_a_lesion_that_is_new_is_not_new_again_at_the_next_visit() -> None:
    new = LesionReading("B", NEW, volume_ml=0.5, longest_mm=5)
    known = LesionReading("A", NONTARGET, volume_ml=1.0)
    assert overall("ms_activity", visits([known], [known, new], [known, new])) == ["ACTIVE", "NO_ACTIVITY"]
