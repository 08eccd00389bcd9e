"""The verbs studies, export and deidentify, called as a program calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from medcore.__main__ import main
from medcore.settings import Settings
from medcore.workbench import originals, release
from medcore.workbench.release import Look
from medcore.workbench.studies import uploaded
from medcore.workbench.workbench import Workbench
from tests.deidentify.canaries import canary_file
from tests.readers.factory import ct, ct_series, dx, zipped

Call = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Run a verb with --json in this process; gives exit code and answer."""
    monkeypatch.setenv("MEDCORE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MEDCORE_DECODE_WORKERS", "1")
    for module in (release, originals):
        monkeypatch.setattr(module, "look_at", lambda volume, covers=(): Look("tesseract"))

    def run(*arguments: object) -> tuple[int, dict[str, Any]]:
        code = 0
        try:
            main([*map(str, arguments), "--json"])
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, json.loads(capfd.readouterr().out)

    return run


@pytest.fixture
def stored(call: Call, tmp_path: Path) -> str:
    """Id of a stored ultrasound study."""
    bench = Workbench.open(Settings(data_dir=tmp_path / "data", decode_workers=1))
    colour = np.random.default_rng(0).integers(0, 200, (40, 60, 3), dtype=np.uint8)
    data = dx(pixels=colour, Modality="US", BodyPartExamined=None, ImagerPixelSpacing=None, BitsStored=8, HighBit=7)
    (study,) = bench.studies.add([uploaded("us.dcm", data)]).added
    bench.close()
    return study.id


def test_an_export_is_held_checked_released_and_written(call: Call, stored: str, tmp_path: Path) -> None:
    code, listed = call("studies")
    assert (code, listed["studies"][0]["id"]) == (0, stored)
    code, answer = call("export", stored, "--format", "png", "--out", tmp_path / "out")
    assert (code, answer["error"]["type"]) == (2, "BurnedInTextError")
    code, checked = call("export", stored, "--check")
    assert (code, checked["held"][0]["blocked"], checked["held"][0]["scan"]) == (0, True, 1)
    release_it = ("--confirmed-by", "Dr. R", "--because", "no text", "--cover", "1:0,0,4,9")
    code, answer = call(
        "export", stored, "--format", "png", "--format", "dicom", "--out", tmp_path / "out", *release_it
    )
    assert code == 0
    assert sorted(Path(path).name for path in answer["files"]) == ["0001.dcm", "NOTICE.txt", "scan-01.png"]
    assert np.all(pydicom.dcmread(tmp_path / "out/dicom/scan-01/0001.dcm").pixel_array[:4, :9] == 0)
    assert "PatientName" in answer["removed"]


WRONG = (
    (("nothing", "--format", "png", "--out", "x"), "NotFoundError"),
    (("STUDY", "--format", "gif", "--out", "x"), "ExportError"),
    (("STUDY", "--format", "png"), "ExportError"),
    (("STUDY", "--format", "png", "--out", "x", "--cover", "9:1,2,3,4"), "ExportError"),
    (("STUDY", "--format", "png", "--out", "x", "--confirmed-by", "me"), "ExportError"),
)


def test_a_wrong_export_is_explained(call: Call, stored: str) -> None:
    for arguments, kind in WRONG:  # one store for all: making it takes longer than the calls
        code, answer = call("export", *(stored if word == "STUDY" else word for word in arguments))
        assert (code, answer["error"]["type"]) == (2, kind), arguments


def test_original_files_are_deidentified_and_named_after_nothing(call: Call, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Zanzibar John.dcm").write_bytes(canary_file())
    files = {f"ZANZIBAR/{k}.dcm": data for k, data in enumerate(ct_series(3))} | {"ZANZIBAR/report.txt": b"Doe"}
    (tmp_path / "in" / "Zanzibar.zip").write_bytes(zipped(files))
    code, answer = call("deidentify", tmp_path / "in", "--out", tmp_path / "out")
    assert (code, len(answer["written"]), answer["held"]) == (0, 4, [])
    assert [one["type"] for one in answer["refused"]] == ["UnsupportedFormatError"]
    assert answer["removed"]["PatientName"] > 4  # nested items have one too
    for path in map(Path, answer["written"]):
        assert "zanzibar" not in str(path.relative_to(tmp_path)).lower()
        data = path.read_bytes().lower()
        assert not [secret for secret in (b"doe^john", b"doe john", b"hosp-4711", b"knry") if secret in data]
    series = [path for path in map(Path, answer["written"]) if pydicom.dcmread(path).PatientID]
    assert len({path.parent for path in series}) == 2


def test_an_original_that_may_show_a_name_is_held_until_somebody_answers_for_it(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "us.dcm"
    path.write_bytes(ct(Modality="US", SOPClassUID="1.2.840.10008.5.1.4.1.1.7"))
    code, answer = call("deidentify", path, "--out", tmp_path / "a")
    assert (code, answer["written"], len(answer["held"])) == (0, [], 1)
    assert len(answer["held"][0]["reasons"]) == 2
    yes = ("--confirmed-by", "Dr. R", "--because", "phantom", "--cover", "0,0,5,5")
    code, answer = call("deidentify", path, "--out", tmp_path / "b", *yes)
    assert len(answer["written"]) == 1
    assert np.ptp(pydicom.dcmread(answer["written"][0]).pixel_array[:5, :5]) == 0


def test_two_files_with_one_uid_are_both_kept(call: Call, tmp_path: Path) -> None:
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / name).write_bytes(ct())
    code, answer = call("deidentify", tmp_path / "a.dcm", tmp_path / "b.dcm", "--out", tmp_path / "out")
    assert code == 0
    assert len(set(answer["written"])) == 2
    code, answer = call("deidentify", tmp_path / "a.dcm", "--out", tmp_path / "out")
    assert (code, answer["error"]["type"]) == (2, "ExportError")
