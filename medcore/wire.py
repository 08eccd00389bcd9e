"""Messages between the app and a decoding process: JSON, with arrays in shared memory; nothing is ever unpickled."""

from __future__ import annotations

import contextlib
import fcntl
import json
import mmap
import os
import select
import socket
import stat
import struct
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from medcore import errors
from medcore.errors import MedcoreError, Value
from medcore.volume import Array

HEADER = struct.Struct("<QQB")  # length of the JSON text, of the bytes that follow it, number of shared memories
MAX_TEXT_BYTES = 256 << 20
MAX_FILES = 4  # shared memories in one message
ALIGNMENT = 64
PACKED = -1  # index of the buffer with everything that has no memory of its own: the last
INLINE_BYTES = 1 << 20  # so much goes through the socket: cheaper than a shared memory, and no open file stays
MAX_OPEN_MAPS = 128
POPULATE = getattr(mmap, "MAP_POPULATE", 0)  # Linux
CAN_SEAL = hasattr(os, "memfd_create") and hasattr(fcntl, "F_ADD_SEALS")

_open_maps: weakref.WeakSet[_Map] = weakref.WeakSet()


class WireError(Exception):
    """The other side sent something that no honest side sends."""


class _Map(mmap.mmap):
    """A mapping that can be counted while an array still uses it."""


class Memory:
    """Shared memory that grows as it is written, and passes to another process without a copy.

    It is written with system calls and so takes no address space from a process whose address space is limited.
    """

    def __init__(self) -> None:
        if CAN_SEAL:
            self.fd = os.memfd_create("medcore", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        else:
            with tempfile.TemporaryFile() as file:
                self.fd = os.dup(file.fileno())
        self.size = 0

    def write(self, data: Array | bytes | memoryview, offset: int) -> None:
        """Write the bytes of `data` at `offset`."""
        whole = np.ascontiguousarray(data).reshape(-1).view(np.uint8).data if isinstance(data, np.ndarray) else data
        view = memoryview(whole).cast("B")
        done = 0
        while done < len(view):
            done += os.pwrite(self.fd, view[done:], offset + done)
        self.size = max(self.size, offset + len(view))

    def append(self, data: Array | bytes | memoryview) -> int:
        """Write at the end, aligned; returns where."""
        offset = -(-self.size // ALIGNMENT) * ALIGNMENT
        self.write(data, offset)
        return offset

    def read(self, count: int, offset: int) -> bytes:
        """The `count` bytes at `offset`."""
        parts = []
        while count > 0:
            part = os.pread(self.fd, count, offset)
            if not part:
                raise EOFError("shared memory is shorter than expected")
            parts.append(part)
            count, offset = count - len(part), offset + len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Give the memory back, unless another process or a mapping still holds it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __del__(self) -> None:
        self.close()

    def seal(self) -> None:
        """Fix the size for ever, so that whoever maps it cannot be killed by its shrinking."""
        if CAN_SEAL:
            with contextlib.suppress(OSError):  # sealed before
                fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)


class SharedArray:
    """An array that already lies in a shared memory, `offset` bytes from its start."""

    def __init__(self, memory: Memory, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int = 0) -> None:
        self.memory, self.dtype, self.shape, self.offset = memory, dtype, shape, offset

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape)) * self.dtype.itemsize


def send(connection: socket.socket, value: object) -> None:
    """Send a tree of None, bool, int, float, str, lists, str-keyed dicts, paths, bytes, arrays and memories."""
    outgoing = _Outgoing()
    text = json.dumps(_plain(value, outgoing)).encode()
    packed = outgoing.memory()
    memories = [*outgoing.memories, packed] if packed is not None else outgoing.memories
    try:
        for memory in memories:
            memory.seal()
        inline = [] if packed is not None else outgoing.pieces
        head = HEADER.pack(len(text), sum(len(piece) for piece in inline), len(memories))
        if memories:
            socket.send_fds(connection, [head], [memory.fd for memory in memories])
        else:
            connection.sendall(head)
        connection.sendall(text)
        for piece in inline:
            connection.sendall(piece)
    finally:
        if packed is not None:
            packed.close()


