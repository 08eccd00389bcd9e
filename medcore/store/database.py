"""The database behind the store: opened, brought to today's form, locked for writing. All dialect SQL is here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import URL, Column, Connection, Engine, MetaData, String, Table, create_engine, event, inspect, select
from sqlalchemy import make_url as parse_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session, sessionmaker

from medcore.errors import N_, StoreError
from medcore.store.faults import database_faults
from medcore.store.tables import InstallationRow

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
VERSION_TABLE = "medcore_version"  # not alembic's own name, which another program in the same database may use
BUSY_SECONDS = 20.0  # how long a writer waits for another one
UPGRADE_LOCK = 0x6D6564636F7265  # "medcore": the PostgreSQL advisory lock that one upgrade at a time holds
WRITES = "medcore_writes"


class Database:
    """Sessions on one database. Readers run side by side; writers one after the other."""

    def __init__(self, url: URL) -> None:
        """Open the database and apply the migrations it lacks.

        Raises:
            StoreError: It cannot be opened, is damaged, or was made by a newer MedCore.
        """
        self.backend = url.get_backend_name()
        self.place = url.database if self.backend == "sqlite" and url.database else _public(url)
        with self._faults():
            self._engine = _engine(url)
            try:
                self._upgrade()
            except BaseException:
                self._engine.dispose()
                raise
        self._readers = sessionmaker(self._engine, expire_on_commit=False)
        self._writers = sessionmaker(self._engine.execution_options(**{WRITES: True}), expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database and changes nothing.

        Raises:
            StoreError: The database refuses.
        """
        with self._faults(), self._readers() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[tuple[Session, InstallationRow]]:
        """A session that is alone in writing; all of it is kept, or after an error nothing.

        Yields:
            The session, and the locked row that serialises all writers.

        Raises:
            StoreError: The database refuses, or another program keeps it locked.
        """
        with self._faults(), self._writers.begin() as session:
            yield session, session.scalars(select(InstallationRow).with_for_update()).one()

    @contextmanager
    def founding(self) -> Iterator[Session]:
        """A writing session of a database that may not have its installation row yet."""
        with self._faults(), self._writers.begin() as session:
            _lock_upgrades(session.connection())
            yield session

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _faults(self) -> AbstractContextManager[None]:
        return database_faults(self.place)

    def _upgrade(self) -> None:
        with self._engine.connect() as connection:
            if _version(connection) == newest_version():
                return
        with self._engine.execution_options(**{WRITES: True}).begin() as connection:
            _lock_upgrades(connection)
            upgrade(connection, place=self.place)


def store_url(data_dir: Path, database_url: str) -> URL:
    """The URL of the study store; a path may hold any character.

    Raises:
        StoreError: The setting is not a URL.
    """
    if not database_url:
        return URL.create("sqlite", database=str(data_dir / "medcore.db"))
    try:
        return parse_url(database_url)
    except ArgumentError as error:
        raise StoreError(
            N_("The setting MEDCORE_DATABASE_URL is not a database URL."),
            hint=N_("It looks like postgresql+driver://user@host/name; leave it empty to use SQLite."),
        ) from error


def newest_version() -> str:
    """The version of today's tables: the greatest step in migrations/versions."""
    return max(_known_versions())


def upgrade(connection: Connection, *, place: str, version: str = "head") -> None:
    """Apply the missing steps up to `version` on a locked connection, in its transaction.

    Raises:
        StoreError: The database was made by a newer MedCore.
    """
    current = _version(connection)
    if current is not None and current not in _known_versions():
        raise StoreError(
            N_("The study database {path} was made by a newer MedCore (form {version}; this one knows {newest})."),
            hint=N_("Update MedCore, or choose another data folder with MEDCORE_DATA_DIR."),
            path=place,
            version=current,
            newest=newest_version(),
        )
    if current == newest_version():
        return  # another process was faster
    # only an upgrade needs alembic, and it takes as long to import as everything else here
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    command.upgrade(config, version)


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return create_engine(url, pool_pre_ping=True, hide_parameters=True)
        except ModuleNotFoundError as error:
            raise StoreError(
                N_("The database {path} needs a driver that is not installed ({driver})."),
                hint=N_(
                    "Install the driver that MEDCORE_DATABASE_URL names, or leave the setting empty to use SQLite."
                ),
                path=_public(url),
                driver=error.name or "",
            ) from error
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # sqlite3 would begin and commit on its own; _begin_sqlite begins
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA foreign_keys = ON")
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # a committed study and its audit row outlast a power cut
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # a writer that begins as a reader cannot wait for another writer: SQLite would refuse at once
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITES) else "BEGIN")


def _lock_upgrades(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # SQLite is locked by BEGIN IMMEDIATE
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    table = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32)))
    return connection.scalar(select(table.c.version_num))


def _known_versions() -> frozenset[str]:
    return frozenset(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _public(url: URL) -> str:
    """A URL without user and password."""
    return url.set(username=None, password=None, query={}).render_as_string()
