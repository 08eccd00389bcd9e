"""What a reader does with a list of lesions: choose, accept, reject, undo; the list that is in sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from medcore.cards import ModelCard
from medcore.errors import MedcoreError
from medcore.predictions import Box
from medcore.volume import Triple
from medcore.workbench.analyse import Analysis
from medcore.workbench.corrected import Finding, Review, Standing
from pages.ui import faults, state
from pages.ui.viewer.panes import Focus
from pages.ui.words import t

KEPT_LABELS = 24  # characters of a box's label in the picture


def strong(review: Review, weakest: float) -> tuple[Finding, ...]:
    """What the picture shows: what counts and is probable enough."""
    return tuple(one for one in review.counted if one.box is None or one.box.probability >= weakest)


def listed(review: Review, weakest: float) -> tuple[Finding, ...]:
    """What the table shows: also what was rejected or erased, so that it can come back."""
    return tuple(one for one in review.findings if one.box is None or one.box.probability >= weakest)


def title_of(label: str, card: ModelCard | None) -> str:
    """What a label is called, in the reader's language."""
    known = {one.id: one.title for one in card.labels} if card else {}
    return t(known.get(label, label))


def titled(boxes: Sequence[Box], card: ModelCard | None) -> tuple[Box, ...]:
    """Boxes with labels for people."""
    return tuple(replace(box, label=title_of(box.label, card)[:KEPT_LABELS]) for box in boxes)


def chosen(findings: Sequence[Finding]) -> Finding | None:
    """The lesion that is chosen: in the link, in the table or in the picture; the first by itself."""
    wanted = state.chosen("lesion", [one.id for one in findings])
    return next((one for one in findings if one.id == wanted), None)


def look_at(run: str, finding: Finding) -> None:
    """Choose a lesion and look at it."""
    state.choose("lesion", finding.id)
    if finding.place is not None:
        jump(run, finding.place)


def jump(run: str, place: Triple) -> None:
    """Let the picture look at a place, also when it has looked there before."""
    masks = state.session().masks.get(f"lesions-{run}")
    if masks is not None:
        masks.focus = Focus(place, number=(masks.focus.number if masks.focus else 0) + 1)


def judge(analysis: Analysis, finding: str, verdict: Standing, order: Sequence[str]) -> None:
    """Accept or reject, then go on to the next lesion that nobody has judged."""
    try:
        state.workbench().corrections.judge(state.review(analysis), finding, verdict, by=state.session().reader)
    except MedcoreError as error:
        faults.show(error)
        return
    review = state.review(analysis)
    _redrawn(review)
    here = list(order).index(finding)
    after = [*order[here + 1 :], *order[:here]]
    waiting = {one.id: one for one in review.findings if one.standing is Standing.OPEN}
    following = next((waiting[one] for one in after if one in waiting), None)
    if verdict is not Standing.OPEN and following is not None:
        look_at(review.prediction.run.id, following)


def undo(analysis: Analysis) -> None:
    """Take the latest correction back."""
    before = state.review(analysis)
    try:
        state.workbench().corrections.undo(before, by=state.session().reader)
    except MedcoreError as error:
        faults.show(error)
        return
    if before.last is not None and before.last.lesion:
        state.choose("lesion", before.last.lesion)
    _redrawn(state.review(analysis))


def take_name(key: str) -> None:
    """Remember who reads."""
    state.session().reader = " ".join(state.widget_value(key).split())


def _redrawn(review: Review) -> None:
    """Give the viewer the mask as it stands now."""
    masks = state.session().masks.get(f"lesions-{review.prediction.run.id}")
    if masks is not None and review.mask is not None:
        masks.renew()


def waiting_note(findings: Sequence[Finding]) -> str:
    """How far the reading is, in a few words."""
    said = [one.standing for one in findings]
    parts = (
        (Standing.ACCEPTED, t("{count} accepted", count=said.count(Standing.ACCEPTED))),
        (Standing.REJECTED, t("{count} rejected", count=said.count(Standing.REJECTED))),
        (Standing.ERASED, t("{count} erased", count=said.count(Standing.ERASED))),
        (Standing.OPEN, t("{count} to read", count=said.count(Standing.OPEN))),
    )
    return " · ".join(text for standing, text in parts if standing in said)


def name_field() -> None:
    """Who reads: goes into the record of each correction."""
    st.text_input(
        t("Reader"),
        state.session().reader,
        key="reader",
        max_chars=80,
        placeholder=t("Name or initials"),
        help=t("Stands in the record of each correction, beside the time. Never type a patient's name."),
        on_change=take_name,
        args=("reader",),
    )
