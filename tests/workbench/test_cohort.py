"""A table of several patients: each is assessed alone, a bad one stops nobody, the best change ends at progression."""

from datetime import date

import pytest

from medcore.errors import HistoryError
from medcore.workbench.cohort import cohort, waterfall_order
from medcore.workbench.history_table import patients, read_history
from medcore.workbench.treatments import Treatment, read_treatments

TABLE = b"""patient,timepoint,date,lesion,role,longest_mm
P1,a,2024-01-01,L1,target,50
P1,b,2024-03-01,L1,target,30
P1,c,2024-05-01,L1,target,40
P1,d,2024-07-01,L1,target,10
P2,a,2024-01-01,L1,target,20
P2,b,2024-03-01,L1,target,26
P3,a,2024-05-01,L1,target,20
P3,b,2024-03-01,L1,nontarget,26
"""


def test_every_patient_is_assessed_alone_and_a_bad_one_stops_nobody() -> None:
    assert patients(TABLE) == ("P1", "P2", "P3")
    first, second, third = cohort(TABLE, "recist11")
    assert first.response is not None and [row.overall for row in first.response.timepoints[1:]] == ["PR", "PD", "PR"]
    # 50 -> 30 is -40 %; the later 10 mm stand after progression at c (33 % above the nadir of 30 mm)
    assert first.best_change_percent == pytest.approx(-40.0)
    assert second.best_change_percent == pytest.approx(30.0) and second.response is not None
    assert third.response is None and third.refusal is not None and third.best_change_percent is None
    assert [one.patient for one in waterfall_order((first, second, third))] == ["P2", "P1"]


def test_one_patient_of_a_table_is_read_and_all_together_are_refused() -> None:
    assert len(read_history(TABLE, patient="P2").timepoints) == 2
    with pytest.raises(HistoryError, match="3 patients"):
        read_history(TABLE)
    assert patients(b"timepoint,lesion,role\na,L1,target\n") == ()


def test_treatments_of_a_cohort_are_read_and_a_day_that_cannot_be_read_names_its_line() -> None:
    table = b"patient,treatment,start,end\nP1,A,2024-01-02,2024-02-03\nP1,B,2024-02-04,\nP2,A,2024-03-05\n"
    found = read_treatments(table)
    assert found["P1"] == (Treatment("A", date(2024, 1, 2), date(2024, 2, 3)), Treatment("B", date(2024, 2, 4)))
    assert found["P2"][0].end is None
    with pytest.raises(HistoryError, match="Line 2: a day"):
        read_treatments(b"patient,treatment,start,end\nP1,A,2.1.2024,\n")
    with pytest.raises(HistoryError, match="lacks the column"):
        read_treatments(b"patient,start\nP1,2024-01-01\n")
    members = cohort(TABLE, "recist11", treatments=found)
    assert members[0].days[0] == date(2024, 1, 1) and members[0].days[-1] == date(2024, 7, 1)
