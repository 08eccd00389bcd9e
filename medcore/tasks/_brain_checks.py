"""What speaks against outlining a tumour in a scan: by its header first, by its voxels then."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy import bool_
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import N_, Message, UnfitInputError
from medcore.imaging.head_outline import head_outline
from medcore.records import Issue, Severity
from medcore.tasks import Scan
from medcore.tasks._volume_planes import AXIAL, Plane
from medcore.volume import Array

CHOOSE = N_("Choose a contrast-enhanced T1 series of the brain, or a picture of one slice.")
CT_BELOW = -500.0  # an MR has no such values; air in a CT has
THICK_MM = 3.0  # a lesion's volume from thicker slices is rough
HEAD_MM = (90.0, 280.0)  # of the longer side of an axial slice: a newborn's head to a large adult's with ears and nose
BODY_RATIO = 1.45  # width to depth from which a slice is of the trunk; a head is deeper than wide
CUT_SHARE = 0.55  # of a side that is straight: a head that was cut, not one that ends
SIDE_CUT_SHARE = 0.85  # the same of the left or right side of a picture, whose plane is not known
FEW_MM = 60.0  # of the head along the slices
BRIGHT_BORDER, LIGHT_BORDER = 0.2, 0.13  # of what is bright: refused, doubted (benchmarks/head_gate.py)
NO_ELLIPSE, HARDLY_ELLIPSE = 0.68, 0.75  # overlap with the best ellipse: refused, doubted
VOID_SHARE = 0.12  # of a slice that gives no signal
WHOLE_SLICE = 0.6  # of the fullest slice's content: at the vertex and the chin an outline says little
LONG_ECHO_MS = 50.0  # a T1 is read out before 30 ms; T2 and FLAIR at 80 and later
OTHER = re.compile(r"\b(t2\w*|flair|dwi|adc|swi|dti|tof|asl|pd|perfusion|diffusion|trace|mra)\b", re.IGNORECASE)
T1 = re.compile(r"(^|[\W_])(t1\w*|mprage|spgr|fspgr|bravo|tfl3d|mpr)([\W_]|$)", re.IGNORECASE)
CONTRAST = re.compile(r"(c\+|t1c\w*|t1ce|t1gd|post|gd|contrast|enhanced|\bce\b|\bkm\b)", re.IGNORECASE)
PLAIN = re.compile(r"(unenhanced|non\W?contrast|pre\W?contrast|plain|without|native)", re.IGNORECASE)


def header_issues(scan: Scan, card: ModelCard) -> tuple[Issue, ...]:
    """BLOCK for another modality, body part or contrast; WARN for thick slices, few pixels, a phantom."""
    blocks = (*_modality(scan, card), *_body_part(scan, card), *_weighting(scan), *_empty(scan))
    return (*blocks, *_slices(scan), *_pixels(scan, card), *_phantom(scan))


def _modality(scan: Scan, card: ModelCard) -> list[Issue]:
    if scan.modality not in card.contract.modalities:
        text = Message(N_("This is a {modality} scan; the task takes MR of the brain."), {"modality": scan.modality})
        return [Issue("modality", Severity.BLOCK, text, Message(CHOOSE))]
    if scan.value_range[0] < CT_BELOW:
        text = Message(
            N_("The values go down to {low}, as in a CT; the task takes MR of the brain."),
            {"low": round(scan.value_range[0])},
        )
        return [Issue("modality", Severity.BLOCK, text, Message(CHOOSE), scan.value_range[0], CT_BELOW)]
    return []


def _body_part(scan: Scan, card: ModelCard) -> list[Issue]:
    if not scan.body_part or scan.body_part in card.contract.body_parts:
        return []
    text = Message(N_("The file says “{part}”; the task takes the brain."), {"part": scan.body_part})
    return [Issue("body_part", Severity.BLOCK, text, Message(CHOOSE))]


def _weighting(scan: Scan) -> list[Issue]:
    """T2, FLAIR and the like only where the header says so; a T1 without contrast is doubtful."""
    other = OTHER.search(scan.name.replace("_", " "))
    if other and not T1.search(scan.name):
        text = Message(N_("This series is called “{name}”; the task needs T1 after contrast."), {"name": scan.name})
        return [Issue("weighting", Severity.BLOCK, text, Message(CHOOSE))]
    if PLAIN.search(scan.name.replace("_", " ")):
        text = Message(N_("This series is called “{name}”: without contrast a tumour's edge may not show."),
                       {"name": scan.name})  # fmt: skip
        return [Issue("contrast", Severity.WARN, text, Message(CHOOSE))]
    if scan.modality == "MR" and scan.shape[0] > 1 and not CONTRAST.search(scan.name):
        text = Message(N_("The name of the series (“{name}”) does not say that contrast was given: without it a "
                          "tumour's edge may not show."), {"name": scan.name})  # fmt: skip
        return [Issue("contrast", Severity.WARN, text, Message(CHOOSE))]
    return []


def _empty(scan: Scan) -> list[Issue]:
    low, high = scan.value_range
    if high > low:
        return []
    text = Message(N_("Every voxel has the same value: there is nothing to analyse."))
    return [Issue("empty", Severity.BLOCK, text, Message(N_("Export the scan again from its source.")))]


def _slices(scan: Scan) -> list[Issue]:
    if scan.shape[0] == 1:
        text = Message(N_("This is one slice: a tumour's area can be drawn, not its volume."))
        return [Issue("one_slice", Severity.WARN, text, Message(N_("Use the whole series.")))]
    if scan.spacing_mm is not None and max(scan.spacing_mm) > THICK_MM:
        spacing = max(scan.spacing_mm)
        text = Message(
            N_("The slices lie {spacing} mm apart: volumes are rough, and only slices as they were acquired are used."),
            {"spacing": round(spacing, 1)},
        )
        hint = Message(N_("Use a series of 1 mm slices where there is one."))
        return [Issue("thick_slices", Severity.WARN, text, hint, spacing, THICK_MM)]
    return []


def _pixels(scan: Scan, card: ModelCard) -> list[Issue]:
    _, rows, columns = scan.shape
    if min(rows, columns) >= card.contract.min_pixels:
        return []
    text = Message(
        N_("A slice has {rows} × {columns} pixels; the model was trained on more."), {"rows": rows, "columns": columns}
    )
    return [Issue("resolution", Severity.WARN, text, Message(N_("Use the original series.")),
                  float(min(rows, columns)), float(card.contract.min_pixels))]  # fmt: skip


def _phantom(scan: Scan) -> list[Issue]:
    if not scan.synthetic:
        return []
    text = Message(N_("This is a computed phantom; the model was trained on people, so its answer means nothing."))
    hint = Message(N_("Use it to learn the steps; use a real scan to see how the model answers."))
    return [Issue("synthetic", Severity.WARN, text, hint)]


def refuse_other_parts(standing_out: NDArray[bool_], plane: Plane, *, known: bool) -> None:
    """Refuse what by its outline is no head, where mm are known.

    Raises:
        UnfitInputError: With the reason.
    """
    if not known or plane.name != AXIAL:
        return
    height, width = _outline_mm(plane.view(standing_out), plane.steps)
    if max(height, width) > HEAD_MM[1] or (width > BODY_RATIO * height and width > HEAD_MM[0] * 2):
        raise UnfitInputError(
            N_("The slices show something {width} mm wide and {height} mm deep: no head, more likely a trunk."),
            hint=CHOOSE,
            width=round(width),
            height=round(height),
        )


def refuse_other_weighting(facts: Mapping[str, str]) -> None:
    """Refuse T2 and FLAIR by the echo time, where the series' name does not say what it is.

    Raises:
        UnfitInputError: With the reason.
    """
    try:
        echo_ms = float(facts.get("echo_time_ms", ""))
    except ValueError:
        return
    if echo_ms > LONG_ECHO_MS:
        raise UnfitInputError(
            N_("The echo time is {echo} ms, as in T2 or FLAIR; the task needs T1 after contrast."),
            hint=CHOOSE,
            echo=round(echo_ms),
        )


def refuse_other_pictures(voxels: Array, standing_out: NDArray[bool_], modality: str) -> tuple[Issue, ...]:
    """WARN where a file that names no modality may show no head, for what lies around the head is dark and it is round.

    Raises:
        UnfitInputError: It is one picture, and by its outline no head.
    """
    if modality:
        return ()
    middle = int(standing_out.mean(axis=(1, 2)).argmax())
    outline = head_outline(voxels[middle], standing_out[middle])
    percent = {"percent": round(100 * outline.border)}
    overlap = {"percent": round(100 * outline.ellipse)}
    bright = N_("The picture is bright up to its edges ({percent} % of its brightest), as a radiograph is; "
                "around a head in MR it is dark.")  # fmt: skip
    uneven = N_("What the picture shows is no oval ({percent} % of it fits one), as a head is.")
    if len(voxels) == 1 and outline.border > BRIGHT_BORDER:
        raise UnfitInputError(bright, hint=CHOOSE, **percent)
    if len(voxels) == 1 and outline.ellipse < NO_ELLIPSE:
        raise UnfitInputError(uneven, hint=CHOOSE, **overlap)
    if outline.border > LIGHT_BORDER:
        issue = Issue("no_head", Severity.WARN, Message(bright, percent), Message(CHOOSE), outline.border, LIGHT_BORDER)
        return (issue,)
    if outline.ellipse < HARDLY_ELLIPSE:
        issue = Issue(
            "no_head", Severity.WARN, Message(uneven, overlap), Message(CHOOSE), outline.ellipse, HARDLY_ELLIPSE
        )
        return (issue,)
    return ()


def voids(voxels: Array, standing_out: NDArray[bool_], plane: Plane) -> tuple[Issue, ...]:
    """WARN where a large part of a slice gives no signal, as around metal."""
    slices, outlines = plane.view(voxels), plane.view(standing_out)
    filled = outlines.mean(axis=(1, 2))
    whole = np.flatnonzero(filled >= WHOLE_SLICE * filled.max(initial=0.0))
    shares = {int(i): head_outline(slices[i], outlines[i]).void for i in whole}
    worst = max(shares, key=shares.__getitem__, default=0)
    if shares.get(worst, 0.0) <= VOID_SHARE:
        return ()
    text = Message(
        N_("A part of the head gives no signal ({percent} % of slice {slice}), as around metal, in air or where "
           "something was taken out."),
        {"percent": round(100 * shares[worst]), "slice": worst + 1},
    )  # fmt: skip
    hint = Message(N_("What lies there is not seen, and what lies beside it may be displaced."))
    return (Issue("signal_void", Severity.WARN, text, hint, shares[worst], VOID_SHARE),)


def voxel_issues(
    standing_out: NDArray[bool_],
    plane: Plane,
    *,
    across_mm: float | None,
    distances: Sequence[float],
    card: ModelCard,
) -> tuple[Issue, ...]:
    """WARN for a cut head, a part of one, and for slices unlike those of the training.

    Args:
        across_mm: From one slice of the plane to the next; None where it is not known.
    """
    found = _cut(plane.view(standing_out), plane)
    if across_mm is not None and len(standing_out) > 1:
        found += _short(standing_out, plane, across_mm)
    return (*found, *_unfamiliar(distances, card))


def _outline_mm(slices: Array, steps: tuple[float, float]) -> tuple[float, float]:
    """Height and width of what stands out in the slice where it is largest."""
    middle = slices[int(slices.mean(axis=(1, 2)).argmax())]
    spans = [np.flatnonzero(middle.mean(axis=axis) > 0.05) for axis in (1, 0)]
    height, width = (float(s[-1] - s[0] + 1) if len(s) else 0.0 for s in spans)
    return height * steps[0], width * steps[1]


def _cut(slices: Array, plane: Plane) -> list[Issue]:
    """A side of the largest slice that ends in a straight line: of axial slices any, for others end at the neck."""
    if plane.name not in (AXIAL, ""):
        return []
    middle = slices[int(slices.mean(axis=(1, 2)).argmax())]
    rows, columns = np.flatnonzero(middle.any(axis=1)), np.flatnonzero(middle.any(axis=0))
    if not len(rows):
        return []
    box = middle[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    sides = (box[:, 0], box[:, -1]) if plane.name == "" else (box[0], box[-1], box[:, 0], box[:, -1])
    straight, limit = max(float(side.mean()) for side in sides), SIDE_CUT_SHARE if plane.name == "" else CUT_SHARE
    if straight < limit:
        return []
    text = Message(N_("The head is cut off at one side: a straight edge over {percent} % of it."),
                   {"percent": round(100 * straight)})  # fmt: skip
    return [Issue("half_a_brain", Severity.WARN, text,
                  Message(N_("What lies beyond is not in the scan; use one with the whole head.")),
                  straight, limit)]  # fmt: skip


def _short(standing_out: NDArray[bool_], plane: Plane, across_mm: float) -> list[Issue]:
    """A stack that covers a part of the head only."""
    used = np.flatnonzero(plane.view(standing_out).mean(axis=(1, 2)) > 0.05)
    extent = len(used) * across_mm
    if extent >= FEW_MM:
        return []
    text = Message(N_("The slices cover {extent} mm of the head; a tumour beyond them is not seen."),
                   {"extent": round(extent)})  # fmt: skip
    return [Issue("part_of_the_head", Severity.WARN, text, Message(N_("Use the whole series.")), extent, FEW_MM)]


def _unfamiliar(distances: Sequence[float], card: ModelCard) -> list[Issue]:
    if card.familiarity is None or not distances:
        return []
    distance, limit = float(np.median(distances)), card.familiarity.threshold
    if distance <= limit:
        return []
    text = Message(
        N_("This does not look like what the model learnt from (distance {distance:.1f}, limit {limit:.1f})."),
        {"distance": distance, "limit": limit},
    )
    hint = Message(N_("Do not rely on the result; check that the image fits the question."))
    return [Issue("unfamiliar", Severity.WARN, text, hint, distance, limit)]
