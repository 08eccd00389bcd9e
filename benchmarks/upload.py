"""An upload of 60 files of 0.5 MB, from bytes to a stored study, against the sum of bare decodes of the same bytes.

Promise: at most 2. Counted is CPU time of this process and of its decoding children.
"""

from __future__ import annotations

import io
import os
import statistics
import tempfile
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pydicom

from benchmarks.scans import ct_slice
from benchmarks.timing import finish, judge
from medcore.intake import Source
from medcore.settings import Settings
from medcore.workbench.workbench import Workbench

FILES, ROUNDS = 60, 5


def cpu_seconds() -> float:
    """CPU time of this process and its living children, from /proc."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    tick = os.sysconf("SC_CLK_TCK")
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[1]) == os.getpid():
            total += (int(fields[11]) + int(fields[12])) / tick
    return total


def bare(files: list[bytes]) -> None:
    """What any reader must do: parse, take the pixels, rescale."""
    for data in files:
        dataset = pydicom.dcmread(io.BytesIO(data))
        dataset.pixel_array.astype(np.int16) * np.int16(dataset.RescaleSlope) + np.int16(dataset.RescaleIntercept)


def open_workbench(folder: str) -> Workbench:
    """A workbench with an empty store in `folder`."""
    return Workbench.open(Settings(data_dir=Path(folder)))


def main() -> bool:
    """Measure, print, and say whether the promise is kept."""
    cv2.setNumThreads(1)
    files = [ct_slice(i) for i in range(FILES)]
    print(f"\nUpload of {FILES} files of {len(files[0]) / 1e6:.2f} MB (CPU s: median of {ROUNDS} rounds)")
    bare_s, upload_s = [], []
    for number in range(ROUNDS + 1):
        with tempfile.TemporaryDirectory() as folder, closing(open_workbench(folder)) as workbench:
            workbench.studies.add(
                [Source(name="warm.dcm", data=ct_slice(FILES + 1))]
            )  # children are up in the app, too
            started = cpu_seconds()
            bare(files)
            between = cpu_seconds()
            added = workbench.studies.add([Source(name=f"{i}.dcm", data=data) for i, data in enumerate(files)])
            ended = cpu_seconds()
            if added.refused:
                raise SystemExit(f"refused: {added.refused[0].error}")
        if number:
            bare_s.append(between - started)
            upload_s.append(ended - between)
    print(f"  bare decode {statistics.median(bare_s):.3f}   upload to stored study {statistics.median(upload_s):.3f}")
    ratios = [u / b for u, b in zip(upload_s, bare_s, strict=True)]
    return judge("upload / bare decode", statistics.median(ratios), 2.0)


if __name__ == "__main__":
    finish(main())
