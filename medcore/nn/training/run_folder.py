"""The folder of one training, read and written without torch: its lock, its curves, and how far it is."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from medcore.errors import N_, Message, TrainingError
from medcore.nn.training.cache import full_disk
from medcore.store.json_values import as_optional, as_table, as_text, from_message, to_message

LOCK, CURVES, STATUS = "lock", "curves.jsonl", "status.json"


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave."""

    number: int
    size: int
    loss: float
    metrics: Mapping[str, float]
    seconds: float
    images_per_second: float
    seconds_left: float
    best: bool


class Stage(StrEnum):
    """What a training does, or how it ended."""

    STARTING = "starting"
    READING = "reading"
    TRAINING = "training"
    JUDGING = "judging"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def words(self) -> str:
        """In words, for the catalogues."""
        return TITLES[self]


TITLES = {
    Stage.STARTING: N_("Starting"),
    Stage.READING: N_("Reading the pictures"),
    Stage.TRAINING: N_("Training"),
    Stage.JUDGING: N_("Measuring how good it is"),
    Stage.DONE: N_("Done"),
    Stage.STOPPED: N_("Paused"),
    Stage.FAILED: N_("Failed"),
}


@dataclass(frozen=True, slots=True)
class Status:
    """How far a training is.

    Args:
        fraction: Of the stage, 0..1.
        seconds_left: Guess for the training; None while it is too early.
        error: What went wrong, and what to do about it; None when nothing did.
    """

    stage: Stage
    fraction: float = 0.0
    seconds_left: float | None = None
    error: tuple[Message, Message] | None = None


@contextmanager
def only_training(folder: Path) -> Iterator[None]:
    """Hold a folder for one training; the lock ends with its process, however that ends.

    Raises:
        TrainingError: Another training runs in this folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _second(folder) from error
        yield


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold a model folder for one training; the lock is on the folder itself and leaves nothing in it.

    Raises:
        TrainingError: Another training writes this model, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise full_disk(folder, error) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        raise TrainingError(
            N_("Another training already writes the model {folder}."),
            hint=N_("Wait for it, stop it, or give this one another folder with --out."),
            folder=str(folder),
        ) from error
    try:
        yield
    finally:
        with suppress(OSError):  # it is not empty once a model lies there
            folder.rmdir()
        os.close(held)


def refuse_second(folder: Path) -> None:
    """Raise while a training runs in a folder, before anything is written there.

    Raises:
        TrainingError: It does.
    """
    if is_training(folder):
        raise _second(folder)


def _second(folder: Path) -> TrainingError:
    return TrainingError(
        N_("Another training already runs in {folder}."),
        hint=N_("Wait for it, stop it, or give this one another folder for its work."),
        folder=str(folder),
    )


def is_training(folder: Path) -> bool:
    """Whether a process holds the folder now."""
    if not (folder / LOCK).exists():
        return False
    with (folder / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def read_curves(folder: Path) -> tuple[Epoch, ...]:
    """All epochs so far; what a killed process left half-written is left out."""
    try:
        lines = (folder / CURVES).read_text(encoding="utf-8").splitlines()
        return tuple(Epoch(**json.loads(line)) for line in lines)
    except (OSError, ValueError, TypeError):
        return ()


def write_status(folder: Path, status: Status) -> None:
    """Say how far the training is; other processes read it.

    Raises:
        TrainingError: The disk is full.
    """
    table = asdict(status)
    if status.error is not None:
        table["error"] = [from_message(part) for part in status.error]
    write_text(folder / STATUS, json.dumps(table))


def read_status(folder: Path) -> Status | None:
    """What the training said last; None when it has said nothing, or nothing that can be read."""
    try:
        table = as_table(json.loads((folder / STATUS).read_text(encoding="utf-8")))
        error = table.get("error")
        message, hint = (to_message(part) for part in error) if isinstance(error, list) else (None, None)
        left = as_optional(table["seconds_left"])
        return Status(
            stage=Stage(as_text(table["stage"])),
            fraction=as_optional(table["fraction"]) or 0.0,
            seconds_left=left,
            error=None if message is None or hint is None else (message, hint),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_text(path: Path, text: str) -> None:
    """A text file, replaced in one step.

    Raises:
        TrainingError: The disk is full.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """A file, replaced in one step once it is whole and on the disk.

    Raises:
        TrainingError: The disk is full.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise full_disk(path, error) from error
