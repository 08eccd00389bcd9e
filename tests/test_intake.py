"""Uploads: every file gets an outcome, series come together, zips cannot harm, nobody is named."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from medcore.errors import (
    ArchiveError,
    CancelledError,
    CorruptFileError,
    EmptyFileError,
    NoPixelsError,
    TooLargeError,
    TruncatedFileError,
    UnknownFormatError,
    UnsupportedFormatError,
)
from medcore.intake import Reading, Source, pseudonym, read_sources
from medcore.records import Severity
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from tests.readers.factory import ct, ct_series, dx, picture, png_claiming, zipped

GREY = np.arange(30 * 20, dtype=np.uint8).reshape(30, 20)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, memory_mb=2048, seconds=30, output_mb=1024) as sandbox:
        yield sandbox


def upload(sandbox: Sandbox, files: dict[str, bytes], **settings: object) -> Reading:
    sources = [Source(name, data=data) for name, data in files.items()]
    return read_sources(sources, sandbox=sandbox, settings=Settings(**settings), key=b"key")  # type: ignore[arg-type]


def test_each_bad_file_is_refused_by_name_and_the_good_ones_are_read(sandbox: Sandbox) -> None:
    bad: dict[str, tuple[bytes, type]] = {
        "empty.dcm": (b"", EmptyFileError),
        "letter.dcm": (b"Dear colleague " * 99, UnknownFormatError),
        "cut.dcm": (dx()[:3000], TruncatedFileError),
        "report.dcm": (ct(PixelData=None, Rows=None, Modality="SR"), NoPixelsError),
        "giant.png": (png_claiming(50_000, 50_000), TooLargeError),
        "secret.zip": (encrypted_zip(), ArchiveError),
        "bomb.zip": (zipped({"a.dcm": bytes(64 << 20)}), ArchiveError),
        "cut.zip": (zipped({"a.dcm": ct()})[:-30], ArchiveError),
        "letter.docx": (zipped({"[Content_Types].xml": b"<x/>"}), UnsupportedFormatError),
        "paper.pdf": (b"%PDF-1.7\n" + b"x" * 500, UnsupportedFormatError),
    }
    files = {"good.png": picture(GREY)} | {name: data for name, (data, _) in bad.items()} | {"good.dcm": dx()}
    reading = upload(sandbox, files)
    assert {found.volume.name for found in reading.found} == {"good", "DX chest PA"}
    refused = {refusal.name.split("/")[0]: refusal for refusal in reading.refused}
    assert set(refused) == set(bad)
    for name, (_, kind) in bad.items():
        error = refused[name].error
        assert type(error) is kind, (name, error)
        assert name.split(".")[0] in str(error) and error.hint.text()


def test_a_series_comes_together_sorted_whatever_the_order(sandbox: Sandbox) -> None:
    slices = ct_series(12)
    files = {f"{index}.dcm": slices[k] for index, k in enumerate([5, 2, 9, 0, 11, 3, 1, 8, 7, 4, 10, 6])}
    (found,) = upload(sandbox, files).found
    assert found.volume.shape == (12, 16, 12) and found.volume.name == "CT axial, 12 slices"
    assert found.volume.voxels[:, 3, 3].tolist() == [100 * k - 1024 for k in range(1, 13)]
    assert found.volume.spacing_mm == pytest.approx((2.0, 0.8, 0.7))
    assert not found.issues
    assert found.volume.geometry.to_lps(np.array([11, 0, 0])).tolist() == pytest.approx([-100, -120, 24])


def test_zip_folder_and_loose_files_give_the_same_scan(sandbox: Sandbox, tmp_path: Path) -> None:
    slices = {f"s{k:02}.dcm": data for k, data in enumerate(ct_series(5))}
    for name, data in slices.items():
        (tmp_path / name).write_bytes(data)
    inner = zipped(slices)
    (tmp_path / "all.zip").write_bytes(inner)
    nested = zipped({"inner.zip": inner}, zipfile.ZIP_STORED)
    ways = [
        [Source(name, data=data) for name, data in slices.items()],
        [Source("a.zip", data=inner)],
        [Source("all.zip", path=tmp_path / "all.zip")],
        [Source("nested.zip", data=nested)],
        [Source(name, path=tmp_path / name) for name in slices],
    ]
    readings = [read_sources(way, sandbox=sandbox, settings=Settings(), key=b"k") for way in ways]
    assert [len(reading.found) for reading in readings] == [1] * 5 and not any(r.refused for r in readings)
    assert len({reading.found[0].volume.sha256 for reading in readings}) == 1
    assert len({reading.found[0].volume.voxels.tobytes() for reading in readings}) == 1


def test_members_of_equal_name_and_names_like_paths_are_only_labels(sandbox: Sandbox, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("../../evil.png", picture(GREY))
        archive.writestr("/etc/evil.png", picture(GREY + 1))
        archive.writestr("/etc/evil.png", picture(GREY + 2))
    reading = upload(sandbox, {"e.zip": out.getvalue()})
    assert [int(found.volume.voxels[0, 0, 0]) for found in reading.found] == [0, 1, 2]


def test_a_zip_that_lies_about_sizes_is_refused(sandbox: Sandbox) -> None:
    data = bytearray(zipped({"a.png": picture(np.zeros((500, 500), np.uint8))}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 50)
    (refusal,) = upload(sandbox, {"liar.zip": bytes(data)}).refused
    assert isinstance(refusal.error, ArchiveError) and "liar.zip" in str(refusal.error)


def test_zip_limits_hold(sandbox: Sandbox) -> None:
    many = zipped({f"{k}.txt": b"x" for k in range(50)})
    (refusal,) = upload(sandbox, {"many.zip": many}, zip_max_entries=20).refused
    assert isinstance(refusal.error, ArchiveError) and "20" in str(refusal.error)
    fat = zipped({"a.bin": bytes(3 << 20)})
    (refusal,) = upload(sandbox, {"fat.zip": fat}, zip_max_total_mb=2).refused
    assert isinstance(refusal.error, ArchiveError)


def test_zips_in_zips_are_opened_only_so_deep(sandbox: Sandbox) -> None:
    data = picture(GREY)
    for _ in range(5):
        data = zipped({"in.zip" if data[:2] == b"PK" else "a.png": data}, zipfile.ZIP_STORED)
    reading = upload(sandbox, {"deep.zip": data})
    assert not reading.found and isinstance(reading.refused[0].error, ArchiveError)


def test_a_file_over_the_limit_is_refused_unread(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "big.dcm"
    with path.open("wb") as file:
        file.truncate(3 << 20)
    sources = [Source("big.dcm", path=path)]
    reading = read_sources(sources, sandbox=sandbox, settings=Settings(max_file_mb=2))
    assert isinstance(reading.refused[0].error, TooLargeError)


def test_a_missing_file_is_refused_not_a_crash(sandbox: Sandbox, tmp_path: Path) -> None:
    reading = read_sources([Source("gone.dcm", path=tmp_path / "gone.dcm")], sandbox=sandbox, settings=Settings())
    assert len(reading.refused) == 1


def test_memory_of_a_hungry_file_is_capped_and_the_rest_goes_on() -> None:
    with Sandbox(workers=1, memory_mb=700, seconds=30, output_mb=512) as small:
        hungry = dx(np.zeros((14000, 9000), np.uint16), BitsStored=16, HighBit=15, RescaleSlope=0.5, RescaleIntercept=0)
        reading = upload(small, {"a.png": picture(GREY), "hungry.dcm": hungry, "b.png": picture(GREY)})
    assert [found.volume.name for found in reading.found] == ["a", "b"]
    assert "hungry.dcm" in str(reading.refused[0].error)
    assert type(reading.refused[0].error).__name__ == "DecodeMemoryError"


def test_pseudonyms_depend_on_the_key_and_hide_the_identifier(sandbox: Sandbox) -> None:
    reading = upload(sandbox, {"a.dcm": dx(), "b.dcm": ct()})
    first, second = reading.found
    assert first.patient == second.patient == pseudonym(b"key", "patient", "HOSP-4711")
    assert pseudonym(b"other", "patient", "HOSP-4711") != first.patient
    text = json.dumps([str(found) for found in reading.found])
    assert "4711" not in text and "DOE" not in text.upper().replace("DOES", "")


def test_progress_rises_to_one_and_cancelling_stops(sandbox: Sandbox) -> None:
    told: list[float] = []
    sources = [Source(f"{k}.png", data=picture(GREY)) for k in range(4)]
    read_sources(sources, sandbox=sandbox, settings=Settings(), progress=lambda fraction, _: told.append(fraction))
    assert told == sorted(told) and told[-1] == pytest.approx(1.0)
    with pytest.raises(CancelledError):
        read_sources(sources, sandbox=sandbox, settings=Settings(), cancelled=lambda: True)


def test_one_patient_two_radiographs_are_two_scans(sandbox: Sandbox) -> None:
    reading = upload(sandbox, {"a.dcm": dx(), "b.dcm": dx(InstanceNumber=2)})
    assert len(reading.found) == 2 and len({found.study_key for found in reading.found}) == 1


def test_a_corrupt_rle_panic_refuses_only_that_file(sandbox: Sandbox) -> None:
    from pydicom.uid import RLELossless

    from tests.readers.factory import ct_dataset, saved

    ds = ct_dataset()
    ds.compress(RLELossless, generate_instance_uid=False)
    data = saved(ds)
    at = data.rindex(b"\xfe\xff\x00\xe0") + 72
    broken = data[:at] + bytes(np.random.default_rng(1).integers(0, 255, 400, dtype=np.uint8)) + data[at + 400 :]
    reading = upload(sandbox, {"rle.dcm": broken, "good.png": picture(GREY)})
    assert [found.volume.name for found in reading.found if found.volume.modality == ""] == ["good"]
    assert all(isinstance(refusal.error, CorruptFileError | TruncatedFileError) for refusal in reading.refused)


def test_missing_slices_block(sandbox: Sandbox) -> None:
    slices = ct_series(12)
    (found,) = upload(sandbox, {f"{k}.dcm": data for k, data in enumerate(slices) if k != 6}).found
    (issue,) = found.issues
    assert issue.code == "missing_slice" and issue.severity is Severity.BLOCK and issue.measured == 1


def encrypted_zip() -> bytes:
    """A zip whose members say that they need a password."""
    data = bytearray(zipped({"a.dcm": ct()}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    return bytes(data)


def test_the_crc_of_a_member_is_checked(sandbox: Sandbox) -> None:
    data = bytearray(zipped({"a.png": picture(GREY)}, zipfile.ZIP_STORED))
    data[data.index(b"IDAT") + 8] ^= 0xFF
    assert zlib.crc32(b"") == 0
    (refusal,) = upload(sandbox, {"bad.zip": bytes(data)}).refused
    assert isinstance(refusal.error, ArchiveError)
