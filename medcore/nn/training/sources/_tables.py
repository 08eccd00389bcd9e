"""What the adapters share: tables with columns that must be there, labels that must occur, pictures in a folder."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from medcore.errors import N_, DataSetError, NotFoundError
from medcore.nn.training.recipe import EVERY, FIRST_LABEL, Source
from medcore.nn.training.sources import Rectangle

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}


def read_table(path: Path, needed: Sequence[str] = ()) -> list[dict[str, str]]:
    """Rows of a CSV file by column.

    Raises:
        NotFoundError: The file is not there.
        DataSetError: It has no rows, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = [{k: (v or "").strip() for k, v in row.items() if k is not None} for row in reader]
            names = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise missing(path) from error
    for column in needed:
        if column and column not in names:
            raise DataSetError(
                N_("{path} has no column “{column}”."),
                hint=N_("Its columns: {known}."),
                path=path.name,
                column=column,
                known=", ".join(names),
            )
    if not rows:
        raise DataSetError(N_("{path} has no rows."), path=path.name)
    return rows


def missing(path: Path) -> NotFoundError:
    """The error for a file or folder that is not there."""
    return NotFoundError(
        N_("{path} is not there."), hint=N_("Give the folder that holds the data sets of the recipe."), path=str(path)
    )


def truths(source: Source, values: Sequence[str], labels: Sequence[str]) -> list[tuple[bool, ...]]:
    """For each value one answer per label.

    Raises:
        DataSetError: A value that means "present" never occurs, or a label has none.
    """
    wanted = []
    for number, label in enumerate(labels):
        mine = source.positive.get(label) or (source.positive.get(FIRST_LABEL) if number == 0 else None)
        if mine is None:
            raise DataSetError(
                N_("The source {name} does not say which values mean “{label}”."),
                hint=N_("Name them in its option “positive”."),
                name=source.name,
                label=label,
            )
        wanted.append(mine)
    known = set(values)
    for word in (w for words in wanted for w in words):
        if word != EVERY and word not in known:
            raise DataSetError(
                N_("The label “{word}” does not occur in the source {name}."),
                hint=N_("Its labels: {known}."),
                word=word,
                name=source.name,
                known=", ".join(sorted(known)[:12]),
            )
    return [tuple(EVERY in words or value in words for words in wanted) for value in values]


def boxes_by_file(path: Path) -> Mapping[str, tuple[Rectangle, ...]] | None:
    """Boxes of a table file,cx,cy,w,h (shares of the picture); None when there is no such table."""
    if not path.is_file():
        return None
    found: dict[str, list[Rectangle]] = defaultdict(list)
    for row in read_table(path, ("file", "cx", "cy", "w", "h")):
        found[row["file"]].append(centred(*(float(row[k]) for k in ("cx", "cy", "w", "h"))))
    return {name: tuple(boxes) for name, boxes in found.items()}


def centred(cx: float, cy: float, w: float, h: float) -> Rectangle:
    """A box from its centre and size."""
    return (cy - h / 2, cx - w / 2, cy + h / 2, cx + w / 2)


def pictures_in(folder: Path) -> list[Path]:
    """All pictures below a folder, sorted.

    Raises:
        NotFoundError: The folder is not there.
        DataSetError: It holds no picture.
    """
    if not folder.is_dir():
        raise missing(folder)
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES)
    if not found:
        raise DataSetError(N_("{path} holds no picture."), path=str(folder))
    return found


def kept(source: Source, row: Mapping[str, str]) -> bool:
    """Whether a row is not among those to leave out."""
    return not any(row.get(column) == value for column, value in source.exclude)
