"""How many files of a corpus each decoder reads, by transfer syntax, and whether the pixels agree.

    python benchmarks/decode_table.py ZIP_OR_FOLDER...

Columns: ours, pydicom alone (all its plugins), SimpleITK, GDCM. Every decoder but ours runs in a child of its own for
each file, because they abort on some. "Equal" counts files where ours follows from pydicom's stored pixels by one
linear rescale, to three grey levels; files whose palette or table we apply are counted as compared, not as equal.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from medcore.errors import MedcoreError, NoPixelsError, UnknownFormatError  # noqa: E402
from medcore.intake import Source, read_sources  # noqa: E402
from medcore.sandbox import Sandbox  # noqa: E402
from medcore.settings import Settings  # noqa: E402

DECODERS = ("pydicom", "SimpleITK", "GDCM")
CHILD = {
    "pydicom": "import pydicom,sys,numpy as n; "
    "a=pydicom.dcmread(sys.argv[1],force=True).pixel_array; n.save(sys.argv[2],a)",
    "SimpleITK": "import SimpleITK as s,sys,numpy as n; "
    "n.save(sys.argv[2], s.GetArrayFromImage(s.ReadImage(sys.argv[1])))",
    "GDCM": "import gdcm,sys; r=gdcm.ImageReader(); r.SetFileName(sys.argv[1]); "
    "assert r.Read(); assert len(r.GetImage().GetBuffer()); open(sys.argv[2],'w').write('x')",
}
LOSSY_LEVELS = 3


def main() -> None:
    """Print the table for the corpora named on the command line."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    failures = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(workers=1, memory_mb=2048, seconds=30, output_mb=1024) as sandbox,
    ):
        for path in corpus([Path(word) for word in sys.argv[1:]], Path(folder)):
            syntax = transfer_syntax(path)
            if syntax is None:
                continue
            reading = read_sources([Source(path.name, path=path)], sandbox=sandbox, settings=Settings())
            errors = [refusal.error for refusal in reading.refused]
            if any(isinstance(error, NoPixelsError | UnknownFormatError) for error in errors):
                continue
            row = table[syntax]
            row["n"] += 1
            row["ours"] += bool(reading.found)
            others = {name: run(name, path, Path(folder) / f"{name}.npy") for name in DECODERS}
            for name, decoded in others.items():
                row[name] += decoded
            row["any other"] += any(others.values())
            if reading.found and others["pydicom"]:
                row["compared"] += 1
                row["equal"] += agrees(reading.found[0].volume.voxels, Path(folder) / "pydicom.npy")
            if not reading.found:
                failures.append(
                    f"{path.name}: {failure(errors)} (others: {[name for name in DECODERS if others[name]]})"
                )
    show(table)
    print(*failures, sep="\n")


def corpus(words: list[Path], folder: Path) -> list[Path]:
    """Every file of the corpora, zips unpacked under numbers."""
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


def transfer_syntax(path: Path) -> str | None:
    """The transfer syntax of a DICOM file with rows and columns; None for anything else."""
    import pydicom

    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=path.read_bytes()[128:132] == b"DICM")
    except Exception:  # noqa: BLE001  (whatever cannot be parsed at all is no row of the table)
        return None
    if "Rows" not in dataset or "Columns" not in dataset:
        return None
    syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    return syntax.name if syntax else "none stated"


def run(name: str, path: Path, out: Path) -> bool:
    """Whether a decoder gives an array within 60 s, in a process of its own."""
    out.unlink(missing_ok=True)
    try:
        command = [sys.executable, "-c", CHILD[name], str(path), str(out)]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and out.exists()


def agrees(ours: np.ndarray, other: Path) -> bool:
    """Whether ours is an increasing whole-number line through pydicom's stored values (rescale or polarity apart)."""
    theirs = np.load(other)
    if theirs.size != ours.size:
        return False
    first, second = ours.ravel().astype(np.float64), theirs.ravel().astype(np.float64)
    if np.abs(first - second).max() <= LOSSY_LEVELS:
        return True
    if second.std() == 0:
        return bool(first.std() == 0)
    slope, intercept = np.polyfit(
        second[:: max(1, second.size // 100_000)], first[:: max(1, second.size // 100_000)], 1
    )
    return bool(np.abs(first - (slope * second + intercept)).max() <= LOSSY_LEVELS * max(1.0, abs(slope)))


def failure(errors: list[MedcoreError]) -> str:
    return "; ".join(f"{type(error).__name__}" for error in errors) or "no answer"


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
    main()
