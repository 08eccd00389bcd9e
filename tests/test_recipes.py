"""Recipes as files: what is written is read again, and what is not in order is named."""

import json

import pytest

from medcore.errors import RecipeError
from medcore.recipes import FORMAT, MAX_STEPS, Parameter, Recipe, RecipeStep, as_toml, parsed

RECIPE = Recipe(
    (
        RecipeStep("window", {"centre": -600.0, "width": 1500.0, "output": "unit"}, 1),
        RecipeStep("crop", {"rows_end": 3}),
    ),
    'Lung "window" \\ 肺窗 é',
)


def test_a_recipe_written_as_toml_is_read_as_the_same_recipe() -> None:
    assert parsed(as_toml(RECIPE)) == RECIPE


def test_the_json_form_is_read_too_with_the_settings_apart_or_not() -> None:
    apart = {**json.loads(RECIPE.canonical), "format": FORMAT, "title": RECIPE.title}
    assert parsed(json.dumps(apart)) == RECIPE


def test_the_file_says_that_it_is_for_research() -> None:
    assert "not a medical device" in as_toml(RECIPE).splitlines()[0]


def test_the_hash_ignores_title_and_order_of_settings_and_nothing_else() -> None:
    window, crop = RECIPE.steps
    turned = RecipeStep(window.step, dict(reversed(window.settings.items())), window.version)
    assert Recipe((turned, crop), "other").sha256 == RECIPE.sha256
    changed = RecipeStep(window.step, {**window.settings, "width": 1500.5}, 1)
    others = [Recipe((crop, window)), Recipe((window,)), Recipe((changed, crop))]
    assert len({RECIPE.sha256, *(other.sha256 for other in others)}) == 4


def test_the_hash_of_a_known_recipe_never_changes() -> None:
    known = Recipe((RecipeStep("gamma", {"gamma": 0.5}, 1),))
    assert known.canonical == '{"steps":[{"settings":{"gamma":0.5},"step":"gamma","version":1}],"version":1}'
    assert known.sha256 == "9c6b7b27fea0a83ccf8926b5a9aeaa052893d3793ddb1bb82655adc429a3dcfa"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a MedCore recipe"),
        ("{", "cannot be read"),
        ("steps = [", "cannot be read"),
        ("x" * 100_000, "too long"),
        ("[" * 5000, "cannot be read"),
        ('format = "medcore-recipe"\nversion = 2', "version 2"),
        ('format = "medcore-recipe"\nversion = 1\nstepps = []', "stepps"),
        ('format = "medcore-recipe"\nversion = 1\nsteps = 3', "not in order"),
        ('format = "medcore-recipe"\nversion = 1\nsteps = [3]', "Step 1"),
        ('format = "medcore-recipe"\nversion = 1\n[[steps]]\nwindow = 3', "Step 1"),
        ('format = "medcore-recipe"\nversion = 1\n[[steps]]\nstep = "crop"\nrows_end = [1]', "rows_end"),
        ("format = 'medcore-recipe'\nversion = 1\n" + "[[steps]]\nstep = 'crop'\n" * (MAX_STEPS + 1), "not in order"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said) as refused:
        parsed(text)
    assert refused.value.hint.text()


NUMBER = Parameter("sigma", "Sigma", 1.0, low=0.5, high=4.0)
WHOLE = Parameter("bins", "Bins", 8, low=2, high=64)
SWITCH = Parameter("smooth", "Smooth", True)
CHOICE = Parameter("rule", "Rule", "fit", choices={"fit": "Fit", "fill": "Fill"})


@pytest.mark.parametrize(
    ("parameter", "given", "kept"),
    [
        (NUMBER, 2, 2.0),
        (NUMBER, 0.5, 0.5),
        (WHOLE, 64, 64),
        (WHOLE, 3.0, 3),
        (SWITCH, False, False),
        (CHOICE, "fill", "fill"),
    ],
)
def test_a_setting_takes_the_type_of_its_parameter(parameter: Parameter, given: object, kept: object) -> None:
    checked = parameter.checked(given, step="s")
    assert (checked, type(checked)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (NUMBER, 0.49), (NUMBER, 4.01), (NUMBER, float("nan")), (NUMBER, float("inf")), (NUMBER, "2"), (NUMBER, True),
        (WHOLE, 2.5), (WHOLE, 65), (WHOLE, False), (SWITCH, 1), (SWITCH, "true"), (CHOICE, "stretch"), (CHOICE, 1),
    ],
)  # fmt: skip
def test_a_setting_out_of_range_or_of_another_type_is_named(parameter: Parameter, value: object) -> None:
    with pytest.raises(RecipeError) as refused:
        parameter.checked(value, step="resample")
    said = refused.value.message.text()
    assert "resample" in said
    assert parameter.id in said
    assert refused.value.hint.text()
