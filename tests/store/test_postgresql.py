"""The same store on PostgreSQL: a server of its own is started where one is installed."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from medcore.errors import StoreError
from medcore.predictions import Classification
from medcore.settings import Settings
from medcore.store.database import VERSION_TABLE
from medcore.store.store import Store
from medcore.store.tables import Base
from tests.store.conftest import Clock, study
from tests.store.test_results import explanation, run

DRIVER = "pg8000"
TOOLS = ("/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin", os.environ["PATH"])
PORT = 54329  # only names the socket file; the server does not listen on the network


def as_owner(folder: Path) -> dict[str, object]:
    """PostgreSQL refuses to run as root: the folder's owner runs it then."""
    if os.geteuid() != 0:
        return {}
    import pwd

    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """Folder of the socket of a running PostgreSQL."""
    initdb, control = (shutil.which(name, path=os.pathsep.join(TOOLS)) for name in ("initdb", "pg_ctl"))
    if initdb is None or control is None or importlib.util.find_spec(DRIVER) is None:
        pytest.skip(f"PostgreSQL or its driver {DRIVER} is not installed")
    folder = Path(tempfile.mkdtemp(prefix="medcore-pg-"))
    try:
        owner = as_owner(folder)
    except KeyError:
        pytest.skip("there is no user postgres to run the server")
    command = {"cwd": folder, "capture_output": True, "text": True, **owner}
    options = f"-k {folder} -p {PORT} -c listen_addresses='' -c fsync=off"
    subprocess.run([initdb, "-D", folder / "db", "-U", "medcore", "--auth=trust"], check=True, **command)
    subprocess.run(
        [control, "-D", folder / "db", "-w", "-l", folder / "log", "-o", options, "start"], check=True, **command
    )
    yield folder
    subprocess.run([control, "-D", folder / "db", "-m", "immediate", "stop"], check=True, **command)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def settings(server: Path, tmp_path: Path) -> Settings:
    """An empty database of its own for each test."""
    import pg8000.native

    name = "t" + tmp_path.name.replace("-", "_").lower()[-40:]
    socket = server / f".s.PGSQL.{PORT}"
    with pg8000.native.Connection("medcore", unix_sock=str(socket), database="postgres") as connection:
        connection.run(f'DROP DATABASE IF EXISTS "{name}"')
        connection.run(f'CREATE DATABASE "{name}"')
    url = f"postgresql+{DRIVER}://medcore@/{name}?unix_sock={socket}"
    return Settings(data_dir=tmp_path / "data", database_url=url)


def test_the_migrations_make_the_same_tables_there(store: Store) -> None:
    with store._database.reading() as session:
        options = {"compare_type": True, "version_table": VERSION_TABLE}
        context = MigrationContext.configure(session.connection(), opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_a_study_and_its_results_live_and_die_there(
    store: Store, open_store: Callable[[], Store], clock: Clock
) -> None:
    (added,) = store.add_studies([study(title="Thorax", patient="p1")])
    given = Classification(run(added.study), ())
    store.save_prediction(given)
    store.save_explanation(explanation(given.run))
    assert store.save_annotations(added.study.id, {"a": [1.5, None]}, version=0) == 1

    again = open_store()
    assert again.studies(search="thorax ct p1", modality="CT", task="chest_xray") == (added.study,)
    assert again.studies(search="100%") == ()
    assert again.predictions(added.study.id) == (given,)
    assert again.explanations(given.run.id)[0].peak == 3.5
    assert again.annotations(added.study.id).content == {"a": [1.5, None]}
    assert again.thumbnail(added.study.scans[0].id) == b"\x89PNG"
    assert again.add_studies([study()])[0].new_scans == 0

    again.delete(added.study.id)
    assert store.studies() == ()
    assert store.array_bytes() == 0
    assert [entry.number for entry in store.audit()] == [5, 4, 3, 2, 1]
    assert store.first_broken_entry() is None


def test_many_may_open_and_write_there_at_once(settings: Settings) -> None:
    def add(number: int) -> int:
        store = Store.open(settings)
        new = sum(x.new_scans for x in store.add_studies([study(0), study(number)]))
        store.close()
        return new

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(add, range(1, 6))) == 6
    store = Store.open(settings)
    assert len(store.studies()) == 6
    assert store.first_broken_entry() is None
    store.close()


def test_a_server_that_is_not_there_is_a_message_without_the_password(tmp_path: Path, server: Path) -> None:
    url = f"postgresql+{DRIVER}://doctor:secret@/x?unix_sock={tmp_path / 'none'}"
    with pytest.raises(StoreError) as caught:
        Store.open(Settings(data_dir=tmp_path / "data", database_url=url))
    assert "secret" not in str(caught.value) + caught.value.hint.text()
