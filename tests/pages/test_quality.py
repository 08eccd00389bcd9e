"""The Quality page: ranked studies, filters, figures and what to do."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from medcore.records import Study
from pages.ui import state
from tests.pages.conftest import finish_jobs, picture, words

Add = Callable[..., Study]


def open_quality(app: AppTest) -> AppTest:
    app.run()
    return app.switch_page("../quality.py").run()


def test_an_empty_store_says_what_is_checked(app: AppTest) -> None:
    open_quality(app)
    assert "No study to check yet" in words(app) and not app.exception


def test_the_page_names_the_finding_its_figures_and_what_to_do(app: AppTest, add: Add) -> None:
    study = add()
    open_quality(app)
    said = words(app)
    assert "Noise" in said and "noisy" in said and "of the grey range" in said
    assert "measured" in said and "limit 0" in said
    assert "prefer a less noisy exposure" in said
    assert state.workbench().studies.get(study.id).scans[0].quality_version
    assert not app.exception


def test_filters_leave_what_was_asked_for(app: AppTest, add: Add) -> None:
    add("one.png", seed=1)
    add("two.png", seed=2)
    state.workbench().quality.check_missing()
    open_quality(app)
    assert "2 studies" in words(app)
    app.text_input(key="quality-search").set_value("one").run()
    assert "1 study" in words(app)
    app.text_input(key="quality-search").set_value("").run()
    app.multiselect(key="quality-codes").set_value(["picture"]).run()
    assert "2 studies" in words(app)
    app.multiselect(key="quality-codes").set_value(["noisy"]).run()
    assert "2 studies" in words(app)


def test_scans_that_wait_can_be_checked_at_once(app: AppTest, add: Add) -> None:
    add("one.png", seed=1)
    add("two.png", seed=2)
    app.query_params["study"] = state.workbench().studies.list()[0].id
    open_quality(app)
    app.button(key="check-quality").click().run()
    finish_jobs(app)
    assert state.workbench().quality.waiting() == 0
    assert "not checked yet" not in words(app.run())


def test_the_open_study_shows_its_findings_on_the_studies_page(app: AppTest, add: Add) -> None:
    add()
    app.run()
    app.run()
    assert "of the grey range" in words(app)
    app.file_uploader(key="files-0").set_value([("three.png", picture(3), "image/png")]).run()
    finish_jobs(app)
    assert not app.exception
