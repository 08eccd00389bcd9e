"""An upload of 60 files of 0.5 MB, from bytes to a stored study, against the sum of bare decodes of the same bytes.

Promise: at most 2. Counted is CPU time of this process and of its decoding children, all on one processor.
"""

from __future__ import annotations

import io
import statistics
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pydicom
from PIL import Image

from benchmarks.scans import ct_slice
from benchmarks.timing import cpu_seconds, finish, judge, on_one_processor
from medcore.intake import Source
from medcore.settings import Settings
from medcore.workbench.workbench import Workbench

FILES, ROUNDS = 60, 9


def jpeg(number: int) -> bytes:
    """A radiograph-like JPEG of about 0.5 MB."""
    random = np.random.default_rng(number)
    smooth = cv2.GaussianBlur(random.normal(0, 1, (1800, 1500)).astype(np.float32), (0, 0), 1.2)
    grey = np.clip(np.linspace(40, 210, 1800)[:, None] + smooth * 30, 0, 255).astype(np.uint8)
    return bytes(cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])


def decode_jpeg(data: bytes) -> None:
    """What any reader of a picture must do."""
    np.asarray(Image.open(io.BytesIO(data)))


def decode_ct(data: bytes) -> None:
    """What any reader of a CT slice must do: parse, take the pixels, rescale."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.pixel_array.astype(np.int16) * np.int16(dataset.RescaleSlope) + np.int16(dataset.RescaleIntercept)


def open_workbench(folder: str) -> Workbench:
    """A workbench with an empty store in `folder`."""
    return Workbench.open(Settings(data_dir=Path(folder)))


def measure(title: str, suffix: str, files: list[bytes], decode: Callable[[bytes], None]) -> bool:
    """Print one kind of file and say whether its promise is kept."""
    bare_s, upload_s = [], []
    for number in range(ROUNDS + 1):
        with tempfile.TemporaryDirectory() as folder, closing(open_workbench(folder)) as workbench:
            for extra in (1, 2):  # in the app, too, the children are up and the statements of the database known
                workbench.studies.add([Source(name="warm.dcm", data=ct_slice(FILES + extra))])
            children = [child.process.pid for child in workbench.studies.sandbox._alive if child.process]
            started = cpu_seconds(children)
            for data in files:
                decode(data)
            between = cpu_seconds(children)
            added = workbench.studies.add([Source(name=f"{i}.{suffix}", data=data) for i, data in enumerate(files)])
            ended = cpu_seconds(children)
            if added.refused:
                raise SystemExit(f"refused: {added.refused[0].error}")
        if number:
            bare_s.append(between - started)
            upload_s.append(ended - between)
    print(f"\n{len(files)} {title} of {len(files[0]) / 1e6:.2f} MB (CPU s: median of {ROUNDS} rounds)")
    print(f"  bare decode {statistics.median(bare_s):.3f}   upload to stored study {statistics.median(upload_s):.3f}")
    ratios = [u / b for u, b in zip(upload_s, bare_s, strict=True)]
    return judge("upload / bare decode", statistics.median(ratios), 2.0)


def main() -> bool:
    """Measure, print, and say whether the promise is kept for every kind of file."""
    cv2.setNumThreads(1)
    on_one_processor()
    kept = measure("radiographs as JPEG", "jpg", [jpeg(i) for i in range(FILES)], decode_jpeg)
    return measure("CT slices, uncompressed DICOM", "dcm", [ct_slice(i) for i in range(FILES)], decode_ct) and kept


if __name__ == "__main__":
    finish(main())
