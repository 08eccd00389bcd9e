"""The voxels of lesions under the brush: which belong to which lesion, and what they measure once redrawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medcore.imaging.heirs import Piece, heirs, value_boxes
from medcore.imaging.lesions import lesion_voxels, measure
from medcore.imaging.measured import index_of, to_lesion
from medcore.predictions import Lesion
from medcore.store.cropping import cropped
from medcore.store.json_values import Json, from_lesions
from medcore.volume import Array, Geometry, Mask, Scale, Triple
from medcore.workbench.corrected import LESIONS, ORIGINS, VALUES, Finding, Origin, Standing

NEAR_VOXELS = 1.0  # the centre of a lesion and that of its voxels, of which both are the same numbers


def pieces_of(mask: Mask, lesions: Sequence[Lesion]) -> dict[str, Piece]:
    """The voxels of each lesion in a mask; a lesion that is not in it is left out."""
    return {key: piece for key, piece in _named_pieces(mask, lesions) if key}


def _named_pieces(mask: Mask, lesions: Sequence[Lesion]) -> list[tuple[str, Piece]]:
    """Every connected piece with the id of its lesion, whose centre is the same; "" for one too small for the list."""
    at = {lesion.id: index for lesion in lesions if (index := _index(lesion, mask.geometry)) is not None}
    found = []
    for extent, inside in lesion_voxels(_kinds(mask, lesions)):
        here = index_of(extent.centre, mask.geometry)
        nearest = min(at, key=lambda key: _apart(at[key], here), default="")
        name = nearest if nearest and _apart(at[nearest], here) <= NEAR_VOXELS else ""
        at.pop(name, None)
        found.append((name, Piece(extent.corner, inside)))
    return found


def outlined_pieces(mask: Mask, findings: Sequence[Finding]) -> dict[str, Piece]:
    """The voxels of each outlined box, which has a value of its own in the mask."""
    boxes = value_boxes(mask.labels)
    found = {}
    for one in findings:
        box = boxes[one.value - 1] if 0 < one.value <= len(boxes) else None
        if box is not None:
            s, r, c = (int(side.start) for side in box)
            found[one.id] = Piece((s, r, c), mask.labels[box] == one.value)
    return found


def without(mask: Mask, pieces: Sequence[Piece]) -> Mask:
    """The mask with pieces taken out of it."""
    if not pieces:
        return mask
    labels = np.array(mask.labels)
    for piece in pieces:
        _part(labels, piece)[piece.inside] = 0
    return replace(mask, labels=labels)


def with_back(mask: Mask, others: Sequence[Mask]) -> Mask:
    """The mask with those of others put back where it holds nothing."""
    if not others:
        return mask
    labels, names = np.array(mask.labels), dict(mask.names)
    for other in others:
        labels = np.where(labels == 0, other.labels, labels)
        names |= {value: name for value, name in other.names.items() if value not in names}
    return Mask(labels, names, mask.geometry)


def only(mask: Mask, piece: Piece) -> Mask:
    """The mask with nothing but one piece of it."""
    labels = np.zeros_like(mask.labels)
    _part(labels, piece)[piece.inside] = _part(mask.labels, piece)[piece.inside]
    return replace(mask, labels=labels)


def remeasured(before: Mask, after: Mask, findings: Sequence[Finding], *, in_mm: bool = True) -> Json:
    """What a redrawn mask holds, for its correction: each lesion measured anew where its voxels changed.

    Args:
        before: As it was shown, without the rejected lesions.
        after: The same, redrawn.
        findings: What was known until now; the rejected ones are carried on as they are.
        in_mm: Whether the scan's millimetres are true; else sizes stay relative, in voxels.
    """
    known = {one.id: one for one in findings if one.lesion}
    shown = [one.lesion for one in known.values() if one.counts and one.lesion]
    former = _named_pieces(before, shown)
    kinds = _kinds(after, shown)
    if not in_mm:
        kinds = replace(kinds, geometry=replace(kinds.geometry, scale=Scale.NONE))
    voxels = lesion_voxels(kinds)
    inherited = heirs([piece for _, piece in former], [Piece(extent.corner, inside) for extent, inside in voxels])
    now = [(one.lesion, one.origin) for one in known.values() if one.standing is Standing.REJECTED and one.lesion]
    number = max((int(key) for key in known if key.isdigit()), default=0)
    for (extent, inside), heir in zip(voxels, inherited, strict=True):
        name, piece = ("", None) if heir is None else former[heir]
        same = piece is not None and _same(piece, Piece(extent.corner, inside))
        if not name and same:
            continue  # too small for the task's list, and still so
        if not name:
            number += 1
            now.append((to_lesion(extent, kinds, id=str(number)), Origin.ADDED))
        else:
            now.append(_continued(known[name], to_lesion(extent, kinds, id=name), same_voxels=same))
    lesions = from_lesions([lesion for lesion, _ in now])
    return {LESIONS: lesions, ORIGINS: {lesion.id: origin.value for lesion, origin in now}}


def _continued(former: Finding, fresh: Lesion, *, same_voxels: bool) -> tuple[Lesion, Origin]:
    """A lesion after the brush: as it was where nothing of it changed."""
    assert former.lesion is not None, "only lesions have voxels"
    if same_voxels and fresh.label == former.lesion.label:
        return former.lesion, former.origin
    origin = Origin.ADDED if former.origin is Origin.ADDED else Origin.CHANGED
    return replace(fresh, probability=former.lesion.probability), origin


def _kinds(mask: Mask, lesions: Sequence[Lesion]) -> Mask:
    """The mask in which a lesion is one connected piece: labels joined where lesions are named after none of them."""
    labels = {lesion.label for lesion in lesions}
    if len(mask.names) < 2 or not labels or labels <= set(mask.names.values()):
        return mask
    return Mask((mask.labels > 0).astype(np.uint8), {1: min(labels)}, mask.geometry)


def _same(one: Piece, other: Piece) -> bool:
    return one.corner == other.corner and np.array_equal(one.inside, other.inside)


def outlines_remeasured(before: Mask, after: Mask, findings: Sequence[Finding]) -> Json:
    """As `remeasured`, of a detection's outlines: a value of the mask is a lesion, a new value a new one.

    Only what the brush touched is looked at, for a chest CT has a hundred million voxels.
    """
    counted = {one.value: one for one in findings if one.counts and one.value}
    now = [(one.lesion, one.origin, one.value) for one in findings if one.standing is Standing.REJECTED and one.lesion]
    number = max((int(one.id) for one in findings), default=0)
    touched = _touched(before.labels, after.labels)
    for value in sorted(touched | set(counted)):
        one = counted.get(value)
        if one is not None and one.lesion is not None and value not in touched:
            now.append((one.lesion, one.origin, value))
            continue
        piece = _piece_of(after.labels, value)
        if piece is None:
            continue
        extent = measure(piece.inside, after.geometry, corner=piece.corner, label=value)
        if one is None or one.lesion is None:
            number += 1
            lesion, origin = to_lesion(extent, after, id=str(number)), Origin.ADDED
        else:
            fresh = replace(to_lesion(extent, after, id=one.id), label=one.lesion.label)
            lesion, origin = _continued(one, fresh, same_voxels=False)
        now.append((lesion, origin, value))
    lesions = from_lesions([lesion for lesion, _, _ in now])
    origins: Json = {lesion.id: origin.value for lesion, origin, _ in now}
    return {LESIONS: lesions, ORIGINS: origins, VALUES: {lesion.id: value for lesion, _, value in now}}


def _touched(before: Array, after: Array) -> set[int]:
    """The values that voxels had or have which differ."""
    changed = before != after
    return {int(value) for side in (before, after) for value in np.unique(side[changed]) if value}


def _piece_of(labels: Array, value: int) -> Piece | None:
    """The voxels of one value; None where it does not occur."""
    box, (s, r, c) = cropped(labels == value)
    return Piece((s, r, c), box) if box.any() else None


def _part(labels: Array, piece: Piece) -> Array:
    box = tuple(slice(start, start + side) for start, side in zip(piece.corner, piece.inside.shape, strict=True))
    return labels[box]


def _index(lesion: Lesion, geometry: Geometry) -> Triple | None:
    if lesion.centre_index is not None:
        return lesion.centre_index
    return None if lesion.centre_lps_mm is None else index_of(lesion.centre_lps_mm, geometry)


def _apart(one: Triple, other: Triple) -> float:
    return float(np.linalg.norm(np.subtract(one, other)))
