"""Masks from the brush on their way to Python: bytes and a note become a mask on the scan's grid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

import numpy as np

from medcore.volume import Mask
from pages.ui import pixels
from pages.ui.viewer import wording
from pages.ui.viewer.packing import pack_volume
from pages.ui.viewer.panes import DrawnMask, LabelOverlay, Pane

LONGEST: Final = 100  # characters of an id


def taken(pane: Pane, number: int, key: str, owner: pixels.Owner) -> Iterator[DrawnMask]:
    """The masks that the browser has put over a pane's pixels since they were last taken."""
    packed = pack_volume(pane.volume)
    token = pixels.PIXELS.issue(owner, packed.array, packed.content)
    for note in pixels.PIXELS.notes(owner, token):
        about = _about(note)
        if about is None or about[:2] != (key, number):
            continue  # another viewer of the same scan drew it
        labels = pixels.PIXELS.take(owner, token, note)
        if labels is not None:
            yield _drawn(pane, number, about[2], about[3], np.frombuffer(labels, dtype=np.uint8))


def _about(note: str) -> tuple[str, int, str, str] | None:
    """Viewer, pane, sitting and source of a note; None where it is none of the viewer's."""
    try:
        key, pane, sitting, source = json.loads(unquote(note))
    except (ValueError, TypeError):
        return None
    if not isinstance(pane, int) or not all(isinstance(text, str) for text in (key, sitting, source)):
        return None
    return key, pane, sitting[:LONGEST], source[:LONGEST]


def _drawn(pane: Pane, number: int, sitting: str, source: str, labels: np.ndarray) -> DrawnMask:
    overlay = next((o for o in pane.overlays if isinstance(o, LabelOverlay) and o.id == source and source), None)
    known = overlay.mask.names if overlay else {}
    used = np.unique(labels[labels > 0]).tolist()  # a hundred million voxels, nearly all of them 0, are slow to sort
    names = {value: known.get(value, wording.label_name(value)) for value in used}
    mask = Mask(labels.reshape(pane.volume.shape), {**known, **names}, pane.volume.geometry)
    return DrawnMask(number, source, sitting, mask, overlay.title if overlay else "")
