"""Signed readings: frozen, sealed, in versions; they go with the studies they show."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from medcore.errors import NotFoundError, StoreError
from medcore.settings import Settings
from medcore.store.audit import Event
from medcore.store.store import Store
from medcore.store.tables import ReadingRow
from tests.store.conftest import Clock, study

CONTENT = {"answer": "PR", "sum": 18.5, "notes": ["一", {"x": None}]}


def put(store: Store, seed: int = 0) -> str:
    return store.add_studies([study(seed)])[0].study.id


def test_a_signed_reading_comes_back_as_it_was_with_who_and_when(store: Store, clock: Clock) -> None:
    first = put(store)
    signed = store.readings.sign(first, CONTENT, who="  Dr  A. ", studies=[first], after=0)
    assert (signed.version, signed.signed_by, signed.signed_at, signed.sound) == (1, "Dr A.", clock(), True)
    again, content = store.readings.open(signed.id)
    assert again == signed and content == CONTENT
    (entry,) = [one.deed for one in store.audit() if one.deed.event is Event.SIGNED]
    assert entry.agent == "Dr A." and signed.sha256 in entry.detail and entry.study == first
    assert store.first_broken_entry() is None


def test_a_later_change_is_a_new_version_and_the_old_one_stays(store: Store, clock: Clock) -> None:
    first = put(store)
    one = store.readings.sign(first, CONTENT, who="A", studies=[first], after=0)
    clock.move(60)
    two = store.readings.sign(first, {**CONTENT, "answer": "SD"}, who="B", studies=[first], after=1)
    assert [each.version for each in store.readings.of(first)] == [2, 1]
    assert store.readings.open(one.id)[1] == CONTENT and two.signed_at > one.signed_at


def test_what_cannot_be_signed_says_why(store: Store) -> None:
    first, gone = put(store), put(store, 1)
    with pytest.raises(StoreError, match="signed off by a person"):
        store.readings.sign(first, CONTENT, who=" ", studies=[first], after=0)
    store.readings.sign(first, CONTENT, who="A", studies=[first], after=0)
    with pytest.raises(StoreError, match="Nothing changed since version 1"):
        store.readings.sign(first, CONTENT, who="A", studies=[first], after=1)
    with pytest.raises(StoreError, match="Someone else signed off"):
        store.readings.sign(first, {}, who="A", studies=[first], after=0)
    store.delete(gone)
    with pytest.raises(NotFoundError):
        store.readings.sign(first, {}, who="A", studies=[first, gone], after=1)
    assert len(store.readings.of(first)) == 1, "nothing of it was kept"


def test_of_two_who_sign_at_once_one_is_told(store: Store) -> None:
    first = put(store)

    def sign(name: str) -> str:
        try:
            return store.readings.sign(first, {"by": name}, who=name, studies=[first], after=0).signed_by
        except StoreError as error:
            return error.message.text()

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(sign, ["A", "B"]))
    assert len(store.readings.of(first)) == 1
    assert sum(answer in {"A", "B"} for answer in told) == 1 and any("Someone else signed" in one for one in told)


def test_the_store_refuses_to_change_a_signed_reading(store: Store) -> None:
    first = put(store)
    signed = store.readings.sign(first, CONTENT, who="A", studies=[first], after=0)
    with pytest.raises(StoreError, match="frozen"), store._database.writing() as (session, _):
        session.get(ReadingRow, 1).signed_by = "B"
    assert store.readings.open(signed.id)[0].signed_by == "A"


@pytest.mark.parametrize("part", ["signed_by", "signed_at", "content", "sha256", "garbage"])
def test_a_reading_changed_behind_the_store_is_not_opened(store: Store, settings: Settings, part: str) -> None:
    first = put(store)
    signed = store.readings.sign(first, CONTENT, who="A", studies=[first], after=0)
    forged = {
        "signed_by": "B",
        "signed_at": "2020-01-01 00:00:00.000000",
        "content": gzip.compress(b'{"answer":"CR"}'),
        "sha256": "0" * 64,
        "garbage": b"no gzip",
    }[part]
    column = "content" if part == "garbage" else part
    engine = create_engine(f"sqlite:///{Path(settings.data_dir) / 'medcore.db'}")
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE reading SET {column} = :value"), {"value": forged})
    engine.dispose()
    with pytest.raises(StoreError, match="not what was signed"):
        store.readings.open(signed.id)
    if column != "content":
        assert not store.readings.of(first)[0].sound, "the list of versions marks it too"


def test_readings_go_with_any_study_that_they_show(open_store: Callable[[], Store]) -> None:
    store = open_store()
    first, later, other = put(store), put(store, 1), put(store, 2)
    both = store.readings.sign(first, CONTENT, who="A", studies=[first, later], after=0)
    alone = store.readings.sign(other, CONTENT, who="A", studies=[other], after=0)
    store.delete(later)
    with pytest.raises(NotFoundError):
        store.readings.open(both.id)
    store.delete(first)
    assert open_store().readings.open(alone.id)[1] == CONTENT
