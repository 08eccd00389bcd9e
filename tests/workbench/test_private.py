"""Identity never enters the store: canaries in headers, file names and regions are nowhere in its folder or in logs."""

from __future__ import annotations

import io
import logging
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from medcore.deidentify.titles import safe_title
from medcore.logs import set_up_logging
from medcore.records import DatePolicy, Study
from medcore.workbench.studies import uploaded
from medcore.workbench.workbench import Workbench
from tests.deidentify.canaries import UID_ROOT, canary_file
from tests.readers.factory import ct, dx, picture, zipped

CANARIES = ("knry", "zanzibar", "doe^", "hosp-4711", UID_ROOT)
GREY = np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8)


def everything_in(folder: Path) -> bytes:
    """Every byte of every file and every name of the store, the database's write-ahead log included."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = "\n".join(str(path.relative_to(folder)) for path in files).encode()
    return names + b"\n".join(path.read_bytes() for path in files)


def test_canaries_in_an_upload_are_nowhere_in_the_store_or_the_log(workbench: Workbench) -> None:
    log = io.StringIO()
    set_up_logging(level=logging.DEBUG, stream=log)
    upload = [
        uploaded("Zanzibar_Doe^John_19510203.dcm", canary_file()),
        uploaded("Zanzibar KNRY.png", picture(GREY)),
        uploaded("Zanzibar.zip", zipped({"KNRY Zanzibar/KNRY.dcm": canary_file(2), "KNRY/Zanzibar.txt": b"KNRY"})),
        uploaded("Zanzibar broken.dcm", canary_file(3)[:700]),
    ]
    try:
        report = workbench.studies.add(upload)
    finally:
        set_up_logging()
    assert len(report.added) == 2
    assert report.refused
    for kept in (everything_in(workbench.store.folder).lower(), log.getvalue().lower().encode()):
        for canary in CANARIES:
            assert canary.encode() not in kept, canary
            assert canary.encode("utf-16-le") not in kept, canary


def test_titles_keep_the_words_that_can_name_nobody(workbench: Workbench) -> None:
    names = ("chest PA 02.png", "Doe_John chest.png", "王小明.png", "19510203.png")
    report = workbench.studies.add([uploaded(name, picture(GREY + k)) for k, name in enumerate(names)])
    titles = [study.title for study in report.added]
    assert titles[0] == "chest PA 02"
    assert titles[1].startswith("chest ") and len(titles[1].split()[1]) == 4
    assert all(title.startswith("Picture ") for title in titles[2:])
    assert len(set(titles)) == 4
    assert [study.scans[0].name for study in report.added] == titles


@pytest.mark.parametrize(
    "name", ["Müller", "O'Brien", "SMITH^ANNA", "li.wei", "p1234567", "1951-02-03", "anna", "Case of Mrs Jones"]
)
def test_no_name_number_or_birthday_is_a_title(name: str) -> None:
    title = safe_title(name, "K7QX", fallback="Picture").lower()
    assert not {"müller", "brien", "smith", "anna", "li", "wei", "p1234567", "1951", "jones"} & set(title.split())
    assert title.endswith("k7qx")


def visit(day: str, **changes: str) -> bytes:
    uid = f"1.2.826.0.1.3680043.10.1.{day}"
    return dx(pixels=None, StudyInstanceUID=uid, SeriesInstanceUID=uid + ".1", SOPInstanceUID=uid + ".1.1",
              StudyDate=day, AcquisitionDate=day, **changes)  # fmt: skip


def only(workbench: Workbench, data: bytes, dates: DatePolicy | None = None) -> Study:
    return workbench.studies.add([uploaded("x.dcm", data)], dates=dates).added[0]


def test_dates_are_kept_moved_or_left_out(workbench: Workbench) -> None:
    days = [
        only(workbench, visit(day, PatientID=patient), policy).acquired_on
        for day, patient, policy in (
            ("20240131", "A1", None),
            ("20240201", "B1", DatePolicy.SHIFT),
            ("20240202", "C1", DatePolicy.DROP),
        )
    ]
    assert days[0] == date(2024, 1, 31)
    assert days[1] is not None and date(2014, 1, 1) < days[1] < date(2024, 1, 2)
    assert days[2] is None
    assert b"2024-02-01" not in everything_in(workbench.store.folder)


def test_intervals_of_a_patient_stay_when_dates_move(workbench: Workbench) -> None:
    first = only(workbench, visit("20240131", PatientID="A1"), DatePolicy.SHIFT)
    second = only(workbench, visit("20240301", PatientID="A1"), DatePolicy.SHIFT)
    assert first.acquired_on and second.acquired_on
    assert second.acquired_on - first.acquired_on == timedelta(days=30)


def test_a_patient_who_is_here_already_is_treated_as_before(workbench: Workbench) -> None:
    first = only(workbench, visit("20240131", PatientID="A1"), DatePolicy.SHIFT)
    second = only(workbench, visit("20240301", PatientID="A1"), DatePolicy.KEEP)
    assert first.acquired_on and second.acquired_on
    assert second.acquired_on - first.acquired_on == timedelta(days=30)
    assert "dates_as_before" in {issue.code for issue in second.scans[0].issues}


def test_the_policy_of_the_installation_counts_where_nothing_is_chosen(workbench: Workbench) -> None:
    strict = replace(workbench.studies, settings=replace(workbench.settings, dates="drop"))
    assert strict.add([uploaded("x.dcm", ct())]).added[0].acquired_on is None
