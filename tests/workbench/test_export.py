"""What leaves the store carries a pseudonym, moved dates and the notice, and reads back as the scan it was."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from medcore.deidentify.pixels import Rectangle
from medcore.errors import ExportError, NotFoundError
from medcore.exports.study_files import ExportFormat
from medcore.imaging.measured import measured
from medcore.intake import Source
from medcore.predictions import Classification, Score, Segmentation
from medcore.records import DatePolicy, Run, Study
from medcore.volume import Mask, MaskOrigin
from medcore.workbench import release
from medcore.workbench.corrected import Standing
from medcore.workbench.export import Choice
from medcore.workbench.originals import Order
from medcore.workbench.release import Look
from medcore.workbench.studies import uploaded
from medcore.workbench.workbench import Workbench
from tests.readers.factory import ct_series, dx, zipped

ALL = (ExportFormat.DICOM, ExportFormat.NIFTI, ExportFormat.NRRD, ExportFormat.PNG, ExportFormat.SEG)
NOTICE = "not a medical device"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for text takes seconds and has its own tests."""
    monkeypatch.setattr(release, "look_at", lambda volume, covers=(): Look("tesseract"))


@pytest.fixture
def scanned(workbench: Workbench) -> Study:
    """A scan whose secrets are too long to turn up by chance in new UIDs, pseudonyms or packed voxels."""
    series = ct_series(6, PatientName="ZANZIBAR^JOHN", PatientID="HOSP-4711", SeriesDescription="Zanzibar John chest")
    files = {f"{k}.dcm": data for k, data in enumerate(series)}
    return workbench.studies.add([uploaded("Zanzibar John.zip", zipped(files))]).added[0]


