"""What stored masks measure: each connected piece of each label with its volume and diameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medcore.imaging.lesions import Extent, lesions
from medcore.store.store import Store
from medcore.volume import Mask, Scale, Triple

MOST = 200  # the largest pieces; smaller ones of a speckled mask are no lesions


@dataclass(frozen=True, slots=True)
class Piece:
    """One connected piece of one label.

    Args:
        number: From 1, the largest first.
        value: Its label's value; `name` is the label's name.
        volume_ml: None on a radiograph or a picture.
        longest, perpendicular: In-plane diameters in `unit`.
        unit: mm, "mm detector" for a projection (magnified against the patient), or px for a picture.
        centre: Its centre of mass in LPS mm; in pixels where `unit` is "px".
        corner, size: Its box in voxels, (slice, row, column).
    """

    number: int
    value: int
    name: str
    volume_ml: float | None
    longest: float
    perpendicular: float
    unit: str
    centre: Triple
    corner: tuple[int, int, int]
    size: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Masks:
    """The masks of stored scans, measured."""

    store: Store

    def pieces(self, mask_id: str) -> tuple[Piece, ...]:
        """Connected pieces of one mask, the largest first.

        Raises:
            NotFoundError: There is no such mask.
            StoreError: Its labels are missing or damaged.
        """
        return pieces_of(self.store.mask(mask_id))

    def piece_at(self, mask: Mask, pieces: Sequence[Piece], at: Triple) -> Piece | None:
        """The piece in whose box a point lies (as `Piece.centre`) and whose label is there; the smallest if several."""
        index = np.rint(mask.geometry.to_index(np.array(at))).astype(int)
        if not all(0 <= i < n for i, n in zip(index.tolist(), mask.labels.shape, strict=True)):
            return None
        value = int(mask.labels[tuple(index)])
        low = [np.array(piece.corner) for piece in pieces]
        fitting = [
            piece
            for piece, corner in zip(pieces, low, strict=True)
            if piece.value == value and (corner <= index).all() and (index < corner + piece.size).all()
        ]
        return min(fitting, key=lambda piece: int(np.prod(piece.size)), default=None)


def pieces_of(mask: Mask) -> tuple[Piece, ...]:
    """Connected pieces of a mask, the largest first."""
    return tuple(_piece(mask, number, extent) for number, extent in enumerate(lesions(mask)[:MOST], start=1))


def _piece(mask: Mask, number: int, extent: Extent) -> Piece:
    units = {Scale.PATIENT: "mm", Scale.DETECTOR: "mm detector", Scale.NONE: "px"}
    relative = mask.geometry.is_placeholder(mask.labels.shape)
    return Piece(
        number=number,
        value=extent.label,
        name=mask.names[extent.label],
        volume_ml=None if relative else extent.volume_ml,
        longest=extent.diameters.longest,
        perpendicular=extent.diameters.perpendicular,
        unit="px" if relative else units[extent.scale],
        centre=extent.centre,
        corner=extent.corner,
        size=extent.size,
    )
