"""What de-identifying a file costs, against reading and writing it with pydicom alone."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pydicom

from benchmarks.timing import alternate
from medcore.deidentify.keyed import time_shift
from medcore.deidentify.pixels import clean_pixels
from medcore.deidentify.profile import Subject, deidentify
from medcore.exports.dicom_headers import Labels
from medcore.exports.dicom_images import Form, datasets
from medcore.imaging.phantoms.chest_ct import axial, chest_ct
from medcore.records import DatePolicy

FILES = 60  # of the real series
ROUNDS = 5
SECRET = b"benchmark"
SERIES = Path(__file__).resolve().parents[2] / "shared" / "data" / "mr_t1_series"


def main() -> None:
    """Print milliseconds a file and the ratio to dcmread + save_as, in one run."""
    for title, files in (("phantom CT slices 512 × 512", _phantom()), ("real MR slices", _real())):
        if files:
            taken = alternate(
                {"plain": partial(_each, _copy, files), "ours": partial(_each, _clean, files)}, rounds=ROUNDS
            )
            plain, ours = taken["plain"].median_ms / len(files), taken["ours"].median_ms / len(files)
            print(
                f"{title}: dcmread + save {plain:.2f} ms, de-identified {ours:.2f} ms a file, ratio {ours / plain:.2f}"
            )


def _each(work: Callable[[bytes], object], files: list[bytes]) -> None:
    for data in files:
        work(data)


def _copy(data: bytes) -> bytes:
    return _saved(pydicom.dcmread(io.BytesIO(data)))


def _clean(data: bytes) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(data))
    clean_pixels(dataset)
    deidentify(dataset, Subject("A", time_shift(SECRET, "A")), secret=SECRET, dates=DatePolicy.SHIFT)
    return _saved(dataset)


def _saved(dataset: pydicom.Dataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _phantom() -> list[bytes]:
    shape = (20, 512, 512)
    volume = chest_ct((), axial(shape, (5.0, 0.7, 0.7)), shape, seed=1).volume
    return [_saved(dataset) for _, dataset in datasets(volume, labels=Labels("benchmark", "P"), form=Form())]


def _real() -> list[bytes]:
    archives = sorted(SERIES.rglob("*.zip")) if SERIES.is_dir() else []
    if not archives:
        print(f"real series are not here: {Path(*SERIES.parts[-3:])}", file=sys.stderr)
        return []
    with zipfile.ZipFile(archives[0]) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        files = [archive.read(name) for name in names[:FILES]]
    return [data for data in files if data[128:132] == b"DICM"]


if __name__ == "__main__":
    main()
