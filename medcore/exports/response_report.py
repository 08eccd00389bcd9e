"""A structured report of a response as one HTML file that needs nothing else: tables, key images, reasons."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray
from PIL import Image

from medcore.errors import N_

JPEG_QUALITY = 88
LONGEST_SIDE = 420  # pixels of a key image
OUTLINE = (255, 176, 32)
HEADINGS = {
    "stamp": N_("Research and teaching only. Not a medical device: do not use for diagnosis or treatment."),
    "visits": N_("Visits"),
    "lesions": N_("Lesions"),
    "images": N_("Key images, the same place and window at each visit"),
    "notes": N_("To keep in mind"),
    "made": N_("How this was made"),
}


@dataclass(frozen=True, slots=True, eq=False)
class KeyImage:
    """One place at one visit.

    Args:
        grey: (R, C) 0..1.
        outline: (R, C), true on the border of the lesion.
        ratio: Height of a pixel by its width.
        caption: Visit and size.
    """

    grey: NDArray[np.float32]
    outline: NDArray[np.bool_]
    ratio: float
    caption: str

    @property
    def source(self) -> str:
        """The picture as a data URL."""
        grey = (np.clip(self.grey, 0, 1) * 255).astype(np.uint8)
        colour = np.stack([grey] * 3, axis=-1)
        colour[self.outline] = OUTLINE
        picture = Image.fromarray(colour)
        height, width = grey.shape[0] * self.ratio, grey.shape[1]
        scale = LONGEST_SIDE / max(height, width)
        picture = picture.resize(
            (max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BICUBIC
        )
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=JPEG_QUALITY)
        return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a report says; every text is in the reader's language already, and none names a person.

    Args:
        answer: Criterion and category in one line.
        reasons: The rule that fired, what is missing, thresholds, chances, each as a sentence.
        images: Title of a lesion to its place at each visit.
        notes: What is doubtful or to be confirmed.
        provenance: Name to value.
    """

    language: str
    title: str
    answer: str
    reasons: Sequence[str]
    visits: Table
    lesions: Table
    images: Mapping[str, Sequence[KeyImage]]
    notes: Sequence[str]
    provenance: Mapping[str, str]


def report_html(report: Report, translate: Callable[[str], str]) -> str:
    """The report as a page of its own.

    Args:
        translate: Gettext function of the report's language, for the headings.
    """
    environment = Environment(
        loader=PackageLoader("medcore.exports", "templates"), autoescape=True, undefined=StrictUndefined
    )
    words = {name: translate(text) for name, text in HEADINGS.items()}
    return environment.get_template("response_report.html").render(report=report, words=words)
