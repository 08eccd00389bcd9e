"""The promises about reading, as ratios measured in one run on one thread (CPU time; medians).

    python benchmarks/reading.py [FOLDER_OF_REAL_DATA]

- upload of 60 files of 0.5 MB: whole intake over the sum of bare decodes, limit 2
- 300-slice CT zip: to the int16 HU volume over the bare inflate of the zip, limit 1.2; bytes of the first slice
- 384-slice MR series: to a checked volume over SimpleITK's series reader, limit 1
- 3000 × 2500 JPEG 2000 radiograph: first picture over the full decode, limit 0.15
"""

from __future__ import annotations

import io
import os
import statistics
import sys
import tempfile
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS="1")
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
import pydicom  # noqa: E402
from PIL import Image  # noqa: E402
from pydicom.uid import JPEG2000Lossless  # noqa: E402

from medcore.intake import WARM, Source, first_look, read_sources  # noqa: E402
from medcore.readers._preview import PACKED_HEAD_BYTES  # noqa: E402
from medcore.sandbox import Sandbox  # noqa: E402
from medcore.settings import Settings  # noqa: E402
from tests.readers.factory import ct, dx, dx_dataset, picture, saved  # noqa: E402

ROUNDS = 5
SETTINGS = Settings()


class Clock:
    """CPU seconds of this process and of the sandbox's child together."""

    def __init__(self, sandbox: Sandbox) -> None:
        (child,) = sandbox._alive
        assert child.process is not None
        self.path = Path(f"/proc/{child.process.pid}/schedstat")

    def now(self) -> float:
        return time.process_time() + int(self.path.read_text().split()[0]) / 1e9

    def cost(self, work: Callable[[], object]) -> float:
        start = self.now()
        work()
        return self.now() - start


def ratio(clock: Clock, ours: Callable[[], object], bare: Callable[[], object]) -> str:
    """Median over rounds of ours over bare, each pair measured back to back."""
    ours(), bare()
    pairs = [(clock.cost(ours), clock.cost(bare)) for _ in range(ROUNDS)]
    ratios = [a / b for a, b in pairs]
    middle = statistics.median(ratios)
    bare_ms = statistics.median(b for _, b in pairs) * 1000
    return f"{middle:.2f}  [{min(ratios):.2f}..{max(ratios):.2f}]  bare {bare_ms:.0f} ms"


def main() -> None:
    """Print all ratios."""
    with Sandbox(workers=1, memory_mb=2048, seconds=60, output_mb=2048) as sandbox:
        sandbox.run(WARM)
        clock = Clock(sandbox)
        uploads(sandbox, clock)
        ct_zip(sandbox, clock)
        radiograph(sandbox, clock)
        if len(sys.argv) > 1:
            mr_series(sandbox, clock, Path(sys.argv[1]))


def read(sandbox: Sandbox, sources: list[Source]) -> object:
    reading = read_sources(sources, sandbox=sandbox, settings=SETTINGS)
    assert reading.found and not reading.refused, reading.refused
    return reading


def uploads(sandbox: Sandbox, clock: Clock) -> None:
    rng = np.random.default_rng(0)
    slope = np.add.outer(np.arange(900), np.arange(700)) / 8
    noisy = (slope + rng.normal(0, 25, slope.shape)).clip(0, 255).astype(np.uint8)
    deep = (np.add.outer(np.arange(512), np.arange(512)) + rng.integers(0, 50, (512, 512))).astype(np.uint16)
    large = (
        (np.add.outer(np.arange(1800), np.arange(1500)) / 14 + rng.normal(0, 6, (1800, 1500)))
        .clip(0, 255)
        .astype(np.uint8)
    )

    def by_pillow(data: bytes) -> object:
        return np.asarray(Image.open(io.BytesIO(data)))

    def by_pydicom(data: bytes) -> object:
        return pydicom.dcmread(io.BytesIO(data)).pixel_array

    kinds: dict[str, tuple[list[bytes], Callable[[bytes], object]]] = {
        "PNG": ([picture(noisy + k) for k in range(60)], by_pillow),
        "JPEG": ([picture(large + k, "JPEG", quality=88) for k in range(60)], by_pillow),
        "raw DICOM": ([dx(deep + k, BitsStored=16, HighBit=15) for k in range(60)], by_pydicom),
    }
    for kind, (files, decode) in kinds.items():
        sources = [Source(f"{k}.x", data=data) for k, data in enumerate(files)]
        result = ratio(clock, lambda s=sources: read(sandbox, s), lambda f=files, d=decode: [d(data) for data in f])  # type: ignore[misc]
        print(f"60 uploads, {kind:9s} of {len(files[0]) / 1e6:.2f} MB, over bare decode:     {result}   (limit 2)")


