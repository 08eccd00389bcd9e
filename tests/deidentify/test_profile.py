"""610 canaries and more go in, none comes out: in the dataset, in nested items, in file meta, preamble and overlays."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from medcore.deidentify.keyed import time_shift
from medcore.deidentify.profile import Removed, Subject, deidentify, table
from medcore.deidentify.times import LONGITUDINAL
from medcore.records import DatePolicy
from tests.deidentify.canaries import attributes, canary_file, header_bytes, known, survivors
from tests.readers.factory import ct, ct_dataset, saved

SECRET = b"a key of this installation"


def cleaned(data: bytes, *, dates: DatePolicy = DatePolicy.SHIFT, patient: str = "PSEUDONYM1") -> tuple[bytes, Removed]:
    ds = pydicom.dcmread(io.BytesIO(data))
    removed = deidentify(ds, Subject(patient, time_shift(SECRET, patient)), secret=SECRET, dates=dates)
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue(), removed


def header(data: bytes) -> bytes:
    """All of a file but its pixels, which would hold a canary's letters by chance."""
    ds = pydicom.dcmread(io.BytesIO(data))
    return data[:128] + header_bytes(ds.file_meta) + header_bytes(ds)


@pytest.fixture(scope="module")
def planted() -> bytes:
    return canary_file()


def test_the_canary_file_holds_all_attributes_of_the_table_three_times(planted: bytes) -> None:
    assert len(attributes()) >= 610
    found = survivors(header(planted))
    assert found["text"] > 3 * 383
    assert found["date"] > 3 * 150
    assert found["uid"] > 3 * 57


@pytest.mark.parametrize("dates", [DatePolicy.SHIFT, DatePolicy.DROP])
def test_no_canary_survives(planted: bytes, dates: DatePolicy) -> None:
    data, _ = cleaned(planted, dates=dates)
    assert survivors(header(data)) == {"text": 0, "date": 0, "time": 0, "uid": 0, "number": 0}


def test_kept_dates_are_those_of_the_imaging_only(planted: bytes) -> None:
    data, _ = cleaned(planted, dates=DatePolicy.KEEP)
    found = survivors(header(data))
    assert (found["text"], found["uid"], found["number"]) == (0, 0, 0)
    before, after = pydicom.dcmread(io.BytesIO(planted)), pydicom.dcmread(io.BytesIO(data))
    kept = {
        e.keyword for e in after.iterall() if e.VR in ("DA", "DT", "TM") and str(e.value).startswith(("198701", "0411"))
    }
    assert "StudyDate" in kept
    assert not kept & {"PatientBirthDate", "LastMenstrualDate", "AdmittingDate", "ScheduledAdmissionDate"}
    assert after.StudyDate == before.StudyDate
    assert after.LongitudinalTemporalInformationModified == "UNMODIFIED"


def test_what_the_table_removes_is_gone_but_for_the_times_of_imaging(planted: bytes) -> None:
    after = pydicom.dcmread(io.BytesIO(cleaned(planted)[0]))
    here = {known(tag) for tag in attributes() if table()[tag[0] << 16 | tag[1]] == "X" and tag in after}
    assert here <= LONGITUDINAL
    blank = [tag for tag in attributes() if known(tag) in ("PatientBirthDate", "AccessionNumber", "PatientSex")]
    assert all(after[tag].is_empty for tag in blank)


def test_the_file_says_how_it_was_deidentified(planted: bytes) -> None:
    ds = pydicom.dcmread(io.BytesIO(cleaned(planted)[0]))
    assert ds.PatientIdentityRemoved == "YES"
    assert {item.CodeValue for item in ds.DeidentificationMethodCodeSequence} == {"113100", "113107"}
    assert ds.LongitudinalTemporalInformationModified == "MODIFIED"
    assert ds.PatientID == ds.PatientName == "PSEUDONYM1"
    assert ds.PatientBirthDate == ""
    assert "not a medical device" in ds.ContributingEquipmentSequence[-1].ContributionDescription


def test_file_meta_and_preamble_are_new(planted: bytes) -> None:
    ds = pydicom.dcmread(io.BytesIO(cleaned(planted)[0]))
    assert ds.preamble == b"\0" * 128
    assert {element.keyword for element in ds.file_meta} == {
        *("FileMetaInformationGroupLength", "FileMetaInformationVersion", "MediaStorageSOPClassUID"),
        *("MediaStorageSOPInstanceUID", "TransferSyntaxUID", "ImplementationClassUID", "ImplementationVersionName"),
    }
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID


def test_private_elements_overlays_curves_and_unknown_groups_are_gone(planted: bytes) -> None:
    ds = pydicom.dcmread(io.BytesIO(cleaned(planted)[0]))
    groups = {element.tag.group for element in ds.iterall()}
    assert not [
        group for group in groups if group % 2 or group in range(0x5000, 0x5100) or group in range(0x6000, 0x6100)
    ]


