"""The viewer's Python face: scans and overlays go in, measurements and corrections come out.

    from pages.ui.viewer.panes import HeatOverlay, Layout, Pane
    from pages.ui.viewer.viewer import viewer

    state = viewer([Pane(volume, "Chest, PA", (HeatOverlay(heat, "Grad-CAM"),))], key="analyse")
    state.measurements                       # drawn marks with LPS mm; one rerun for each finished mark

Scroll, window, zoom, opacity, colours and threshold stay in the browser. Keep `key` the same over reruns, and hand
in the same arrays (from the store or a cache), not copies: then a rerun sends a few hundred bytes and fetches nothing.
The pixels travel over `pages.ui.pixels.ROUTES`, which app.py must give to `st.App(routes=...)`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from medcore.volume import Volume
from pages.ui import pixels
from pages.ui.viewer import assets, drawings, marks, wording
from pages.ui.viewer.marks import Json
from pages.ui.viewer.packing import Packed, pack_heat, pack_mask, pack_volume
from pages.ui.viewer.panes import (
    BoxOverlay,
    Focus,
    HeatOverlay,
    LabelOverlay,
    Layout,
    Measurement,
    Overlay,
    Pane,
    ViewerState,
)

DEFAULT_HEIGHT: Final = 620

_component = st.components.v2.component("medcore_viewer", js=assets.entry())


def viewer(
    panes: Sequence[Pane],
    *,
    key: str,
    layout: Layout = Layout.AUTO,
    height: int = DEFAULT_HEIGHT,
    focus: Focus | None = None,
    measurements: Sequence[Measurement] = (),
    sitting: str = "",
    tools: bool = True,
) -> ViewerState:
    """Show scans and return what the reader has drawn or picked.

    Args:
        key: Name of this viewer on its page.
        height: Of the pictures, in CSS pixels; the toolbar comes on top.
        focus: Where to look: a change of it scrolls every linked pane there.
        measurements: Marks saved earlier. Others than at the run before replace what is on the screen.
        sitting: Another one than at the run before drops what the brush has drawn, which is then among the overlays.
        tools: Whether to offer measuring and drawing.
    """
    owner = _owner()
    spec: dict[str, Json] = {
        "words": assets.keep_words(wording.words()),
        "layout": layout.value,
        "height": height,
        "tools": tools,
        "focus": _focus(focus),
        "marks": [marks.outgoing(mark) for mark in measurements],
        "marksBase": marks.base(measurements),
        "sitting": sitting,
        "panes": [_pane(pane, owner) for pane in panes],
    }
    data = {
        "main": f"{pixels.prefix()}/api/viewer/{assets.VERSION}/main.js",
        "spec": _issue(spec, owner),
        "proof": pixels.PIXELS.proof(owner),
        "key": key,
    }
    result = _component(
        key=key,
        data=data,
        on_marks_change=_nothing,
        on_picked_change=_nothing,
        on_drawn_change=_nothing,
    )
    return ViewerState(
        marks.returned(result.get("marks"), measurements, panes=len(panes)),
        marks.picked(result.get("picked"), panes=len(panes)),
        tuple(drawn for number, pane in enumerate(panes) for drawn in drawings.taken(pane, number, key, owner)),
    )


def _focus(focus: Focus | None) -> Json:
    return None if focus is None else {"at": list(focus.lps_mm), "mark": focus.mark, "number": focus.number}


def _nothing() -> None:
    """A rerun is all that a change asks for."""


def _owner() -> pixels.Owner:
    context = get_script_run_ctx()
    session = context.session_id if context else ""
    cookie = st.context.cookies.get(pixels.XSRF_COOKIE)
    return pixels.Owner(session, pixels.browser_of(cookie if isinstance(cookie, str) else None))


def _pane(pane: Pane, owner: pixels.Owner) -> dict[str, Json]:
    volume, packed = pane.volume, pack_volume(pane.volume)
    window = volume.window
    return {
        "title": pane.title,
        "image": _image(packed, owner),
        "affine": _numbers(volume.geometry.affine[:3].ravel().tolist()),
        "scale": volume.geometry.scale.value,
        "relative": volume.placeholder_spacing,
        "frame": _short(volume.geometry.frame_of_reference),
        "unit": volume.unit.value,
        "modality": volume.modality,
        "series": _series(volume),
        "synthetic": volume.synthetic,
        "window": _numbers([window.low, window.high]) if window else None,
        "auto": _numbers([packed.auto_low, packed.auto_high]),
        "range": _numbers([packed.low, packed.high]),
        "toReference": _numbers(np.asarray(pane.to_reference).ravel().tolist())
        if pane.to_reference is not None
        else None,
        "overlays": [_overlay(overlay, owner) for overlay in pane.overlays],
    }


def _series(volume: Volume) -> str:
    when = volume.acquired_on.isoformat() if volume.acquired_on else ""
    return " · ".join(part for part in (volume.name, when) if part)


def _overlay(overlay: Overlay, owner: pixels.Owner) -> dict[str, Json]:
    match overlay:
        case HeatOverlay():
            return {
                "kind": "heat",
                "title": overlay.title,
                "image": _image(pack_heat(overlay.heat), owner),
                "colours": overlay.colours.value,
                "opacity": overlay.opacity,
                "threshold": overlay.threshold,
            }
        case LabelOverlay():
            return {
                "kind": "labels",
                "title": overlay.title,
                "image": _image(pack_mask(overlay.mask), owner),
                "names": {str(value): name for value, name in overlay.mask.names.items()},
                "fill": overlay.fill,
                "source": overlay.id,
                "visible": overlay.visible,
                "opacity": overlay.opacity,
            }
        case BoxOverlay():
            return {
                "kind": "boxes",
                "title": overlay.title,
                "boxes": [
                    {
                        "corners": _numbers(box.corners),
                        "label": box.label,
                        "probability": round(box.probability, 3),
                    }
                    for box in overlay.boxes
                ],
            }


def _image(packed: Packed, owner: pixels.Owner) -> dict[str, Json]:
    return {
        "token": pixels.PIXELS.issue(owner, packed.array, packed.content),
        "content": packed.content,
        "dims": [int(n) for n in packed.array.shape[:3]],
        "kind": packed.kind + (":3" if packed.channels == 3 else ""),
    }


def _numbers(values: Sequence[float]) -> list[Json]:
    return [float(f"{value:.9g}") for value in values]


def _short(text: str) -> str:
    """Tells frames of reference apart without carrying a UID into the browser."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest() if text else ""


def _issue(spec: Mapping[str, Json], owner: pixels.Owner) -> str:
    """Put the specification beside the pixels, for this session only: through Streamlit it would go at every rerun."""
    text = json.dumps(spec, ensure_ascii=False).encode()
    content = hashlib.blake2b(text, digest_size=12).hexdigest()
    return pixels.PIXELS.issue(owner, np.frombuffer(text, dtype=np.uint8), content)
