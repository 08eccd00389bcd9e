"""The database is brought to today's form once, refuses what it does not know, and says what is wrong."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from medcore.errors import MedcoreError, StoreError
from medcore.settings import Settings
from medcore.store import database
from medcore.store.database import MIGRATIONS, VERSION_TABLE, newest_version
from medcore.store.keys import KEY_FILE
from medcore.store.store import Store
from medcore.store.tables import Base
from tests.conftest import ROOT
from tests.store.conftest import study


def in_processes(count: int, act: Callable[[], object]) -> list[int]:
    """Do the same in several processes at once; returns their exit codes."""
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                act()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB of its own; only where mounting is allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_todays_version_is_the_last_migration_and_there_is_one_line_of_them() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert scripts.get_heads() == [newest_version()]
    assert [s.revision for s in scripts.walk_revisions()] == ["0005", "0004", "0003", "0002", "0001"]


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(store: Store, settings: Settings) -> None:
    engine = create_engine(f"sqlite:///{settings.data_dir / 'medcore.db'}")
    with engine.connect() as connection:
        options = {"compare_type": True, "version_table": VERSION_TABLE}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)
    engine.dispose()
    assert differences == []


def test_the_settings_of_the_database_keep_a_committed_study(store: Store, settings: Settings) -> None:
    with store._database.reading() as session:
        connection = session.connection()
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    assert (settings.data_dir / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert settings.data_dir.stat().st_mode & 0o777 == 0o700


def test_opening_again_needs_no_migration_tool(open_store: Callable[[], Store], settings: Settings) -> None:
    open_store().close()
    code = (
        "import sys; from pathlib import Path; from medcore.settings import Settings;"
        "from medcore.store.store import Store;"
        "Store.open(Settings(data_dir=Path(sys.argv[1]))).close(); print('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", code, settings.data_dir]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_many_may_open_a_new_store_at_once(settings: Settings) -> None:
    def add() -> None:
        store = Store.open(settings)
        assert len(store.add_studies([study()])) == 1

    assert in_processes(6, add) == [0] * 6
    store = Store.open(settings)
    assert len(store.studies()) == 1
    assert len(store.audit()) == 1
    assert store.first_broken_entry() is None
    store.close()


def test_many_may_write_at_once_and_the_audit_trail_stays_one_chain(settings: Settings) -> None:
    Store.open(settings).close()

    def add() -> None:
        store = Store.open(settings)
        for seed in range(5):
            store.add_studies([study(os.getpid() * 10 + seed)])

    assert in_processes(3, add) == [0] * 3
    store = Store.open(settings)
    assert len(store.studies()) == 15
    assert [entry.number for entry in store.audit()] == list(range(15, 0, -1))
    assert store.first_broken_entry() is None
    store.close()


def test_a_database_of_a_newer_medcore_is_refused_and_left_alone(
    open_store: Callable[[], Store], settings: Settings
) -> None:
    open_store().close()
    path = settings.data_dir / "medcore.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match="newer MedCore") as caught:
        open_store()
    assert "Update MedCore" in caught.value.hint.text()
    with sqlite3.connect(path) as connection:
        assert connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone() == ("9999",)
    connection.close()


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 4000])
def test_a_damaged_database_is_a_message(settings: Settings, content: bytes) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "medcore.db").write_bytes(content)
    with pytest.raises(StoreError, match="damaged") as caught:
        Store.open(settings)
    assert "backup" in caught.value.hint.text()


def test_a_database_that_another_program_keeps_locked_is_a_message(
    store: Store, settings: Settings, open_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    impatient = open_store()
    other = sqlite3.connect(settings.data_dir / "medcore.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="in use by another program"):
        impatient.add_studies([study()])
    assert impatient.studies() == (), "reading goes on meanwhile"
    other.close()
    assert impatient.add_studies([study()])[0].new_scans == 1


def test_the_key_of_another_store_is_refused(open_store: Callable[[], Store], settings: Settings) -> None:
    open_store().close()
    (settings.data_dir / KEY_FILE).write_bytes(bytes(32))
    with pytest.raises(StoreError, match="another database"):
        open_store()


def test_a_lost_key_is_not_replaced_by_a_new_one(open_store: Callable[[], Store], settings: Settings) -> None:
    open_store().close()
    (settings.data_dir / KEY_FILE).unlink()
    with pytest.raises(StoreError, match="missing"):
        open_store()
    assert not (settings.data_dir / KEY_FILE).exists()


def test_a_key_that_others_can_read_is_closed_to_them(open_store: Callable[[], Store], settings: Settings) -> None:
    open_store().close()
    (settings.data_dir / KEY_FILE).chmod(0o644)
    open_store()
    assert (settings.data_dir / KEY_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("url", "words"),
    [("no url", "not a database URL"), ("nosuch://host/name", "cannot be used"), ("oracle://u:secret@h/n", "driver")],
)
def test_a_database_url_that_cannot_work_is_a_message_without_the_password(
    tmp_path: Path, url: str, words: str
) -> None:
    with pytest.raises(StoreError, match=words) as caught:
        Store.open(Settings(data_dir=tmp_path, database_url=url))
    assert "secret" not in str(caught.value)


def test_a_data_folder_that_is_a_file_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StoreError, match="cannot be used"):
        Store.open(Settings(data_dir=tmp_path / "data"))


def test_a_read_only_disk_is_a_message(small_disk: Path) -> None:
    store = Store.open(Settings(data_dir=small_disk / "data"))
    store.add_studies([study(0)])
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for folder in ("data", "other"):
        with pytest.raises(StoreError, match="may not write") as caught:
            Store.open(Settings(data_dir=small_disk / folder))
        assert "MEDCORE_DATA_DIR" in caught.value.hint.text()


def test_a_data_folder_without_the_right_to_write_is_a_message(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o555)
    with pytest.raises(StoreError, match="may not write"):
        Store.open(Settings(data_dir=tmp_path / "data"))
    tmp_path.chmod(0o755)


def test_a_full_disk_is_a_message_and_the_store_stays_whole(small_disk: Path) -> None:
    store = Store.open(Settings(data_dir=small_disk / "data"))
    (first,) = store.add_studies([study(0)])
    (small_disk / "ballast").write_bytes(bytes(_free(small_disk) - 8192))
    with pytest.raises(MedcoreError, match="full") as caught:
        for seed in range(1, 200):
            store.add_studies([study(seed)])
    assert isinstance(caught.value, StoreError)
    assert "room" in caught.value.hint.text()
    stored = store.studies()
    assert all(store.volume(s.scans[0].id).shape == (3, 4, 5) for s in stored)
    (small_disk / "ballast").unlink()
    store.delete(first.study.id)
    assert store.add_studies([study(0)])[0].new_scans == 1
    assert store.damaged() == ()
    assert store.first_broken_entry() is None
    store.close()


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free
