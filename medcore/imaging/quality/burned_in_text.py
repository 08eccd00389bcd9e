"""Text burned into the pixels: rows of small bright strokes of one brightness on an even ground. No text is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from medcore.errors import N_, Message
from medcore.imaging.quality import Check, Sample
from medcore.imaging.quality._sample import scaled, shrunk
from medcore.records import Issue, Severity
from medcore.volume import Array

STROKE_PIXELS = 11  # strokes are thinner
MIN_CONTRAST = 60  # of 255, between stroke and ground
MIN_HEIGHT, MAX_HEIGHT_SHARE = 6, 0.1  # of a letter: pixels, and share of the image's shorter side
MIN_LETTERS, MIN_PARTS = 4, 3  # a side marker "R" or "AP" is no text that names anybody
MAX_PEAK_DIFFERENCE, MAX_GROUND_SPREAD = 40, 10.0  # of 255, among the letters of one line and on their ground
MAX_FRAMES = 3
LARGEST_SIDE = 1024  # larger images are reduced first: their text is larger too


@dataclass(frozen=True, slots=True)
class TextLine:
    """A row of what looks like letters: first and last pixel (row, column), and how many letters about."""

    top: int
    left: int
    bottom: int
    right: int
    letters: int


@dataclass(frozen=True, slots=True)
class _Part:
    """One connected stroke or letter."""

    left: int
    top: int
    width: int
    height: int
    peak: int

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height


class BurnedInText(Check):
    """At least one line of text."""

    codes = {"burned_in_text": N_("Text in the image")}  # noqa: RUF012

    def find(self, sample: Sample) -> Iterator[Issue]:
        frames = sample.raw[:: max(1, len(sample.raw) // MAX_FRAMES)]
        letters = max(sum(line.letters for line in find_text(frame)) for frame in frames)
        if letters:
            yield Issue(
                "burned_in_text",
                Severity.WARN,
                Message(N_("There seems to be text in the pixels (about {letters} letters); it may name the patient."),
                        {"letters": letters}),
                Message(N_("Look at the image before you share it.")),
                measured=float(letters),
                limit=float(MIN_LETTERS),
            )  # fmt: skip


def find_text(plane: Array) -> tuple[TextLine, ...]:
    """Lines of text in one grey image (R, C), in its own pixels; empty where there is none. A hint, never a proof."""
    small = shrunk(plane, LARGEST_SIDE)
    factor = max(plane.shape) / max(small.shape)
    return tuple(_enlarged(line, factor) for line in _find(scaled(small)))


def _find(picture: NDArray[uint8]) -> tuple[TextLine, ...]:
    parts = sorted(_parts(picture), key=lambda part: part.left)
    lines, used = [], set[_Part]()
    for first in parts:
        if first in used:
            continue
        row = _row(first, [part for part in parts if part not in used])
        if _letters(row) >= MIN_LETTERS and len(row) >= MIN_PARTS and _even(row, picture):
            used.update(row)
            lines.append(_line(row))
    return tuple(lines)


def _parts(picture: NDArray[uint8]) -> list[_Part]:
    """Connected bright strokes with the height of a letter."""
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (STROKE_PIXELS, STROKE_PIXELS))
    strokes = (cv2.morphologyEx(picture, cv2.MORPH_TOPHAT, kernel) >= MIN_CONTRAST).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    highest = max(2 * MIN_HEIGHT, MAX_HEIGHT_SHARE * min(picture.shape))
    found = []
    for number, (left, top, width, height, area) in enumerate(stats.tolist()):
        filled = area / (width * height)
        if number == 0 or not MIN_HEIGHT <= height <= highest or width > 5 * height + 2 or not 0.15 < filled < 0.98:
            continue
        at = slice(top, top + height), slice(left, left + width)
        peak = int(np.percentile(picture[at][labels[at] == number], 90))
        found.append(_Part(left, top, width, height, peak))
    return found


def _row(first: _Part, parts: Sequence[_Part]) -> list[_Part]:
    """What stands to the right of a part on the same line, without a large gap; `parts` are sorted from the left."""
    row = [first]
    widest = 2 * max(part.height for part in parts)
    for part in parts:
        last = row[-1]
        gap = part.left - last.right
        if gap > widest:
            break
        height = max(last.height, part.height)
        alike = abs(part.bottom - last.bottom) <= 0.25 * height and min(last.height, part.height) >= 0.6 * height
        if part.left > last.left and -0.2 * height <= gap <= 1.3 * height and alike:
            row.append(part)
    return row


def _letters(row: Sequence[_Part]) -> int:
    """How many letters about: letters that touch are one wide part."""
    return sum(max(1, round(part.width / (0.75 * part.height))) for part in row)


def _even(row: Sequence[_Part], picture: NDArray[uint8]) -> bool:
    """Whether all letters have one brightness and stand on an even ground, as burned-in text does and bones do not."""
    peaks = [part.peak for part in row]
    line = _line(row)
    box = picture[max(0, line.top - 1) : line.bottom + 2, max(0, line.left - 1) : line.right + 2]
    ground = box[box <= np.percentile(box, 40)]
    clear = np.median(peaks) - np.percentile(box, 25) >= MIN_CONTRAST
    return max(peaks) - min(peaks) <= MAX_PEAK_DIFFERENCE and float(ground.std()) <= MAX_GROUND_SPREAD and bool(clear)


def _enlarged(line: TextLine, factor: float) -> TextLine:
    if factor == 1:
        return line
    top, left = int(line.top * factor), int(line.left * factor)
    return TextLine(top, left, int((line.bottom + 1) * factor), int((line.right + 1) * factor), line.letters)


def _line(row: Sequence[_Part]) -> TextLine:
    return TextLine(
        top=min(part.top for part in row),
        left=min(part.left for part in row),
        bottom=max(part.bottom for part in row) - 1,
        right=max(part.right for part in row) - 1,
        letters=_letters(row),
    )


CHECK = BurnedInText()
