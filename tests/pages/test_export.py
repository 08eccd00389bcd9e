"""The export dialog: it holds what may show a name, takes a release by name and reason, and gives a zip."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from medcore.deidentify.pixels import Rectangle
from medcore.records import Study
from medcore.store.audit import Event
from medcore.workbench import release
from medcore.workbench.export import Package
from medcore.workbench.release import Look
from medcore.workbench.studies import uploaded
from pages.ui import state
from tests.pages.conftest import finish_jobs, words
from tests.readers.factory import dx

Add = Callable[..., Study]
FOUND = Look("tesseract", ("DOE", "JOHN"), (Rectangle(2, 3, 8, 20),))


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name stands in the picture until it is covered."""
    monkeypatch.setattr(release, "look_at", lambda volume, covers=(): Look("tesseract") if covers else FOUND)


@pytest.fixture
def opened(app: AppTest) -> AppTest:
    """The dialog of a radiograph in which a name was read."""
    (study,) = state.workbench().studies.add([uploaded("x.dcm", dx())]).added
    app.query_params["study"] = study.id
    app.run()
    app.button(key="export").click().run()
    return finish_jobs(app)


def package(app: AppTest) -> Package:
    finish_jobs(app)
    results = [job.result for job in state.workbench().jobs.list()]
    return next(result for result in results if isinstance(result, Package))


def test_a_name_in_the_picture_blocks_the_export(opened: AppTest) -> None:
    assert not opened.exception
    assert "DOE, JOHN" in words(opened)
    assert "1 of 1 pictures may show a name" in words(opened)
    assert opened.button(key="make-files").disabled


def test_a_release_needs_name_and_reason_and_is_kept(opened: AppTest) -> None:
    opened.button(key="release").click().run()
    assert any("needs the name" in error.value for error in opened.error)
    opened.text_input(key="release-who").set_value("Dr. Reader")
    opened.text_input(key="release-why").set_value("A side marker")
    opened.button(key="release").click().run()
    assert "Released by Dr\\. Reader" in words(opened)
    (entry, *_) = [e for e in state.workbench().store.audit() if e.deed.event is Event.CONFIRMED]
    assert entry.deed.agent == "Dr. Reader"
    assert entry.deed.detail.endswith("A side marker")


def test_the_files_come_as_a_zip_without_identity(opened: AppTest) -> None:
    opened.text_input(key="release-who").set_value("Dr. Reader")
    opened.text_input(key="release-why").set_value("A side marker")
    opened.button(key="release").click().run()
    opened.button(key="make-files").click().run()
    made = package(opened)
    opened.run()
    assert opened.get("download_button")
    with zipfile.ZipFile(io.BytesIO(made.data)) as archive:
        assert archive.namelist() == ["dicom/scan-01/0001.dcm", "NOTICE.txt"]
        assert b"DOE" not in archive.read("dicom/scan-01/0001.dcm")


def test_what_was_found_is_covered_with_one_click_and_looked_at_again(opened: AppTest) -> None:
    scan = state.workbench().studies.list()[0].scans[0].id
    opened.button(key=f"cover-{scan}").click().run()
    finish_jobs(opened)
    assert "Parts of the picture are covered" in words(opened)
    assert "2, 3, 8, 20" in opened.text_area[0].value
    covers = state.workbench().export.check(state.workbench().studies.list()[0], {scan: FOUND.boxes})
    assert covers[0].look.words == ()


def test_a_typed_rectangle_that_is_none_is_explained(opened: AppTest) -> None:
    opened.text_area[0].set_value("1, 2, three")
    next(button for button in opened.button if button.key and button.key.startswith("apply-")).click().run()
    assert any("is no rectangle" in error.value.replace("\\", "") for error in opened.error)


def test_a_sound_picture_leaves_at_once(app: AppTest, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "look_at", lambda volume, covers=(): Look("tesseract"))
    study = add("chest.png")
    app.query_params["study"] = study.id
    app.run()
    app.button(key="export").click().run()
    finish_jobs(app)
    assert "No text was found" in words(app)
    app.button(key="make-files").click().run()
    pixels = zipfile.ZipFile(io.BytesIO(package(app).data)).read("dicom/scan-01/0001.dcm")
    assert np.asarray(state.volume(study.scans[0].id).voxels).tobytes() in pixels


def test_the_upload_offers_what_becomes_of_dates(app: AppTest) -> None:
    app.run()
    choice = app.selectbox(key="upload-dates")
    assert choice.options == ["Keep dates", "Move dates", "Leave out dates"]
    assert choice.value == "keep"
