"""The files of one upload on their way to the decoding child: where their bytes are, and one shared memory for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcore.readers._archive import looks_like_zip
from medcore.wire import Memory


@dataclass(slots=True)
class Part:
    """One file to read: its label, where its bytes are, and how deep in zips it was."""

    name: str
    path: Path | None = None
    data: bytes | memoryview | None = None
    member: Mapping[str, Any] | None = None
    depth: int = 0

    @property
    def size(self) -> int:
        if self.member is not None:
            return int(self.member["size"])
        return len(self.data) if self.data is not None else self.path.stat().st_size if self.path else 0

    def starts_like_zip(self) -> bool:
        """Whether its first bytes are those of a zip.

        Raises:
            OSError: It cannot be opened.
        """
        if self.data is not None:
            return looks_like_zip(bytes(self.data[:4]))
        assert self.path is not None
        with self.path.open("rb") as file:
            return looks_like_zip(file.read(4))


class Blob:
    """The bytes of all parts that are not on disk, in one shared memory."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        self.places: dict[int, list[int]] = {}
        in_memory = {id(part.data): part.data for part in parts if part.data is not None}
        self.memory = Memory() if in_memory else None
        for identity, data in in_memory.items():
            assert self.memory is not None
            self.places[identity] = [self.memory.append(data) if len(data) else 0, len(data)]

    def describe(self, index: int) -> dict[str, object]:
        """The part as the child's `read_parts` takes it."""
        part = self.parts[index]
        facts: dict[str, object] = {"name": part.name}
        if part.data is not None:
            facts["at"] = self.places[id(part.data)]
        else:
            facts["path"] = part.path
        if part.member is not None:
            facts["member"] = dict(part.member)
        return facts

    def __enter__(self) -> Blob:
        return self

    def __exit__(self, *_: object) -> None:
        if self.memory is not None:
            self.memory.close()
