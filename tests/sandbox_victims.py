"""What the sandbox's tests let run in a child: honest work and every way to misbehave."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from medcore.errors import CorruptFileError
from medcore.wire import Memory, SharedArray


class PanicException(BaseException):
    """Like the one a Rust decoder raises: no Exception."""


def echo(value: Any) -> Any:
    return value


def process_id() -> int:
    return os.getpid()


def add_one(image: np.ndarray) -> dict[str, Any]:
    return {"image": image + 1, "kind": image.dtype.str}


def first_bytes(path: Path, data: bytes) -> list[Any]:
    return [path.read_bytes()[:4], bytes(data[:4])]


def grown() -> dict[str, Any]:
    memory = Memory()
    for index in range(8):
        memory.write(np.full((512, 512), index, np.int16), index * 512 * 512 * 2)
    return {"volume": SharedArray(memory, np.dtype(np.int16), (8, 512, 512)), "small": np.arange(3)}


def count_then(kind: str) -> Iterator[int]:
    yield 0
    yield 1
    misbehave(kind)
    yield 2


def misbehave(kind: str) -> Any:
    if kind == "refuse":
        raise CorruptFileError("“{name}” is broken.", hint="Try {other}.", name="a.dcm", other="another")
    if kind == "panic":
        raise PanicException("John Doe")
    if kind == "memory":
        return np.ones(1 << 30).sum()
    if kind == "loop":
        while True:
            time.sleep(0.01)
    if kind == "abort":
        os.abort()
    if kind == "exit":
        os._exit(3)
    if kind == "output":
        return np.zeros(64 << 20, np.uint8)
    return None


def nap(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()