def ct_zip(sandbox: Sandbox, clock: Clock) -> None:
    rng = np.random.default_rng(0)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        y, x = np.mgrid[:512, :512]
        for k in range(300):
            body = np.where(
                (x - 256) ** 2 / 200**2 + (y - 256) ** 2 / 150**2 < 1, 1040 + 200 * np.sin((x + 3 * k) / 20), 24
            )
            pixels = (body + rng.normal(0, 12, body.shape)).clip(0, 4095).astype(np.uint16)
            archive.writestr(f"s{k:03}.dcm", ct(pixels=pixels, InstanceNumber=k + 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ct.zip"
        path.write_bytes(out.getvalue())
        size = path.stat().st_size

        def inflate() -> None:
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    archive.read(name)

        def inflate_only() -> None:
            data = path.read_bytes()
            with zipfile.ZipFile(path) as archive:
                for entry in archive.infolist():
                    start = entry.header_offset + 30 + len(entry.filename)
                    zlib.decompressobj(-15).decompress(data[start : start + entry.compress_size])

        source = Source("ct.zip", path=path)

        def whole() -> object:
            return read(sandbox, [source])

        def look() -> object:
            return first_look(source, sandbox=sandbox, settings=SETTINGS)

        print(f"CT zip of {size / 1e6:.0f} MB to HU, over zipfile.read:  {ratio(clock, whole, inflate)}   (limit 1.2)")
        print(f"                          over zlib alone:     {ratio(clock, whole, inflate_only)}")
        found = first_look(source, sandbox=sandbox, settings=SETTINGS)
        assert found is not None and found.volume.geometry.affine[2, 3] == 302.0, found
        print(f"first slice of it over the whole inflate:      {ratio(clock, look, inflate)}")
        touched = 300 * (PACKED_HEAD_BYTES + 100) + size / 300
        print(f"bytes touched for the first slice: at most {touched / size:.3f} of the zip   (limit 0.10)")


def radiograph(sandbox: Sandbox, clock: Clock) -> None:
    rng = np.random.default_rng(0)
    pixels = (2000 + 1500 * np.sin(np.mgrid[:3000, :2500][0] / 300) + rng.normal(0, 20, (3000, 2500))).astype(np.uint16)
    ds = dx_dataset(pixels)
    ds.compress(JPEG2000Lossless, generate_instance_uid=False)
    source = Source("dx.dcm", data=saved(ds))
    result = ratio(
        clock, lambda: first_look(source, sandbox=sandbox, settings=SETTINGS), lambda: read(sandbox, [source])
    )
    print(f"J2K radiograph, first picture over the full decode:       {result}   (limit 0.15)")


def mr_series(sandbox: Sandbox, clock: Clock, data: Path) -> None:
    import SimpleITK as sitk  # noqa: N813

    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(data / "mr_t1_series" / "mr_t1_series.zip") as archive:
            for number, entry in enumerate(archive.infolist()):
                if not entry.is_dir() and entry.file_size > 100_000:
                    (Path(folder) / f"{number}.dcm").write_bytes(archive.read(entry))

        def simpleitk() -> None:
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
            sitk.GetArrayFromImage(reader.Execute())

        result = ratio(clock, lambda: read(sandbox, [Source("mr", path=Path(folder))]), simpleitk)
        print(f"384-slice MR folder to a checked volume, over SimpleITK:  {result}   (limit 1.0)")


if __name__ == "__main__":
    main()
