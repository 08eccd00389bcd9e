"""The Prepare page: a recipe built step by step, previewed, undone, saved, loaded; regions found and kept."""

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from medcore.imaging.phantoms.brain_mr import brain_mr
from medcore.imaging.phantoms.chest_ct import axial
from medcore.recipes import Recipe, RecipeStep, as_toml
from medcore.records import Study
from medcore.store.studies import NewScan, NewStudy
from pages.ui import state
from pages.ui.recipe_draft import Draft
from tests.pages.conftest import finish_jobs, words

SHAPE = (20, 36, 30)


@pytest.fixture
def study(app: AppTest) -> Study:
    """A coarse head."""
    scan = brain_mr([], axial(SHAPE, (6.6, 6.6, 6.6), centre_mm=(0.0, 0.0, 14.0)), SHAPE).volume
    new = NewStudy("Head", (NewScan(scan, thumbnail=b""),), key="K")
    return state.workbench().store.add_studies([new])[0].study


def prepare(app: AppTest, study: Study | None = None) -> AppTest:
    app.run().switch_page("../prepare.py")
    if study is not None:
        app.query_params["study"] = study.id
    return app.run()


def draft(app: AppTest) -> Draft:
    return app.session_state[state.SESSION].draft  # type: ignore[no-any-return]


def clean(app: AppTest) -> None:
    assert not app.exception
    assert not app.error


def test_without_a_study_the_page_says_what_it_does(app: AppTest) -> None:
    prepare(app)
    assert "recipe of steps" in words(app)
    clean(app)


def test_a_preset_is_previewed_with_its_histogram_and_notes(app: AppTest, study: Study) -> None:
    prepare(app, study)
    assert app.button(key="preset-0").label == "Brain MR: N4 + z-score"
    app.button(key="preset-0").click().run()
    assert [step.step for step in draft(app).recipe.steps] == ["n4", "zscore"]
    said = words(app)
    assert "the whole scan, as it will be" in said
    assert "brightness variation" in said
    assert app.get("plotly_chart")
    clean(app)


def test_steps_are_added_set_moved_removed_and_undone(app: AppTest, study: Study) -> None:
    prepare(app, study)
    app.button(key="add-gamma").click().run()
    app.button(key="add-sharpen").click().run()
    first, second = draft(app).shape.entries
    app.slider(key=f"set-0-{first.key}-gamma").set_value(2.0).run()
    assert draft(app).recipe.steps[0].settings["gamma"] == 2.0
    app.button(key=f"arrow_upward-{second.key}").click().run()
    assert [step.step for step in draft(app).recipe.steps] == ["sharpen", "gamma"]
    app.button(key=f"close-{second.key}").click().run()
    assert [step.step for step in draft(app).recipe.steps] == ["gamma"]
    app.button(key="undo-recipe").click().run()
    app.button(key="undo-recipe").click().run()
    app.button(key="undo-recipe").click().run()
    recipe = draft(app).recipe
    assert [(step.step, step.settings.get("gamma")) for step in recipe.steps] == [("gamma", 0.8), ("sharpen", None)]
    clean(app)


def test_the_result_is_saved_as_a_scan_that_says_its_recipe(app: AppTest, study: Study) -> None:
    prepare(app, study)
    app.button(key="add-gamma").click().run()
    app.button(key="save-recipe").click().run()
    finish_jobs(app)
    assert "Saved as a scan of this study" in words(app)
    app.button(key="open-derived").click().run()
    scans = state.workbench().studies.get(study.id).scans
    assert len(scans) == 2
    assert app.query_params["scan"] == scans[1].id
    assert "made by the recipe" in words(app)
    app.button(key="undo-recipe").click().run()
    app.button(key="use-recipe").click().run()
    assert [step.step for step in draft(app).recipe.steps] == ["gamma"]
    clean(app)


def test_a_step_for_another_modality_says_why_and_saving_is_closed(app: AppTest, add: Callable[..., Study]) -> None:
    picture = add()
    prepare(app, picture)
    assert app.button(key="add-n4").disabled
    app.session_state[state.SESSION].draft.load(Recipe((RecipeStep("n4", {}),)))
    app.run()
    assert any("made for MR" in error.value for error in app.error)
    assert app.button(key="save-recipe").disabled
    assert not app.exception


def test_settings_that_leave_nothing_are_explained_and_the_scan_stays(app: AppTest, study: Study) -> None:
    prepare(app, study)
    app.session_state[state.SESSION].draft.load(Recipe((RecipeStep("crop", {"rows_start": 4000}),)))
    app.run()
    assert any("leaves nothing" in error.value for error in app.error)
    assert not app.exception


def test_a_recipe_file_is_loaded_and_a_bad_one_is_refused_by_name(app: AppTest, study: Study) -> None:
    prepare(app, study)
    app.file_uploader(key="recipe-file-0").set_value(("r.toml", b"steps = 3", "application/toml")).run()
    assert any("not a MedCore recipe" in error.value for error in app.error)
    good = as_toml(Recipe((RecipeStep("gamma", {"gamma": 1.5}),), "Mine"))
    app.file_uploader(key="recipe-file-0").set_value(("r.toml", good.encode(), "application/toml")).run()
    assert draft(app).recipe.title == "Mine"
    assert draft(app).recipe.steps[0].settings["gamma"] == 1.5
    clean(app)


def test_a_region_shows_volume_and_quality_and_becomes_a_mask(app: AppTest, study: Study) -> None:
    prepare(app, study)
    assert app.button(key="region-lungs").disabled
    app.button(key="region-body").click().run()
    finish_jobs(app)
    said = words(app)
    assert " ml" in said
    assert "worst of these reasons" in said
    assert app.query_params["view"] == "region"
    app.button(key="keep-region").click().run()
    (mask,) = state.workbench().studies.masks(study.scans[0].id)
    assert mask.name == "Body"
    assert np.any(state.workbench().studies.mask(mask.id).labels)
    clean(app)


def test_every_view_of_a_preview_can_be_chosen(app: AppTest, study: Study) -> None:
    prepare(app, study)
    app.session_state[state.SESSION].draft.load(Recipe((RecipeStep("crop", {"rows_start": 4}),)))
    for view in ("beside", "swipe", "after", "lost"):
        app.query_params["view"] = view
        app.run()
        assert app.query_params["view"] == view
        clean(app)
    assert "is cut off" in words(app)


def test_the_draft_forgets_no_more_than_it_must() -> None:
    made = Draft()
    made.undo()
    made.load(Recipe((RecipeStep("gamma"),), "a"))
    made.rename("b")
    made.rename("b")
    assert len(made.past) == 2
    made.undo()
    assert made.recipe.title == "a"
    made.undo()
    assert made.recipe == Recipe()
