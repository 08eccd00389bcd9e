"""How many files of a corpus each decoder reads, by transfer syntax, and whether the pixels agree; all in one run.

    python benchmarks/decode_table.py ZIP_OR_FOLDER...

Columns: ours (the whole way of an upload, in the sandbox), pydicom alone with all its plugins, SimpleITK, GDCM, any of
the three. They run in a forked child each, which may abort or hang. "Equal" counts the files whose voxels here follow
from another decoder's pixels by what the header states (rescale, palette, polarity, order of frames, 8 bits of deeper
colour): exactly, or to three grey levels where the compression loses. Exit status 1 where another decoder reads what we
refuse, or where pixels differ.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import gdcm
import numpy as np
import pydicom
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from pydicom.pixels import apply_color_lut, apply_modality_lut

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from medcore.errors import NoPixelsError, UnknownFormatError
from medcore.intake import Reading, Source, read_sources
from medcore.readers import Painted
from medcore.readers._dicom_pixels import LOSSY
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.volume import Array

SECONDS, MEMORY_BYTES = 30, 4 << 30
LOSSY_LEVELS = 3
NO_IMAGE = (NoPixelsError, UnknownFormatError)


def by_pydicom(path: Path) -> Array:
    """Stored pixels, YBR as RGB; the way a user of pydicom alone would get them."""
    return np.asarray(pydicom.dcmread(path, force=True).pixel_array)


def by_simpleitk(path: Path) -> Array:
    """Pixels after rescale."""
    return np.asarray(sitk.GetArrayFromImage(sitk.ReadImage(str(path))))


def by_gdcm(path: Path) -> Array:
    """Stored pixels."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        raise ValueError
    image = reader.GetImage()
    form = image.GetPixelFormat()
    plain = image.GetBuffer().encode("utf-8", "surrogateescape")
    if form.GetBitsAllocated() == 1:
        return np.unpackbits(np.frombuffer(plain, np.uint8), bitorder="little")
    kind = "i" if form.GetPixelRepresentation() else "u"
    return np.frombuffer(plain, f"<{kind}{form.GetBitsAllocated() // 8}")


DECODERS: dict[str, Callable[[Path], Array]] = {"pydicom": by_pydicom, "SimpleITK": by_simpleitk, "GDCM": by_gdcm}


