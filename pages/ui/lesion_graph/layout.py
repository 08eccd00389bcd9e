"""What the graph of lesions draws: a lane for each lesion, a column for each visit, marks and links between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medcore.workbench.comparison_answer import Cell, Row

SEEN, GONE, OUTSIDE, MERGED = "seen", "gone", "outside", "merged"
UNSEEN = {"gone": GONE, "outside": OUTSIDE, "merged": MERGED}


@dataclass(frozen=True, slots=True)
class Mark:
    """A lesion at one visit.

    Args:
        lane: Number of the lesion, from 0.
        visit: Number of the visit, from 0.
        kind: seen, gone, outside or merged.
        fate: Of the lesion at this visit.
        size: Of its largest diameter over all marks, 0..1; 0 where it is not seen.
        movable: Whether a reader may say that it is another lesion.
    """

    lane: int
    visit: int
    kind: str
    fate: str
    confidence: float
    size: float
    movable: bool


@dataclass(frozen=True, slots=True)
class Line:
    """From a mark to a later one: (lane, visit) each; `fate` is that of the later."""

    start: tuple[int, int]
    end: tuple[int, int]
    fate: str
    confidence: float


def marks(rows: Sequence[Row]) -> tuple[Mark, ...]:
    """Every lesion at every visit from its first on; after it merged it is no more."""
    most = max((_amount(cell) for row in rows for cell in row.cells), default=0.0) or 1.0
    found = []
    for lane, row in enumerate(rows):
        ended = False
        for visit, cell in enumerate(row.cells):
            if cell.fate == "not_yet" or ended:
                continue
            kind = SEEN if cell.anchor else UNSEEN.get(cell.fate, GONE)
            movable = visit > 0 and kind != OUTSIDE
            size = (_amount(cell) / most) if cell.anchor else 0.0
            found.append(Mark(lane, visit, kind, cell.fate, cell.confidence, size, movable))
            ended = kind == MERGED
    return tuple(found)


def lines(rows: Sequence[Row]) -> tuple[Line, ...]:
    """Along each lane, from a lesion to what it merged with, and from one that fell apart to its parts."""
    lane_of = {row.id: lane for lane, row in enumerate(rows)}
    found = []
    for lane, row in enumerate(rows):
        before: int | None = None
        for visit, cell in enumerate(row.cells):
            if cell.fate == "split_off" and cell.other in lane_of:
                parent = lane_of[cell.other]
                found.append(Line((parent, _last(rows[parent], visit)), (lane, visit), "split_off", cell.confidence))
            elif before is not None and cell.fate == "merged":
                found.append(Line((lane, before), (lane_of.get(cell.other, lane), visit), "merged", cell.confidence))
                break
            elif before is not None and cell.fate != "not_yet":
                found.append(Line((lane, before), (lane, visit), cell.fate, cell.confidence))
            before = visit if cell.fate != "not_yet" else before
    return tuple(found)


def _last(row: Row, visit: int) -> int:
    """The visit before this one at which the lesion was seen."""
    return max((number for number in range(visit) if row.cells[number].anchor), default=max(0, visit - 1))


def _amount(cell: Cell) -> float:
    """What the size of a mark grows with: a diameter, or that of the voxels where there are no millimetres."""
    return cell.longest_mm if cell.longest_mm is not None else float(cell.voxels ** (1 / 3))
