"""What a reader decides about lesions over time, each as a draft that follows from the draft before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from medcore.workbench.comparison_answer import Row
from medcore.workbench.comparison_draft import GONE_LESION, NEW_LESION, Draft, end_of

SURE = 0.9  # a link above needs no second look


def linked(draft: Draft, rows: Sequence[Row], visit: int, piece: str, lesion: str) -> Draft:
    """A region of a visit is this lesion, in place of the one that was taken for it, which then stands alone.

    Args:
        piece: Anchor of the region at that visit; "" where the lesion has none there any more.
        lesion: Anchor of the lesion, or "new" for a lesion of its own.
    """
    links, changed = dict(draft.links), {lesion, _owner(rows, visit, piece)}
    former = next((row.cells[visit].anchor for row in rows if row.anchor == lesion), "")
    if former and former != piece:
        links[former] = NEW_LESION
    if piece:
        links[piece] = lesion
    return replace(draft, links=links, confirmed=draft.confirmed - changed)


def part_of(draft: Draft, rows: Sequence[Row], visit: int, piece: str, lesion: str) -> Draft:
    """A region of a visit is a part of this lesion, beside the one that is it already."""
    former = next((row.cells[visit].anchor for row in rows if row.anchor == lesion), "")
    links = {**draft.links, piece: lesion, **({former: lesion} if former else {})}
    return replace(draft, links=links, confirmed=draft.confirmed - {lesion, _owner(rows, visit, piece)})


def ended(draft: Draft, scan: str, lesion: str, other: str) -> Draft:
    """A lesion that a visit does not show merged with another one, or is gone.

    Args:
        other: Anchor of the lesion that it merged with, or "gone".
    """
    ends = {**draft.ends, end_of(scan, lesion): other if other and other != lesion else GONE_LESION}
    return replace(draft, ends=ends, confirmed=draft.confirmed - {lesion})


def confirmed(draft: Draft, lesions: Iterable[str], *, yes: bool) -> Draft:
    """These lesions are confirmed, or no longer."""
    return replace(draft, confirmed=draft.confirmed | {*lesions} if yes else draft.confirmed - {*lesions})


def sure(rows: Sequence[Row]) -> tuple[str, ...]:
    """Anchors of the lesions of which every link is safe: followed or first seen, above 90 %."""
    plain = {"not_yet", "first_seen", "followed"}
    return tuple(
        row.anchor for row in rows if all(cell.fate in plain and cell.confidence >= SURE for cell in row.cells)
    )


def _owner(rows: Sequence[Row], visit: int, piece: str) -> str:
    return next((row.anchor for row in rows if piece and row.cells[visit].anchor == piece), "")
