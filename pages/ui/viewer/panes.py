"""What a viewer is given: panes with their overlays, and what it gives back: measurements, picks, a mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from medcore.predictions import Box
from medcore.volume import Affine, Mask, Triple, Volume


class ColourMap(StrEnum):
    """Perceptually uniform, and read alike by colour-blind eyes."""

    INFERNO = "inferno"
    VIRIDIS = "viridis"
    CIVIDIS = "cividis"
    WARM = "warm"  # orange, for what rose; beside it:
    COOL = "cool"  # blue, for what fell


class Layout(StrEnum):
    """What the viewer opens with; the reader may change it."""

    AUTO = "auto"  # pair for a scan with an overlay, fusion for a registered pair, tiles for several panes
    ONE = "one"
    PAIR = "pair"  # the bare scan beside the scan with its overlays
    TILES = "tiles"  # every pane once
    LARGE = "large"  # one large plane and the three planes beside it
    QUAD = "quad"  # axial, coronal, sagittal, thick slab
    FUSION = "fusion"  # the first two panes in one picture: swipe, blend, checkerboard, difference, flicker


@dataclass(frozen=True, slots=True, eq=False)
class HeatOverlay:
    """A heat map on the scan's own grid.

    Args:
        heat: (S, R, C), or (R, C) for a single image, of 0..1; drawn clear where it is below `threshold`.
        title: What it shows ("Grad-CAM: opacity").
    """

    heat: NDArray[np.float32] | NDArray[np.float16]
    title: str
    colours: ColourMap = ColourMap.INFERNO
    opacity: float = 0.55
    threshold: float = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class LabelOverlay:
    """Labels on the scan's own grid, filled or outlined.

    Args:
        id: Comes back with a correction of it (`DrawnMask.source`) and with a pick.
        visible: Whether it is shown; the reader may change it, and a change of it here counts again.
    """

    mask: Mask
    title: str
    fill: bool = False
    opacity: float = 0.5
    id: str = ""
    visible: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class BoxOverlay:
    """Detected boxes with their probability; `picked` returns the position in `boxes`."""

    boxes: tuple[Box, ...]
    title: str


Overlay: TypeAlias = HeatOverlay | LabelOverlay | BoxOverlay


@dataclass(frozen=True, slots=True, eq=False)
class Pane:
    """One scan in the viewer.

    Args:
        title: What stands over it; never a patient's name.
        overlays: Drawn over it in this order.
        to_reference: 4×4, this scan's LPS mm to those of the first pane (a registration); None where they
            share a frame of reference or have none in common.
    """

    volume: Volume
    title: str
    overlays: tuple[Overlay, ...] = ()
    to_reference: Affine | None = None


@dataclass(frozen=True, slots=True)
class Focus:
    """Where to look.

    Args:
        lps_mm: In the first pane's LPS mm; in pixels for an image without a scale.
        mark: Id of a mark to choose there, or "".
        number: Another one than before asks to look there again.
    """

    lps_mm: Triple
    mark: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Measurement:
    """One mark drawn by the reader.

    Args:
        id: Stable; an edited mark keeps it.
        kind: length, bidirectional, angle, ellipse, rectangle, freehand, point or arrow.
        pane: Position of its pane.
        points_lps_mm: Corner points in the scan's own LPS mm; in pixels where `unit` is "px".
        values: By name: longest, shortest, angle_deg, area, mean, sd, min, max, count. Lengths in `unit`, areas in
            its square.
        unit: mm, "mm detector" for a projection (magnified against the patient), or px for a picture.
        text: What the reader wrote beside it.
    """

    id: str
    kind: str
    pane: int
    points_lps_mm: tuple[Triple, ...]
    values: Mapping[str, float]
    unit: str
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnMask:
    """A mask as the brush left it, on the grid of its pane's scan; handed over once.

    Args:
        pane: Position of its pane.
        source: `LabelOverlay.id` of what was corrected; "" for a mask begun anew.
        sitting: What `viewer` was called with when it was drawn.
        title: What to call it: that of the overlay, or "".
    """

    pane: int
    source: str
    sitting: str
    mask: Mask
    title: str = ""


@dataclass(frozen=True, slots=True)
class Pick:
    """What the reader clicked last.

    Args:
        kind: "box", "label" or "mark".
        pane: Position of its pane.
        id: The overlay's title and the box's number ("Boxes:0"), `LabelOverlay.id`, or the mark's id.
        lps_mm: Where, for a label; in pixels for an image without a scale.
        value: The label's value.
    """

    kind: str
    pane: int
    id: str
    lps_mm: Triple | None = None
    value: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class ViewerState:
    """What the reader did: empty until something was drawn or picked.

    Args:
        drawn: Masks drawn or corrected since the run before.
    """

    measurements: tuple[Measurement, ...] = ()
    picked: Pick | None = None
    drawn: tuple[DrawnMask, ...] = ()
