"""The Analyse page: question, run, result, refusal, batch."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from medcore.errors import Message
from medcore.records import Issue, Severity, Study
from pages.ui import state
from tests.pages.conftest import finish_jobs, words

Add = Callable[..., Study]


def analyse(app: AppTest, **link: str) -> AppTest:
    app.run().switch_page("../analyse.py")
    for name, value in link.items():
        app.query_params[name] = value
    return app.run()


def test_without_a_study_the_page_says_where_to_begin(app: AppTest) -> None:
    analyse(app)
    assert "Bring in a scan first" in words(app)
    assert not app.exception


def test_task_and_model_are_preselected_so_that_one_click_runs(app: AppTest, add: Add) -> None:
    study = add()
    analyse(app, study=study.id)
    assert app.selectbox(key="choose-task").value == "chest_xray"
    assert app.selectbox(key="choose-model").value == "test-resnet18"
    assert not app.button(key="run").disabled


def test_a_run_gives_probability_operating_point_limits_and_record(app: AppTest, add: Add) -> None:
    study = add()
    analyse(app, study=study.id)
    app.button(key="run").click().run()
    finish_jobs(app)
    said = words(app)
    assert "on this model's scale" in said
    assert "operating point 40 %" in said
    assert "Knows nothing" in said  # the card's limit
    run = state.workbench().analyse.latest(study.id)[0].prediction.run
    assert run.id in said and run.weights_sha256 in said
    assert app.query_params["model"] == "test-resnet18"
    assert not app.exception and not app.error
    for forbidden in ("% ill", "is ill", "diagnosis of", "AI says"):
        assert forbidden not in said


def test_of_a_picture_unlike_those_of_training_nothing_is_claimed(
    app: AppTest, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = add()
    strange = Issue("unfamiliar", Severity.WARN, Message("This does not look like what the model learnt from"))
    monkeypatch.setattr("medcore.analysis.unfamiliar", lambda *given, **named: (strange,))
    state.workbench().analyse.run(study.id, study.scans[0].id, task="chest_xray", model="test-resnet18")
    said = words(analyse(app, study=study.id, task="chest_xray", model="test-resnet18"))
    assert said.count("This does not look like") == 1
    assert said.index("This does not look like") < said.index("on this model's scale")
    assert "The number says nothing about this image" in said and "Unfamiliar image" in said
    for claim in ("The model finds signs", "does not find enough signs", "Above the operating point"):
        assert claim not in said


def test_the_result_is_there_again_for_another_session_with_the_same_link(app: AppTest, add: Add) -> None:
    study = add()
    bench = state.workbench()
    bench.analyse.run(study.id, study.scans[0].id, task="chest_xray", model="test-resnet18")
    analyse(app, study=study.id, task="chest_xray", model="test-resnet18")
    assert "on this model's scale" in words(app)


def test_every_view_of_a_result_can_be_chosen(app: AppTest, add: Add) -> None:
    study = add()
    state.workbench().analyse.run(study.id, study.scans[0].id, task="chest_xray", model="test-resnet18")
    for view in ("overlay", "beside", "original", "seen"):
        analyse(app, study=study.id, view=view)
        assert app.query_params["view"] == view
        assert not app.exception and not app.error


def test_a_failed_run_is_explained_and_the_page_lives_on(app: AppTest, add: Add, monkeypatch) -> None:
    study = add()
    card = state.workbench().models.card("test-resnet18")
    original = card.weights.read_bytes()
    try:
        card.weights.write_bytes(original[:-1] + b"x")
        analyse(app, study=study.id)
        app.button(key="run").click().run()
        finish_jobs(app)
    finally:
        card.weights.write_bytes(original)
    assert any("not the ones its card was written for" in error.value for error in app.error)
    assert not app.exception
    assert not app.button(key="run").disabled


def test_several_studies_give_a_table_and_a_csv_that_says_what_it_is_for(app: AppTest, add: Add) -> None:
    first, second = add("one.png", seed=1), add("two.png", seed=2)
    analyse(app, several="yes")
    app.multiselect(key="batch-studies").set_value([first.id, second.id]).run()
    app.button(key="run-batch").click().run()
    finish_jobs(app)
    table = app.dataframe[0].value
    assert sorted(table["Study"]) == ["one", "two"]
    assert set(table["Finding"]) == {"Pneumonia-like opacity"}
    assert "research and teaching only" in words(app)
    assert not app.exception and not app.error


def test_a_batch_claims_nothing_of_a_picture_unlike_those_of_training(
    app: AppTest, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = Issue("unfamiliar", Severity.WARN, Message("This does not look like what the model learnt from"))
    monkeypatch.setattr("medcore.analysis.unfamiliar", lambda *given, **named: (strange,))
    study = add()
    analyse(app, several="yes")
    app.multiselect(key="batch-studies").set_value([study.id]).run()
    app.button(key="run-batch").click().run()
    finish_jobs(app)
    table = app.dataframe[0].value
    assert list(table["Result"]) == ["Unfamiliar image"]
    assert "does not look like" in table["Note"][0]


def test_studies_ticked_in_the_list_are_the_ones_of_the_batch_and_a_deleted_one_drops_out(
    app: AppTest, add: Add
) -> None:
    first, second = add("one.png", seed=1), add("two.png", seed=2)
    app.run()
    app.checkbox(key=f"tick-{first.id}").check().run()
    app.checkbox(key=f"tick-{second.id}").check().run()
    app.switch_page("../analyse.py")
    app.query_params["several"] = "yes"
    app.run()
    assert set(app.multiselect(key="batch-studies").value) == {first.id, second.id}
    state.workbench().studies.delete(first.id)
    app.run()
    assert app.multiselect(key="batch-studies").value == [second.id]
    assert not app.exception and not app.error