def main() -> bool:
    """Print the table for the corpora named on the command line; whether nothing is missing and nothing differs."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    remarks = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(workers=1, memory_mb=2048, seconds=SECONDS, output_mb=1024) as sandbox,
    ):
        for path in corpus([Path(word) for word in sys.argv[1:]], Path(folder)):
            header = read_header(path)
            if header is None:
                continue
            reading = read_sources([Source(path.name, path=path)], sandbox=sandbox, settings=Settings())
            if any(isinstance(refusal.error, NO_IMAGE) for refusal in reading.refused):
                continue
            others = {name: in_a_fork(decode, path, Path(folder) / "out.npy") for name, decode in DECODERS.items()}
            row = table[syntax_of(header)]
            remarks += count(row, path.name, header, reading, others)
    show(table)
    print(*(f"- {remark}" for remark in remarks), sep="\n")
    return all(row["missing"] == 0 and row["equal"] == row["compared"] for row in table.values())


def count(
    row: Counter[str], name: str, header: pydicom.Dataset, reading: Reading, others: dict[str, Array | None]
) -> list[str]:
    """Add one file to its row of the table; what is remarkable about it."""
    ours = pixels_of(reading)
    decoded = {who for who, pixels in others.items() if pixels is not None}
    row.update(["n", *decoded, *(["ours"] if ours else []), *(["any other"] if decoded else [])])
    if not ours:
        row["missing"] += bool(decoded)
        reason = "; ".join(type(refusal.error).__name__ for refusal in reading.refused)
        return [f"{name}: not read ({reason}); read by {', '.join(sorted(decoded)) or 'nobody'}"]
    verdicts = {who: agrees(ours, pixels, header) for who, pixels in others.items() if pixels is not None}
    if verdicts:
        row["compared"] += 1
        row["equal"] += any(verdicts.values())
    return [f"{name}: differs from {', '.join(verdicts)}"] if verdicts and not any(verdicts.values()) else []


def corpus(words: list[Path], folder: Path) -> list[Path]:
    """All files of zips and folders; those of zips unpacked under numbered names."""
    files = []
    for word in words:
        if word.is_dir():
            files += [path for path in sorted(word.rglob("*")) if path.is_file()]
            continue
        with zipfile.ZipFile(word) as archive:
            for number, entry in enumerate(archive.infolist()):
                if not entry.is_dir():
                    path = folder / f"{word.stem}-{number}-{Path(entry.filename).name}"
                    path.write_bytes(archive.read(entry))
                    files.append(path)
    return files


def read_header(path: Path) -> pydicom.Dataset | None:
    """The header of a DICOM file with rows and columns; None for anything else."""
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=path.read_bytes()[128:132] == b"DICM")
    except Exception:  # noqa: BLE001  (whatever cannot be parsed at all is no row of the table)
        return None
    return dataset if "Rows" in dataset and "Columns" in dataset else None


def syntax_of(header: pydicom.Dataset) -> str:
    syntax = header.file_meta.get("TransferSyntaxUID") if hasattr(header, "file_meta") else None
    return syntax.name if syntax else "none stated"


def in_a_fork(decode: Callable[[Path], Array], path: Path, out: Path) -> Array | None:
    """What a decoder gives within the limits, in a process of its own; None if it fails, hangs or dies."""
    out.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1), os.dup2(silence, 2)
            np.save(out, decode(path))
            status = 0
        finally:
            os._exit(status)
    end = time.monotonic() + SECONDS
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return np.load(out) if status == 0 else None
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.002)


def pixels_of(reading: Reading) -> list[Array]:
    """The voxels of all scans of a file, or the painted pixels of a segmentation."""
    painted = [found.markup.drawn.pixels for found in reading.markups if isinstance(found.markup.drawn, Painted)]
    return [found.volume.voxels for found in reading.found] + painted


def agrees(ours: list[Array], theirs: Array, header: pydicom.Dataset) -> bool:
    """Whether ours are the other's pixels after what the header states, exactly or within the loss."""
    mine = np.concatenate([frames(voxels, header) for voxels in ours])
    meant = meanings(theirs, header)
    stacks = (expected.astype(np.float64).reshape(mine.shape) for expected in meant if expected.size == mine.size)
    return any(close(mine, expected, header) for expected in stacks)


def frames(voxels: Array, header: pydicom.Dataset) -> Array:
    """(F, R·C[·3]) as float64."""
    return voxels.reshape(-1, int(header.Rows) * int(header.Columns) * (3 if voxels.ndim == 4 else 1)).astype(float)


def meanings(stored: Array, header: pydicom.Dataset) -> Iterator[Array]:
    """What stored pixels may be shown as: as they are, after rescale, palette, or with 8 of the bits of deep colour."""
    yield stored
    if "RescaleSlope" in header or "ModalityLUTSequence" in header:
        yield np.asarray(apply_modality_lut(stored, header))
    if header.PhotometricInterpretation == "PALETTE COLOR":
        coloured = np.asarray(apply_color_lut(stored, header))
        yield coloured >> (8 if coloured.dtype.itemsize > 1 else 0)
    if header.SamplesPerPixel == 3 and header.BitsStored > 8:
        yield stored >> (header.BitsStored - 8)


def close(mine: Array, expected: Array, header: pydicom.Dataset) -> bool:
    """Whether two stacks of frames agree, in their order or another, as they are or with the polarity turned."""
    lossy = str(header.file_meta.get("TransferSyntaxUID", "")) in LOSSY if hasattr(header, "file_meta") else False
    levels = LOSSY_LEVELS if lossy else 1e-3
    for other in (expected, expected[np.argsort(_key(expected))]):
        own = mine if other is expected else mine[np.argsort(_key(mine))]
        if np.abs(own - other).max() <= levels or np.ptp(own + other) <= levels:
            return True
    return False


def _key(stack: Array) -> Array:
    """A number that puts equal frames at equal places."""
    weights = np.random.default_rng(0).normal(size=stack.shape[1])
    return np.asarray(stack @ weights)


def show(table: dict[str, Counter[str]]) -> None:
    columns = ("n", "ours", *DECODERS, "any other", "equal", "compared")
    print("| transfer syntax | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    total: Counter[str] = Counter()
    for syntax, row in sorted(table.items(), key=lambda item: -item[1]["n"]):
        total.update(row)
        print(f"| {syntax} | " + " | ".join(str(row[column]) for column in columns) + " |")
    print("| **total** | " + " | ".join(str(total[column]) for column in columns) + " |")


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
