"""Runs the shell and its pages without a browser, on a store of the test's own."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from medcore.records import Study
from medcore.workbench.studies import uploaded
from pages.ui import state
from tests.nn.model_folder import make_model

SHELL = Path(__file__).resolve().parents[2] / "pages" / "ui" / "shell.py"
JOB_SECONDS = 120


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small network with random weights."""
    folder = tmp_path_factory.mktemp("models")
    make_model(folder, network="resnet18", width=16)
    return folder


@pytest.fixture
def app(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app on an empty store."""
    monkeypatch.setenv("MEDCORE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MEDCORE_MODELS_DIR", str(models_dir))
    monkeypatch.setenv("MEDCORE_DECODE_WORKERS", "1")
    monkeypatch.setattr("pages.ui.pixels.browser_of", lambda cookie: "")  # AppTest has no browser and a mock of cookies
    state.forget_caches()
    yield AppTest.from_file(str(SHELL), default_timeout=60)
    state.workbench().close()
    state.forget_caches()


@pytest.fixture
def add(app: AppTest) -> Callable[..., Study]:
    """Puts a radiograph-like picture into the store."""

    def added(name: str = "chest.png", seed: int = 0) -> Study:
        studies = state.workbench().studies
        study = studies.add([uploaded(name, picture(seed))]).added[0]
        studies.rename(study.id, Path(name).stem)  # an upload keeps only words of a file name that can name nobody
        return studies.get(study.id)

    return added


def picture(seed: int = 0) -> bytes:
    """A PNG of 96 × 80 grey pixels that depends on the seed."""
    grey = np.random.default_rng(seed).integers(0, 255, (96, 80), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    return file.getvalue()


def finish_jobs(app: AppTest) -> AppTest:
    """Wait for all jobs, then show the page again."""
    for job in state.workbench().jobs.list():
        assert job.wait(JOB_SECONDS), "a job did not end"
    return app.run()


def words(app: AppTest) -> str:
    """All that the page says, for a look at its sentences."""
    kinds = ("markdown", "caption", "error", "warning", "info", "success", "subheader", "title", "header")
    texts = [str(element.value) for kind in kinds for element in app.get(kind)]
    texts += [str(getattr(element.proto, "body", "")) for element in app.get("html")]
    return "\n".join(texts)
