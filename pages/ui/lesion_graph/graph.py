"""The graph's Python face: rows of lesions go in, what the reader wants comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import streamlit as st

from medcore.errors import N_
from medcore.records import LesionRole
from medcore.workbench.comparison_answer import Row
from pages.ui.lesion_graph.layout import lines, marks
from pages.ui.words import percent, t

HERE = Path(__file__).resolve().parent
Json: TypeAlias = str | float | bool | Sequence["Json"] | Mapping[str, "Json"] | None

LETTERS = {
    LesionRole.TARGET: N_("T (target)"),
    LesionRole.NONTARGET: N_("N (non-target)"),
    LesionRole.NEW: N_("+ (new)"),
}
WORDS = (
    N_("Lesions over the visits"),
    N_("{lesion} at {visit}"),
    N_("Drop here: a lesion of its own"),
    N_("It is {lesion}"),
    N_("It is a part of {lesion}"),
    N_("Cancel"),
    N_("Which lesion is it? Up and down choose, Enter takes, Escape leaves it."),
    N_("a lesion of its own"),
    N_("gone"),
    N_("confirmed"),
)

_component = st.components.v2.component(
    "medcore_lesion_graph",
    js=(HERE / "graph.js").read_text(encoding="utf-8"),
    css=(HERE / "graph.css").read_text(encoding="utf-8"),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the reader did in the graph.

    Args:
        act: pick, link (the mark is `lesion`, -1 for a lesion of its own), part (of `lesion`), end (merged with
            `lesion`, -1: gone), or confirm.
        lane: Number of the lesion whose mark was taken.
        visit: Number of the visit.
        lesion: Number of the other lesion.
    """

    act: str
    lane: int
    visit: int
    lesion: int


def lesion_graph(
    rows: Sequence[Row],
    visits: Sequence[str],
    *,
    chosen: str,
    confirmed: frozenset[str],
    titles: Mapping[str, str],
    version: int,
    key: str,
) -> Wish | None:
    """Show the lesions over the visits; returns what the reader has just done.

    Args:
        visits: Titles of the visits.
        chosen: Id of the lesion that is open.
        confirmed: Anchors of those that the reader has confirmed.
        titles: What each fate is called.
        version: Of the draft: what was done to the lesions of another one, before an undo, is no wish for these.
    """
    data: dict[str, Json] = {
        "version": version,
        "visits": list(visits),
        "lanes": [
            {
                "id": row.id,
                "role": "N" if row.role is LesionRole.NONTARGET else "+" if row.role is LesionRole.NEW else "T",
                "title": " · ".join(filter(None, (t(LETTERS[row.role]), row.organ))),
                "confirmed": row.anchor in confirmed,
                "chosen": row.id == chosen,
            }
            for row in rows
        ],
        "marks": [
            {
                "lane": one.lane,
                "visit": one.visit,
                "kind": one.kind,
                "fate": one.fate,
                "size": round(one.size, 3),
                "movable": one.movable,
                "title": _title(rows[one.lane], one.visit, one.confidence, titles),
            }
            for one in marks(rows)
        ],
        "lines": [
            {
                "from": list(one.start),
                "to": list(one.end),
                "fate": one.fate,
                "confidence": round(one.confidence, 2),
                "text": percent(one.confidence) if one.confidence < 0.9 and one.fate != "outside" else "",
            }
            for one in lines(rows)
        ],
        "words": {text: t(text, lesion="{lesion}", visit="{visit}") for text in WORDS},
    }
    result = _component(key=key, data=data, on_wish_change=_nothing)
    wish = result.get("wish")
    stale = isinstance(wish, Mapping) and wish.get("version") != version
    return None if stale else _wish(wish, rows, len(visits))


def _nothing() -> None:
    """A rerun is all that a wish asks for."""


def _title(row: Row, visit: int, confidence: float, titles: Mapping[str, str]) -> str:
    cell = row.cells[visit]
    size = "" if cell.longest_mm is None else f"{cell.longest_mm:.1f} mm"
    other = f"{titles[cell.fate]} {cell.other}".strip()
    return " · ".join(filter(None, (size, other, "" if cell.fate in ("first_seen", "new") else percent(confidence))))


def _wish(value: object, rows: Sequence[Row], visits: int) -> Wish | None:
    """What the browser sent; None where it does not fit what is shown."""
    if not isinstance(value, Mapping):
        return None
    act = value.get("act")
    numbers = [one for one in (value.get(name) for name in ("lane", "visit", "lesion")) if type(one) is int]
    if act not in ("pick", "link", "part", "end", "confirm") or len(numbers) < 3:
        return None
    lane, visit, lesion = numbers
    if not (0 <= lane < len(rows) and 0 <= visit < visits and -1 <= lesion < len(rows)):
        return None
    return Wish(act, lane, visit, lesion)
