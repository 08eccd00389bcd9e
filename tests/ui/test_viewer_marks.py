"""Measurements that come back from the browser are checked before anybody believes them."""

from __future__ import annotations

import pytest

from pages.ui.viewer.marks import incoming, outgoing
from pages.ui.viewer.panes import Measurement

LENGTH = {
    "id": "a",
    "kind": "length",
    "pane": 0,
    "points": [[0, 0, 0], [3, 4, 0]],
    "values": {"longest": 5.0},
    "unit": "mm",
    "text": "",
}


def test_a_mark_goes_to_the_browser_and_comes_back_the_same() -> None:
    mark = Measurement(
        "a", "bidirectional", 1, ((0.5, 1.0, 2.0),) * 4, {"longest": 12.4, "shortest": 8.1}, "mm", "seen"
    )
    assert incoming([outgoing(mark)], panes=2) == (mark,)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "script"},
        {"pane": 1},
        {"pane": -1},
        {"pane": "0"},
        {"unit": "furlong"},
        {"points": []},
        {"points": [[0, 0]]},
        {"points": [[0, 0, float("nan")]]},
        {"points": "abc"},
        {"points": [[0, 0, 0]] * 3000},
        {"values": None},
    ],
)
def test_what_is_not_a_mark_is_left_out(change: dict[str, object]) -> None:
    good = {**LENGTH, "id": "b"}
    assert [mark.id for mark in incoming([{**LENGTH, **change}, good], panes=1)] == ["b"]


@pytest.mark.parametrize("state", [None, "length", 7, {"a": 1}, [None, 3, "x"]])
def test_a_state_of_another_shape_is_no_marks(state: object) -> None:
    assert incoming(state, panes=1) == ()


def test_text_and_number_of_marks_are_limited() -> None:
    marks = incoming([{**LENGTH, "text": "x" * 1000}] * 1000, panes=1)
    assert len(marks) == 500
    assert len(marks[0].text) == 200
