"""The founding of a store: its key is made with the first opening, and checked against the database ever after."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from medcore.errors import N_, StoreError
from medcore.store import audit
from medcore.store.database import Database
from medcore.store.keys import create_key, read_key, subkey
from medcore.store.tables import InstallationRow


def found(database: Database, folder: Path, *, now: datetime) -> bytes:
    """The installation key of a data folder; a new folder gets one.

    Raises:
        StoreError: The key is missing, damaged or that of another database.
    """
    with database.founding() as session:
        row = session.get(InstallationRow, 1)
        key = read_key(folder)
        if key is None and row is None:
            key = create_key(folder)
        if key is None:
            raise StoreError(
                N_("The key file of the data folder {path} is missing."),
                hint=N_("Put installation.key back from the last backup; the studies belong to it."),
                path=str(folder),
            )
        check = subkey(key, "check").hex()
        if row is None:
            session.add(
                InstallationRow(id=1, key_check=check, audit_number=0, audit_mac=audit.FIRST_MAC, created_at=now)
            )
        elif row.key_check != check:
            raise StoreError(
                N_("The key file of the data folder {path} belongs to another database."),
                hint=N_("Put back the installation.key and the database of the same backup."),
                path=str(folder),
            )
    return key
