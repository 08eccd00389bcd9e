"""Response criteria: each file turns the whole history of a patient's lesions into a response."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import ClassVar, Self

from medcore.errors import N_, HistoryError
from medcore.records import Response, Timepoint
from medcore.registry import load_entries, load_entry


@dataclass(frozen=True, slots=True)
class OptionWords:
    """How an option is called; all texts are marked with N_.

    Args:
        title: With its unit.
        choices: Value to its title, where only a few are allowed.
    """

    title: str
    choices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Criterion(ABC):
    """One response criterion. A subclass is a frozen dataclass in one file; its last line is `CRITERION = ...`.

    The fields of the dataclass are what a user may set; the thresholds of the paper are constants of the file.
    """

    title: ClassVar[str]  # marked with N_
    summary: ClassVar[str]  # one plain sentence, marked with N_
    source: ClassVar[str]  # the paper
    unit: ClassVar[str]  # of the sum
    order: ClassVar[tuple[str, ...]]  # its categories from best to worst; what is not in it (NE) has no place
    to_confirm: ClassVar[tuple[str, ...]] = ()  # rules from general knowledge, marked with N_
    option_words: ClassVar[Mapping[str, OptionWords]] = MappingProxyType({})  # of every field

    @property
    def id(self) -> str:
        """The file's name."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def assess(self, timepoints: Sequence[Timepoint]) -> Response:
        """The response at every time point, from the whole history: progression is told from the nadir.

        Raises:
            HistoryError: The history contradicts itself; what is merely doubtful is an issue of the response.
        """

    def options(self) -> dict[str, str | float | bool]:
        """What can be set, with its value."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def configured(self, options: Mapping[str, str]) -> Self:
        """The same criterion with some of its fields set, as a command line gives them.

        Raises:
            HistoryError: There is no such option, or the value is not one of its kind.
        """
        known = self.options()
        return replace(self, **{name: _value(name, text, known) for name, text in options.items()})


def load_criterion(name: str) -> Criterion:
    """The criterion of this id.

    Raises:
        UnknownNameError: There is none.
    """
    return load_entry(sys.modules[__name__], name, "CRITERION", Criterion)


def load_criteria() -> Mapping[str, Criterion]:
    """All criteria by id."""
    return load_entries(sys.modules[__name__], "CRITERION", Criterion)


def _value(name: str, text: str, known: Mapping[str, object]) -> object:
    if name not in known:
        raise HistoryError(
            N_("This criterion has no option “{option}”."),
            hint=N_("Its options: {known}."),
            option=name,
            known=", ".join(known) or "–",
        )
    try:
        match known[name]:
            case bool():
                return text.strip().lower() in {"1", "true", "yes"}
            case float() | int():
                return float(text)
            case _:
                return text
    except ValueError as error:
        raise HistoryError(N_("“{value}” is not a value of the option “{option}”."), value=text, option=name) from error
