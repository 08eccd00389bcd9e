"""A result as the reader has left it: its lesions with their standing, its mask without what was rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from medcore.predictions import Box, Classification, Detection, Lesion, Prediction, Segmentation, Suggestion
from medcore.store.corrections import Act, Correction
from medcore.store.json_values import as_number, as_table, to_lesions, to_texts
from medcore.volume import Array, Geometry, Mask, Triple

LESIONS, ORIGINS, VALUES = "lesions", "origins", "values"  # in the content of a redrawn mask
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
        box: Of a detection, as the model left it.
        value: Of its voxels in the mask of a detection; 0 where it has none.
    """

    id: str
    standing: Standing
    origin: Origin
    place: Triple | None
    lesion: Lesion | None = None
    box: Box | None = None
    value: int = 0

    @property
    def counts(self) -> bool:
        """Whether it is among what the result says."""
        return self.standing in (Standing.OPEN, Standing.ACCEPTED)

    @property
    def label(self) -> str:
        """What it is, as its model calls it."""
        one = self.box or self.lesion
        return one.label if one else ""

    @property
    def probability(self) -> float | None:
        """That it is one, as the model sees it."""
        one = self.box or self.lesion
        return one.probability if one else None


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """A result with all that readers did to it.

    Args:
        prediction: As the model left it.
        mask: As it now stands, without the rejected lesions; None where there is no mask.
        findings: All of them, in the order of the model's list, then what was added.
        suggestions: What published rules say of what counts.
        history: All corrections, the oldest first.
        last: The correction that undoing takes back, or None.
    """

    prediction: Prediction
    mask: Mask | None
    findings: tuple[Finding, ...]
    suggestions: tuple[Suggestion, ...] = ()
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
                boxes = tuple(box_now(one) for one in self.counted if one.box)
                return replace(self.prediction, boxes=boxes, mask=self.mask, suggestions=self.suggestions)
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
        case Detection():
            return _boxes(prediction, geometry, counting, said)
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


def _boxes(
    prediction: Detection, geometry: Geometry, counting: Sequence[Correction], said: Mapping[str, Standing]
) -> tuple[Finding, ...]:
    redrawn = last_redrawn(counting)
    table = as_table(redrawn.content) if redrawn is not None else {}
    now = {lesion.id: lesion for lesion in to_lesions(table.get(LESIONS, []))}
    origins = {lesion: Origin(value) for lesion, value in to_texts(table.get(ORIGINS, {})).items()}
    found = []
    for number, box in enumerate(prediction.boxes, start=1):
        key = str(number)
        erased = redrawn is not None and box.mask_label > 0 and key not in now
        lesion = now.get(key) or lesion_of(box, key)
        standing = Standing.ERASED if erased else said.get(key, Standing.OPEN)
        origin, place = origins.get(key, Origin.FOUND), _middle(box, geometry)
        found.append(Finding(key, standing, origin, place, lesion, box, box.mask_label))
    values = {key: int(as_number(value)) for key, value in as_table(table.get(VALUES, {})).items()}
    for key in sorted(now.keys() - {one.id for one in found}, key=int):
        there, standing = _centre(now[key], geometry), said.get(key, Standing.OPEN)
        found.append(Finding(key, standing, Origin.ADDED, there, now[key], None, values[key]))
    return tuple(found)


def lesion_of(box: Box, key: str) -> Lesion | None:
    """The sizes of an outlined box as a lesion; None where it has no outline."""
    if not box.mask_label:
        return None
    middle = (np.array(box.corners[:3]) + box.corners[3:]) / 2
    s, r, c = middle.tolist()
    return Lesion(
        key, box.label, box.volume_ml, box.longest_mm, box.short_axis_mm, box.centre_lps_mm, centre_index=(s, r, c)
    )


def box_now(finding: Finding) -> Box:
    """The box with its sizes as they are now; what was told from a former outline is dropped with it."""
    box, lesion = finding.box, finding.lesion
    assert box is not None, "called for boxes"
    if finding.origin is Origin.FOUND or lesion is None:
        return box
    sizes = [size for size in (lesion.longest_mm, lesion.short_axis_mm) if size is not None]
    return replace(
        box,
        centre_lps_mm=lesion.centre_lps_mm,
        diameter_mm=sum(sizes) / len(sizes) if sizes else None,
        longest_mm=lesion.longest_mm,
        short_axis_mm=lesion.short_axis_mm,
        volume_ml=lesion.volume_ml,
        solid_mm=None,
        hu_mean=None,
        evidence=(),
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


def _in_order(prediction: Segmentation, lesions: Sequence[Lesion]) -> list[Lesion]:
    order = {one.id: number for number, one in enumerate(prediction.lesions)}
    return sorted(lesions, key=lambda one: (order.get(one.id, len(order)), int(one.id) if one.id.isdigit() else 0))


def _centre(lesion: Lesion, geometry: Geometry) -> Triple | None:
    if lesion.centre_index is None:
        return lesion.centre_lps_mm
    return _place(np.array(lesion.centre_index), geometry)


def _middle(box: Box, geometry: Geometry) -> Triple:
    return _place((np.array(box.corners[:3]) + box.corners[3:]) / 2, geometry)


def _place(index: Array, geometry: Geometry) -> Triple:
    x, y, z = geometry.to_lps(index).tolist()
    return x, y, z
