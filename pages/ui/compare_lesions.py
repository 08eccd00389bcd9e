"""Third step of a comparison: which lesion is which and what it counts as; the reader has the last word."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from medcore.errors import N_
from medcore.records import LesionRole
from medcore.workbench import comparison_answer
from medcore.workbench.comparison_answer import Cell, Row
from medcore.workbench.comparison_draft import NEW_LESION, Draft
from medcore.workbench.comparisons import Aligned, Found, rules_of
from pages.ui import compare_draft, compare_viewer, pick, show, state
from pages.ui.compare_draft import Reading
from pages.ui.viewer.panes import Focus
from pages.ui.words import percent, plain, say, t

FATES = {
    "not_yet": N_("not yet"),
    "first_seen": N_("first seen"),
    "followed": N_("followed"),
    "new": N_("new"),
    "gone": N_("gone"),
    "outside": N_("outside the scan"),
    "merged": N_("merged"),
    "split_off": N_("split off"),
}
ROLES = {LesionRole.TARGET: N_("target"), LesionRole.NONTARGET: N_("non-target"), LesionRole.NEW: N_("new")}
SIZES = {"longest_mm": N_("Longest mm"), "short_axis_mm": N_("Short axis mm"), "volume_ml": N_("Volume ml")}
SURE = 0.9  # below this share a link says how sure it is


def page(reading: Reading) -> None:
    """The step."""
    aligned = reading.aligned
    if aligned is None:
        compare_draft.need_alignment(reading)
        return
    if not aligned.visits:
        no_masks(reading)
        return
    found = compare_draft.concluded(reading, aligned)
    if found is None:
        return
    rows = comparison_answer.rows(aligned, found)
    if not rows:
        st.info(t("The masks hold no lesion."), icon=":material/info:")
        return
    with st.container(key="split"):
        left, right = st.columns([3, 2], gap="medium")
    with right:
        chosen = _table(rows, reading)
        _editor(reading, aligned, found, chosen)
        show.issues(found.issues)
        for message in comparison_answer.broken_limits(found, rules_of(reading.draft)):
            st.warning(plain(say(message)), icon=":material/rule:")
        with st.container(horizontal=True):
            st.button(
                t("To the response"), type="primary", key="compare-next", on_click=compare_draft.go, args=("response",)
            )
            compare_draft.undo(reading)
    with left:
        place = chosen.place
        focus = Focus(place, number=int(chosen.id[1:])) if place is not None else None
        compare_viewer.side_by_side(reading, focus=focus)


def no_masks(reading: Reading) -> None:
    """How to get lesions, where a study has none; the pictures to draw them in."""
    bare = [
        compare_draft.title_of(reading, number)
        for number, one in enumerate(reading.draft.visits)
        if not state.workbench().comparisons.chosen_sources(one)
    ]
    st.info(
        t(
            "No lesions are marked in {studies}. Draw them here with the brush, add a mask (DICOM SEG, RTSTRUCT, "
            "NIfTI) on the page Studies, or let a model find them on the page Analyse. Every study needs one.",
            studies=", ".join(bare),
        ),
        icon=":material/brush:",
    )
    compare_viewer.side_by_side(reading)


def cell_text(cell: Cell, size: str) -> str:
    """One lesion at one visit in a few characters."""
    fate = t(FATES[cell.fate])
    if not cell.anchor:
        return f"{fate} → {cell.other}" if cell.other else ("" if cell.fate == "not_yet" else fate)
    value = getattr(cell, size)
    text = t("{count} voxels", count=cell.voxels) if value is None else f"{value:.3g}" if value < 1 else f"{value:.1f}"
    if cell.fate == "split_off":
        text += f" ({fate} {cell.other})"
    elif cell.fate == "new":
        text += f" ({fate})"
    return text if cell.confidence >= SURE or cell.fate == "new" else f"{text} · {percent(cell.confidence)}"


def _table(rows: tuple[Row, ...], reading: Reading) -> Row:
    """All lesions over all visits; a click on a row chooses it."""
    size = pick.segment("size", t("Size"), {name: t(title) for name, title in SIZES.items()})
    titles = {row.id: row.id for row in rows}
    chosen = state.chosen("lesion", list(titles))
    confirmed = reading.draft.confirmed
    frame = pd.DataFrame(
        [
            {
                t("Lesion"): f"▸ {row.id}" if row.id == chosen else row.id,
                t("Confirmed"): "✓" if row.anchor in confirmed else "",
                t("Role"): t(ROLES[row.role]),
                t("Organ"): t("lymph node") if row.node else row.organ,
                **{f"T{number}": cell_text(cell, size) for number, cell in enumerate(row.cells)},
            }
            for row in rows
        ]
    )
    picked = st.dataframe(
        frame,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"compare-table-{chosen}-{reading.kept.version}",
        height=min(36 * (len(rows) + 1) + 2, 330),
    )
    if picked["selection"]["rows"]:
        state.choose("lesion", rows[picked["selection"]["rows"][0]].id)
        st.rerun()
    st.caption(t("A percentage says how sure a link is; without one it is above 90 %. Click a row to go there."))
    return next(row for row in rows if row.id == chosen)


def _editor(reading: Reading, aligned: Aligned, found: Found, row: Row) -> None:
    """What the reader decides about one lesion."""
    draft = reading.draft
    with st.container(border=True, key="compare-lesion", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(t("**Lesion {id}**", id=row.id))
            sure = st.checkbox(t("Confirmed"), value=row.anchor in draft.confirmed, key=reading.key(f"sure-{row.id}"))
        if sure != (row.anchor in draft.confirmed):
            compare_draft.change(reading, replace(draft, confirmed=draft.confirmed ^ {row.anchor}))
        first, second = st.columns(2)
        with first:
            _role(reading, found, row)
        with second:
            _organ(reading, row)
        for number in range(1, len(row.cells)):
            _link(reading, aligned, found, row, number)


def _role(reading: Reading, found: Found, row: Row) -> None:
    roles = list(ROLES)
    role = st.selectbox(
        t("Role"),
        roles,
        index=roles.index(row.role),
        format_func=lambda one: t(ROLES[one]),
        key=reading.key(f"role-{row.id}"),
    )
    if role is row.role:
        return
    refusal = comparison_answer.target_refusal(found, rules_of(reading.draft), row.id)
    if role is LesionRole.TARGET and refusal is not None:
        st.error(plain(say(refusal)), icon=":material/rule:")
        return
    compare_draft.change(reading, replace(reading.draft, roles={**reading.draft.roles, row.anchor: role}))


def _organ(reading: Reading, row: Row) -> None:
    draft = reading.draft
    organ = st.text_input(
        t("Organ"), row.organ, key=reading.key(f"organ-{row.id}"), placeholder=t("lung, liver, brain …"), max_chars=40
    ).strip()
    if organ != row.organ:
        compare_draft.change(reading, replace(draft, organs={**draft.organs, row.anchor: organ}))
    node = st.checkbox(t("Lymph node"), value=row.node, key=reading.key(f"node-{row.id}"))
    if node != row.node:
        compare_draft.change(reading, replace(draft, nodes=draft.nodes ^ {row.anchor}))


def _link(reading: Reading, aligned: Aligned, found: Found, row: Row, number: int) -> None:
    """Which lesion of a later visit this one is."""
    if row.cells[number].fate == "not_yet" or next(n for n, cell in enumerate(row.cells) if cell.anchor) >= number:
        return
    now = row.cells[number].anchor
    owners = {other.cells[number].anchor: other.id for other in comparison_answer.rows(aligned, found)}
    pieces = {aligned.anchor(number, piece): piece for piece in range(len(aligned.visits[number].pieces))}

    def title(name: str) -> str:
        if name in ("", NEW_LESION):
            return t("another lesion, not this one") if name else t(FATES[row.cells[number].fate])
        extent = aligned.visits[number].pieces[pieces[name]].extent
        return t("{size} mm, now {lesion}", size=f"{extent.longest_mm:.1f}", lesion=owners.get(name, "–"))

    options = [now, *(name for name in pieces if name != now), *([NEW_LESION] if now else [])]
    wanted = st.selectbox(
        t("At T{number} it is", number=number), options, format_func=title, key=reading.key(f"link-{row.id}-{number}")
    )
    if wanted != now:
        compare_draft.change(reading, relinked(reading.draft, row, now, wanted))


def relinked(draft: Draft, row: Row, now: str, wanted: str) -> Draft:
    """The draft with another lesion of a visit linked to this one; what was linked before stands alone."""
    links = dict(draft.links)
    if now:
        links[now] = NEW_LESION
    if wanted != NEW_LESION:
        links[wanted] = row.anchor
    return replace(draft, links=links)
