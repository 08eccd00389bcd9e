"""What a reader draws is kept with the study: saved marks go into the viewer, changes of them into the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from medcore.errors import MedcoreError
from medcore.workbench.marks import Mark
from pages.ui import faults, state
from pages.ui.open_drawings import OpenMarks
from pages.ui.viewer.panes import Measurement


@dataclass(frozen=True, slots=True)
class Place:
    """What one pane of a viewer shows: a scan of a study."""

    study: str
    scan: str


def saved(key: str, places: Sequence[Place]) -> tuple[Measurement, ...]:
    """Marks to show the viewer `key` with: the stored ones when it opens, then the same ones while it stays."""
    opened = state.session().marks.get(key)
    if opened is None or not state.stands(key):
        stored = _stored(places)
        opened = state.session().marks[key] = OpenMarks(offered=stored, latest=stored)
    return opened.offered


def keep(key: str, places: Sequence[Place], shown: Sequence[Measurement]) -> None:
    """Do to the store what the reader has done since the run before; a refusal is explained and tried again.

    Only differences between what this very viewer showed before and shows now are written: a viewer that has just
    opened, stands twice on a page or belongs to an ended session changes nothing. Marks that others drew appear.
    """
    opened = state.session().marks[key]
    try:
        for number, place in enumerate(places):
            before, after = ([_mark(one) for one in marks if one.pane == number] for marks in (opened.latest, shown))
            if before != after:
                state.workbench().marks.change(place.study, place.scan, before=before, after=after)
        stored = _stored(places)
    except MedcoreError as error:
        faults.show(error)
        return
    opened.latest = tuple(shown)
    if {mark.id: mark for mark in stored} != {mark.id: mark for mark in shown}:
        opened.offered = opened.latest = stored
        st.rerun()


def _stored(places: Sequence[Place]) -> tuple[Measurement, ...]:
    door = state.workbench().marks
    return tuple(
        _measurement(mark, number)
        for number, place in enumerate(places)
        for mark in door.of_scan(place.study, place.scan)
    )


def _mark(shown: Measurement) -> Mark:
    return Mark(shown.id, shown.kind, shown.points_lps_mm, shown.values, shown.unit, shown.text)


def _measurement(mark: Mark, pane: int) -> Measurement:
    return Measurement(mark.id, mark.kind, pane, mark.points_lps_mm, mark.values, mark.unit, mark.text)
