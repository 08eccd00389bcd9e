"""The picture of a result with lesions: its mask or boxes over the scan, corrected with the brush, picked by clicks."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from medcore.cards import ModelCard
from medcore.errors import MedcoreError
from medcore.predictions import Detection, Segmentation
from medcore.volume import Mask, Volume
from medcore.workbench.analyse import Analysis
from medcore.workbench.corrected import Finding, Review
from pages.ui import faults, kept_marks, kept_masks, reading_list, state, volume_review
from pages.ui.kept_marks import Place
from pages.ui.open_drawings import OpenMasks, OpenReview
from pages.ui.viewer.panes import (
    BoxOverlay,
    ColourMap,
    DrawnMask,
    Focus,
    HeatOverlay,
    LabelOverlay,
    Layout,
    Overlay,
    Pane,
    Pick,
)
from pages.ui.viewer.viewer import viewer
from pages.ui.words import t

PIXELS = 640
DOUBT_FROM = 0.1  # uncertainty below this is drawn clear


def views(analysis: Analysis) -> dict[str, str]:
    """The ways to look at it, by id."""
    prediction = analysis.prediction
    doubt = isinstance(prediction, Segmentation) and prediction.uncertainty is not None
    return {
        "overlay": t("Overlay"),
        **({"heat": t("Heat map")} if analysis.explanation else {}),
        **({"uncertainty": t("Uncertainty")} if doubt else {}),
        "original": t("Original"),
        **({"seen": t("What the network saw")} if analysis.seen is not None else {}),
    }


def show(analysis: Analysis, view: str, weakest: float) -> None:
    """The viewer with all that is drawn in it; what the brush did is kept and measured at once.

    Args:
        weakest: Boxes of a smaller probability are not drawn.
    """
    run = analysis.prediction.run
    key = f"lesions-{run.id}"
    place, volume, review = Place(run.study, run.scan), state.volume(run.scan), state.review(analysis)
    marks, masks = kept_marks.saved(key, [place]), kept_masks.opened(key)
    opened = _given(masks, review, view, weakest)
    shown_findings = volume_review.strong(review, weakest)
    _look_at_chosen(masks, review, weakest)
    overlays = _overlays(analysis, opened, view, shown_findings)
    with st.container(key="viewport-large"):
        shown = viewer(
            [Pane(volume, "", (*overlays, *kept_masks.overlays(masks, 0, place.scan)))],
            key=key,
            height=PIXELS,
            layout=_layout(volume, view),
            focus=masks.focus,
            measurements=marks,
            sitting=masks.sitting,
        )
    kept_marks.keep(key, [place], shown.measurements)
    source = _source(review)
    kept_masks.keep(masks, [place], [one for one in shown.drawn if one.source != source])
    _redraw(analysis, masks, [one for one in shown.drawn if one.source == source])
    if shown.picked is not None and shown.picked != opened.picked:
        _pick(analysis, shown_findings, shown.picked)
    opened.picked = shown.picked
    reading_list.show(masks, place, shown)


def _given(masks: OpenMasks, review: Review, view: str, weakest: float) -> OpenReview:
    """What the viewer shows: the same all through a sitting, for what the brush does since is on the screen."""
    opened = state.session().reviews.setdefault(review.prediction.run.id, OpenReview())
    hidden = frozenset(one.id for one in review.findings if one.box and one.box.probability < weakest)
    if opened.view and (opened.view, opened.hidden) != (view, hidden):
        masks.renew()
    opened.view = view
    if opened.sitting != masks.sitting:
        opened.sitting, opened.given, opened.hidden = masks.sitting, review, hidden
        opened.mask = state.workbench().corrections.seen(review, hidden)
    return opened


def _look_at_chosen(masks: OpenMasks, review: Review, weakest: float) -> None:
    """A picture that opens looks at the chosen lesion: the first one, or that of the link."""
    chosen = volume_review.chosen(volume_review.listed(review, weakest))
    if masks.focus is None and chosen is not None and chosen.place is not None:
        masks.focus = Focus(chosen.place)


def _layout(volume: Volume, view: str) -> Layout:
    if volume.shape[0] > 1:
        return Layout.QUAD
    return Layout.AUTO if view == "original" else Layout.ONE


def _overlays(analysis: Analysis, opened: OpenReview, view: str, findings: Sequence[Finding]) -> tuple[Overlay, ...]:
    prediction, card, review = analysis.prediction, analysis.card, opened.given
    if view == "original" or review is None:
        return ()
    overlays: list[Overlay] = []
    if view == "heat" and analysis.explanation is not None:
        label = analysis.explanation.target
        overlays.append(HeatOverlay(analysis.explanation.heat, t(card.label(label).title) if card else label))
    if view == "uncertainty" and isinstance(prediction, Segmentation) and prediction.uncertainty is not None:
        heat = prediction.uncertainty
        overlays.append(HeatOverlay(heat, t("Uncertainty"), colours=ColourMap.VIRIDIS, threshold=DOUBT_FROM))
    if opened.mask is not None:
        overlays.append(LabelOverlay(_named(opened, review, card), t("Lesions"), id=_source(review)))
    if isinstance(prediction, Detection):
        boxes = tuple(one.box for one in findings if one.box)
        overlays.append(BoxOverlay(volume_review.titled(boxes, card), t("Boxes")))
    return tuple(overlays)


def _named(opened: OpenReview, review: Review, card: ModelCard | None) -> Mask:
    """The mask with its labels in the reader's language; an outlined box by its kind and number."""
    assert opened.mask is not None, "called for a mask"
    boxes = {one.value: f"{volume_review.title_of(one.label, card)} {one.id}" for one in review.findings if one.value}
    known = sorted(opened.mask.names.items())
    names = tuple((value, boxes.get(value) or volume_review.title_of(name, card)) for value, name in known)
    return state.named_mask(f"{review.prediction.run.id}:{opened.sitting}", names, opened.mask)


def _source(review: Review) -> str:
    """Id of the overlay with the lesions, which a correction of it carries."""
    return f"run:{review.prediction.run.id}"


def _redraw(analysis: Analysis, masks: OpenMasks, drawn: Sequence[DrawnMask]) -> None:
    """Keep what the brush did to the lesions."""
    late, hidden = False, state.session().reviews[analysis.prediction.run.id].hidden
    for one in drawn:
        review = state.review(analysis)
        known = dict(review.mask.names) if review.mask is not None else {}
        mask = Mask(one.mask.labels, {**one.mask.names, **known}, one.mask.geometry)
        try:
            state.workbench().corrections.redraw(review, mask, hidden=hidden, by=state.session().reader)
        except MedcoreError as error:
            faults.show(error)
            return
        late = late or one.sitting != masks.sitting
    if late:  # drawn just before the picture changed: the viewer does not know it
        masks.renew()
        st.rerun()


def _pick(analysis: Analysis, shown: Sequence[Finding], pick: Pick) -> None:
    """Choose what was clicked in the picture."""
    found = None
    review = state.review(analysis)
    if pick.kind == "label" and pick.id == _source(review) and pick.lps_mm is not None:
        found = state.workbench().corrections.at(review, pick.lps_mm)
    elif pick.kind == "box":
        number = pick.id.rpartition(":")[2]
        boxes = [one for one in shown if one.box]
        found = boxes[int(number)] if number.isdigit() and int(number) < len(boxes) else None
    if found is not None:
        state.choose("lesion", found.id)
