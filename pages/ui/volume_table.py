"""The table of lesions: a row for each, with its sizes and what a reader said; a click on a row goes there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from medcore.cards import ModelCard
from medcore.errors import N_
from medcore.predictions import Lesion
from medcore.workbench.analyse import Analysis
from medcore.workbench.corrected import Finding, Origin, Review, Standing
from pages.ui import state, volume_review
from pages.ui.words import percent, t

ROW_PIXELS, MOST_PIXELS = 35, 330
STANDINGS = {
    Standing.OPEN: "",
    Standing.ACCEPTED: N_("✓ accepted"),
    Standing.REJECTED: N_("✕ rejected"),
    Standing.ERASED: N_("erased"),
}
MARKS = {Standing.OPEN: "", Standing.ACCEPTED: "✓", Standing.REJECTED: "✕", Standing.ERASED: "–"}
TYPES = {"solid": N_("solid"), "part_solid": N_("part-solid"), "ground_glass": N_("ground-glass")}
ORIGINS = {Origin.FOUND: "", Origin.CHANGED: N_("corrected"), Origin.ADDED: N_("drawn")}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title and what stands in it; "" where there is nothing to say."""

    title: str
    text: Callable[[Finding], str]


def show(analysis: Analysis, findings: Sequence[Finding], chosen: Finding | None) -> None:
    """The table; the chosen row is marked."""
    review = state.review(analysis)
    columns = [one for one in columns_of(review, analysis.card) if any(one.text(row) for row in findings)]
    frame = pd.DataFrame(
        {
            "#": [_name(row, chosen) for row in findings],
            **{one.title: [one.text(row) for row in findings] for one in columns},
        }
    )
    run = analysis.prediction.run.id
    key = f"lesion-table-{run}-{len(review.history)}-{chosen.id if chosen else ''}-{len(findings)}"
    st.dataframe(
        frame,
        hide_index=True,
        on_select=lambda: _select(run, key, findings),
        selection_mode="single-row",
        key=key,
        height=min(ROW_PIXELS * (len(findings) + 1) + 3, MOST_PIXELS),
    )


def columns_of(review: Review, card: ModelCard | None) -> tuple[Column, ...]:
    """All columns that a result may have, in the order of reading."""
    kinds = {one.label for one in review.findings}
    return (
        *((Column(t("Kind"), lambda row: volume_review.title_of(row.label, card)),) if len(kinds) > 1 else ()),
        Column(t("Volume ml"), lambda row: "" if row.lesion is None else volume_text(row.lesion)),
        Column(t("Share"), lambda row: share_text(row, review)),
        Column(t("Size mm"), size_text),
        Column(t("Type"), type_text),
        Column(t("Probability"), lambda row: "" if row.probability is None else percent(row.probability)),
        Column(
            t("Rating"),
            lambda row: "" if row.box is None or row.box.malignancy is None else percent(row.box.malignancy),
        ),
        Column(t("Slice"), slice_text),
        Column(t("Reader"), said_text),
    )


def volume_text(lesion: Lesion) -> str:
    """Volume, where there are millimetres."""
    return "" if lesion.volume_ml is None else ml(lesion.volume_ml)


def volume_with_interval(lesion: Lesion) -> str:
    """Volume, with its interval where it is known."""
    if lesion.volume_ml is None or lesion.volume_low_ml is None or lesion.volume_high_ml is None:
        return volume_text(lesion)
    return f"{ml(lesion.volume_ml)} ({ml(lesion.volume_low_ml)}–{ml(lesion.volume_high_ml)})"


def voxels_with_interval(lesion: Lesion) -> str:
    """How many voxels, with their interval where there are no millimetres to give that of the volume in."""
    if lesion.volume_ml is not None or lesion.voxels_low is None or lesion.voxels_high is None:
        return str(lesion.voxels or "")
    return f"{lesion.voxels} ({lesion.voxels_low}–{lesion.voxels_high})"


def share_text(row: Finding, review: Review) -> str:
    """Share of all that counts, where there are no millimetres."""
    lesion = row.lesion
    if lesion is None or lesion.volume_ml is not None or not row.counts:
        return ""
    return f"{100 * lesion.voxels / max(review.burden_voxels, 1):.0f} %"


def size_text(row: Finding) -> str:
    """Longest diameter and the one at a right angle to it."""
    if row.lesion is not None and row.lesion.longest_mm is not None and row.lesion.short_axis_mm is not None:
        return f"{row.lesion.longest_mm:.1f} × {row.lesion.short_axis_mm:.1f}"
    if row.box is not None and row.box.diameter_mm is not None:
        return f"{row.box.diameter_mm:.1f}"
    return ""


def slice_text(row: Finding) -> str:
    """The slice of the longest diameter, counted from 1."""
    if row.lesion is not None and row.lesion.slice_index is not None:
        return str(row.lesion.slice_index + 1)
    if row.box is not None and row.box.corners[3] > 0:
        return str(round((row.box.corners[0] + row.box.corners[3]) / 2) + 1)
    return ""


def type_text(row: Finding) -> str:
    """Of a lung nodule: solid, part-solid or ground-glass."""
    kind = row.box.kind if row.box is not None else ""
    return t(TYPES[kind]) if kind in TYPES else kind


def said_text(row: Finding) -> str:
    """What readers said and did."""
    standing, origin = STANDINGS[row.standing], ORIGINS[row.origin]
    return ", ".join(t(text) for text in (standing, origin) if text)


def ml(value: float) -> str:
    """A volume with the digits it deserves.

    >>> ml(0.0324), ml(3.14159), ml(123.4)
    ('0.032', '3.14', '123')
    """
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.3g}"


def _name(row: Finding, chosen: Finding | None) -> str:
    here = "▸" if chosen is not None and row.id == chosen.id else ""
    return " ".join(filter(None, (here, row.id, MARKS[row.standing])))


def _select(run: str, key: str, findings: Sequence[Finding]) -> None:
    rows = state.selected_rows(key)
    if rows and rows[0] < len(findings):
        volume_review.look_at(run, findings[rows[0]])
