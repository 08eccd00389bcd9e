"""A chart of lesions over time as a picture for a report: one line each, percent against the visits."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from medcore.exports.report_document import Picture, Text

FONT_FILE = Path(__file__).resolve().parent / "fonts" / "MedCoreSansSC-Regular.ttf"
WIDTH, HEIGHT, FINE = 900, 380, 2  # drawn twice as fine and made smaller, so that lines are smooth
LEFT, RIGHT, TOP, BOTTOM = 62, 90, 16, 34
LETTERS = 16  # pixels; a report shows the chart at two thirds of a page's width
INK, SOFT, LINE, PAPER = "#1a2530", "#566573", "#dfe6ea", "#ffffff"
COLOURS = ("#0b62a4", "#c4501b", "#2f7d4f", "#8b4bb3", "#a8790a", "#177e89", "#b32e63", "#5b6b78")
LEAST_SPAN = 40.0  # percent, so that noise does not fill the chart
TICKS = (5, 10, 20, 25, 50, 100, 200, 500, 1000)
JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Course:
    """One lesion: its name and its value at each visit in percent, None where there is none."""

    name: str
    percent: tuple[float | None, ...]


def lesion_chart(
    visits: Sequence[str], courses: Sequence[Course], caption: Text, *, limits: Sequence[float] = ()
) -> Picture:
    """Lines over the visits, evenly apart; a zero line, and dashed lines where a criterion has its limits.

    Args:
        visits: Short names without dates: a picture keeps what is written in it.
        limits: Percent.
    """
    values = [value for one in courses for value in one.percent if value is not None]
    low, high, step = _span([*values, *limits, 0.0])
    image = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.truetype(str(FONT_FILE), LETTERS * FINE)

    def place(number: int, value: float) -> tuple[float, float]:
        across = (WIDTH - LEFT - RIGHT) * (number / max(len(visits) - 1, 1))
        down = (HEIGHT - TOP - BOTTOM) * ((high - value) / (high - low))
        return (LEFT + across) * FINE, (TOP + down) * FINE

    for mark in range(round(low / step), round(high / step) + 1):
        (left, y), (right, _) = place(0, mark * step), place(max(len(visits) - 1, 1), mark * step)
        draw.line((left, y, right, y), fill=SOFT if mark == 0 else LINE, width=FINE)
        draw.text((left - 8 * FINE, y), f"{mark * step:+.0f} %".replace("+0 %", "0 %"), SOFT, font, anchor="rm")
    for limit in limits:
        _dashed(draw, place(0, limit), place(max(len(visits) - 1, 1), limit))
    for number, name in enumerate(visits):
        draw.text((place(number, low)[0], (HEIGHT - BOTTOM / 2) * FINE), name, INK, font, anchor="mm")
    _courses(draw, font, courses, place)
    image = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return Picture(file.getvalue(), WIDTH, HEIGHT, caption)


def _courses(
    draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont, courses: Sequence[Course],
    place: Callable[[int, float], tuple[float, float]],
) -> None:  # fmt: skip
    """The lines, a dot at each visit, and the name at the last one."""
    taken: list[tuple[float, float]] = []
    for number, one in enumerate(courses):
        colour = COLOURS[number % len(COLOURS)]
        known = [place(visit, value) for visit, value in enumerate(one.percent) if value is not None]
        if len(known) > 1:
            draw.line(known, fill=colour, width=2 * FINE, joint="curve")
        for x, y in known:
            draw.ellipse((x - 4 * FINE, y - 4 * FINE, x + 4 * FINE, y + 4 * FINE), fill=colour)
        if known:
            x, y = known[-1]
            step = -2 if y > (HEIGHT - BOTTOM - LETTERS) * FINE else 2  # below the axis stand the visits
            while any(
                abs(x - left) < 60 * FINE and abs(y - other) < (LETTERS + 1) * FINE for left, other in taken
            ):  # names do not lie on each other
                y += step * FINE
            taken.append((x, y))
            draw.text((x + 10 * FINE, y), one.name, colour, font, anchor="lm")


def _dashed(draw: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float]) -> None:
    x, y = start
    while x < end[0]:
        draw.line((x, y, min(x + 8 * FINE, end[0]), y), fill=INK, width=FINE)
        x += 14 * FINE


def _span(values: Sequence[float]) -> tuple[float, float, float]:
    """Lowest and highest mark of the axis, and from mark to mark; about six of them."""
    low, high = min(values), max(values)
    wide = max(high - low, LEAST_SPAN)
    step = float(next((tick for tick in TICKS if wide / tick <= 6), 10 ** math.ceil(math.log10(wide / 6))))
    return step * math.floor(low / step), step * math.ceil(max(high, low + wide) / step), step