def plain(path: Path) -> bytes:
    """The bytes of a file, unpacked where it is packed as a whole."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def with_mask(workbench: Workbench, study: Study) -> np.ndarray:
    scan = study.scans[0].id
    volume = workbench.studies.volume(scan)
    labels = np.zeros(volume.shape, np.uint8)
    labels[2, 4:9, 3:7], labels[3, 1:3, 1:3] = 2, 5
    mask = Mask(labels, {2: "lesion", 5: "Zanzibar^John"}, volume.geometry)
    workbench.store.save_mask(scan, mask, name="Zanzibar", origin=MaskOrigin.DRAWN)
    return labels


def test_every_format_reads_back_as_the_same_voxels_in_the_same_place(
    workbench: Workbench, scanned: Study, tmp_path: Path
) -> None:
    with_mask(workbench, scanned)
    written = workbench.export.write(scanned, Choice(ALL), tmp_path / "out")
    assert written.left_out == ()
    before = workbench.studies.volume(scanned.scans[0].id)
    for form in ("dicom", "nifti/scan-01.nii.gz", "nrrd/scan-01.nrrd"):
        (found,) = workbench.studies.add([Source("back", path=tmp_path / "out" / form)]).added
        after = workbench.studies.volume(found.scans[0].id)
        assert np.array_equal(after.voxels, before.voxels)
        assert after.geometry.close_to(before.geometry)


def test_a_mask_leaves_as_a_seg_that_our_reader_lays_on_the_scan_again(
    workbench: Workbench, scanned: Study, tmp_path: Path
) -> None:
    labels = with_mask(workbench, scanned)
    workbench.export.write(scanned, Choice((ExportFormat.DICOM, ExportFormat.SEG)), tmp_path / "out")
    seg = pydicom.dcmread(tmp_path / "out" / "dicom_seg" / "scan-01-mask-01.dcm")
    assert NOTICE in seg.SeriesDescription
    assert "Zanzibar" not in str(seg)
    report = workbench.studies.add([Source("back", path=tmp_path / "out")])
    (mask,) = report.masks
    back = workbench.studies.mask(mask.id)
    assert np.array_equal(back.labels > 0, labels > 0)
    assert len(set(back.names.values())) == 2


def test_nothing_that_leaves_names_the_patient_or_the_day(workbench: Workbench, scanned: Study, tmp_path: Path) -> None:
    with_mask(workbench, scanned)
    written = workbench.export.write(scanned, Choice(ALL), tmp_path / "out")
    for path in written.files:
        name, data = str(path.relative_to(tmp_path)), plain(path)
        for secret in ("zanzibar", "hosp-4711", "19510203", "20240131", "1.2.826.0.1.3680043.10.1"):
            assert secret not in name.lower()
            assert secret.encode() not in data.lower(), name
        assert workbench.studies.get(scanned.id).patient.encode() in data or path.suffix != ".dcm"


def test_dates_move_by_the_same_days_as_in_original_files(workbench: Workbench, scanned: Study, tmp_path: Path) -> None:
    original = tmp_path / "one.dcm"
    original.write_bytes(ct_series(1)[0])
    report = workbench.originals.clean([original], tmp_path / "clean", Order())
    workbench.export.write(scanned, Choice((ExportFormat.DICOM,)), tmp_path / "out")
    ours = pydicom.dcmread(next((tmp_path / "out" / "dicom").rglob("*.dcm")))
    theirs = pydicom.dcmread(report.written[0])
    assert ours.PatientID == theirs.PatientID == scanned.patient
    apart = date.fromisoformat(ours.StudyDate) - date.fromisoformat(theirs.StudyDate)
    assert abs(apart.days) <= 1  # the store knows no time of day
    assert ours.StudyDate != "20240131"


@pytest.mark.parametrize(("dates", "said"), [(DatePolicy.KEEP, "UNMODIFIED"), (DatePolicy.DROP, "REMOVED")])
def test_the_date_policy_of_an_export_is_kept_and_said(
    workbench: Workbench, scanned: Study, tmp_path: Path, dates: DatePolicy, said: str
) -> None:
    workbench.export.write(scanned, Choice((ExportFormat.DICOM,), dates), tmp_path / "out")
    ds = pydicom.dcmread(next((tmp_path / "out" / "dicom").rglob("*.dcm")))
    assert ds.LongitudinalTemporalInformationModified == said
    assert (ds.StudyDate == "20240131") == (dates is DatePolicy.KEEP)


def test_a_date_that_moved_on_its_way_in_does_not_move_again(workbench: Workbench, tmp_path: Path) -> None:
    (study,) = workbench.studies.add([uploaded("x.dcm", dx())], dates=DatePolicy.SHIFT).added
    assert study.acquired_on is not None
    assert study.acquired_on != date(2024, 1, 31)
    workbench.export.write(study, Choice((ExportFormat.DICOM,)), tmp_path / "out")
    ds = pydicom.dcmread(next((tmp_path / "out" / "dicom").rglob("*.dcm")))
    assert ds.AcquisitionDate == study.acquired_on.strftime("%Y%m%d")
    assert ds.LongitudinalTemporalInformationModified == "MODIFIED"


def test_covered_parts_are_black_in_every_format(workbench: Workbench, scanned: Study, tmp_path: Path) -> None:
    scan = scanned.scans[0].id
    choice = Choice((ExportFormat.DICOM, ExportFormat.NRRD), covers={scan: (Rectangle(0, 0, 4, 5),)})
    workbench.export.confirm(scanned, [scan], who="A", why="covered", covers=choice.covers)
    workbench.export.write(scanned, choice, tmp_path / "out")
    (back,) = workbench.studies.add([Source("b", path=tmp_path / "out" / "nrrd")]).added
    after, before = workbench.studies.volume(back.scans[0].id).voxels, workbench.studies.volume(scan).voxels
    assert np.all(after[:, :4, :5] == before.min())
    assert np.array_equal(after[:, 4:], before[:, 4:])
    ds = pydicom.dcmread(next((tmp_path / "out" / "dicom").rglob("*.dcm")))
    assert "113101" in {item.CodeValue for item in ds.DeidentificationMethodCodeSequence}


def test_a_package_is_a_zip_with_the_notice_and_no_time(workbench: Workbench, scanned: Study) -> None:
    package = workbench.export.package(scanned, Choice((ExportFormat.PNG,)))
    with zipfile.ZipFile(io.BytesIO(package.data)) as archive:
        assert archive.namelist() == ["png/scan-01.png", "NOTICE.txt"]
        assert NOTICE in archive.read("NOTICE.txt").decode()
        assert NOTICE.encode() in archive.read("png/scan-01.png")
        assert {entry.date_time[0] for entry in archive.infolist()} == {2000}
    assert "Zanzibar" not in package.name


def test_a_format_that_cannot_take_a_scan_is_left_out_and_said(workbench: Workbench, tmp_path: Path) -> None:
    (study,) = workbench.studies.add([uploaded("x.dcm", dx())]).added
    written = workbench.export.write(study, Choice((ExportFormat.NIFTI, ExportFormat.PNG)), tmp_path / "out")
    assert [one.form for one in written.left_out] == [ExportFormat.NIFTI]
    assert ExportFormat.NIFTI not in workbench.export.formats(study)


def test_an_export_goes_into_an_empty_folder_only(workbench: Workbench, scanned: Study, tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("old")
    with pytest.raises(ExportError):
        workbench.export.write(scanned, Choice((ExportFormat.PNG,)), tmp_path)
    assert (tmp_path / "old.txt").exists()


def test_an_unknown_id_is_neither_study_nor_result(workbench: Workbench) -> None:
    with pytest.raises(NotFoundError):
        workbench.export.resolve("nothing")


def test_results_are_a_table_with_the_notice_in_each_row(workbench: Workbench, scanned: Study, tmp_path: Path) -> None:
    workbench.store.save_prediction(classification(scanned))
    assert ExportFormat.CSV in workbench.export.formats(scanned)
    workbench.export.write(scanned, Choice((ExportFormat.CSV,)), tmp_path / "out")
    rows = list(csv.DictReader((tmp_path / "out" / "results.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert [(row["label"], row["probability"], row["positive"]) for row in rows] == [("opacity", "0.730000", "1")]
    assert all(NOTICE in row["notice"] for row in rows)
    assert rows[0]["study_date"] not in ("", "2024-01-31")
    study, run = workbench.export.resolve(rows[0]["run"])
    assert (study.id, run) == (scanned.id, rows[0]["run"])


def test_a_result_leaves_as_its_reader_left_it_and_says_so(
    workbench: Workbench, scanned: Study, tmp_path: Path
) -> None:
    volume = workbench.studies.volume(scanned.scans[0].id)
    labels = np.zeros(volume.shape, np.uint8)
    labels[2, 4:9, 3:7], labels[4, 1:3, 1:3] = 1, 1
    mask = Mask(labels, {1: "nodule"}, volume.geometry)
    run = classification(scanned).run
    workbench.store.save_prediction(Segmentation(run, mask, measured(mask)))
    forms = (ExportFormat.NIFTI, ExportFormat.SEG, ExportFormat.CSV, ExportFormat.JSON)
    before = workbench.export.write(scanned, Choice(forms, run=run.id), tmp_path / "before")
    review = workbench.corrections.review(workbench.store.prediction(run.id))
    workbench.corrections.judge(review, "2", Standing.REJECTED, by="Dr Zanzibar")
    after = workbench.export.write(scanned, Choice(forms, run=run.id), tmp_path / "after")
    assert {path.name for path in after.files} == {path.name for path in before.files}
    seg = [pydicom.dcmread(tmp_path / when / "dicom_seg" / "scan-01-mask-01.dcm") for when in ("before", "after")]
    assert [one.SegmentSequence[0].SegmentAlgorithmType for one in seg] == ["AUTOMATIC", "SEMIAUTOMATIC"]
    assert seg[0].SOPInstanceUID != seg[1].SOPInstanceUID
    kept = nibabel.load(tmp_path / "after" / "nifti" / "scan-01-mask-01.nii.gz")
    assert int(np.count_nonzero(np.asarray(kept.dataobj))) == 20, "the rejected one of 4 voxels is gone"
    (result,) = json.loads((tmp_path / "after" / "results.json").read_text())["results"]
    assert [(one["read"], one["counts"]) for one in result["lesions"]] == [("open", 1), ("rejected", 0)]
    assert all(b"Zanzibar" not in plain(path) for path in after.files)


def classification(study: Study) -> Classification:
    """A result of one label, positive at 0.73."""
    run = Run(
        id="run-1",
        study=study.id,
        scan=study.scans[0].id,
        scan_sha256=study.scans[0].sha256,
        task="chest_xray",
        model="m",
        model_version="1",
        weights_sha256="0" * 64,
        preprocessing={},
        device="cpu",
        precision="float32",
        seconds=0.1,
        software={},
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return Classification(run, (Score("opacity", 0.73, 0.42),))
