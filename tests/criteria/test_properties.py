"""What must hold of every criterion, whatever the numbers: scale, order, growth, and what was not seen."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest

from medcore.criteria import load_criteria, load_criterion
from medcore.errors import HistoryError
from medcore.records import LesionReading, LesionRole, LesionStatus, PatientState, Timepoint
from tests.criteria.histories import as_timepoints, random_history, series

CRITERIA = tuple(load_criteria())
BY_PERCENT = ("mrecist", "who", "rano2010", "rano2", "volumetric", "eortc_pet", "choi")
RANK: Mapping[str, int] = {"CR": 0, "CMR": 0, "PR": 1, "PMR": 1, "MR": 2, "SD": 3, "SMD": 3, "PD": 4, "PMD": 4}
SUMMING = ("recist11", "mrecist", "who", "rano2010", "rano2", "rano_bm", "volumetric", "eortc_pet", "percist")
CASES = 40


def histories(seeds: range = range(CASES)) -> list[list[Timepoint]]:
    return [as_timepoints(*random_history(seed)) for seed in seeds]


def scored(visits: list[Timepoint]) -> list[Timepoint]:
    """The same visits with a Deauville score, which Lugano cannot do without."""
    return [replace(visit, state=PatientState(deauville=4)) for visit in visits]


def words(criterion: str, visits: list[Timepoint]) -> list[str]:
    return [row.overall for row in load_criterion(criterion).assess(visits).timepoints]


def with_lesion(visits: list[Timepoint], index: int, lesion: LesionReading) -> list[Timepoint]:
    changed = [lesion if other.id == lesion.id else other for other in visits[index].lesions]
    return [*visits[:index], replace(visits[index], lesions=tuple(changed)), *visits[index + 1 :]]


def scaled(lesion: LesionReading, factor: float) -> LesionReading:
    def times(value: float | None, power: int = 1) -> float | None:
        return None if value is None else value * factor**power

    return replace(
        lesion,
        longest_mm=times(lesion.longest_mm),
        short_axis_mm=times(lesion.short_axis_mm),
        perpendicular_mm=times(lesion.perpendicular_mm),
        volume_ml=times(lesion.volume_ml, 3),
        suv_peak=times(lesion.suv_peak),
    )


@pytest.mark.parametrize("criterion", BY_PERCENT)
def test_percentages_do_not_depend_on_the_scale(criterion: str) -> None:
    for visits in histories():
        plain = [
            replace(v, lesions=tuple(x for x in v.lesions if not x.node and x.status is not LesionStatus.TOO_SMALL))
            for v in visits
        ]
        if not any(x.role is LesionRole.TARGET for x in plain[0].lesions):
            continue
        larger = [replace(v, lesions=tuple(scaled(x, 3.0) for x in v.lesions)) for v in plain]
        try:
            expected = words(criterion, plain)
        except HistoryError:
            continue
        assert words(criterion, larger) == expected


@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_order_of_lesions_does_not_matter(criterion: str) -> None:
    rng = Random(3)
    for visits in map(scored, histories()):
        shuffled = [replace(v, lesions=tuple(rng.sample(v.lesions, len(v.lesions)))) for v in visits]
        one, two = load_criterion(criterion).assess(visits), load_criterion(criterion).assess(shuffled)
        assert [(r.overall, r.sum, str(r.reason)) for r in one.timepoints] == [
            (r.overall, r.sum, str(r.reason)) for r in two.timepoints
        ]


@pytest.mark.parametrize("criterion", SUMMING)
def test_a_larger_lesion_is_never_a_better_answer(criterion: str) -> None:
    """Each single target of the last visit is enlarged; its neighbours stay."""
    for visits in histories():
        before = words(criterion, visits)[-1]
        for lesion in visits[-1].lesions:
            if lesion.role is not LesionRole.TARGET or lesion.status is not LesionStatus.MEASURED:
                continue
            for factor in (1.01, 1.1, 1.5, 3.0):
                after = words(criterion, with_lesion(visits, len(visits) - 1, scaled(lesion, factor)))[-1]
                if before in RANK and after in RANK:
                    assert RANK[after] >= RANK[before], (lesion.id, factor)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_target_that_was_not_assessed_never_makes_the_disease_stable(criterion: str) -> None:
    """Progression may still be proven by the rest; nothing better may."""
    stable = {"SD", "SMD", "iSD", "NMR", "PR", "CR", "PMR", "CMR", "iPR", "iCR", "MR", "NO_GROWTH", "STABLE", "BENIGN"}
    stable |= {"NO_ACTIVITY", "INDETERMINATE", "1", "2", "3", "4A", "NONE", "OPTIONAL_12_MONTHS", "6_12_MONTHS"}
    for visits in map(scored, histories()):
        for lesion in visits[-1].lesions:
            if lesion.role is LesionRole.TARGET:
                unseen = replace(lesion, status=LesionStatus.NOT_ASSESSED)
                assert words(criterion, with_lesion(visits, len(visits) - 1, unseen))[-1] not in stable


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_lesion_without_a_row_is_not_assessed_and_named(criterion: str) -> None:
    for visits in map(scored, histories(range(10))):
        first = visits[0].lesions[0]
        cut = [*visits[:-1], replace(visits[-1], lesions=tuple(x for x in visits[-1].lesions if x.id != first.id))]
        unseen = with_lesion(visits, len(visits) - 1, LesionReading(first.id, first.role, LesionStatus.NOT_ASSESSED))
        answer = load_criterion(criterion).assess(cut)
        assert answer.timepoints[-1].overall == words(criterion, unseen)[-1]
        assert any(i.code == "lesion_without_row" and first.id in str(i.message) for i in answer.issues)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_visit_has_a_reason_and_the_sums_fit(criterion: str) -> None:
    for visits in map(scored, histories()):
        answer = load_criterion(criterion).assess(visits)
        assert [row.timepoint for row in answer.timepoints] == [visit.label for visit in visits]
        for index, row in enumerate(answer.timepoints):
            assert str(row.reason).strip().endswith(".")
            assert row.rule
            earlier = [r.sum for r in answer.timepoints[: max(index, 1)] if r.sum is not None]
            assert row.nadir == (min(earlier) if earlier else None)
            if row.sum is not None and row.nadir:
                assert row.change_from_nadir_percent == pytest.approx((row.sum / row.nadir - 1) * 100)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_visit_is_judged_by_what_came_before_it_alone(criterion: str) -> None:
    for visits in map(scored, histories(range(20))):
        whole = words(criterion, visits)
        assert all(words(criterion, visits[:k]) == whole[:k] for k in range(1, len(visits)))


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_criterion_says_what_it_is_and_what_is_to_be_confirmed(criterion: str) -> None:
    entry = load_criterion(criterion)
    answer = entry.assess(scored(series([20, 20])))
    assert entry.title
    assert entry.summary.endswith(".")
    assert entry.source
    assert [str(text) for text in answer.to_confirm] == list(entry.to_confirm)


def test_what_general_knowledge_gave_a_criterion_is_said_by_every_heir_of_it() -> None:
    texts = {name: " ".join(load_criterion(name).to_confirm) for name in CRITERIA}
    for name in ("recist11", "irecist", "mrecist", "rano2010", "rano2", "rano_bm", "choi", "who", "volumetric"):
        assert "too small to measure counts" in texts[name], name
    for name in ("recist11", "irecist"):
        assert "thicker than 5 mm" in texts[name], name
    for name, said in {"rano2": "Minor response", "percist": "blood pool", "doubling_time": "25 % growth"}.items():
        assert said in texts[name], name
    assert "12 weeks" in texts["rano2"] and "after radiotherapy" in texts["rano2"]
    assert "Janmahasatian" in texts["percist"]
    assert "400 days" in texts["doubling_time"]


def test_lesions_are_named_in_the_order_of_their_numbers() -> None:
    first, second = series([20, 20])
    new = tuple(LesionReading(f"L{number}", LesionRole.NEW, longest_mm=12) for number in (10, 2, 1))
    later = replace(second, lesions=(*second.lesions, *new))
    reason = load_criterion("recist11").assess([first, later]).timepoints[-1].reason
    assert reason.text().endswith("L1, L2, L10.")


def test_thresholds_are_where_the_answer_turns() -> None:
    for criterion in ("recist11", "mrecist", "eortc_pet", "percist"):
        for sums in ([40, 30, 33], [100, 60, 70], [12, 9, 10]):
            row = load_criterion(criterion).assess(series(sums)).timepoints[-1]
            at = {limit.category: limit.at for limit in row.thresholds}
            worst = next(name for name in at if name in {"PD", "PMD"})
            assert words(criterion, series([*sums[:-1], at[worst]]))[-1] == worst
            assert words(criterion, series([*sums[:-1], at[worst] - 0.01]))[-1] != worst


@pytest.mark.parametrize(
    ("visits", "text"),
    [
        ([], "no time point"),
        ([replace(series([20])[0], baseline=True)] * 2, "two baselines"),
        (series([20, 20])[::-1], "out of order"),
        ([replace(series([20])[0], lesions=series([20])[0].lesions * 2)], "2 times"),
        (
            [*series([20]), replace(series([20])[0], lesions=(LesionReading("Z", LesionRole.TARGET, longest_mm=9),))],
            "Z",
        ),
        (
            [replace(series([20])[0], lesions=(LesionReading("Z", LesionRole.TARGET, LesionStatus.MERGED),))],
            "merged into",
        ),
        ([replace(series([20])[0], lesions=(LesionReading("Z", LesionRole.NEW, longest_mm=9),))], "at the baseline"),
    ],
)
def test_a_history_that_contradicts_itself_is_refused(visits: list[Timepoint], text: str) -> None:
    with pytest.raises(HistoryError, match=text):
        load_criterion("recist11").assess(visits)


def test_unmeasurable_and_too_many_targets_are_warned_of() -> None:
    small = LesionReading("A", LesionRole.TARGET, organ="liver", longest_mm=9)
    others = [LesionReading(f"B{k}", LesionRole.TARGET, organ="Liver", longest_mm=20) for k in range(5)]
    answer = load_criterion("recist11").assess([Timepoint("0", None, (small, *others))])
    assert {issue.code for issue in answer.issues} == {
        "target_not_measurable",
        "too_many_targets",
        "too_many_targets_in_an_organ",
        "no_date",
    }
    thick = load_criterion("recist11").configured({"slice_mm": "7"})
    answer = thick.assess([Timepoint("0", None, (replace(small, longest_mm=13),))])
    assert "14 mm" in str(answer.issues[-1].message)


def test_options_are_checked() -> None:
    with pytest.raises(HistoryError, match="no option"):
        load_criterion("recist11").configured({"slices": "5"})
    with pytest.raises(HistoryError, match="not a value"):
        load_criterion("recist11").configured({"slice_mm": "thick"})
    with pytest.raises(HistoryError, match="not a value"):
        load_criterion("rano2").configured({"method": "depth"}).assess(series([20]))


def test_the_limit_of_two_targets_an_organ_is_no_rule_of_brain_tumours() -> None:
    lesion = LesionReading("", LesionRole.TARGET, longest_mm=20.0, perpendicular_mm=15.0, organ="brain")
    visit = Timepoint("T0", None, tuple(replace(lesion, id=f"L{number}") for number in range(1, 4)))
    neuro = ("rano2010", "rano2", "rano_bm")
    for criterion, said in {"recist11": True, "mrecist": True, **dict.fromkeys(neuro, False)}.items():
        codes = [one.code for one in load_criterion(criterion).assess([visit]).issues]
        assert ("too_many_targets_in_an_organ" in codes) is said, criterion
