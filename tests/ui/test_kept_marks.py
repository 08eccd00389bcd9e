"""What a reader draws is in the store for the next session; a viewer that has just opened never empties it."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from medcore.errors import StoreError
from medcore.records import Study
from medcore.store.store import Store
from medcore.workbench.marks import Mark
from pages.ui import kept_marks, state
from pages.ui.kept_marks import Place
from pages.ui.viewer import marks
from pages.ui.viewer.panes import Measurement
from tests.pages.conftest import add, app, models_dir  # noqa: F401  (fixtures)

LENGTH = Measurement("a", "length", 0, ((0.0, 0.5, 0.0), (3.0, 4.5, 0.0)), {"longest": 5.0}, "mm")
ARROW = Measurement("b", "arrow", 0, ((1.0, 1.0, 0.0), (2.0, 2.0, 0.0)), {}, "mm", "look here")


class Again(Exception):  # noqa: N818  (stands for Streamlit's own rerun)
    """The page is to be shown again."""


class Tab:
    """One browser tab with viewers that show one scan: what the page does with them, run by run."""

    def __init__(self, patch: pytest.MonkeyPatch, study: Study) -> None:
        self.session: dict[str, object] = {}
        self.patch = patch
        self.place = Place(study.id, study.scans[0].id)
        self.screens: dict[str, object] = {}  # what each viewer's browser side has sent

    def run(self, key: str = "v") -> tuple[Measurement, ...]:
        """One run of the page up to its viewer; returns the marks on the screen after it."""
        self.patch.setattr(state, "st", SimpleNamespace(session_state=self.session))
        known = kept_marks.saved(key, [self.place])
        shown = marks.returned(self.screens.get(key), known, panes=1)
        self.session[key] = self.screens.get(key)
        try:
            kept_marks.keep(key, [self.place], shown)
        except Again:
            return self.run(key)
        return shown

    def draw(self, shown: Sequence[Measurement], key: str = "v") -> tuple[Measurement, ...]:
        """The reader changes the marks, which the browser hands over with what it started from."""
        known = kept_marks.saved(key, [self.place])
        self.screens[key] = {"base": marks.base(known), "list": [marks.outgoing(mark) for mark in shown]}
        return self.run(key)

    def leave(self) -> None:
        """Another page is shown: Streamlit forgets what the viewers sent."""
        for key in list(self.screens):
            self.session.pop(key, None)
        self.screens.clear()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    def again() -> None:
        raise Again

    shown: list[BaseException] = []
    monkeypatch.setattr("pages.ui.faults.show", shown.append)
    monkeypatch.setattr(kept_marks, "st", SimpleNamespace(rerun=again))
    return shown


@pytest.fixture
def study(app: AppTest, add: Callable[..., Study], said: list[BaseException]) -> Study:  # noqa: F811
    return add()


def stored(study: Study) -> list[str]:
    return [mark.id for mark in state.workbench().marks.of_scan(study.id, study.scans[0].id)]


def version(study: Study) -> int:
    return state.workbench().studies.annotations(study.id).version


def test_a_change_is_stored_once_however_often_the_page_runs(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    tab = Tab(monkeypatch, study)
    assert tab.run() == ()
    tab.draw([LENGTH])
    for _ in range(3):
        assert tab.run() == (LENGTH,)
    assert (stored(study), version(study)) == (["a"], 1)
    assert kept_marks.saved("v", [tab.place]) == (), "the open viewer is not built anew"
    tab.draw([])
    assert stored(study) == []


def test_opening_rerunning_and_changing_pages_never_empties_the_store(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Tab(monkeypatch, study)
    first.run()
    first.draw([LENGTH, ARROW])
    for _ in range(2):
        first.leave()
        assert [mark.id for mark in first.run()] == ["a", "b"]
        first.run()
    fresh = Tab(monkeypatch, study)
    assert [mark.id for mark in fresh.run()] == ["a", "b"]
    fresh.run()
    assert (stored(study), version(study)) == (["a", "b"], 1)


def test_a_browser_that_comes_back_to_a_restarted_server_deletes_nothing(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = Tab(monkeypatch, study)
    tab.run()
    tab.draw([])  # drew something and deleted it: the browser holds an empty list of the time before
    Tab(monkeypatch, study).run("other")
    state.workbench().marks.change(study.id, tab.place.scan, before=(), after=[Mark("c", "point", ((0.0, 0.0, 0.0),))])
    new_session = Tab(monkeypatch, study)
    new_session.screens = tab.screens
    new_session.session["v"] = tab.screens["v"]  # Streamlit hands the new session what the browser still has
    assert [mark.id for mark in new_session.run()] == ["c"]
    assert stored(study) == ["c"]


def test_two_viewers_of_a_scan_on_one_page_show_and_keep_each_others_marks(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = Tab(monkeypatch, study)
    for key in ("left", "right"):
        tab.run(key)
    tab.draw([LENGTH], "left")
    assert [mark.id for mark in tab.run("right")] == ["a"]
    tab.run("left")
    tab.draw([*tab.run("right"), ARROW], "right")
    assert stored(study) == ["a", "b"]
    assert [mark.id for mark in tab.run("left")] == ["a", "b"]
    tab.draw([ARROW], "left")
    assert [mark.id for mark in tab.run("right")] == ["b"]
    assert stored(study) == ["b"]


def test_two_readers_at_once_both_keep_what_they_drew(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Tab(monkeypatch, study), Tab(monkeypatch, study)
    first.run()
    second.run()
    first.draw([LENGTH])
    monkeypatch.setattr(state, "st", SimpleNamespace(session_state=second.session))
    assert [mark.id for mark in second.draw([ARROW])] == ["a", "b"]
    assert stored(study) == ["a", "b"]


def test_a_change_that_cannot_be_stored_is_said_and_tried_again(
    study: Study, monkeypatch: pytest.MonkeyPatch, said: list[BaseException]
) -> None:
    def full(*arguments: object, **named: object) -> int:
        raise StoreError("The disk is full.")

    tab = Tab(monkeypatch, study)
    tab.run()
    with monkeypatch.context() as patch:
        patch.setattr(Store, "save_annotations", full)
        assert tab.draw([LENGTH]) == (LENGTH,), "it stays on the screen"
        assert len(said) == 1
    tab.run()
    assert stored(study) == ["a"]


@pytest.mark.parametrize("sent", [None, [], {}, {"base": "x", "list": []}, {"list": []}, {"base": None, "list": None}])
def test_what_a_browser_sends_without_having_seen_the_marks_says_nothing_about_them(sent: object) -> None:
    assert marks.returned(sent, [LENGTH], panes=1) == (LENGTH,)


def test_a_garbled_mark_is_no_deleted_one() -> None:
    sent = {"base": marks.base([LENGTH]), "list": [{**marks.outgoing(LENGTH), "points": [[None, 0, 0]]}]}
    assert marks.returned(sent, [LENGTH], panes=1) == (LENGTH,)
    assert marks.returned({**sent, "list": []}, [LENGTH], panes=1) == ()
