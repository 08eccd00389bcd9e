"""Dates move by one shift of the patient's own, together with their times of day, in the precision that they have."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from medcore.deidentify.keyed import LEAST_DAYS, MOST_DAYS, moved_day, stand_in_uid, time_shift
from medcore.deidentify.times import move_times, moved_date, moved_moment, moved_time

SHIFT = timedelta(days=-31, minutes=-20)


def item(**values: str) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def test_a_date_and_its_time_move_as_one_moment() -> None:
    ds = item(AcquisitionDate="20240301", AcquisitionTime="000512.25")
    assert move_times(ds, SHIFT) == 2
    assert (ds.AcquisitionDate, ds.AcquisitionTime) == ("20240129", "234512.25")


def test_a_date_alone_moves_by_whole_days() -> None:
    assert moved_date("20240301", SHIFT) == "20240130"


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("2024", "2023"),
        ("202403", "202401"),
        ("20240301", "20240130"),
        ("20240301120000.123456+0100", "20240130114000.123456+0100"),
    ],
)
def test_a_moment_keeps_its_precision(value: str, moved: str) -> None:
    assert moved_moment(value, timedelta(days=-31, minutes=-20)) == moved


@pytest.mark.parametrize("value", ["", "yesterday", "20241399", "DOE JOHN", "1e9"])
def test_what_is_no_date_is_blanked(value: str) -> None:
    assert moved_date(value, SHIFT) == moved_moment(value, SHIFT) == moved_time(value, SHIFT) == ""


def test_a_birthday_is_not_among_what_moves() -> None:
    ds = item(PatientBirthDate="19510203", LastMenstrualDate="20240101")
    assert move_times(ds, SHIFT) == 0


@settings(max_examples=60, deadline=None)
@given(
    first=st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)),
    second=st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)),
    patient=st.text(min_size=1, max_size=12),
)
def test_intervals_stay_whatever_the_patient(first: datetime, second: datetime, patient: str) -> None:
    shift = time_shift(b"key", patient)
    moments = []
    for moment in (first, second):
        ds = item(StudyDate=moment.strftime("%Y%m%d"), StudyTime=moment.strftime("%H%M%S"))
        move_times(ds, shift)
        moments.append(datetime.strptime(ds.StudyDate + ds.StudyTime, "%Y%m%d%H%M%S"))
    assert moments[1] - moments[0] == second.replace(microsecond=0) - first.replace(microsecond=0)
    assert timedelta(days=LEAST_DAYS) <= -shift < timedelta(days=MOST_DAYS + 1)


def test_days_in_the_store_move_as_days_in_a_file() -> None:
    shift = time_shift(b"key", "somebody")
    assert moved_day(date(2024, 3, 1), shift).strftime("%Y%m%d") == moved_date("20240301", shift)


def test_nobody_is_not_moved() -> None:
    assert time_shift(b"key", "") == timedelta(0)


def test_uids_of_the_standard_and_empty_ones_stay() -> None:
    assert stand_in_uid(b"key", "1.2.840.10008.5.1.4.1.1.2") == "1.2.840.10008.5.1.4.1.1.2"
    assert stand_in_uid(b"key", "") == ""
    assert stand_in_uid(b"key", "1.2.840.100081.5").startswith("2.25.")
