"""What reading makes of whole folders: files, volumes, masks, and what is refused or flagged for which reason.

    python benchmarks/reading_corpora.py FOLDER_OR_ZIP...

Prints the table of docs/reading-corpora.md: what `python -m medcore read PATH --json` says before its quality check. No
image and no name of a file is printed, only counts.
"""

from __future__ import annotations

import sys
import time
import zipfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from medcore.settings import Settings  # noqa: E402
from medcore.shell.read import read_all  # noqa: E402


def main() -> None:
    """Print one row for each path of the command line."""
    print("| set | files | volumes | masks | refused | flagged | seconds |")
    print("|---|---|---|---|---|---|---|")
    for path in map(Path, sys.argv[1:]):
        print(row(path), flush=True)


def row(path: Path) -> str:
    """One row of the table."""
    start = time.perf_counter()
    reading, masks = read_all([path], Settings.from_environment())
    seconds = time.perf_counter() - start
    refused = Counter(type(refusal.error).__name__ for refusal in reading.refused)
    flagged = Counter(f"{issue.code} ({issue.severity})" for found in reading.found for issue in found.issues)
    cells = [path.name, count(path), len(reading.found), len(masks), told(refused), told(flagged), f"{seconds:.1f}"]
    return f"| {' | '.join(map(str, cells))} |"


def told(counts: Counter[str]) -> str:
    """Each reason with its number, the most frequent first."""
    return ", ".join(f"{number} × {reason}" for reason, number in counts.most_common()) or "–"


def count(path: Path) -> int:
    """Files of a folder, and in place of a zip its members."""
    if path.is_dir():
        return sum(count(file) for file in path.rglob("*") if file.is_file())
    if not zipfile.is_zipfile(path):
        return 1
    with zipfile.ZipFile(path) as archive:
        return sum(not member.is_dir() for member in archive.infolist())


if __name__ == "__main__":
    main()
