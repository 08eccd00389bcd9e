"""Key images of a comparison: one lesion at all visits, in the same slice of the baseline and the same window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medcore.comparison.compare import Compared
from medcore.errors import N_, Message
from medcore.exports.key_images import key_picture
from medcore.exports.report_document import Picture, Pictures, Text
from medcore.volume import Geometry, Scale, Triple, Unit, Volume
from medcore.workbench.comparison_answer import Cell, Row
from medcore.workbench.comparisons import Aligned

HALF_MM = 45.0  # of the side of a key image
HALF_SHARE = 0.2  # of the longer side of a radiograph or a picture
MOST_IMAGES = 6  # lesions; targets come first


def key_images(
    aligned: Aligned, found: Compared, lesions: Sequence[Row], hidden: frozenset[str] = frozenset()
) -> tuple[Pictures, ...]:
    """Every lesion before and after, targets first.

    Args:
        hidden: Ids of scans whose pictures must not be shown.
    """
    shown = [number for number, scan in enumerate(aligned.scans) if scan not in hidden]
    wanted = sorted((row for row in lesions if row.place is not None), key=lambda row: row.role.value != "target")
    made = []
    for row in wanted[:MOST_IMAGES]:
        place = _measured_at(aligned, found, row)
        pictures = [key_image(aligned, found, number, place, size_text(row.cells[number])) for number in shown]
        made.append(Pictures(Message(N_("Lesion {id}"), {"id": row.id}), tuple(pictures)))
    return tuple(made) if shown else ()


def key_image(aligned: Aligned, found: Compared, number: int, place: Triple, said: Text = "") -> Picture:
    """One place of the baseline at one visit, on the baseline's grid and in its window.

    Args:
        place: LPS mm of the baseline.
        said: What stands under it, after the visit.
    """
    first = aligned.moments[0].scan
    onto, shape = _patch(first, place)
    moment, mask = aligned.moments[number], found.visits[number].mask
    if number == 0:
        start = np.rint(first.geometry.to_index(onto.affine[:3, 3])).astype(int)
        box = tuple(slice(at, at + size) for at, size in zip(start.tolist(), shape, strict=True))
        grey, inside = first.voxels[box][0], np.asarray(mask.labels[box][0] > 0, dtype=np.float32)
    else:
        alignment = aligned.alignments[number - 1]
        grey = alignment.carried(moment.scan, onto, shape)[0]
        share = Volume(np.asarray(mask.labels > 0, dtype=np.float32), Unit.GREY, "", mask.geometry)
        inside = alignment.carried(share, onto, shape)[0]  # between voxels, as the grey values are
    _, row, column = first.geometry.steps
    return key_picture(
        _windowed(grey, first, moment.scan),
        inside,
        (moment.label, " · ", said) if said else moment.label,
        pixel=(row, column),
        true_scale=found.visits[0].sized and first.geometry.scale is not Scale.NONE,
    )


def whole_pictures(aligned: Aligned, hidden: frozenset[str] = frozenset()) -> tuple[Pictures, ...]:
    """Radiographs without lesions: each whole, on the baseline's grid; none of them where there is one of slices."""
    first = aligned.moments[0].scan
    if first.shape[0] > 1:
        return ()
    _, row, column = first.geometry.steps
    pictures = []
    for number, (moment, scan) in enumerate(zip(aligned.moments, aligned.scans, strict=True)):
        if scan not in hidden:
            lying = aligned.alignments[number - 1].carried(moment.scan, first.geometry, first.shape) if number else None
            grey = _windowed((first.voxels if lying is None else lying)[0], first, moment.scan)
            none = np.zeros(grey.shape, dtype=np.float32)
            pictures.append(key_picture(grey, none, moment.label, pixel=(row, column), true_scale=False))
    return (Pictures("", tuple(pictures)),) if pictures else ()


def size_text(cell: Cell) -> Text:
    """A size in mm and ml, or in voxels where there is no scale."""
    if not cell.anchor:
        return "–"
    if cell.longest_mm is None or cell.short_axis_mm is None:
        return Message(N_("{count} voxels"), {"count": cell.voxels})
    volume = "" if cell.volume_ml is None else f", {cell.volume_ml:.3g} ml"
    return f"{cell.longest_mm:.1f} × {cell.short_axis_mm:.1f} mm{volume}"


def _measured_at(aligned: Aligned, found: Compared, row: Row) -> Triple:
    """The middle of the longest diameter where the lesion is first seen, in LPS mm of the baseline."""
    number = next(number for number, cell in enumerate(row.cells) if cell.anchor)
    track = next(one for one in found.tracks if one.id == row.id)
    piece = track.sightings[number].piece
    assert piece is not None, "it is seen there"
    middle = np.mean(found.visits[number].pieces[piece].extent.diameters.longest_ends, axis=0)
    if number:
        middle = aligned.alignments[number - 1].places_in_fixed(middle[None])[0]
    x, y, z = middle.tolist()
    return x, y, z


def _patch(scan: Volume, place: Triple) -> tuple[Geometry, tuple[int, int, int]]:
    """The grid of one slice around a place, within the scan."""
    s, r, c = np.rint(scan.geometry.to_index(np.array(place))).astype(int).tolist()
    slices, height, width = scan.shape
    _, row, column = scan.geometry.steps
    half = HALF_MM if slices > 1 else HALF_SHARE * max(height * row, width * column)
    s, r, c = (min(max(at, 0), side - 1) for at, side in zip((s, r, c), scan.shape, strict=True))
    top, left = max(0, r - round(half / row)), max(0, c - round(half / column))
    bottom, right = min(height, r + round(half / row) + 1), min(width, c + round(half / column) + 1)
    affine = scan.geometry.affine.copy()
    affine[:3, 3] = scan.geometry.to_lps(np.array([s, top, left], dtype=float))
    return replace(scan.geometry, affine=affine), (1, bottom - top, right - left)


def _windowed(grey: NDArray[np.generic], first: Volume, scan: Volume) -> NDArray[np.float32]:
    """0..1 in one window for all visits; where grey values mean nothing by themselves, in one of each scan's own."""
    values = np.asarray(grey, dtype=np.float32)
    if values.ndim == 3:
        values = values.mean(axis=2)
    same = first.unit is scan.unit and first.unit in (Unit.HU, Unit.SUV)
    if same and first.window is not None:
        low, high = first.window.low, first.window.high
    else:
        seen = first if same else scan
        low, high = np.percentile(seen.voxels[seen.shape[0] // 2], (0.5, 99.5))
    return np.asarray(np.clip((values - low) / max(float(high - low), 1e-6), 0, 1), dtype=np.float32)
