"""Logging that helps to find a fault and never says whose scan it was."""

from __future__ import annotations

import hashlib
import logging
import sys
import traceback
from pathlib import PurePosixPath
from types import TracebackType
from typing import TextIO

ROOM = "medcore"
LOUD = ("pydicom", "nibabel", "PIL", "nrrd", "alembic", "sqlalchemy")  # they quote what files and rows contain
FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LETTERS = 8


class Discreet(logging.Formatter):
    """Shows where an exception came from and what kind it was, but not its text: that may quote a header or a path."""

    def formatException(  # noqa: N802  (logging's own name)
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """The traceback with kinds instead of texts, causes first."""
        return "" if ei[1] is None else "\n".join(_lines(ei[1]))


def set_up_logging(*, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send MedCore's own log to `stream` (standard error), and keep libraries quiet that quote patient data.

    May be called again; the latest call counts. Loggers of other programs stay as they are.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Discreet(FORM))
    own = logging.getLogger(ROOM)
    for old in own.handlers[:]:
        own.removeHandler(old)
    own.addHandler(handler)
    own.setLevel(level)
    own.propagate = False
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def short_name(file_name: str) -> str:
    """What a log may say of a file: a short hash, the same for the same name, and the kind of file.

    >>> short_name("Doe^Jane/chest.dcm")
    'file-cded87c3.dcm'
    """
    digest = hashlib.sha256(file_name.encode("utf-8", "surrogatepass")).hexdigest()[:LETTERS]
    ending = PurePosixPath(file_name).suffix.lower()
    return f"file-{digest}{ending if ending[1:].isalnum() and len(ending) <= 5 else ''}"


def _lines(error: BaseException) -> list[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = [] if cause is None else [*_lines(cause), "which led to:"]
    frames = [line.rstrip("\n") for line in traceback.format_tb(error.__traceback__)]
    return [*before, *frames, f"{type(error).__module__}.{type(error).__qualname__}"]
