"""What a verb says: one JSON object or a table on stdout, progress and errors on stderr, in the shell's language."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import IO, Annotated, TypeAlias

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from medcore.errors import MedcoreError, Message, Value
from medcore.language import best_language, translator
from medcore.records import Issue

Plain: TypeAlias = str | int | float | bool | list["Plain"] | dict[str, "Plain"] | None
LANGUAGE_VARIABLES = ("MEDCORE_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set decides
FILE_WIDTH = 160  # columns of a table that does not go to a terminal

LANGUAGE = best_language(next((os.environ[v] for v in LANGUAGE_VARIABLES if os.environ.get(v)), ""))
_translate = translator(LANGUAGE)


def t(text: str, /, **values: Value) -> str:
    """The text in the shell's language, its {named} places filled."""
    return say(Message(text, values))


def say(message: Message) -> str:
    """A message of medcore in the shell's language."""
    return message.text(_translate)


AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help=t("Print one JSON object and nothing else."))]


def plain(value: object) -> Plain:
    """A record as JSON knows it: fields by name, sentences in the shell's language, dates in ISO form."""
    if is_dataclass(value) and not isinstance(value, Message):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    match value:
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | frozenset():
            return [plain(item) for item in value]
        case _:
            return _leaf(value)


def _leaf(value: object) -> str | int | float | None:
    match value:
        case Message():
            return say(value)
        case date():
            return value.isoformat()
        case Path():
            return str(value)
        case np.generic():
            return _leaf(value.item())
        case None | bool() | int() | float() | str():
            return None if isinstance(value, float) and not np.isfinite(value) else value
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")


def error_object(error: MedcoreError) -> dict[str, Plain]:
    """`type`, `message` and `hint` of an error."""
    return {"type": type(error).__name__, "message": say(error.message), "hint": say(error.hint)}


def print_json(value: Mapping[str, Plain]) -> None:
    """The one JSON object of a verb."""
    _answer().write(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
    _answer().flush()


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table for people; a line saying so when it is empty."""
    if not rows:
        print_line(t("{title}: none", title=title))
        return
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")  # a name or hash is worth its whole length
    for row in rows:
        table.add_row(*row)
    width = None if _answer().isatty() else FILE_WIDTH
    Console(file=_answer(), width=width, highlight=False, markup=False).print(table)


def print_issues(name: str, issues: Sequence[Issue]) -> None:
    """One line an issue of a scan, with its severity."""
    for issue in issues:
        print_line(f"{issue.severity:7}  {name}: {say(issue.message)} {say(issue.hint)}".rstrip())


def print_line(text: str) -> None:
    """A line of the answer."""
    _answer().write(text + "\n")


def print_error(error: MedcoreError, *, as_json: bool) -> None:
    """The error as the JSON answer, or as two lines on stderr."""
    if as_json:
        print_json({"error": error_object(error)})
    else:
        sys.stderr.write(f"{say(error.message)}\n{say(error.hint)}".rstrip() + "\n")


def note(text: str) -> None:
    """A line beside the answer, on stderr."""
    sys.stderr.write(text + "\n")


def progress_line() -> Callable[[float, str], None]:
    """A function that shows how far work is, on one line of stderr; silent where stderr is no terminal."""
    if not sys.stderr.isatty():
        return lambda fraction, stage: None

    def show(fraction: float, stage: str) -> None:
        sys.stderr.write(f"\r\x1b[K{fraction:4.0%}  {stage}" + ("\n" if fraction >= 1 else ""))
        sys.stderr.flush()

    return show


@contextmanager
def stdout_for_the_answer_alone() -> Iterator[None]:
    """Send to stderr whatever a library or a child process prints, so that stdout carries the answer alone."""
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as stdout:
        os.dup2(2, 1)
        _answers.append(stdout)
        try:
            yield
        finally:
            _answers.remove(stdout)
            sys.stdout.flush()
            os.dup2(stdout.fileno(), 1)


_answers: list[IO[str]] = []  # the real stdout, while it is kept for the answer


def _answer() -> IO[str]:
    return _answers[-1] if _answers else sys.stdout
