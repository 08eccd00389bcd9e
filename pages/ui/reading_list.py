"""What was drawn and measured on a scan, listed under its picture; a click goes there, a click there chooses here."""

from __future__ import annotations

import streamlit as st

from medcore.volume import MaskFacts, MaskOrigin
from medcore.workbench.masks import Piece
from pages.ui import kept_masks, state
from pages.ui.kept_marks import Place
from pages.ui.open_drawings import OpenMasks
from pages.ui.viewer.panes import Focus, Measurement, Pick, ViewerState
from pages.ui.words import plain, t

MOST_ROWS = 12  # of one mask; a mask has its largest pieces first


def show(known: OpenMasks, place: Place, shown: ViewerState) -> None:
    """The list; what the reader has just clicked in the picture is chosen in it."""
    masks = state.workbench().studies.masks(place.scan)
    if shown.picked is not None and shown.picked != known.picked:
        known.chosen = _row_of(known, shown.picked)
    known.picked = shown.picked
    _undo(known)
    if not shown.measurements and not masks:
        return
    with st.container(key="reading-list", gap="xxsmall"):
        for mark in shown.measurements:
            _button(known, f"mark:{mark.id}", _mark_text(mark), Focus(mark.points_lps_mm[0], mark.id))
        for facts in masks:
            _mask(known, facts)


def _mask(known: OpenMasks, facts: MaskFacts) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.checkbox(
            plain(facts.name),
            value=facts.id not in known.hidden,
            key=f"shown-{known.sitting}-{facts.id}",
            on_change=_toggle,
            args=(known, facts.id),
            help=t("Show or hide this mask"),
        )
        st.badge(_origin(facts.origin), color="gray")
        st.button(
            t("Delete"),
            icon=":material/delete:",
            type="tertiary",
            key=f"delete-mask-{facts.id}",
            on_click=kept_masks.delete,
            args=(known, facts),
            help=t("The version before it comes back.") if facts.replaces else None,
        )
    pieces = state.pieces(facts.id)
    for piece in pieces[:MOST_ROWS]:
        _button(known, f"mask:{facts.id}:{piece.number}", _piece_text(piece), Focus(piece.centre))
    if len(pieces) > MOST_ROWS:
        st.caption(t("and {count} smaller pieces", count=len(pieces) - MOST_ROWS))
    if not pieces:
        st.caption(t("This mask is empty."))


def _button(known: OpenMasks, row: str, text: str, there: Focus) -> None:
    chosen = row == known.chosen
    with st.container(key=f"entry-{'open-' if chosen else ''}{row}"):
        icon = ":material/my_location:" if chosen else ":material/location_searching:"
        st.button(
            text, key=f"go-{row}", icon=icon, type="tertiary", on_click=_go, args=(known, row, there), width="stretch"
        )


def _go(known: OpenMasks, row: str, there: Focus) -> None:
    """Look there, also when the viewer has looked there before."""
    known.chosen = row
    known.focus = Focus(there.lps_mm, there.mark, (known.focus.number if known.focus else 0) + 1)


def _toggle(known: OpenMasks, mask: str) -> None:
    known.hidden ^= {mask}


def _row_of(known: OpenMasks, pick: Pick) -> str:
    """The row of what was clicked; "" where the list has none."""
    if pick.kind == "mark":
        return f"mark:{pick.id}"
    mask = known.saved.get((pick.pane, pick.id, known.sitting), pick.id)
    if pick.kind != "label" or not mask or pick.lps_mm is None or mask.startswith("run:"):
        return ""
    piece = state.workbench().masks.piece_at(state.mask(mask), state.pieces(mask), pick.lps_mm)
    return f"mask:{mask}:{piece.number}" if piece else ""


def _mark_text(mark: Measurement) -> str:
    """What a mark is and what it measures."""
    return plain(" · ".join(filter(None, (_kind(mark.kind), mark.text, *_figures(mark)))))


def _figures(mark: Measurement) -> list[str]:
    values, unit = mark.values, _unit(mark.unit)
    found = []
    if "longest" in values:
        lengths = [values[name] for name in ("longest", "shortest") if name in values]
        found.append(" × ".join(f"{length:.1f}" for length in lengths) + f" {unit}")
    if "angle_deg" in values:
        found.append(f"{values['angle_deg']:.1f}°")
    if "area" in values:
        found.append(f"{values['area']:.1f} {unit}²")
    if "mean" in values:
        found.append(t("mean {mean} ± {sd}", mean=f"{values['mean']:.1f}", sd=f"{values.get('sd', 0.0):.1f}"))
    if "value" in values:
        found.append(t("value {value}", value=f"{values['value']:.4g}".replace("-", "−")))
    return found


def _piece_text(piece: Piece) -> str:
    """Label, volume and diameters of one piece."""
    sizes = f"{piece.longest:.1f} × {piece.perpendicular:.1f} {_unit(piece.unit)}"
    volume = "" if piece.volume_ml is None else t("{volume} ml", volume=f"{piece.volume_ml:.3g}")
    return plain(" · ".join(filter(None, (f"{piece.name} {piece.number}", volume, sizes))))


def _unit(unit: str) -> str:
    return {"mm": "mm", "px": "px", "mm detector": t("mm at the detector")}.get(unit, unit)


def _kind(kind: str) -> str:
    names = {
        "length": t("Length"),
        "bidirectional": t("Long and short axis"),
        "angle": t("Angle"),
        "ellipse": t("Ellipse"),
        "rectangle": t("Rectangle"),
        "freehand": t("Freehand region"),
        "point": t("Point"),
        "arrow": t("Arrow with text"),
    }
    return names.get(kind, kind)


def _origin(origin: MaskOrigin) -> str:
    names = {
        MaskOrigin.DRAWN: t("Drawn"),
        MaskOrigin.CORRECTED: t("Corrected"),
        MaskOrigin.SEG: t("DICOM segmentation"),
        MaskOrigin.RTSTRUCT: t("RT structure set"),
        MaskOrigin.FILE: t("From a file"),
        MaskOrigin.REGION: t("Region"),
    }
    return names[origin]


def _undo(known: OpenMasks) -> None:
    if known.deleted is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(t("Deleted the mask “{name}”.", name=plain(known.deleted[0].name)))
        st.button(
            t("Undo"),
            icon=":material/undo:",
            type="tertiary",
            key="undo-mask",
            on_click=kept_masks.bring_back,
            args=(known,),
        )
