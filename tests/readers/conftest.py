"""Fixtures of the readers' tests."""

from collections.abc import Callable

import pytest

from medcore.intake import Found, decode_bytes
from medcore.settings import Settings


@pytest.fixture
def one() -> Callable[[bytes], Found]:
    """Decode one file here, without a child, and expect one scan."""

    def read(data: bytes, name: str = "file.dcm", settings: Settings | None = None) -> Found:
        (found,) = decode_bytes(name, data, settings or Settings())
        return found

    return read
