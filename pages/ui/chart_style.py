"""Colours, patterns and symbols of the response charts: no two things differ by their colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pages.ui import theme

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "triangle-down", "pentagon", "cross", "hexagon")
PATTERNS = ("", "/", "x", "-", "+", ".")
# Best to worst in colours that stay apart for colour-blind eyes (Okabe and Ito), in the light and in the dark theme.
LIGHT = ("#009E73", "#2D7FB8", "#8A97A3", "#E1A100", "#C44900")
DARK = ("#3DC29A", "#62B1E6", "#93A3AE", "#F0C04A", "#F0803C")
UNKNOWN = {"light": "#C9D2D9", "dark": "#4A5864"}
RANK = {
    "CR": 0, "iCR": 0, "CMR": 0, "NO_GROWTH": 0, "NO_ACTIVITY": 0,
    "PR": 1, "iPR": 1, "PMR": 1, "MR": 1, "BENIGN": 1,
    "SD": 2, "iSD": 2, "SMD": 2, "NMR": 2, "STABLE": 2, "non-CR/non-PD": 2,
    "iUPD": 3, "INDETERMINATE": 3,
    "PD": 4, "iCPD": 4, "PMD": 4, "SUSPICIOUS": 4, "ACTIVE": 4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """How one series is drawn."""

    colour: str
    symbol: str
    pattern: str

    @property
    def bar(self) -> dict[str, object]:
        """As a bar's marker: the hatching lies on the colour."""
        return {"color": self.colour, "pattern": hatched(self.pattern)}


def hatched(shape: str | list[str]) -> dict[str, object]:
    """A pattern on top of a bar's own colour."""
    return {"shape": shape, "fillmode": "overlay", "fgopacity": 0.55, "size": 7}


def series(number: int) -> Look:
    """Look of the n-th series: colours come round after six, symbols after ten, so thirty stay apart."""
    colours = theme.colours() or list(LIGHT)
    return Look(
        colours[number % len(colours)],
        SYMBOLS[number % len(SYMBOLS)],
        PATTERNS[number // len(colours) % len(PATTERNS)],
    )


def category(name: str, order: Sequence[str] = ()) -> Look:
    """Look of a category, the same in every chart; what has no place between best and worst is grey and dotted.

    Args:
        order: Categories of its criterion from best to worst, for those that are not everybody's.
    """
    dark = st.context.theme.type == "dark"
    rank = RANK.get(name)
    if rank is None and name in order:
        rank = round((len(LIGHT) - 1) * list(order).index(name) / max(1, len(order) - 1))
    if rank is None:
        return Look(UNKNOWN["dark" if dark else "light"], "circle-open", ".")
    return Look((DARK if dark else LIGHT)[rank], SYMBOLS[rank], ("", "/", "", "-", "x")[rank])
