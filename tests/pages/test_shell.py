"""The frame of every page: banner, languages, open study, guard."""

import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import state
from tests.pages.conftest import SHELL, words

PAGES = ["studies", "analyse", "models", "about"]


def page(app: AppTest, name: str) -> AppTest:
    return app.run().switch_page(f"../{name}.py").run()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_that_it_is_no_medical_device(app: AppTest, name: str) -> None:
    assert "Not a medical device" in words(page(app, name))
    assert not app.exception


@pytest.mark.parametrize("name", PAGES)
def test_no_page_shows_an_error_on_an_empty_store(app: AppTest, name: str) -> None:
    page(app, name)
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("name", PAGES)
def test_a_page_run_without_the_shell_shows_only_the_way_in(app: AppTest, name: str) -> None:
    alone = AppTest.from_file(str(SHELL.parents[1] / f"{name}.py")).run()
    assert not alone.exception
    assert "Not a medical device" in words(alone)
    assert "opens inside MedCore" in words(alone)
    assert not alone.button and not alone.selectbox


def test_the_language_of_the_link_is_shown_and_switched(app: AppTest) -> None:
    app.query_params["lang"] = "zh_CN"
    app.run()
    assert app.button(key="language").label == "English"
    app.button(key="language").click().run()
    assert app.button(key="language").label == "简体中文"
    assert app.query_params["lang"] == "en"


def test_an_unknown_study_in_the_link_is_explained_and_gives_way_to_the_newest(app: AppTest, add) -> None:
    study = add()
    app.query_params["study"] = "nothing"
    app.run()
    assert not app.exception
    assert len(app.error) == 1
    assert app.query_params["study"] == study.id


def test_a_link_without_a_study_keeps_what_it_names_when_the_newest_study_opens(app: AppTest, add) -> None:
    study = add()
    app.query_params["model"] = "one"
    app.run()
    assert (app.query_params["study"], app.query_params["model"]) == (study.id, "one")


def test_an_unknown_setting_is_explained_instead_of_a_traceback(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    app.run()
    monkeypatch.setenv("MEDCORE_BOGUS", "1")
    app.run()
    assert any(r"MEDCORE\_BOGUS" in error.value for error in app.error)  # escaped, so that Markdown shows it
    assert "Not a medical device" in words(app)
    assert not app.exception
    monkeypatch.delenv("MEDCORE_BOGUS")


def test_a_data_folder_that_cannot_be_used_is_explained_on_every_page(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    good = os.environ["MEDCORE_DATA_DIR"]
    monkeypatch.setenv("MEDCORE_DATA_DIR", str(tmp_path / "file"))
    state.forget_caches()
    for name in PAGES:
        page(app, name)
        assert len(app.error) == 1
        assert not app.exception
    monkeypatch.setenv("MEDCORE_DATA_DIR", good)


def test_a_bug_shows_a_reference_and_nothing_of_its_values(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: object, **_: object) -> None:
        raise ZeroDivisionError("Mrs Example's file"[:11])

    monkeypatch.setattr("medcore.workbench.studies.Studies.list", broken)
    app.run()
    assert "reference" in app.error[0].value
    assert "ZeroDivisionError: Mrs" not in caplog.text and "Mrs" not in app.error[0].value
    assert app.error[0].value.split()[-1].strip(".") in caplog.text
    assert not app.exception
