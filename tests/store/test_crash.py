"""A crash between the array files and the database leaves whole studies or none, and nothing lies about for ever."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from medcore.errors import StoreError
from medcore.settings import Settings
from medcore.store import audit
from medcore.store import studies as study_rows
from medcore.store.blobs import Blobs
from medcore.store.store import ORPHAN_SECONDS, Store
from tests.store.conftest import Clock, scan, study


def killed(
    settings: Settings, clock: Clock, *, at: tuple[ModuleType | type, str], act: Callable[[Store], object]
) -> None:
    """Do something with the store in another process that is killed when it comes to a certain function."""
    child = os.fork()
    if child == 0:
        try:
            setattr(*at, lambda *arguments, **named: os.kill(os.getpid(), signal.SIGKILL))
            act(Store.open(settings, clock=clock))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def arrays(settings: Settings) -> list[Path]:
    return list((settings.data_dir / "objects").glob("??/*"))


def age(settings: Settings, clock: Clock, seconds: float) -> None:
    for path in (settings.data_dir / "objects").rglob("*"):
        if path.is_file():
            moment = clock().timestamp() - seconds
            os.utime(path, (moment, moment))


def add(store: Store) -> None:
    store.add_studies([study(1), study(2)])


@pytest.mark.parametrize(
    "place",
    [(study_rows, "insert_studies"), (study_rows, "to_study"), (audit, "append")],
    ids=["before the first row", "after the first study", "before its audit entry"],
)
def test_a_process_killed_between_the_two_writes_leaves_no_half_study(
    open_store: Callable[[], Store], settings: Settings, clock: Clock, place: tuple[ModuleType | type, str]
) -> None:
    store = open_store()
    store.add_studies([study(0)])
    store.close()
    killed(settings, clock, at=place, act=add)
    assert len(arrays(settings)) == 3, "the arrays were written before the kill"

    store = open_store()
    assert [s.title for s in store.studies()] == ["Chest 0"]
    np.testing.assert_array_equal(store.volume(store.studies()[0].scans[0].id).voxels, scan(0).voxels)
    assert store.first_broken_entry() is None
    assert [x.new_scans for x in store.add_studies([study(1), study(2)])] == [1, 1], "adding again works"
    assert store.damaged() == ()


def test_what_a_crash_left_is_collected_when_the_store_is_opened_later(
    open_store: Callable[[], Store], settings: Settings, clock: Clock
) -> None:
    store = open_store()
    store.add_studies([study(0)])
    store.close()
    killed(settings, clock, at=(study_rows, "insert_studies"), act=add)
    (settings.data_dir / "objects" / "drafts" / "half").write_bytes(b"x")
    age(settings, clock, ORPHAN_SECONDS / 2)
    open_store()
    assert len(arrays(settings)) == 3, "perhaps another process is just about to use them"
    age(settings, clock, ORPHAN_SECONDS * 2)
    store = open_store()
    assert len(arrays(settings)) == 1
    assert not list((settings.data_dir / "objects" / "drafts").iterdir())
    assert store.damaged() == ()


def test_a_process_killed_while_it_deletes_has_deleted_all_or_nothing(
    open_store: Callable[[], Store], settings: Settings, clock: Clock
) -> None:
    store = open_store()
    (added,) = store.add_studies([study(0)])
    store.close()
    killed(settings, clock, at=(study_rows, "delete_study"), act=lambda other: other.delete(added.study.id))
    store = open_store()
    assert store.volume(added.study.scans[0].id).shape == (3, 4, 5)
    store.close()
    killed(settings, clock, at=(Blobs, "remove"), act=lambda other: other.delete(added.study.id))
    age(settings, clock, ORPHAN_SECONDS * 2)
    store = open_store()
    assert store.studies() == ()
    assert arrays(settings) == []


def test_an_array_that_another_process_sweeps_before_the_commit_is_written_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    insert = study_rows.insert_studies

    def sweep_first(session: object, blobs: Blobs, *arguments: object, **named: object) -> object:
        blobs.remove(path.name for path in arrays(settings))
        return insert(session, blobs, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(study_rows, "insert_studies", sweep_first)
    (added,) = store.add_studies([study(0)])
    np.testing.assert_array_equal(store.volume(added.study.scans[0].id).voxels, scan(0).voxels)


def test_an_error_in_the_middle_keeps_nothing_of_the_upload(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = Blobs.keep
    calls = []

    def fail_second(self: Blobs, digest: str, array: object) -> None:
        calls.append(digest)
        if len(calls) == 2:
            raise StoreError("The disk is full.")
        keep(self, digest, array)  # type: ignore[arg-type]

    monkeypatch.setattr(Blobs, "keep", fail_second)
    with pytest.raises(StoreError):
        store.add_studies([study(1), study(2)])
    assert store.studies() == ()
    assert store.audit() == ()


def test_missing_voxels_are_named_and_the_rest_of_the_study_stays_readable(store: Store, settings: Settings) -> None:
    (added,) = store.add_studies([study(0)])
    arrays(settings)[0].unlink()
    with pytest.raises(StoreError, match="missing"):
        store.volume(added.study.scans[0].id)
    assert store.thumbnail(added.study.scans[0].id)
    (damage,) = store.damaged()
    assert damage.study == added.study.id
    assert store.add_studies([study(0)])[0].new_scans == 0
    assert store.damaged() == (), "uploading the file again mends it"


def test_adding_and_deleting_the_same_pixels_at_once_never_leaves_a_study_without_them(store: Store) -> None:
    def add_and_delete(number: int) -> None:
        for _ in range(8):
            (added,) = store.add_studies([study(0, sha256=f"{number:064x}")])  # equal pixels, different files
            assert store.volume(added.study.scans[0].id).voxels.shape == (3, 4, 5)
            store.delete(added.study.id)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_and_delete, range(4)))
    assert store.array_bytes() == 0
    assert store.first_broken_entry() is None
