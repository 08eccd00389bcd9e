"""The graph of lesions: lanes, marks and lines from rows; its words; nothing that the browser sends is believed."""

from __future__ import annotations

import re

import pytest

from medcore.records import LesionRole
from medcore.workbench.comparison_answer import Cell, Row
from medcore.workbench.comparison_draft import GONE_LESION, NEW_LESION, Chosen, Draft, end_of
from medcore.workbench.comparison_links import confirmed, ended, linked, part_of, sure
from pages.ui.lesion_graph.graph import HERE, WORDS, Wish, _wish
from pages.ui.lesion_graph.layout import Line, lines, marks

SAID = re.compile(r'say\("([^"]+)"')


def row(name: str, *cells: Cell) -> Row:
    return Row(name, f"anchor-{name}", LesionRole.TARGET, "", False, cells)


def seen(fate: str, anchor: str, mm: float = 10.0, confidence: float = 1.0, other: str = "") -> Cell:
    return Cell(fate, confidence, other, anchor, longest_mm=mm)


ROWS = (
    row("L1", seen("first_seen", "a0", 20.0), seen("followed", "a1", 10.0, 0.8)),
    row("L2", seen("first_seen", "b0"), Cell("merged", 0.9, "L1")),
    row("L3", seen("first_seen", "c0"), Cell("gone", 1.0, "")),
    row("L4", Cell("not_yet", 1.0, ""), seen("split_off", "d1", 5.0, 0.6, "L1")),
    row("L5", Cell("not_yet", 1.0, ""), seen("new", "e1")),
)
DRAFT = Draft((Chosen("s0", "scan0"), Chosen("s1", "scan1")), confirmed=frozenset(one.anchor for one in ROWS))


def test_every_lesion_has_a_mark_at_every_visit_from_its_first_and_only_later_ones_move() -> None:
    found = {(one.lane, one.visit): one for one in marks(ROWS)}
    assert set(found) == {(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 1), (4, 1)}
    assert found[0, 0].size == 1.0 and found[0, 1].size == 0.5
    assert [found[lane, 1].kind for lane in range(5)] == ["seen", "merged", "gone", "seen", "seen"]
    assert all(one.movable == (one.visit == 1) for one in found.values())


def test_lines_run_along_lanes_into_what_a_lesion_merged_with_and_out_of_what_fell_apart() -> None:
    assert lines(ROWS) == (
        Line((0, 0), (0, 1), "followed", 0.8),
        Line((1, 0), (0, 1), "merged", 0.9),
        Line((2, 0), (2, 1), "gone", 1.0),
        Line((0, 0), (3, 1), "split_off", 0.6),
    )


def test_every_word_of_the_browser_is_handed_to_it() -> None:
    assert set(SAID.findall((HERE / "graph.js").read_text())) <= set(WORDS)


def sent(act: str, lane: object, visit: object, lesion: object) -> dict[str, object]:
    return {"act": act, "lane": lane, "visit": visit, "lesion": lesion}


@pytest.mark.parametrize(
    "value",
    [
        *(None, "x", {}, sent("drop", 0, 0, 0), sent("link", 9, 0, 0), sent("link", 0, 2, 0)),
        *(sent("link", True, 0, 0), sent("link", 0, 0, -2), sent("link", "0", 0, 0)),
    ],
)
def test_what_does_not_fit_is_left(value: object) -> None:
    assert _wish(value, ROWS, 2) is None
    assert _wish({"act": "link", "lane": 1, "visit": 1, "lesion": -1}, ROWS, 2) == Wish("link", 1, 1, -1)


def test_what_a_reader_links_is_kept_and_what_it_touches_is_no_longer_confirmed() -> None:
    taken = linked(DRAFT, ROWS, 1, "e1", "anchor-L1")
    assert taken.links == {"a1": NEW_LESION, "e1": "anchor-L1"}
    assert DRAFT.confirmed - taken.confirmed == {"anchor-L1", "anchor-L5"}
    assert linked(DRAFT, ROWS, 1, "d1", NEW_LESION).links == {"d1": NEW_LESION}
    assert part_of(DRAFT, ROWS, 1, "e1", "anchor-L1").links == {"e1": "anchor-L1", "a1": "anchor-L1"}
    assert ended(DRAFT, "scan1", "anchor-L3", "anchor-L1").ends == {end_of("scan1", "anchor-L3"): "anchor-L1"}
    assert ended(DRAFT, "scan1", "anchor-L3", "anchor-L3").ends == {end_of("scan1", "anchor-L3"): GONE_LESION}
    assert confirmed(DRAFT, ["anchor-L1"], yes=False).confirmed == DRAFT.confirmed - {"anchor-L1"}


def test_only_lesions_that_were_followed_surely_need_no_second_look() -> None:
    assert sure(ROWS) == ()
    assert sure((row("L1", seen("first_seen", "a0"), seen("followed", "a1", confidence=0.95)),)) == ("anchor-L1",)
