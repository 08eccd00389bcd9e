"""Tables of lesions over time: what is read, and how each kind of bad table is told."""

import pytest

from medcore.errors import HistoryError
from medcore.records import LesionRole, LesionStatus, PatientState, Steroids, Timepoint, Trend
from medcore.workbench.assess import Refused, assess_all, assess_table, criteria
from medcore.workbench.history_table import read_history, write_history
from tests.criteria.histories import as_timepoints, random_history

HEADER = "timepoint,date,lesion,organ,node,role,longest_mm,status"
GOOD = "0,2026-01-05,T1,liver,0,target,20,measured\n1,2026-03-02,T1,liver,0,target,12,measured\n"


def table(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows]).encode()


def labels(data: bytes) -> list[str]:
    return [visit.label for visit in read_history(data).timepoints]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_a_table_of_any_spreadsheet_is_read(separator: str, encoding: str) -> None:
    text = f"{HEADER}\r\n{GOOD}".replace("liver", "肝").replace(",", separator)
    visits = read_history(text.encode(encoding)).timepoints
    assert [visit.lesions[0].longest_mm for visit in visits] == [20, 12]
    assert visits[0].lesions[0].organ == "肝"


def test_every_history_comes_back_from_its_own_table() -> None:
    for seed in range(30):
        visits = tuple(as_timepoints(*random_history(seed)))
        assert read_history(write_history(visits).encode()).timepoints == visits


def test_the_state_of_the_patient_comes_back_too() -> None:
    state = PatientState(Trend.WORSE, Steroids.LESS, deauville=4, weight_kg=70.5, height_cm=175, sex="F")
    visits = (Timepoint("week 1", None, (), state, baseline=True),)
    assert read_history(write_history(visits).encode()).timepoints == visits


@pytest.mark.parametrize(
    ("row", "line", "text", "hint"),
    [
        ("1,2026-03-02,T1,liver,0,target,abc,measured", 4, "not a number", "unit is in its name"),
        ("1,2026-03-02,T1,liver,0,target,12 mm,measured", 4, "not a number", "unit is in its name"),
        ("1,2026-03-02,T1,liver,0,target,nan,measured", 4, "plausible", "unit"),
        ("1,2026-03-02,T1,liver,0,target,-3,measured", 4, "plausible", "0 to 600"),
        ("1,2026-03-02,T1,liver,0,target,12000,measured", 4, "plausible", "unit"),
        ("1,02/03/2026,T1,liver,0,target,12,measured", 4, "not a date", "2026-01-31"),
        ("1,2026-03-02,T1,liver,0,tagret,12,measured", 4, "role", "nontarget"),
        ("1,2026-03-02,T1,liver,0,target,12,shrunk", 4, "status", "too_small"),
        ("1,2026-03-02,T1,liver,maybe,target,12,measured", 4, "not 0 or 1", "node"),
        ("1,2026-03-02,T1,liver,0,target,,measured", 4, "no measurement", "absent"),
        ("1,2026-03-02,T1,liver,0,,12,measured", 4, "role is missing", "target"),
        ("1,2026-03-02,,liver,0,target,12,measured", 4, "lesion is missing", "name"),
        (",2026-03-02,T1,liver,0,target,12,measured", 4, "time point is missing", "visit"),
        ("1,2026-03-02,T1,liver,0,target,,merged", 4, "merged", "merged_into"),
        ("1,2026-03-02,T1,liver,0,target,12,measured,7", 4, "more cells", "quotes"),
    ],
)
def test_a_bad_row_is_named_by_its_line(row: str, line: int, text: str, hint: str) -> None:
    data = table("0,2026-01-05,T1,liver,0,target,20,measured", "", row)  # an empty line counts as a line
    with pytest.raises(HistoryError) as caught:
        read_history(data)
    assert f"Line {line}" in str(caught.value)
    assert text in str(caught.value)
    assert hint in str(caught.value.hint)


def test_all_bad_rows_are_named_at_once() -> None:
    with pytest.raises(HistoryError, match=r"Line 2: .* More bad lines: 3, 5\."):
        read_history(table("0,x,T1,,0,target,1,", "0,x,T2,,0,target,1,", "0,,T3,,0,target,1,", "0,,T4,,0,boss,1,"))


@pytest.mark.parametrize("column", ["longest_cm", "longest", "volume_mm3", "volume_cc", "diameter", "suv_max"])
def test_a_column_in_another_unit_is_refused(column: str) -> None:
    with pytest.raises(HistoryError, match="unit") as caught:
        read_history(table("0,T1,target,1", header=f"timepoint,lesion,role,{column}"))
    assert "longest_mm" in str(caught.value.hint)


