"""Storing many studies at once takes little more than their rows."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event

from medcore.store.store import Store
from tests.store.conftest import study


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent to any database meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_a_further_study_takes_one_statement_for_itself_and_one_for_its_scan(store: Store) -> None:
    with counted() as few:
        store.add_studies([study(seed) for seed in range(2)])
    with counted() as many:
        store.add_studies([study(seed) for seed in range(2, 22)])
    assert len(many) == len(few) + 18 * 2  # SQLite tells the numbers of new rows one by one; the rest goes in bulk
    assert len(store.studies()) == 22


def test_studies_of_one_upload_keep_its_order_and_one_that_comes_twice_is_one(store: Store) -> None:
    added = store.add_studies([study(3), study(1), study(3), study(2)])
    assert [entry.new_scans for entry in added] == [1, 1, 0, 1]
    assert [stored.title for stored in store.studies()] == ["Chest 3", "Chest 1", "Chest 2"]