def test_pixels_and_geometry_stay(planted: bytes) -> None:
    before, after = (pydicom.dcmread(io.BytesIO(data)) for data in (planted, cleaned(planted)[0]))
    assert np.array_equal(before.pixel_array, after.pixel_array)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope", "RescaleIntercept", "Rows"):
        assert after[keyword].value == before[keyword].value


def test_two_files_of_a_study_stay_one_study_of_one_patient() -> None:
    one, two = (pydicom.dcmread(io.BytesIO(cleaned(canary_file(number, nested=False))[0])) for number in (1, 2))
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "StudyDate", "PatientID"):
        assert one[keyword].value == two[keyword].value
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.StudyInstanceUID.startswith("2.25.")
    assert all(len(ds.SOPInstanceUID) <= 64 for ds in (one, two))


def test_a_reference_points_to_the_new_uid_of_what_it_pointed_to() -> None:
    target, source = ct_dataset(InstanceNumber=1), ct_dataset(InstanceNumber=2)
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = target.SOPClassUID, target.SOPInstanceUID
    source.SourceImageSequence = Items([item])
    new_target, new_source = (pydicom.dcmread(io.BytesIO(cleaned(saved(ds))[0])) for ds in (target, source))
    assert new_source.SourceImageSequence[0].ReferencedSOPInstanceUID == new_target.SOPInstanceUID
    assert new_source.SourceImageSequence[0].ReferencedSOPClassUID == target.SOPClassUID


def test_another_installation_makes_other_uids() -> None:
    ds = [pydicom.dcmread(io.BytesIO(ct())) for _ in range(2)]
    for one, secret in zip(ds, (b"here", b"there"), strict=True):
        deidentify(one, Subject("X", timedelta(0)), secret=secret, dates=DatePolicy.SHIFT)
    assert ds[0].SOPInstanceUID != ds[1].SOPInstanceUID


def test_intervals_between_two_studies_of_a_patient_stay() -> None:
    days = [{"StudyDate": "20240131", "StudyTime": "101500"}, {"StudyDate": "20240301", "StudyTime": "164500.25"}]
    first, second = (pydicom.dcmread(io.BytesIO(cleaned(ct(**day))[0])) for day in days)
    moments = [
        pydicom.valuerep.DT(ds.StudyDate + ds.StudyTime)
        for ds in (first, second)  # type: ignore[attr-defined]
    ]
    assert moments[1] - moments[0] == timedelta(days=30, hours=6, minutes=30, microseconds=250_000)
    assert first.StudyDate != "20240131"
    other = pydicom.dcmread(io.BytesIO(cleaned(ct(**days[0]), patient="PSEUDONYM2")[0]))
    assert other.StudyDate != first.StudyDate


@pytest.mark.parametrize("kernel", ["B30f", "STANDARD", "FC51", "Br40d"])
def test_a_kernel_that_looks_like_one_is_kept(kernel: str) -> None:
    assert pydicom.dcmread(io.BytesIO(cleaned(ct(ConvolutionKernel=kernel))[0])).ConvolutionKernel == kernel


def test_the_patients_name_is_found_where_no_table_looks_for_it() -> None:
    data, removed = cleaned(ct(ConvolutionKernel="for Doe", SequenceName="john t1", ScanOptions="HELICAL"))
    ds = pydicom.dcmread(io.BytesIO(data))
    assert (ds.ConvolutionKernel, ds.SequenceName, ds.ScanOptions) == ("", "", "HELICAL")
    assert removed.attributes["SequenceName"] == 1


def test_the_library_keeps_no_map_of_uids(planted: bytes) -> None:
    from dicomanonymizer import simpledicomanonymizer

    cleaned(planted)
    assert simpledicomanonymizer.dictionary == {}


def test_what_was_removed_is_told_by_name_and_never_by_value(planted: bytes) -> None:
    removed = cleaned(planted)[1]
    assert removed.attributes["PatientName"] and removed.attributes["OperatorsName"]
    assert "KNRY" not in repr(removed)
    assert removed.private >= 6
    assert removed.uids > 100


def test_a_real_file_of_every_transfer_syntax_keeps_its_pixels(shared_data: Path) -> None:
    names = [
        "CT_small.dcm",
        "MR_small_RLE.dcm",
        "US1_J2KR.dcm",
        "MR_small_bigendian.dcm",
        "JPEG-LL.dcm",
        "emri_small.dcm",
    ]
    with ZipFile(shared_data / "dicom" / "pydicom_data.zip") as archive:
        found = {Path(name).name: name for name in archive.namelist()}
        real = [archive.read(found[name]) for name in names if name in found]
    assert len(real) >= 2
    for data in real:
        new = cleaned(data)[0]
        assert np.array_equal(
            pydicom.dcmread(io.BytesIO(data)).pixel_array, pydicom.dcmread(io.BytesIO(new)).pixel_array
        )
