"""The Evaluate page of a model that draws masks: overlap, areas, kinds; no threshold to move."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from medcore.evaluation.kept_answers import answers_text
from pages.ui import state
from tests.nn.model_folder import make_model
from tests.pages.conftest import words
from tests.workbench.test_evaluated_masks import ANSWERS


@pytest.fixture
def measured(app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    card = make_model(tmp_path / "models", network="simple_cnn", name="drawer", size=28)
    figures = {name: {"value": 0.5, "low": 0.4, "high": 0.6} for name in ("dice_mean", "class_accuracy")}
    one_label = [replace(one, truth=one.truth[:1], probability=(0.5,)) for one in ANSWERS]
    (card.folder / "evaluation.json").write_text(json.dumps({"metrics": figures, "groups": {}}))
    (card.folder / "answers.csv").write_text(answers_text(one_label, ("pneumonia",)))
    monkeypatch.setenv("MEDCORE_MODELS_DIR", str(tmp_path / "models"))
    state.forget_caches()
    return app


def test_masks_are_shown_with_overlap_areas_and_kinds(measured: AppTest) -> None:
    measured.run()
    page = measured.switch_page("../evaluate.py").run()
    assert not page.exception
    table = page.table[0].value
    assert table.iloc[0].tolist()[0] == "Dice, mean" and table.iloc[0].tolist()[1].startswith("0.583 (")
    assert "Kind called right" in table.iloc[:, 0].tolist()
    assert "Bland-Altman" in words(page) and "percent of the picture" in words(page)
    assert not page.slider
    page.query_params["section"] = "groups"
    page.run()
    assert not page.exception
    assert [one.value.iloc[:, 0].tolist() for one in page.table] == [["axial", "sagittal"]]
