"""Arrays on disk are named by their content, written whole or not at all, and mapped when read."""

import errno
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from medcore.errors import StoreError
from medcore.store.blobs import Blobs


@pytest.fixture
def now() -> list[float]:
    return [1_000_000.0]


@pytest.fixture
def blobs(tmp_path: Path, now: list[float]) -> Blobs:
    return Blobs(tmp_path / "objects", now=lambda: now[0])


ARRAYS = [
    np.arange(24, dtype=np.int16).reshape(2, 3, 4),
    np.arange(24, dtype=">u2").reshape(2, 3, 4),
    np.asfortranarray(np.arange(6.0, dtype=np.float32).reshape(1, 2, 3)),
    np.arange(48, dtype=np.uint8).reshape(2, 2, 4, 3)[:, :, ::2],
    np.array([True, False]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_an_array_comes_back_as_it_was(blobs: Blobs, array: np.ndarray) -> None:
    back = blobs.open(blobs.put(array))
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)
    assert not back.flags.writeable


def test_the_name_is_the_hash_of_the_file_and_any_npy_reader_can_read_it(blobs: Blobs) -> None:
    name = blobs.put(ARRAYS[0])
    assert blobs.path(name).parent.name == name[:2]
    assert hashlib.sha256(blobs.path(name).read_bytes()).hexdigest() == name
    np.testing.assert_array_equal(np.load(blobs.path(name)), ARRAYS[0])


def test_memory_layout_does_not_change_the_name_but_shape_and_type_do(blobs: Blobs) -> None:
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    assert blobs.put(array) == blobs.put(np.asfortranarray(array))
    assert blobs.put(array) != blobs.put(array.reshape(3, 2))
    assert blobs.put(array) != blobs.put(array.view(np.uint16))


def test_an_array_that_is_there_is_not_written_again(blobs: Blobs, now: list[float]) -> None:
    name = blobs.put(ARRAYS[0])
    before = blobs.path(name).stat().st_ino
    now[0] += 50
    assert blobs.put(ARRAYS[0]) == name
    assert blobs.path(name).stat().st_ino == before
    assert blobs.older_than(10) == frozenset()


@pytest.mark.parametrize("array", [np.empty(0), np.array([{}])])
def test_what_is_no_array_of_numbers_is_a_bug(blobs: Blobs, array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="cannot be stored"):
        blobs.put(array)


def test_a_missing_array_is_an_error_that_says_what_to_do(blobs: Blobs) -> None:
    name = blobs.put(ARRAYS[0])
    blobs.remove([name])
    with pytest.raises(StoreError, match="missing") as caught:
        blobs.open(name)
    assert "backup" in caught.value.hint.text()


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"not an array at all"])
def test_a_cut_off_array_is_noticed_when_it_is_opened(blobs: Blobs, damage: bytes) -> None:
    name = blobs.put(ARRAYS[0])
    blobs.path(name).write_bytes(damage)
    with pytest.raises(StoreError, match="damaged"):
        blobs.open(name)


def test_an_array_that_lost_its_end_is_noticed_and_mended_by_putting_it_again(blobs: Blobs) -> None:
    name = blobs.put(ARRAYS[0])
    blobs.path(name).write_bytes(blobs.path(name).read_bytes()[:-1])
    with pytest.raises(StoreError, match="damaged"):
        blobs.open(name)
    blobs.put(ARRAYS[0])
    blobs.verify(name)


def test_one_changed_bit_is_noticed_on_demand(blobs: Blobs) -> None:
    name = blobs.put(ARRAYS[0])
    blobs.verify(name)
    content = bytearray(blobs.path(name).read_bytes())
    content[-1] ^= 1
    blobs.path(name).write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        blobs.verify(name)


def test_no_python_object_is_ever_unpickled(blobs: Blobs, tmp_path: Path) -> None:
    evil = tmp_path / "evil.npy"
    np.save(evil, np.array([print], dtype=object), allow_pickle=True)
    name = "ab" + "0" * 62
    evil.rename(blobs.path(name))
    with pytest.raises(StoreError, match="damaged"):
        blobs.open(name)


def test_only_what_nobody_put_lately_is_old(blobs: Blobs, now: list[float]) -> None:
    old, recent = blobs.put(ARRAYS[0]), blobs.put(ARRAYS[2])
    for name, age in ((old, 100), (recent, 0)):
        os.utime(blobs.path(name), (now[0] - age, now[0] - age))
    assert blobs.older_than(50) == {old}


def test_a_full_disk_is_a_message_and_leaves_no_half_file(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match="full") as caught:
        blobs.put(ARRAYS[0])
    assert "room" in caught.value.hint.text()
    assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []
