"""Third step of a comparison: which lesion is which and what it counts as; the reader has the last word."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from medcore.errors import N_
from medcore.records import LesionRole
from medcore.workbench import comparison_answer, comparison_links
from medcore.workbench.comparison_answer import Cell, Row
from medcore.workbench.comparison_draft import GONE_LESION, NEW_LESION
from medcore.workbench.comparisons import Aligned, Found, rules_of
from pages.ui import compare_draft, compare_viewer, pick, show, state
from pages.ui.compare_draft import Reading
from pages.ui.lesion_graph.graph import Wish, lesion_graph
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
MERGED = "merged:"  # begins the choice of a lesion that this one merged with


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
        show.issues(found.issues)
        with st.container(horizontal=True):
            st.button(
                t("To the response"), type="primary", key="compare-next", on_click=compare_draft.go, args=("response",)
            )
            compare_draft.undo(reading)
        compare_viewer.side_by_side(reading)
        return
    with st.container(key="split"):
        left, right = st.columns([3, 2], gap="medium")
    with right:
        chosen = _chosen(rows, reading)
        _confirming(reading, rows, chosen)
        _editor(reading, aligned, found, rows, chosen)
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
        if one.study not in reading.draft.clear and not state.workbench().comparisons.chosen_sources(one)
    ]
    st.info(
        t(
            "No lesions are marked in {studies}. Draw them here with the brush, add a mask (DICOM SEG, RTSTRUCT, "
            "NIfTI) on the page Studies, or let a model find them on the page Analyse. Every study needs one, or your "
            "word in the first step that there is no lesion in it.",
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


def _chosen(rows: tuple[Row, ...], reading: Reading) -> Row:
    """All lesions as a graph or as a table; a click on one chooses it."""
    chosen = state.chosen("lesion", [row.id for row in rows])
    shown = pick.segment("links", t("View"), {"graph": t("Graph"), "table": t("Table")})
    if shown == "graph":
        _graph(rows, reading, chosen)
    else:
        _table(rows, reading, chosen)
    return next(row for row in rows if row.id == chosen)


def _graph(rows: tuple[Row, ...], reading: Reading, chosen: str) -> None:
    visits = [f"T{number}" for number in range(len(reading.draft.visits))]
    days = [compare_draft.day_of(reading, number) for number in range(len(visits))]
    wish = lesion_graph(
        rows,
        [
            " · ".join(filter(None, (name, day.isoformat() if day else "")))
            for name, day in zip(visits, days, strict=True)
        ],
        chosen=chosen,
        confirmed=reading.draft.confirmed,
        titles={fate: t(title) for fate, title in FATES.items()},
        version=reading.kept.version,
        key=f"compare-graph-{reading.baseline.id}",
    )
    st.caption(
        t(
            "Drag a mark onto the lesion that it is, or below all for a lesion of its own; drag × onto the lesion that "
            "it merged with. Keyboard: arrows, Enter opens, M moves, C confirms. A percentage says how sure a link is."
        )
    )
    if wish is not None:
        _do(wish, rows, reading)


def _do(wish: Wish, rows: tuple[Row, ...], reading: Reading) -> None:
    """What the reader did in the graph."""
    draft, row = reading.draft, rows[wish.lane]
    other = rows[wish.lesion].anchor if wish.lesion >= 0 else ""
    piece = row.cells[wish.visit].anchor
    if wish.act != "link" or other:
        state.choose("lesion", rows[max(wish.lesion, 0)].id if wish.act in ("link", "part") else row.id)
    match wish.act:
        case "link" if piece:
            draft = comparison_links.linked(draft, rows, wish.visit, piece, other or NEW_LESION)
        case "part" if piece and other:
            draft = comparison_links.part_of(draft, rows, wish.visit, piece, other)
        case "end" if not piece:
            draft = comparison_links.ended(draft, draft.visits[wish.visit].scan, row.anchor, other or GONE_LESION)
        case "confirm":
            draft = comparison_links.confirmed(draft, [row.anchor], yes=row.anchor not in draft.confirmed)
        case _:
            st.rerun()
    compare_draft.change(reading, draft)


def _table(rows: tuple[Row, ...], reading: Reading, chosen: str) -> None:
    """All lesions over all visits; a click on a row chooses it."""
    size = pick.segment("size", t("Size"), {name: t(title) for name, title in SIZES.items()})
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
        height=min(35 * (len(rows) + 1) + 3, 330),
    )
    if picked["selection"]["rows"]:
        state.choose("lesion", rows[picked["selection"]["rows"][0]].id)
        st.rerun()
    st.caption(t("A percentage says how sure a link is; without one it is above 90 %. Click a row to go there."))


def _confirming(reading: Reading, rows: tuple[Row, ...], chosen: Row) -> None:
    """How many are confirmed; one click confirms this one and goes on, or all that need no second look."""
    draft = reading.draft
    waiting = [row for row in rows if row.anchor not in draft.confirmed]
    safe = [name for name in comparison_links.sure(rows) if name not in draft.confirmed]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        confirmed = len(rows) - len(waiting)
        st.markdown(t("{confirmed} of {count} confirmed", confirmed=confirmed, count=len(rows)))
        if st.button(
            t("Confirm {lesion} and go on", lesion=chosen.id),
            icon=":material/check:",
            key="compare-confirm-next",
            disabled=chosen.anchor in draft.confirmed and not waiting,
        ):
            after = [row for row in waiting if row.id != chosen.id]
            later = [row for row in after if rows.index(row) > rows.index(chosen)]
            if after:
                state.choose("lesion", (later or after)[0].id)
            compare_draft.change(reading, comparison_links.confirmed(draft, [chosen.anchor], yes=True))
        if safe and st.button(
            t("Confirm all that are sure: {count}", count=len(safe)),
            key="compare-confirm-sure",
            type="tertiary",
            help=t("Lesions that were followed with every link above 90 %; what is new, gone, merged or split waits."),
        ):
            compare_draft.change(reading, comparison_links.confirmed(draft, safe, yes=True))


def _editor(reading: Reading, aligned: Aligned, found: Found, rows: tuple[Row, ...], row: Row) -> None:
    """What the reader decides about one lesion."""
    draft = reading.draft
    with st.container(border=True, key="compare-lesion", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(t("**Lesion {id}**", id=row.id))
            sure = st.checkbox(t("Confirmed"), value=row.anchor in draft.confirmed, key=reading.key(f"sure-{row.id}"))
        if sure != (row.anchor in draft.confirmed):
            compare_draft.change(reading, comparison_links.confirmed(draft, [row.anchor], yes=sure))
        first, second = st.columns(2)
        with first:
            _role(reading, found, row)
        with second:
            _organ(reading, row)
        for number in range(1, len(row.cells)):
            _link(reading, aligned, rows, row, number)


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


def _link(reading: Reading, aligned: Aligned, rows: tuple[Row, ...], row: Row, number: int) -> None:
    """Which lesion of a later visit this one is, or what became of it."""
    first = next(at for at, cell in enumerate(row.cells) if cell.anchor)
    if number <= first or row.cells[number - 1].fate == "merged":
        return
    now = row.cells[number].anchor
    owners = {other.cells[number].anchor: other.id for other in rows}
    pieces = {aligned.anchor(number, piece): piece for piece in range(len(aligned.visits[number].pieces))}
    merged = {MERGED + other.anchor: other.id for other in rows if other.id != row.id and other.cells[number].anchor}

    def title(name: str) -> str:
        if name in ("", NEW_LESION):
            return t("another lesion, not this one") if name else _fate(row.cells[number])
        if name == GONE_LESION:
            return t("gone")
        if name in merged:
            return t("merged with {lesion}", lesion=merged[name])
        visit, owner = aligned.visits[number], owners.get(name, "–")
        extent = visit.pieces[pieces[name]].extent
        if not visit.sized:
            return t("{count} voxels, now {lesion}", count=extent.voxels, lesion=owner)
        return t("{size} mm, now {lesion}", size=f"{extent.longest_mm:.1f}", lesion=owner)

    ends = [] if now else [*merged, GONE_LESION]
    options = [now, *(name for name in pieces if name != now), *([NEW_LESION] if now else []), *ends]
    wanted = st.selectbox(
        t("At T{number} it is", number=number), options, format_func=title, key=reading.key(f"link-{row.id}-{number}")
    )
    if wanted == now:
        return
    draft = reading.draft
    if wanted in merged or wanted == GONE_LESION:
        other = wanted.removeprefix(MERGED)
        draft = comparison_links.ended(draft, draft.visits[number].scan, row.anchor, other)
    elif wanted == NEW_LESION:
        draft = comparison_links.linked(draft, rows, number, now, NEW_LESION)
    else:
        draft = comparison_links.linked(draft, rows, number, wanted, row.anchor)
    compare_draft.change(reading, draft)


def _fate(cell: Cell) -> str:
    return f"{t(FATES[cell.fate])} {cell.other}".strip()
