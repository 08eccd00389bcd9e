"""A folder is a catalogue, a file is an entry: find the entries of a plugin package by file name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType, ModuleType
from typing import TypeVar

from medcore.errors import N_, UnknownNameError

E = TypeVar("E")


def entry_names(package: ModuleType) -> tuple[str, ...]:
    """Ids of all entries, without importing any: the file names of the package, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")))


def load_entry(package: ModuleType, name: str, constant: str, kind: type[E]) -> E:
    """The constant of one entry file.

    Raises:
        UnknownNameError: There is no such file.
        TypeError: The file lacks the constant, or it has the wrong type (a bug in the entry).
    """
    if name not in entry_names(package):
        raise UnknownNameError(
            N_("There is no “{name}” among: {known}."), name=name, known=", ".join(entry_names(package))
        )
    entry = getattr(importlib.import_module(f"{package.__name__}.{name}"), constant, None)
    if not isinstance(entry, kind):
        raise TypeError(f"{package.__name__}.{name} must end with {constant} = {kind.__name__}(...)")
    return entry


@cache
def load_entries(package: ModuleType, constant: str, kind: type[E]) -> Mapping[str, E]:
    """All entries of a catalogue by id, in the order of their ids."""
    return MappingProxyType({name: load_entry(package, name, constant, kind) for name in entry_names(package)})
