"""Turns what the disk and the database raise into errors that a user can act on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from medcore.errors import N_, StoreError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@dataclass(frozen=True, slots=True)
class Damage:
    """One scan whose voxels are missing or are not what was stored."""

    study: str
    digest: str
    error: StoreError


@contextmanager
def disk_faults(path: Path) -> Iterator[None]:
    """Raise a StoreError for whatever the file system refuses inside the block; `path` is the folder it is about."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path) from error


@contextmanager
def database_faults(place: str) -> Iterator[None]:
    """Raise a StoreError for whatever the database refuses inside the block; `place` is its name for people."""
    try:
        yield
    except DBAPIError as error:
        raise database_error(error, place) from error
    except SQLAlchemyError as error:  # the URL names no known driver, the pool is exhausted
        raise StoreError(
            N_("The database {place} cannot be used ({reason})."),
            hint=N_("Check MEDCORE_DATABASE_URL and that its driver is installed."),
            place=place,
            reason=type(error).__name__,
        ) from error


def disk_error(error: OSError, path: Path) -> StoreError:
    """The user's words for one refusal of the file system."""
    if error.errno in FULL:
        return disk_full(str(path))
    if error.errno in FORBIDDEN:
        return read_only(str(path))
    return StoreError(
        N_("The data folder {path} cannot be used ({reason})."),
        hint=N_("Check that the disk is connected and healthy, or choose another folder with MEDCORE_DATA_DIR."),
        path=str(path),
        reason=error.strerror or type(error).__name__,
    )


def database_error(error: DBAPIError, place: str) -> StoreError:
    """The user's words for one refusal of the database. The statement and its values stay out of it."""
    reason = str(error.orig).lower()
    if "readonly" in reason or "read-only" in reason or "unable to open" in reason:
        return read_only(place)
    if "full" in reason:
        return disk_full(place)
    if "locked" in reason or "busy" in reason:
        return StoreError(
            N_("The study database {path} is in use by another program."),
            hint=N_("Wait a moment and try again; close other programs that have the file open."),
            path=place,
        )
    if "malformed" in reason or "not a database" in reason or "corrupt" in reason:
        return StoreError(
            N_("The study database {path} is damaged."),
            hint=N_("Put back the last backup of the data folder, or move the file away to start an empty store."),
            path=place,
        )
    return StoreError(
        N_("The study database {path} did not answer as it should ({reason})."),
        hint=N_("Check that the database is running and that the disk is healthy."),
        path=place,
        reason=type(error.orig).__name__,
    )


def disk_full(path: str) -> StoreError:
    """There is no room left."""
    return StoreError(
        N_("The disk that holds {path} is full; nothing was stored."),
        hint=N_("Delete studies or other files to make room, then try again."),
        path=path,
    )


def read_only(path: str) -> StoreError:
    """MedCore may not write there."""
    return StoreError(
        N_("MedCore may not write to {path}."),
        hint=N_("Give yourself write access to this folder, or choose another one with MEDCORE_DATA_DIR."),
        path=path,
    )