class _Outgoing:
    """The bytes of a message, one after the other, and the memories that go as they are."""

    def __init__(self) -> None:
        self.pieces: list[memoryview] = []
        self.size = 0
        self.memories: list[Memory] = []

    def add(self, data: Array | bytes | bytearray | memoryview) -> int:
        """Where the bytes will stand."""
        whole = np.ascontiguousarray(data).reshape(-1).view(np.uint8).data if isinstance(data, np.ndarray) else data
        offset = self.size
        view = memoryview(whole).cast("B")
        self.pieces += [view, memoryview(bytes(-len(view) % ALIGNMENT))]
        self.size += len(view) + -len(view) % ALIGNMENT
        return offset

    def memory(self) -> Memory | None:
        """All bytes in one shared memory, if they are too many for the socket."""
        if self.size <= INLINE_BYTES:
            return None
        memory, at = Memory(), 0
        for piece in self.pieces:
            memory.write(piece, at)
            at += len(piece)
        return memory


def receive(connection: socket.socket, *, wait: Callable[[], None], max_bytes: int | None = None) -> object:
    """The next message.

    Args:
        connection: A Unix stream socket.
        wait: Called before each read; returns when there is something to read, raises to give up.
        max_bytes: Largest shared memory accepted; None trusts the sender.

    Raises:
        EOFError: The other side has gone.
        WireError: The message is not what an honest sender writes.
    """
    files: list[int] = []
    try:
        head = _read_exactly(connection, HEADER.size, wait, files)
        length, inline, count = HEADER.unpack(head)
        if length > MAX_TEXT_BYTES or inline > 2 * INLINE_BYTES or count != len(files):
            raise WireError("message header")
        text = _read_exactly(connection, length, wait, None)
        small = _read_exactly(connection, inline, wait, None)
        buffers = [_buffer(fd, max_bytes) for fd in files]
        if inline:  # what was packed for this message is the last buffer, however it came
            buffers.append(memoryview(small).toreadonly())
    finally:
        for fd in files:
            os.close(fd)
    try:
        return _value(json.loads(text), buffers)
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise WireError("message body") from error


def describe(error: MedcoreError) -> dict[str, object]:
    """An error as plain facts for the other side."""
    return {
        "type": type(error).__name__,
        "message": error.message.template,
        "hint": error.hint.template,
        "values": dict(error.message.values),
    }


def error_of(facts: Mapping[str, Any], **values: Value) -> MedcoreError:
    """The error that `describe` described; `values` replace some of its own."""
    kind = getattr(errors, str(facts["type"]), MedcoreError)
    if not (isinstance(kind, type) and issubclass(kind, MedcoreError)):
        kind = MedcoreError
    given = {str(key): value for key, value in facts["values"].items() if isinstance(value, str | int | float)}
    return kind(str(facts["message"]), hint=str(facts["hint"]), **{**given, **values})


