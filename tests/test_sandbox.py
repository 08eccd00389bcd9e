"""A child may misbehave in every way; the app gets a named error, a fresh child, and its resources back."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from medcore import wire
from medcore.errors import (
    CancelledError,
    CorruptFileError,
    DecodeMemoryError,
    DecoderCrashedError,
    DecodeTimeoutError,
    MedcoreError,
    TooLargeError,
)
from medcore.sandbox import Sandbox

VICTIMS = "tests.sandbox_victims"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2, memory_mb=1024, seconds=20, output_mb=32) as sandbox:
        yield sandbox


def test_arrays_texts_and_numbers_come_back_as_they_went(sandbox: Sandbox) -> None:
    image = np.arange(12, dtype=np.int16).reshape(3, 4)
    sent = [None, True, 1, 2.5, "肺", {"a": image, "1": [b"xyz"]}, np.zeros((0, 3), np.uint8)]
    got = sandbox.run(f"{VICTIMS}:echo", sent)
    assert isinstance(got, list) and got[:5] == sent[:5]
    assert np.array_equal(got[5]["a"], image) and got[5]["a"].dtype == image.dtype
    assert bytes(got[5]["1"][0]) == b"xyz" and got[6].shape == (0, 3)


def test_a_large_array_is_mapped_not_copied_and_read_only(sandbox: Sandbox) -> None:
    image = np.arange(4 << 20, dtype=np.uint16)
    answer = sandbox.run(f"{VICTIMS}:add_one", image)
    assert isinstance(answer, dict) and np.array_equal(answer["image"], image + 1)
    assert not answer["image"].flags.writeable
    assert answer["image"].base is not None


def test_an_array_grown_in_shared_memory_arrives_whole(sandbox: Sandbox) -> None:
    answer = sandbox.run(f"{VICTIMS}:grown")
    assert isinstance(answer, dict)
    assert answer["volume"].shape == (8, 512, 512) and answer["volume"][:, 5, 5].tolist() == list(range(8))
    assert answer["small"].tolist() == [0, 1, 2]


def test_files_go_by_path_and_bytes_by_shared_memory(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"path-bytes")
    got = sandbox.run(f"{VICTIMS}:first_bytes", path, b"data-bytes")
    assert isinstance(got, list) and [bytes(part) for part in got] == [b"path", b"data"]


def test_a_refusal_keeps_its_type_template_and_values_and_the_child(sandbox: Sandbox) -> None:
    with pytest.raises(CorruptFileError) as caught:
        sandbox.run(f"{VICTIMS}:misbehave", "refuse")
    assert caught.value.message.template == "“{name}” is broken."
    assert str(caught.value) == "“a.dcm” is broken." and caught.value.hint.text() == "Try another."


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("panic", DecoderCrashedError),
        ("memory", DecodeMemoryError),
        ("abort", DecoderCrashedError),
        ("exit", DecoderCrashedError),
        ("output", TooLargeError),
    ],
)
def test_a_child_that_misbehaves_becomes_a_named_error_and_the_pool_goes_on(
    sandbox: Sandbox, kind: str, error: type[MedcoreError]
) -> None:
    with pytest.raises(error, match=r"scan\.dcm") as caught:
        sandbox.run(f"{VICTIMS}:misbehave", kind, name="scan.dcm")
    assert "John Doe" not in str(caught.value)
    assert caught.value.hint.text()
    assert sandbox.run(f"{VICTIMS}:echo", 1) == 1


def test_an_endless_loop_is_killed_at_the_limit() -> None:
    with Sandbox(workers=1, memory_mb=1024, seconds=1.0, output_mb=8) as sandbox:
        with pytest.raises(DecodeTimeoutError, match=r"loop\.dcm"):
            sandbox.run(f"{VICTIMS}:misbehave", "loop", name="loop.dcm")
        assert sandbox.run(f"{VICTIMS}:echo", "alive") == "alive"


def test_the_limit_counts_for_each_item_of_a_stream() -> None:
    with Sandbox(workers=1, memory_mb=1024, seconds=1.0, output_mb=8) as sandbox:
        got = []
        with pytest.raises(DecodeTimeoutError):
            for item in sandbox.stream(f"{VICTIMS}:count_then", "loop"):
                got.append(item)
        assert got == [0, 1]


def test_items_before_a_crash_are_not_lost(sandbox: Sandbox) -> None:
    got = []
    with pytest.raises(DecoderCrashedError):
        for item in sandbox.stream(f"{VICTIMS}:count_then", "abort"):
            got.append(item)
    assert got == [0, 1]


def test_cancelling_kills_the_child_at_once(sandbox: Sandbox) -> None:
    flag = threading.Event()
    threading.Timer(0.3, flag.set).start()
    with pytest.raises(CancelledError):
        sandbox.run(f"{VICTIMS}:misbehave", "loop", cancelled=flag.is_set)
    assert sandbox.run(f"{VICTIMS}:echo", 2) == 2


def test_many_threads_share_few_children(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(12) as threads:
        seen = list(threads.map(lambda _: sandbox.run(f"{VICTIMS}:nap", 0.02), range(40)))
    assert len(seen) == 40 and len(set(seen)) <= 2


def test_nothing_is_left_after_closing() -> None:
    before = set(Path("/proc/self/fd").iterdir()) if Path("/proc/self/fd").is_dir() else set()
    sandbox = Sandbox(workers=2, memory_mb=1024, seconds=5, output_mb=32)
    pid = sandbox.run(f"{VICTIMS}:process_id")
    answer = sandbox.run(f"{VICTIMS}:add_one", np.zeros(2 << 20, np.uint8))
    with pytest.raises(DecoderCrashedError):
        sandbox.run(f"{VICTIMS}:misbehave", "abort")
    del answer
    sandbox.close()
    assert isinstance(pid, int)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    if before:
        assert set(Path("/proc/self/fd").iterdir()) <= before
    with pytest.raises(MedcoreError):
        sandbox.run(f"{VICTIMS}:process_id")


def test_no_process_starts_before_it_is_needed() -> None:
    started = time.monotonic()
    sandbox = Sandbox(workers=4, memory_mb=1024, seconds=5, output_mb=8)
    assert not sandbox._alive and time.monotonic() - started < 5
    sandbox.close()


def test_an_answer_outside_its_memory_is_not_believed() -> None:
    with pytest.raises(wire.WireError):
        wire._value({"array": [0, 0, "<i8", [100]]}, [memoryview(b"1234")])
    with pytest.raises(wire.WireError):
        wire._value({"array": [0, 0, "|O", [1]]}, [memoryview(b"12345678")])
