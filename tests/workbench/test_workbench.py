"""The workbench opens at once, without torch, and closes everything it opened."""

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from medcore.errors import Message, StoreError
from medcore.settings import Settings
from medcore.workbench.engine_opener import EngineOpener
from medcore.workbench.jobs import JobState
from medcore.workbench.workbench import Workbench
from tests.conftest import ROOT


def test_opening_the_workbench_and_listing_studies_loads_no_torch(settings: Settings) -> None:
    code = (
        "import sys; from pathlib import Path; from medcore.settings import Settings;"
        "from medcore.workbench.workbench import Workbench;"
        "bench = Workbench.open(Settings(data_dir=Path(sys.argv[1])));"
        "bench.studies.list(); bench.models.cards(); bench.about.versions(); bench.about.device(); bench.close();"
        "print(sorted({'torch', 'torchvision', 'streamlit'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, settings.data_dir], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_data_folder_that_cannot_be_used_is_a_message(settings: Settings) -> None:
    settings.data_dir.touch()
    with pytest.raises(StoreError, match="cannot be used"):
        Workbench.open(settings)


def test_closing_stops_the_jobs_first(settings: Settings) -> None:
    bench = Workbench.open(settings)
    started = threading.Event()

    def work(progress: object) -> int:
        started.set()
        while not progress.cancelled():  # type: ignore[attr-defined]
            threading.Event().wait(0.01)
        return len(bench.studies.list())

    job = bench.jobs.start(Message("x"), work)
    assert started.wait(20)
    bench.close()
    assert (job.state, job.result) == (JobState.DONE, 0)


def test_the_engine_is_opened_once_by_whoever_comes_first(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []

    def open_engine(given: Settings) -> object:
        opened.append(given)
        threading.Event().wait(0.05)  # long enough for the others to come
        return object()

    monkeypatch.setitem(sys.modules, "medcore.nn.torch_engine", SimpleNamespace(open_engine=open_engine))
    opener = EngineOpener(settings)
    assert opener.opened is None
    engines: list[object] = []
    threads = [threading.Thread(target=lambda: engines.append(opener())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engines == [opener.opened] * 4
    assert opened == [settings]
