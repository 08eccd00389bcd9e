"""The verbs assess and criteria as a program and as a person see them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from medcore.__main__ import main

SAMPLE = Path(__file__).resolve().parents[2] / "docs" / "history-sample.csv"
IDS = {"recist11", "irecist", "mrecist", "rano2010", "rano2", "rano_bm", "choi", "who", "percist", "eortc_pet"}
IDS |= {"volumetric", "doubling_time", "ms_activity", "lugano"}
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Call:
    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return (stop.value.code if isinstance(stop.value.code, int) else 0), out, err

    return run


def test_assess_answers_one_json_object_with_the_fields_of_the_contract(call: Call) -> None:
    code, out, _ = call("assess", SAMPLE, "--criterion", "recist11", "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["criterion"] == "recist11"
    contract = {
        "timepoint",
        "sum",
        "baseline",
        "nadir",
        "change_from_baseline_percent",
        "change_from_nadir_percent",
        "target",
        "nontarget",
        "overall",
        "reason",
        "rule",
    }
    assert all(contract <= set(row) for row in answer["timepoints"])
    assert [row["overall"] for row in answer["timepoints"]] == ["BASELINE", "PR", "PR", "PD"]
    assert [row["sum"] for row in answer["timepoints"]] == [84, 51, 37, 47]
    assert (answer["best_confirmed"], answer["progressed_at"]) == ("PR", "week 24")
    assert answer["to_confirm"]


@pytest.mark.parametrize("criterion", sorted(IDS))
def test_every_criterion_answers_for_the_sample(call: Call, criterion: str) -> None:
    code, out, _ = call("assess", SAMPLE, "--criterion", criterion, "--json")
    assert code == 0
    assert len(json.loads(out)["timepoints"]) == 4


def test_assess_prints_a_table_and_its_reasons_for_people(call: Call) -> None:
    code, out, err = call("assess", SAMPLE, "--criterion", "recist11")
    assert code == 0
    assert "The sum rose by 27.0 % and 10 mm over the nadir" in out
    assert "PD begins at 44.4 mm" in out
    assert "not a medical device" in err


def test_options_of_a_criterion_can_be_set(call: Call) -> None:
    arguments = ["assess", SAMPLE, "--criterion", "volumetric", "--json"]
    plain = json.loads(call(*arguments)[1])
    strict = json.loads(call(*arguments, "--option", "response_percent=90", "--option", "spheres=1")[1])
    assert plain["timepoints"][1]["overall"] == "PR"
    assert strict["timepoints"][1]["overall"] == "SD"


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["no-such-file.csv", "--criterion", "recist11"], "HistoryError"),
        ([SAMPLE, "--criterion", "recist"], "UnknownNameError"),
        ([SAMPLE, "--criterion", "recist11", "--option", "x=1"], "HistoryError"),
        ([SAMPLE, "--criterion", "recist11", "--option", "x"], "HistoryError"),
    ],
)
def test_a_mistake_of_the_user_exits_2_with_a_message_and_a_hint(call: Call, arguments: list[str], kind: str) -> None:
    code, out, _ = call("assess", *arguments, "--json")
    assert code == 2
    error = json.loads(out)["error"]
    assert error["type"] == kind
    assert error["message"]


def test_criteria_lists_the_ids_and_the_columns(call: Call) -> None:
    code, out, _ = call("criteria", "--json")
    answer = json.loads(out)
    assert code == 0
    assert {one["id"] for one in answer["criteria"]} >= IDS
    assert "suv_peak" in answer["columns"]
    assert "RECIST 1.1" in call("criteria")[1]


def test_the_error_of_a_reader_gives_chances_and_what_would_flip_the_answer(call: Call) -> None:
    arguments = ["assess", SAMPLE, "--criterion", "recist11", "--reader-sd", "1.5"]
    answer = json.loads(call(*arguments, "--json")[1])
    last = answer["chances"][-1]
    assert last["reported"] == "PD"
    assert 0.5 < last["chances"]["PD"] < 1
    assert {flip["lesion"] for flip in answer["flips"]} == {"T1", "T2", "T3"}
    out = call(*arguments)[1]
    assert "Chances at week 24: PD" in out
    assert "With T1 -2.7 mm at week 24 it would be PR." in out
