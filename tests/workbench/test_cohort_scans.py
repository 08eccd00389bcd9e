"""A cohort's table is read by its columns; every patient has rows, also those who could not be compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medcore.comparison.compare import Moment, compare
from medcore.criteria import load_criterion
from medcore.errors import HistoryError
from medcore.volume import Geometry, Mask, Unit, Volume
from medcore.workbench.cohort_scans import COLUMNS, cohort_csv, cohort_rows, failed_rows, lone_rows, read_cohort

HERE = Path("/data")
TABLE = "patient,day,scan,mask\nB,9,b9.nii,b9m.nii\nA,1,a1.nii,\nB,-2,b0.nii,b0m.nii\n"


def test_studies_are_gathered_by_patient_and_ordered_by_day() -> None:
    first, second = read_cohort(TABLE.encode(), HERE)
    assert (first.name, [one.scan.name for one in first.studies]) == ("B", ["b0.nii", "b9.nii"])
    assert first.studies[0].mask == HERE / "b0m.nii" and second.studies[0].mask is None
    dated = read_cohort(b"file,patient,date\nx.jpg,P,2021-06-01\ny.jpg,P,2021-03-01\n", HERE)
    assert [one.scan.name for one in dated[0].studies] == ["y.jpg", "x.jpg"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "needs the columns"),
        ("patient,mask\nA,b\n", "needs the columns"),
        ("patient,scan\n,x\n", "Line 2"),
        ("patient,scan,day\nA,x,soon\n", "is no number"),
        ("patient,scan,date\nA,x,31.1.2026\n", "write it as"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_its_line(table: str, said: str) -> None:
    with pytest.raises(HistoryError, match=said):
        read_cohort(table.encode(), HERE)


def test_untrue_millimetres_give_a_relative_category_and_no_millilitres() -> None:
    geometry = Geometry.from_spacing((1.0, 1.0, 1.0))
    scan = Volume(np.zeros((12, 64, 64), dtype=np.int16), Unit.GREY, "MR", geometry)
    labels = [np.zeros((12, 64, 64), dtype=np.uint8) for _ in range(2)]
    labels[0][4:8, 20:30, 20:30], labels[1][4:8, 20:30, 20:40] = 1, 1
    moments = [Moment(f"T{k}", scan, Mask(one, {1: "lesion"}, geometry)) for k, one in enumerate(labels)]
    found = compare(moments, load_criterion("volumetric"))
    patient, _ = read_cohort(TABLE.encode(), HERE)
    _, row = cohort_rows(patient, found, None)
    assert (row["volume_ml"], row["volume_change_percent"], row["voxels"]) == ("", "100.0", "800")
    assert (row["category"], row["relative_category"]) == ("NE", "PD")


def test_nobody_is_left_out_in_silence() -> None:
    patient, alone = read_cohort(TABLE.encode(), HERE)
    rows = [*failed_rows(patient, "unreadable"), *lone_rows(alone, None)]
    assert [row["problem"] for row in rows] == ["unreadable", "unreadable", "one study"]
    text = cohort_csv(rows).decode("utf-8-sig")
    assert text.splitlines()[0].split(",") == list(COLUMNS) and len(text.splitlines()) == 4