def map_file(path: Path) -> memoryview:
    """The bytes of a file, mapped rather than read; empty for an empty file."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)) if size else memoryview(b"")


def deadline(
    connection: socket.socket, seconds: float, stopped: Callable[[], bool] | None = None
) -> Callable[[], None]:
    """A `wait` for `receive` that raises TimeoutError after `seconds`, or InterruptedError once `stopped()`."""
    end = time.monotonic() + seconds

    def wait() -> None:
        while True:
            if stopped is not None and stopped():
                raise InterruptedError
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if _readable(connection, min(left, 0.1) if stopped is not None else left):
                return

    return wait


def _readable(connection: socket.socket, seconds: float) -> bool:
    poll = select.poll()  # not select(): file numbers above 1023 occur in a busy server
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(max(0, seconds * 1000)))


def _read_exactly(
    connection: socket.socket, count: int, wait: Callable[[], None], files: list[int] | None
) -> bytearray:
    data = bytearray(count)
    view, done = memoryview(data), 0
    while done < count:
        wait()
        if files is None:
            got = connection.recv_into(view[done:])
        else:
            part, fds, _, _ = socket.recv_fds(connection, count - done, MAX_FILES)
            files.extend(fds)
            got = len(part)
            view[done : done + got] = part
        if not got:
            raise EOFError
        done += got
    return data


def _buffer(fd: int, max_bytes: int | None) -> memoryview:
    facts = os.fstat(fd)
    if not stat.S_ISREG(facts.st_mode) or (max_bytes is not None and facts.st_size > max_bytes):
        raise WireError("shared memory is too large")
    if CAN_SEAL and not fcntl.fcntl(fd, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK:
        raise WireError("shared memory may shrink")
    if not facts.st_size:
        return memoryview(b"")
    if len(_open_maps) >= MAX_OPEN_MAPS and facts.st_size < 1 << 30:
        return memoryview(os.pread(fd, facts.st_size, 0))  # a mapping keeps a file open, and those are few
    return _mapped(fd, facts.st_size)


def _mapped(fd: int, size: int) -> memoryview:
    if POPULATE:  # all pages will be read; found one by one they cost more than the copy that was saved
        mapping = _Map(fd, size, flags=mmap.MAP_SHARED | POPULATE, prot=mmap.PROT_READ)
    else:
        mapping = _Map(fd, size, access=mmap.ACCESS_READ)
    _open_maps.add(mapping)
    return memoryview(mapping)


def _plain(value: object, outgoing: _Outgoing) -> object:  # noqa: PLR0911  (one per kind)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, outgoing) for item in value]
    if isinstance(value, dict):
        return {"map": [[str(key), _plain(item, outgoing)] for key, item in value.items()]}
    if isinstance(value, Path):
        return {"path": str(value)}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytes": [PACKED, outgoing.add(value) if len(value) else 0, len(value)]}
    if isinstance(value, np.ndarray):
        return {"array": [PACKED, outgoing.add(value), value.dtype.str, list(value.shape)]}
    if isinstance(value, Memory):
        outgoing.memories.append(value)
        return {"bytes": [len(outgoing.memories) - 1, 0, value.size]}
    if isinstance(value, SharedArray):
        if value.memory not in outgoing.memories:
            outgoing.memories.append(value.memory)
        index = outgoing.memories.index(value.memory)
        return {"array": [index, value.offset, value.dtype.str, list(value.shape)]}
    raise TypeError(f"{type(value).__name__} cannot cross to another process")


def _value(tree: Any, buffers: list[memoryview]) -> object:
    if isinstance(tree, list):
        return [_value(item, buffers) for item in tree]
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    if kind == "map":
        return {str(key): _value(item, buffers) for key, item in content}
    if kind == "path":
        return Path(content)
    if kind == "bytes":
        index, offset, size = content
        return _cut(buffers[index], offset, size) if size else memoryview(b"")
    if kind == "array":
        return _array(content, buffers)
    raise WireError(kind)


def _array(content: Any, buffers: list[memoryview]) -> Array:
    index, offset, kind, shape = content
    dtype = np.dtype(str(kind))
    if dtype.kind not in "buif" or dtype.itemsize > 8 or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise WireError("array")
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if not count:
        return np.zeros(shape, dtype)
    part = _cut(buffers[index], offset, count * dtype.itemsize)
    return np.frombuffer(part, dtype=dtype).reshape(shape)


def _cut(buffer: memoryview, offset: int, size: int) -> memoryview:
    if not 0 <= offset <= offset + size <= len(buffer):
        raise WireError("array outside its memory")
    return buffer[offset : offset + size]


@contextlib.contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets; the second is closed on leaving, because it belongs to the child."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        yield ours, theirs
    finally:
        theirs.close()
