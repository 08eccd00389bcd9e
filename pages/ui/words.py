"""Texts in the reader's language: t() for the app's own, say() for what medcore reports."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from medcore.errors import Message, Value
from medcore.language import translator
from medcore.records import Study
from pages.ui import state

MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$])")


def t(text: str, /, **values: Value) -> str:
    """The text in the reader's language, its {named} places filled."""
    return Message(text, values).text(translate())


def say(message: Message) -> str:
    """A message of medcore in the reader's language."""
    return message.text(translate())


def translate() -> Callable[[str], str]:
    """The gettext function of the reader's language, for what is written out of the app."""
    return translator(state.language())


def study_title(study: Study) -> str:
    """The title of a study; the samples' own are in the reader's language."""
    return t(study.title) if study.synthetic else study.title


def plain(text: str) -> str:
    """Text from outside (file names, titles), so that Streamlit shows it and does not take it for Markdown."""
    return MARKDOWN.sub(r"\\\1", text)


def day(when: date | None) -> str:
    """An ISO date, or that it is unknown."""
    return when.isoformat() if when else t("no date")


def kind(modality: str) -> str:
    """A DICOM modality as people call it; a picture names none."""
    return modality or t("Picture")


def size(shape: tuple[int, int, int]) -> str:
    """Rows × columns, and the number of slices where there is more than one."""
    slices, rows, columns = shape
    if slices == 1:
        return t("{rows} × {columns} px", rows=rows, columns=columns)
    return t("{rows} × {columns} px, {slices} slices", rows=rows, columns=columns, slices=slices)


def distinct(titles: Mapping[str, str]) -> dict[str, str]:
    """Titles of a chooser with the repeated ones numbered: Streamlit tells the options apart by what it shows.

    >>> distinct({"a": "US", "b": "CT", "c": "US"})
    {'a': 'US', 'b': 'CT', 'c': 'US (2)'}
    """
    seen: Counter[str] = Counter()
    numbered = {}
    for key, title in titles.items():
        seen[title] += 1
        numbered[key] = title if seen[title] == 1 else f"{title} ({seen[title]})"
    return numbered


def millimetres(steps: Sequence[float]) -> str:
    """Distances between voxels, in mm.

    >>> millimetres((3.0, 0.4883, 0.4883))
    '3 × 0.488 × 0.488 mm'
    """
    return " × ".join(f"{step:.3g}" for step in steps) + " mm"


def scans(count: int) -> str:
    """How many scans."""
    return t("1 scan") if count == 1 else t("{count} scans", count=count)


def studies_text(count: int) -> str:
    """How many studies."""
    return t("1 study") if count == 1 else t("{count} studies", count=count)


def seconds(value: float) -> str:
    """A duration with the digits it deserves."""
    if isinstance(value, int) or value >= 10:
        return t("{seconds} s", seconds=f"{value:.0f}")
    return t("{seconds} s", seconds=f"{value:.2f}" if value < 1 else f"{value:.1f}")


def giga(count: int) -> str:
    """A number of bytes in MB or GB.

    >>> giga(3_400_000), giga(52_000_000_000)
    ('3 MB', '52 GB')
    """
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.0f} GB"


def percent(probability: float) -> str:
    """A probability in percent; never 0 or 100, which no model can know.

    >>> percent(0.7249), percent(0.9999), percent(0.0)
    ('72 %', '> 99 %', '< 1 %')
    """
    if probability > 0.99:
        return "> 99 %"
    return "< 1 %" if probability < 0.01 else f"{100 * probability:.0f} %"


def signed(value: float, digits: int = 0) -> str:
    """A difference with its sign, and with a true minus, as wide as the plus.

    >>> signed(-3.26, 1), signed(12.4)
    ('−3.3', '+12')
    """
    return f"{value:+.{digits}f}".replace("-", "−")


def change_percent(value: float | None, digits: int = 0) -> str:
    """A change in percent; a dash where it cannot be told.

    >>> change_percent(-12.4), change_percent(3.26, 1), change_percent(None)
    ('−12 %', '+3.3 %', '–')
    """
    return "–" if value is None else f"{signed(value, digits)} %"


def three_digits(value: float) -> str:
    """A measure with three digits that count.

    >>> three_digits(2.0), three_digits(139.6), three_digits(0.0412)
    ('2.00', '140', '0.0412')
    """
    return f"{value:#.3g}".rstrip(".")
