"""A workbench on an empty store, with real decoding processes that all tests share: starting one takes a second."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.workbench import workbench as workbench_module
from medcore.workbench.workbench import Workbench, open_sandbox


class Shared(Sandbox):
    """Goes on when one of its workbenches closes."""

    def close(self) -> None:
        """Nothing: the last fixture closes it."""


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    made = open_sandbox(Settings(decode_workers=1))
    shared = Shared(workers=made.workers, memory_mb=made.memory_mb, seconds=made.seconds, output_mb=made.output_mb)
    yield shared
    Sandbox.close(shared)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models", decode_workers=1)


@pytest.fixture
def workbench(settings: Settings, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setattr(workbench_module, "open_sandbox", lambda settings: sandbox)
    opened = Workbench.open(settings)
    yield opened
    opened.close()
