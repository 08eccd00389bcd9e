"""The frame of every page: banner, languages, open study, guard."""

import pytest
from streamlit.testing.v1 import AppTest

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


def test_an_unknown_study_in_the_link_is_explained_and_forgotten(app: AppTest, add) -> None:
    add()
    app.query_params["study"] = "nothing"
    app.run()
    assert not app.exception
    assert len(app.error) == 1
    assert "study" not in app.query_params
