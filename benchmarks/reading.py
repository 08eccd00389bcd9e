"""The promises about reading, as ratios measured in one run on one processor (CPU time of all processes; medians).

    python benchmarks/reading.py [FOLDER_OF_REAL_DATA]

- 300-slice CT zip: to the int16 HU volume over the bare inflate of the zip, limit 1.2; bytes read to the first slice,
  limit 0.10 of the zip; peak memory over the volume, limit 1.5
- 384-slice MR series: to a checked volume over SimpleITK's series reader, limit 1
- 3000 × 2500 JPEG 2000 radiograph: first picture over the full decode, limit 0.15
- 60 files of 0.5 MB: reading them, without storing, over the sum of bare decodes (`upload.py` has the whole way)
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import statistics
import sys
import tempfile
import threading
import warnings
import zipfile
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

from benchmarks.timing import cpu_seconds, finish, judge, on_one_processor  # noqa: E402
from medcore.intake import WARM, Source, first_look, read_sources  # noqa: E402
from medcore.readers._preview import PACKED_HEAD_BYTES  # noqa: E402
from medcore.sandbox import Sandbox  # noqa: E402
from medcore.settings import Settings  # noqa: E402
from tests.readers.factory import ct, dx, dx_dataset, picture, saved  # noqa: E402

ROUNDS = 9
SETTINGS = Settings()


class Clock:
    """CPU seconds and memory of this process and of the sandbox's child together."""

    def __init__(self, sandbox: Sandbox) -> None:
        (child,) = sandbox._alive
        assert child.process is not None
        self.child = child.process.pid

    def cost(self, work: Callable[[], object]) -> float:
        start = cpu_seconds([self.child])
        work()
        return cpu_seconds([self.child]) - start

    def peak(self, work: Callable[[], object]) -> int:
        """Most bytes that the work held at a time beyond what was held before: own memory, mapped files, shared memory.

        Shared memory counts once; looked at every 2 ms.
        """
        before, most, done = self._bytes(), 0, threading.Event()

        def watch() -> None:
            nonlocal most
            while not done.wait(0.002):
                most = max(most, self._bytes())

        watcher = threading.Thread(target=watch)
        watcher.start()
        result = work()
        most = max(most, self._bytes())
        done.set()
        watcher.join()
        del result
        return most - before

    def _bytes(self) -> int:
        own, shared = 0, {}
        for process in ("self", str(self.child)):
            facts = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
            own += sum(int(facts[kind].split()[0]) << 10 for kind in ("RssAnon", "RssFile"))
            for file in Path(f"/proc/{process}/fd").iterdir():
                with contextlib.suppress(OSError):
                    if "memfd:medcore" in str(file.readlink()):
                        found = file.stat()
                        shared[found.st_ino] = found.st_blocks * 512
        return own + max(sum(shared.values()), _mapped_shared())


def _mapped_shared() -> int:
    facts = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(facts["RssShmem"].split()[0]) << 10


def measure(
    title: str, clock: Clock, ours: Callable[[], object], bare: Callable[[], object], limit: float = math.inf
) -> bool:
    """Print the median over rounds of ours over bare, each pair measured back to back; whether the promise is kept."""
    ours(), bare()
    pairs = [(clock.cost(ours), clock.cost(bare)) for _ in range(ROUNDS)]
    ratios = [a / b for a, b in pairs]
    bare_ms = statistics.median(b for _, b in pairs) * 1000
    print(f"{title}: least {min(ratios):.2f}, most {max(ratios):.2f}; bare {bare_ms:.0f} ms")
    if math.isinf(limit):
        print(f"         {title}: {statistics.median(ratios):.3f}")
        return True
    return judge(title, statistics.median(ratios), limit)


def main() -> bool:
    """Print all ratios; whether every promise is kept."""
    on_one_processor()
    with Sandbox(workers=1, memory_mb=2048, seconds=60, output_mb=2048) as sandbox:
        sandbox.run(WARM)
        clock = Clock(sandbox)
        kept = [ct_zip(sandbox, clock), radiograph(sandbox, clock)]
        if len(sys.argv) > 1:
            kept.append(mr_series(sandbox, clock, Path(sys.argv[1])))
        uploads(sandbox, clock)
    return all(kept)


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
        title = f"reading 60 files, {kind} of {len(files[0]) / 1e6:.2f} MB, over the bare decodes"
        measure(title, clock, lambda s=sources: read(sandbox, s), lambda f=files, d=decode: [d(data) for data in f])  # type: ignore[misc]


def ct_zip(sandbox: Sandbox, clock: Clock) -> bool:
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

        source = Source("ct.zip", path=path)

        def whole() -> object:
            return read(sandbox, [source])

        def look() -> object:
            return first_look(source, sandbox=sandbox, settings=SETTINGS)

        title = f"CT zip of {size / 1e6:.0f} MB to the HU volume, over the inflate"
        kept = [measure(title, clock, whole, inflate, 1.2)]
        kept.append(judge("  peak memory over the volume's 157 MB", clock.peak(whole) / (300 * 512 * 512 * 2), 1.5))
        found = first_look(source, sandbox=sandbox, settings=SETTINGS)
        assert found is not None and found.volume.geometry.affine[2, 3] == 302.0, found
        measure("  its first slice, over the inflate", clock, look, inflate)
        touched = 300 * (PACKED_HEAD_BYTES + 100) + size / 300
        kept.append(judge("  bytes read for the first slice, of the zip, at most", touched / size, 0.10))
    return all(kept)


def radiograph(sandbox: Sandbox, clock: Clock) -> bool:
    rng = np.random.default_rng(0)
    pixels = (2000 + 1500 * np.sin(np.mgrid[:3000, :2500][0] / 300) + rng.normal(0, 20, (3000, 2500))).astype(np.uint16)
    ds = dx_dataset(pixels)
    ds.compress(JPEG2000Lossless, generate_instance_uid=False)
    source = Source("dx.dcm", data=saved(ds))

    def look() -> object:
        return first_look(source, sandbox=sandbox, settings=SETTINGS)

    title = "J2K radiograph of 3000 × 2500, first picture over the full decode"
    return measure(title, clock, look, lambda: read(sandbox, [source]), 0.15)


def mr_series(sandbox: Sandbox, clock: Clock, data: Path) -> bool:
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

        def ours() -> object:
            return read(sandbox, [Source("mr", path=Path(folder))])

        return measure("384-slice MR folder to a checked volume, over SimpleITK", clock, ours, simpleitk, 1.0)


if __name__ == "__main__":
    finish(main())