def test_a_mistyped_column_is_refused_with_the_right_name_and_another_is_left_out_aloud() -> None:
    with pytest.raises(HistoryError, match="longest_mn") as caught:
        read_history(table("0,T1,target,1", header="timepoint,lesion,role,longest_mn"))
    assert "longest_mm" in str(caught.value.hint)
    issues = read_history(table("0,T1,target,20,ok", header="timepoint,lesion,role,longest_mm,remark")).issues
    assert [issue.code for issue in issues] == ["unused_column"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "no rows"),
        (b"timepoint,lesion,role\n", "no rows"),
        (b"timepoint,lesion\n0,T1\n", "lacks the column role"),
        (b"timepoint,lesion,role,role\n0,T1,target,new\n", "two columns"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not a text file"),
        (b"x" * 20_000_001, "limit"),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, text: str) -> None:
    with pytest.raises(HistoryError, match=text):
        read_history(data)


def test_two_readings_of_one_lesion_are_refused_and_a_repeated_row_is_left_out_aloud() -> None:
    one = "0,2026-01-05,T1,liver,0,target,20,measured"
    with pytest.raises(HistoryError, match="Lines 2 and 3"):
        read_history(table(one, one.replace("20,m", "21,m")))
    found = read_history(table(one, one))
    assert [issue.code for issue in found.issues] == ["repeated_row"]
    assert len(found.timepoints[0].lesions) == 1


def test_one_visit_with_two_dates_is_refused() -> None:
    with pytest.raises(HistoryError, match="Line 3: the date of 0"):
        read_history(table("0,2026-01-05,T1,,0,target,20,", "0,2026-01-06,T2,,0,target,20,"))


def test_two_patients_are_refused() -> None:
    with pytest.raises(HistoryError, match="2 patients"):
        read_history(table("0,T1,target,a", "1,T1,target,b", header="timepoint,lesion,role,patient"))


@pytest.mark.parametrize("second", ["baseline 2", "Baseline", "BL"])
def test_two_baselines_are_refused(second: str) -> None:
    rows = ["baseline,2026-01-05,T1,,0,target,20,", f"{second},2026-02-05,T1,,0,target,20,"]
    with pytest.raises(HistoryError, match="two baselines"):
        read_history(table(*rows))


def test_numbered_visits_whose_dates_go_back_are_refused() -> None:
    with pytest.raises(HistoryError, match="Line 3: the dates are out of order"):
        read_history(table("0,2026-03-05,T1,,0,target,20,", "1,2026-02-05,T1,,0,target,20,"))


def test_visits_are_put_in_order() -> None:
    numbered = table("10,,T1,,0,target,20,", "9,,T1,,0,target,20,")
    assert labels(numbered) == ["9", "10"], "by number, not by text"
    dated = table("later,2026-02-05,T1,,0,target,20,", "first,2026-01-05,T1,,0,target,20,")
    assert labels(dated) == ["first", "later"]
    assert [issue.code for issue in read_history(dated).issues] == ["sorted_by_date"]


def test_a_named_baseline_after_the_screening_is_the_baseline() -> None:
    rows = ["screening,2026-01-01,T1,,0,target,30,", "baseline,2026-01-05,T1,,0,target,20,"]
    answer = assess_table(table(*rows, "week 8,2026-03-05,T1,,0,target,14,"), "recist11")
    assert [(row.timepoint, row.overall) for row in answer.timepoints] == [("baseline", "BASELINE"), ("week 8", "PR")]
    assert "before_baseline" in {issue.code for issue in answer.issues}


def test_an_empty_cell_is_not_assessed_and_never_stable() -> None:
    answer = assess_table(table("0,2026-01-05,T1,,0,target,20,", "1,2026-03-02,T1,,0,target,,"), "recist11")
    assert answer.timepoints[1].overall == "NE"
    assert any("Line 3" in str(issue.message) for issue in answer.issues)


def test_roles_and_statuses_may_be_written_with_hyphens_and_capitals() -> None:
    lesion = read_history(table("0,,T1,,yes,Non-Target,,Not assessed")).timepoints[0].lesions[0]
    assert (lesion.role, lesion.status, lesion.node) == (LesionRole.NONTARGET, LesionStatus.NOT_ASSESSED, True)


def test_sizes_that_look_like_centimetres_or_swapped_diameters_are_questioned() -> None:
    data = table("0,T1,target,2,2.5", header="timepoint,lesion,role,longest_mm,perpendicular_mm")
    assert {issue.code for issue in read_history(data).issues} == {"across_longer", "maybe_centimetres"}


def test_all_criteria_side_by_side_say_why_they_cannot_be_applied() -> None:
    visits = read_history(table("0,2026-01-05,T1,,0,target,20,", "1,2026-03-02,T2,,0,target,20,")).timepoints
    answers = assess_all(visits)
    assert len(answers) == len(criteria())
    assert all(isinstance(answer, Refused) for answer in answers)
