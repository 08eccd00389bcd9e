"""Text in a picture, found by Tesseract where that program is installed: a warning for people, never a proof."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from medcore.volume import Array, Unit, Volume

PROGRAM = "tesseract"
LANGUAGES = ("eng", "chi_sim")  # those of them that are installed
SPARSE_TEXT = "--psm 11"  # look for words anywhere, in no order
LEAST_CONFIDENCE = 60.0  # percent, Tesseract's own; edges of bones reach 57
SHORT_WORD, SHORT_CONFIDENCE = 4, 75.0  # letters of a word that wants more: "pil" and "Yes" were read in bones at 65
LEAST_LETTERS = 3  # shorter finds are mostly edges of bones
LETTER_PIXELS = 3  # times larger: burned-in letters are 8 to 24 pixels high, and Tesseract wants 30
MOST_PIXELS = 12_000_000  # after enlarging, for time
SECONDS = 30  # one picture; measured 0.2 to 5 s
MOST_FRAMES = 3  # first, middle, last


@dataclass(frozen=True, slots=True)
class Word:
    """One word read in a picture.

    Args:
        text: The word. It may be a name: show it, but keep it out of logs and the store.
        confidence: 0..100, Tesseract's own.
        box: (top, left, bottom, right) in pixels of the picture, the last two exclusive.
    """

    text: str
    confidence: float
    box: tuple[int, int, int, int]


@cache
def available() -> bool:
    """Whether the Tesseract program and its Python door are installed."""
    if shutil.which(PROGRAM) is None:
        return False
    try:
        import pytesseract  # noqa: F401
    except ImportError:
        return False
    return True


def read_words(picture: Array) -> tuple[Word, ...]:
    """Words in one grey or RGB picture, (R, C) or (R, C, 3) uint8.

    Raises:
        RuntimeError: Tesseract is not installed, failed, or took too long.
    """
    import pytesseract

    os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # Tesseract's threads only wait for each other on small pictures
    picture = np.ascontiguousarray(picture)
    scale = min(LETTER_PIXELS, max(1.0, (MOST_PIXELS / (picture.shape[0] * picture.shape[1])) ** 0.5))
    enlarged = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    try:
        found = pytesseract.image_to_data(
            enlarged, lang=_languages(), config=SPARSE_TEXT, timeout=SECONDS, output_type=pytesseract.Output.DICT
        )
    except (pytesseract.TesseractError, OSError) as error:
        raise RuntimeError("Tesseract failed") from error
    rows = zip(*(found[key] for key in ("text", "conf", "left", "top", "width", "height")), strict=True)
    return tuple(
        Word(text.strip(), float(confidence), _box(left / scale, top / scale, width / scale, height / scale))
        for text, confidence, left, top, width, height in rows
        if _is_word(text, float(confidence))
    )


def pictures_of(volume: Volume) -> Iterable[Array]:
    """First, middle and last slice of a scan as uint8, its full range of values: text is often at the extremes."""
    count = volume.shape[0]
    for index in sorted({0, count // 2, count - 1})[:MOST_FRAMES]:
        yield as_picture(np.asarray(volume.voxels[index]), colour=volume.unit is Unit.RGB)


def as_picture(plane: Array, *, colour: bool = False) -> Array:
    """One slice stretched to uint8 between its lowest and highest value."""
    if colour:
        return np.asarray(plane, np.uint8)
    low, high = float(plane.min()), float(plane.max())
    scaled = (plane.astype(np.float32) - low) * (255.0 / ((high - low) or 1.0))
    return scaled.astype(np.uint8)


def _is_word(text: str, confidence: float) -> bool:
    letters = [letter for letter in text if letter.isalnum()]
    wide = any(ord(letter) >= 0x2E80 for letter in letters)  # a Chinese name has two signs
    least = LEAST_CONFIDENCE if wide or len(letters) > SHORT_WORD else SHORT_CONFIDENCE
    return confidence >= least and len(letters) >= (2 if wide else LEAST_LETTERS)


def _box(left: float, top: float, width: float, height: float) -> tuple[int, int, int, int]:
    return int(top), int(left), int(np.ceil(top + height)), int(np.ceil(left + width))


@cache
def _languages() -> str:
    import pytesseract

    installed = set(pytesseract.get_languages())
    return "+".join(language for language in LANGUAGES if language in installed) or "eng"
