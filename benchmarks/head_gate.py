"""Shows how often the brain tumour task refuses pictures of other things by their outline, and pictures of heads."""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from medcore.errors import UnfitInputError
from medcore.imaging.head_slices import stands_out
from medcore.settings import ROOT
from medcore.tasks._brain_checks import refuse_other_pictures
from medcore.volume import Geometry, Unit, Volume

SPLIT = ROOT / "models" / "brain-tumour-unet" / "split.csv"
ANSWERS = ("refused", "doubted", "taken")
OTHERS = ("kermany", "nih_adult", "fracatlas")


def judged(path: Path) -> str:
    """ "refused", "doubted" or "taken"."""
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert grey is not None, path
    scan = Volume(grey[None], Unit.GREY, "", Geometry.pixels())
    try:
        return "doubted" if refuse_other_pictures(scan.voxels, stands_out(scan), "") else "taken"
    except UnfitInputError:
        return "refused"


def heads(folder: Path) -> list[Path]:
    """The slices on which the model was validated, none of which it was trained on."""
    with SPLIT.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "brisc2025" and row["split"] == "validation"]
    return [folder / "brisc2025" / row["file"] for row in rows]


def others(folder: Path, name: str) -> list[Path]:
    """Pictures of one other collection."""
    with (folder / name / "index.csv").open(encoding="utf-8") as file:
        return [folder / name / row["file"] for row in csv.DictReader(file)]


def show(name: str, files: Sequence[Path]) -> None:
    """One line of shares."""
    found = np.array([judged(file) for file in files])
    shares = ", ".join(f"{answer} {100 * np.mean(found == answer):.1f} %" for answer in ANSWERS)
    print(f"{name:10s} {len(files):4d} pictures: {shares}")


def main() -> None:
    """Heads first, then each of the other collections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--most", type=int, default=800, help="pictures of each collection, drawn with a fixed seed")
    asked = parser.parse_args()
    show("heads", heads(asked.data))
    for name in OTHERS:
        files = others(asked.data, name)
        show(name, random.Random(6).sample(files, min(asked.most, len(files))))


if __name__ == "__main__":
    main()
