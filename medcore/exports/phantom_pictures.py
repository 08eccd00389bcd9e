"""A folder of labelled phantom radiographs with its table, so that anybody can train at once; all of it synthetic."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from medcore.imaging.phantoms.picture_set import labelled_radiographs

PATIENTS = 200
TABLE = "index.csv"
COLUMNS = ("file", "label", "patient")  # not the side of the opacity, which tells the label
LABELS = {False: "clear", True: "opacity"}


def write_phantom_pictures(
    folder: Path, *, patients: int = PATIENTS, tell: Callable[[int, int], None] = lambda done, total: None
) -> Path:
    """Write the pictures and, last of all, put the whole folder in place.

    Args:
        tell: Called with the number of phantoms done and of all; what it raises leaves nothing behind.

    Raises:
        OSError: The disk is full.
    """
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    try:
        for number, one in enumerate(labelled_radiographs(patients)):
            name = f"{one.patient}_{LABELS[one.opacity]}.png"
            Image.fromarray(one.pixels).save(fresh / name)
            writer.writerow((name, LABELS[one.opacity], one.patient))
            tell(number // 2 + 1, patients)
        (fresh / TABLE).write_text(table.getvalue(), encoding="utf-8")
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder
