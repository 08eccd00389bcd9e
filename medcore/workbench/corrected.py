"""A result as the reader has left it: its lesions with their standing, its mask without what was rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from medcore.imaging.heirs import Piece, heirs
from medcore.imaging.lesions import lesion_voxels
from medcore.imaging.measured import index_of, to_lesion
from medcore.predictions import Box, Classification, Detection, Lesion, Prediction, Segmentation
from medcore.store.corrections import Act, Correction
from medcore.store.json_values import Json, as_table, from_lesions, to_lesions, to_texts
from medcore.volume import Array, Geometry, Mask, Triple

LESIONS, ORIGINS = "lesions", "origins"  # in the content of a redrawn mask
NEAR_VOXELS = 1.0  # the centre of a lesion and that of its voxels, of which both are the same numbers


class Standing(StrEnum):
    """What the reader says of a lesion."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ERASED = "erased"  # with the brush


class Origin(StrEnum):
    """Whose a lesion is."""

    FOUND = "found"  # as the model left it
    CHANGED = "changed"  # by the brush
    ADDED = "added"  # by the brush


VERDICTS = {Act.ACCEPTED: Standing.ACCEPTED, Act.REJECTED: Standing.REJECTED, Act.REOPENED: Standing.OPEN}


@dataclass(frozen=True, slots=True)
class Finding:
    """One lesion or box of a result as it now stands.

    Args:
        id: Of the lesion; of a box its number from 1.
        place: Where to look, in the scan's LPS mm (pixels without a scale); None where it is unknown.
        lesion: Of a mask, measured as it is now.
        box: Of a detection.
    """

    id: str
    standing: Standing
    origin: Origin
    place: Triple | None
    lesion: Lesion | None = None
    box: Box | None = None

    @property
    def counts(self) -> bool:
        """Whether it is among what the result says."""
        return self.standing in (Standing.OPEN, Standing.ACCEPTED)

    @property
    def label(self) -> str:
        """What it is, as its model calls it."""
        one = self.lesion or self.box
        return one.label if one else ""

    @property
    def probability(self) -> float | None:
        """That it is one, as the model sees it."""
        one = self.lesion or self.box
        return one.probability if one else None


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """A result with all that readers did to it.

    Args:
        prediction: As the model left it.
        mask: As it now stands, without the rejected lesions; None where there is no mask.
        findings: All of them, in the order of the model's list, then what was added.
        history: All corrections, the oldest first.
        last: The correction that undoing takes back, or None.
    """

    prediction: Prediction
    mask: Mask | None
    findings: tuple[Finding, ...]
    history: tuple[Correction, ...] = ()
    last: Correction | None = None

    @property
    def counted(self) -> tuple[Finding, ...]:
        """What is neither rejected nor erased."""
        return tuple(one for one in self.findings if one.counts)

    @property
    def burden_ml(self) -> float | None:
        """Volume of all that counts; None where the scan has no millimetres."""
        sizes = [one.lesion.volume_ml for one in self.counted if one.lesion]
        return None if None in sizes else float(sum(size for size in sizes if size is not None))

    @property
    def burden_voxels(self) -> int:
        """The same in voxels, which are there without millimetres too."""
        return sum(one.lesion.voxels for one in self.counted if one.lesion)

    @property
    def edited(self) -> bool:
        """Whether anything stands otherwise than the model left it."""
        return self.last is not None

    @property
    def result(self) -> Prediction:
        """The prediction as corrected: what counts, with the mask as it now stands."""
        match self.prediction:
            case Segmentation() if self.mask is not None:
                lesions = tuple(one.lesion for one in self.counted if one.lesion)
                return replace(self.prediction, mask=self.mask, lesions=lesions)
            case Detection():
                return replace(self.prediction, boxes=tuple(one.box for one in self.counted if one.box))
        return self.prediction


