"""A workbench on an empty store, with real decoding processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from medcore.settings import Settings
from medcore.workbench.workbench import Workbench


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models", decode_workers=1)


@pytest.fixture
def workbench(settings: Settings) -> Iterator[Workbench]:
    opened = Workbench.open(settings)
    yield opened
    opened.close()
