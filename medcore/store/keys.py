"""The installation key: 32 secret bytes in the data folder that make pseudonyms and sign the audit trail."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from medcore.errors import N_, StoreError
from medcore.store.faults import disk_faults

KEY_FILE = "installation.key"
KEY_BYTES = 32


def read_key(folder: Path) -> bytes | None:
    """The key of this data folder, or None when it has none yet.

    Raises:
        StoreError: The file cannot be read or is not a key.
    """
    path = folder / KEY_FILE
    with disk_faults(path):
        if not path.exists():
            return None
        if os.name == "posix" and path.stat().st_mode & 0o077:
            path.chmod(0o600)
        key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise StoreError(
            N_("The key file {path} is damaged."),
            hint=N_("Put back the last backup of the data folder; without its key the studies cannot be trusted."),
            path=str(path),
        )
    return key


def create_key(folder: Path) -> bytes:
    """Make the key of a new data folder; when another process was faster, its key is the key.

    Raises:
        StoreError: The folder cannot be written to.
    """
    draft = folder / f"{KEY_FILE}.{secrets.token_hex(4)}"
    with disk_faults(folder):
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(draft, folder / KEY_FILE)  # unlike a rename, a link never replaces another process's file
        finally:
            draft.unlink(missing_ok=True)
    key = read_key(folder)
    if key is None:
        raise StoreError(N_("The key file {path} disappeared while it was made."), path=str(folder / KEY_FILE))
    return key


def subkey(key: bytes, purpose: str) -> bytes:
    """A key for one purpose, from which neither the installation key nor another subkey can be worked out."""
    return hmac.digest(key, purpose.encode(), hashlib.sha256)


def pseudonym(key: bytes, *parts: str) -> str:
    """A stable id of 20 hexadecimal digits for the parts, meaningless without the key."""
    text = b"".join(len(part).to_bytes(4, "big") + part for part in (p.encode() for p in parts))
    return hmac.digest(key, text, hashlib.sha256).hex()[:20]