def verdicts(counting: Sequence[Correction]) -> Mapping[str, Correction]:
    """The latest verdict on each lesion."""
    return {one.lesion: one for one in counting if one.act in VERDICTS}


def findings_of(prediction: Prediction, geometry: Geometry, counting: Sequence[Correction]) -> tuple[Finding, ...]:
    """All lesions or boxes of a result as the corrections leave them."""
    said = {lesion: VERDICTS[one.act] for lesion, one in verdicts(counting).items()}
    match prediction:
        case Classification():
            return ()
        case Detection(boxes=boxes):
            return tuple(
                Finding(str(n), said.get(str(n), Standing.OPEN), Origin.FOUND, _middle(box, geometry), box=box)
                for n, box in enumerate(boxes, start=1)
            )
        case Segmentation():
            lesions, origins = lesions_of(prediction, counting)
            now = {lesion.id for lesion in lesions}
            gone = [one for one in prediction.lesions if one.id not in now]
            return tuple(
                Finding(
                    lesion.id,
                    said.get(lesion.id, Standing.OPEN) if lesion.id in now else Standing.ERASED,
                    origins.get(lesion.id, Origin.FOUND),
                    _centre(lesion, geometry),
                    lesion=lesion,
                )
                for lesion in _in_order(prediction, (*lesions, *gone))
            )


def lesions_of(
    prediction: Segmentation, counting: Sequence[Correction]
) -> tuple[tuple[Lesion, ...], Mapping[str, Origin]]:
    """The lesions with voxels, the rejected ones too, and whose they are where not the model's."""
    redrawn = last_redrawn(counting)
    if redrawn is None:
        return prediction.lesions, {}
    table = as_table(redrawn.content)
    origins = {lesion: Origin(value) for lesion, value in to_texts(table[ORIGINS]).items()}
    return to_lesions(table[LESIONS]), origins


def last_redrawn(counting: Sequence[Correction]) -> Correction | None:
    """The correction that holds the mask, or None where it is the model's."""
    return next((one for one in reversed(counting) if one.act is Act.REDRAWN), None)


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


def remeasured(before: Mask, after: Mask, findings: Sequence[Finding]) -> Json:
    """What a redrawn mask holds, for its correction: each lesion measured anew where its voxels changed.

    Args:
        before: As it was shown, without the rejected lesions.
        after: The same, redrawn.
        findings: What was known until now; the rejected ones are carried on as they are.
    """
    known = {one.id: one for one in findings if one.lesion}
    shown = [one.lesion for one in known.values() if one.counts and one.lesion]
    former = _named_pieces(before, shown)
    kinds = _kinds(after, shown)
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


def _part(labels: Array, piece: Piece) -> Array:
    box = tuple(slice(start, start + side) for start, side in zip(piece.corner, piece.inside.shape, strict=True))
    return labels[box]


def _in_order(prediction: Segmentation, lesions: Sequence[Lesion]) -> list[Lesion]:
    order = {one.id: number for number, one in enumerate(prediction.lesions)}
    return sorted(lesions, key=lambda one: (order.get(one.id, len(order)), int(one.id) if one.id.isdigit() else 0))


def _index(lesion: Lesion, geometry: Geometry) -> Triple | None:
    if lesion.centre_index is not None:
        return lesion.centre_index
    return None if lesion.centre_lps_mm is None else index_of(lesion.centre_lps_mm, geometry)


def _centre(lesion: Lesion, geometry: Geometry) -> Triple | None:
    if lesion.centre_index is None:
        return lesion.centre_lps_mm
    return _place(np.array(lesion.centre_index), geometry)


def _middle(box: Box, geometry: Geometry) -> Triple:
    return _place((np.array(box.corners[:3]) + box.corners[3:]) / 2, geometry)


def _place(index: Array, geometry: Geometry) -> Triple:
    x, y, z = geometry.to_lps(index).tolist()
    return x, y, z


def _apart(one: Triple, other: Triple) -> float:
    return float(np.linalg.norm(np.subtract(one, other)))
