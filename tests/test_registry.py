"""A folder is a catalogue: its files are found by name, and a bad entry is told apart from a bad request."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from medcore.errors import UnknownNameError
from medcore.registry import entry_names, load_entries, load_entry


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A catalogue of numbers with two good entries, a private file and a broken one."""
    folder = tmp_path / "shelf_of_numbers"
    folder.mkdir()
    texts = {"__init__": "", "two": "NUMBER = 2", "one": "NUMBER = 1", "_shared": "", "word": "NUMBER = 'three'"}
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield import_module("shelf_of_numbers")
    for name in [name for name in sys.modules if name.startswith("shelf_of_numbers")]:
        del sys.modules[name]


def test_the_entries_are_the_public_files_in_order(shelf: ModuleType) -> None:
    assert entry_names(shelf) == ("one", "two", "word")


def test_the_names_are_known_without_importing_an_entry(shelf: ModuleType) -> None:
    entry_names(shelf)
    assert "shelf_of_numbers.one" not in sys.modules


def test_an_entry_is_found_by_the_name_of_its_file(shelf: ModuleType) -> None:
    assert load_entry(shelf, "two", "NUMBER", int) == 2


@pytest.mark.parametrize("name", ["three", "_shared", "__init__", "../one", ""])
def test_an_unknown_name_is_answered_with_the_known_ones(shelf: ModuleType, name: str) -> None:
    with pytest.raises(UnknownNameError, match="one, two"):
        load_entry(shelf, name, "NUMBER", int)


def test_an_entry_of_the_wrong_type_is_a_bug_and_not_a_user_error(shelf: ModuleType) -> None:
    with pytest.raises(TypeError, match="must end with NUMBER"):
        load_entry(shelf, "word", "NUMBER", int)


def test_all_entries_come_by_name(shelf: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "shelf_of_numbers" / "word.py").unlink()
    assert dict(load_entries(shelf, "NUMBER", int)) == {"one": 1, "two": 2}
