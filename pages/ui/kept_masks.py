"""Masks of a scan in its viewer: stored ones lie over it, drawn and corrected ones are kept with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from medcore.errors import MedcoreError, NotFoundError
from medcore.volume import MaskFacts, MaskOrigin
from pages.ui import faults, state
from pages.ui.kept_marks import Place
from pages.ui.open_drawings import OpenMasks
from pages.ui.viewer.panes import DrawnMask, LabelOverlay
from pages.ui.words import t


def opened(key: str) -> OpenMasks:
    """What this session knows of the viewer's masks; they are read anew when the viewer opens."""
    known = state.session().masks.setdefault(key, OpenMasks())
    if not state.stands(key):
        known.renew()
    return known


def overlays(known: OpenMasks, number: int, scan: str) -> tuple[LabelOverlay, ...]:
    """The stored masks to lay over a pane.

    What the brush has drawn in this sitting is on the screen already: there, what it corrects stands for it.
    """
    drawn = {
        mask: source
        for (pane, source, sitting), mask in known.saved.items()
        if pane == number and sitting == known.sitting
    }
    shown = []
    for facts in state.workbench().studies.masks(scan):
        source = drawn.get(facts.id, facts.id)
        if source == facts.id or (source and source == facts.replaces):
            shown.append(LabelOverlay(state.mask(source), facts.name, id=source, visible=facts.id not in known.hidden))
    return tuple(shown)


def keep(known: OpenMasks, places: Sequence[Place], drawn: Sequence[DrawnMask]) -> None:
    """Store what the brush has drawn since the run before; what cannot be stored is explained and tried again."""
    known.waiting.extend(drawn)
    late = False
    while known.waiting:
        one = known.waiting[0]
        try:
            _save(known, places[one.pane].scan, one)
        except MedcoreError as error:
            faults.show(error)
            return
        known.waiting.pop(0)
        late = late or one.sitting != known.sitting
    if late:  # drawn just before the page was left: the viewer does not know it
        known.renew()
        st.rerun()


def _save(known: OpenMasks, scan: str, drawn: DrawnMask) -> None:
    slot = (drawn.pane, drawn.source, drawn.sitting)
    former = known.saved.get(slot, "")
    source = _stored(scan, drawn.source)
    untouched = (
        np.array_equal(drawn.mask.labels, state.mask(source.id).labels) if source else not drawn.mask.labels.any()
    )
    if untouched:  # all of it was undone
        if former:
            state.workbench().studies.delete_mask(former)
            del known.saved[slot]
        return
    known.saved[slot] = (
        state.workbench()
        .studies.save_mask(
            scan,
            drawn.mask,
            name=source.name if source else drawn.title or t("Drawn mask"),
            origin=MaskOrigin.CORRECTED if drawn.source else MaskOrigin.DRAWN,
            replaces=source.id if source else "",
            instead=former,
        )
        .id
    )


def _stored(scan: str, source: str) -> MaskFacts | None:
    """The stored mask that was corrected; None for a new one, a model's, or one deleted meanwhile."""
    return next((facts for facts in state.workbench().studies.masks(scan, earlier=True) if facts.id == source), None)


def delete(known: OpenMasks, facts: MaskFacts) -> None:
    """Delete one mask; the latest deletion can be undone."""
    studies = state.workbench().studies
    try:
        known.deleted = (facts, studies.mask(facts.id))
        studies.delete_mask(facts.id)
    except NotFoundError:
        known.deleted = None  # somebody else was faster
    known.renew()


def bring_back(known: OpenMasks) -> None:
    """Undo the latest deletion."""
    if known.deleted is None:
        return
    facts, mask = known.deleted
    replaces = facts.replaces if _stored(facts.scan, facts.replaces) else ""
    state.workbench().studies.save_mask(facts.scan, mask, name=facts.name, origin=facts.origin, replaces=replaces)
    known.deleted = None
    known.renew()
