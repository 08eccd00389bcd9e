"""What a model said of each labelled picture, kept beside evaluation.json so that any figure can be had."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from medcore.errors import N_, CardError
from medcore.evaluation.classification import Answers

ANSWERS_FILE = "answers.csv"
TEST, EXTERNAL = "test", "external"
TRUTH, PROBABILITY, COLUMN, PIXELS = "truth:", "probability:", "column:", "pixels:"
FIXED = ("part", "source", "file", "index", "group", "distance")
MEASURED = ("hd95", "surface")  # of PIXELS those that are no counts
DIGITS = 6  # of a probability


@dataclass(frozen=True, slots=True)
class Pixels:
    """How many pixels of a picture were drawn by the reader, found by the model, both, and all of them.

    Args:
        hd95: 95 % Hausdorff distance of the two borders in pixels; None where one mask is empty.
        surface: Share of the borders that lie near each other; None where both masks are empty.
    """

    drawn: int
    found: int
    both: int
    whole: int
    hd95: float | None = None
    surface: float | None = None


@dataclass(frozen=True, slots=True)
class PictureAnswer:
    """One picture.

    Args:
        part: TEST for the test split (or the folder asked about), EXTERNAL for a set that was never trained on.
        source: Name of its data set.
        file: Path of the file within the data set, as errors and tables call it.
        index: Number of the picture within the file; -1 when the file is one picture.
        group: Patient or cluster of near-duplicates, within its source where it is external.
        truth: For each label whether the finding is there.
        probability: For each label, calibrated.
        distance: From the training pictures; None without a gate.
        columns: Further facts of the table (region, age, sex ...).
        pixels: Of the masks; None for a model that draws none.
    """

    part: str
    source: str
    file: str
    group: int
    truth: tuple[bool, ...]
    probability: tuple[float, ...]
    index: int = -1
    distance: float | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    pixels: Pixels | None = None


def answers_text(answers: Sequence[PictureAnswer], labels: Sequence[str]) -> str:
    """The text of answers.csv.

    Args:
        labels: Ids of the card's labels.
    """
    names = tuple(dict.fromkeys(name for answer in answers for name in answer.columns))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    counted = [x.name for x in fields(Pixels)] if any(a.pixels is not None for a in answers) else []
    header = (*FIXED, *(TRUTH + x for x in labels), *(PROBABILITY + x for x in labels), *(PIXELS + x for x in counted))
    writer.writerow((*header, *(COLUMN + x for x in names)))
    for a in answers:
        distance = "" if a.distance is None else round(a.distance, DIGITS)
        facts = (a.part, a.source, a.file, a.index, a.group, distance)
        said = (*map(int, a.truth), *(round(p, DIGITS) for p in a.probability))
        pixels = ["" if (value := getattr(a.pixels, x, None)) is None else value for x in counted]
        writer.writerow((*facts, *said, *pixels, *(a.columns.get(name, "") for name in names)))
    return text.getvalue()


def read_answers(path: Path) -> tuple[PictureAnswer, ...]:
    """The pictures of an answers.csv; none when there is no such file.

    Raises:
        CardError: It is damaged.
    """
    if not path.is_file():
        return ()
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(map(_picture, csv.DictReader(file)))
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise CardError(
            N_("{path}: the evaluation cannot be read ({reason})."), path=str(path), reason=str(error)
        ) from error


def _picture(row: Mapping[str, str]) -> PictureAnswer:
    def named(prefix: str) -> dict[str, str]:
        return {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}

    pixels = {name: value for name, value in named(PIXELS).items() if value}
    counted = {name: int(value) for name, value in pixels.items() if name not in MEASURED}
    hd95, surface = (float(pixels[name]) if name in pixels else None for name in MEASURED)
    return PictureAnswer(
        part=row["part"],
        source=row["source"],
        file=row["file"],
        index=int(row["index"]),
        group=int(row["group"]),
        distance=float(row["distance"]) if row["distance"] else None,
        truth=tuple(bool(int(value)) for value in named(TRUTH).values()),
        probability=tuple(float(value) for value in named(PROBABILITY).values()),
        columns=named(COLUMN),
        pixels=Pixels(**counted, hd95=hd95, surface=surface) if counted else None,
    )


def as_answers(pictures: Sequence[PictureAnswer], label: int = 0) -> Answers:
    """The pictures as arrays for the metrics, for label number `label`; groups of different sources stay apart."""
    groups = {key: number for number, key in enumerate(dict.fromkeys((p.source, p.group) for p in pictures))}
    return Answers(
        truth=np.array([p.truth[label] for p in pictures], dtype=bool),
        probability=np.array([p.probability[label] for p in pictures], dtype=np.float64),
        group=np.array([groups[p.source, p.group] for p in pictures], dtype=np.int64),
    )
