"""Marks are kept with the study; what one reader does to them never undoes another's."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from medcore.errors import NotFoundError, StoreError
from medcore.store.store import Store
from medcore.workbench.marks import Mark, ScanMarks, merged
from medcore.workbench.studies import uploaded
from medcore.workbench.workbench import Workbench
from tests.pages.conftest import picture

A = Mark("a", "length", ((0.0, 0.5, 0.1), (3.0, 4.5, 0.1)), {"longest": 5.0}, "mm")
B = Mark("b", "arrow", ((1.0, 1.0, 0.0), (2.0, 2.0, 0.0)), {}, "px", "look here")
C = Mark("c", "point", ((1.0, 1.0, 1.0),), {"value": -3.5})


@pytest.fixture
def study(workbench: Workbench) -> str:
    return workbench.studies.add([uploaded("x.png", picture())]).added[0].id


def test_marks_come_back_the_same_beside_those_of_other_scans(workbench: Workbench, study: str) -> None:
    workbench.marks.change(study, "one", before=(), after=(A, B))
    workbench.marks.change(study, "two", before=(), after=(C,))
    assert workbench.marks.of_scan(study, "one") == (A, B)
    assert workbench.marks.of_scan(study, "two") == (C,)
    assert workbench.marks.of_scan(study, "three") == ()


def test_other_annotations_of_the_study_stay(workbench: Workbench, study: str) -> None:
    workbench.studies.save_annotations(study, {"other": [1]}, version=0)
    workbench.marks.change(study, "one", before=(), after=(A,))
    assert dict(workbench.studies.annotations(study).content or {})["other"] == [1]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "before", "after", "result"),
    [
        ((A, B), (), (), (A, B)),  # a viewer that opened before anything was drawn deletes nothing
        ((A, B), (A,), (), (B,)),  # deletes what it saw and no more
        ((A, B), (A, B), (A,), (A,)),
        ((B,), (A, B), (A, B), (B,)),  # what another deleted stays deleted
        ((A,), (A,), (A, C), (A, C)),
        ((A, B), (A,), (replace(A, text="x"), C), (replace(A, text="x"), B, C)),
        ((), (A,), (replace(A, text="x"),), (replace(A, text="x"),)),
    ],
)
def test_only_what_the_reader_did_is_done(
    now: tuple[Mark, ...], before: tuple[Mark, ...], after: tuple[Mark, ...], result: tuple[Mark, ...]
) -> None:
    assert merged(now, before=before, after=after) == result


def test_nothing_is_written_where_nothing_changes(workbench: Workbench, study: str) -> None:
    workbench.marks.change(study, "one", before=(), after=(A,))
    workbench.marks.change(study, "one", before=(A,), after=(A,))
    assert workbench.studies.annotations(study).version == 1


def test_a_save_that_another_overtakes_is_done_again_on_top_of_it(
    workbench: Workbench, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Store.save_annotations

    def overtaken(store: Store, *arguments: object, **named: object) -> int:
        monkeypatch.setattr(Store, "save_annotations", save)
        ScanMarks(store).change(study, "one", before=(), after=(B,))
        return save(store, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "save_annotations", overtaken)
    assert workbench.marks.change(study, "one", before=(), after=(A,)) == (B, A)


def test_a_store_that_cannot_write_says_so(
    workbench: Workbench, study: str, monkeypatch: pytest.MonkeyPatch, refuse: Callable[..., int]
) -> None:
    monkeypatch.setattr(Store, "save_annotations", refuse)
    with pytest.raises(StoreError, match="full"):
        workbench.marks.change(study, "one", before=(), after=(A,))
    with pytest.raises(NotFoundError):
        monkeypatch.undo()
        workbench.marks.change("gone", "one", before=(), after=(A,))


@pytest.fixture
def refuse() -> Callable[..., int]:
    def refused(*arguments: object, **named: object) -> int:
        raise StoreError("The disk is full.")

    return refused
