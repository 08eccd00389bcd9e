"""The Evaluate page: figures that follow the threshold, errors with explanations, pairs of models, the laboratory."""

import csv

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from medcore.cards import Estimate
from medcore.nn.training.laboratory import METRICS, Laboratory, ShiftCurve
from medcore.settings import Settings
from medcore.workbench.engine_opener import EngineOpener
from medcore.workbench.evaluate import Evaluate
from medcore.workbench.laboratory import LabReport, keep_report
from medcore.workbench.models import Models
from medcore.workbench.picture_sets import PictureSets
from pages.ui import state
from tests.nn.model_folder import make_model
from tests.pages.conftest import finish_jobs, words


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two small models that were evaluated on 40 pictures."""
    folder = tmp_path_factory.mktemp("measured")
    for seed, name in enumerate(("one", "two")):
        make_model(folder / "models", network="simple_cnn", name=name, size=28, seed=seed)
    (folder / "sets" / "discs").mkdir(parents=True)
    rows = []
    for i in range(40):
        picture = np.random.default_rng(i).integers(0, 120, (40, 40), dtype=np.uint8)
        cv2.imwrite(str(folder / "sets" / "discs" / f"{i}.png"), picture + np.uint8(100 * (i % 2)))
        rows.append({"file": f"{i}.png", "label": ("well", "pneumonia")[i % 2], "sex": "FM"[i // 20]})
    with (folder / "sets" / "discs" / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    settings = Settings(
        data_dir=folder / "data", models_dir=folder / "models", pictures_dir=folder / "sets", device="cpu"
    )
    bench, sets = Evaluate(settings, Models(settings.models_dir), EngineOpener(settings)), PictureSets(settings)
    for model in ("one", "two"):
        chosen = sets.get("discs")
        bench.run(model, chosen, sets.facts(chosen), positive=("pneumonia",), progress=lambda fraction, stage: None)
    return settings


@pytest.fixture
def measured(app: AppTest, place: Settings, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The app with these models and evaluations."""
    for name in ("data_dir", "models_dir", "pictures_dir"):
        monkeypatch.setenv(f"MEDCORE_{name.upper()}", str(getattr(place, name)))
    state.forget_caches()
    return app


def page(app: AppTest, section: str = "figures") -> AppTest:
    app.run()
    app.query_params["section"] = section
    return app.switch_page("../evaluate.py").run()


def test_a_model_without_an_evaluation_says_what_to_do(app: AppTest) -> None:
    assert "No evaluation is stored" in words(page(app))
    assert not app.exception and not app.error


def test_all_figures_and_curves_follow_the_threshold(measured: AppTest) -> None:
    page(measured)
    assert not measured.exception and not measured.error
    assert len(measured.get("plotly_chart")) == 5
    slider = measured.slider[0]
    first = measured.table[0].value.to_dict("list")
    slider.set_value(1.0).run()
    second = measured.table[0].value.to_dict("list")
    assert first != second
    assert "1.000 (1.000–1.000)" in second["Value (95 % interval)"]


def test_groups_stand_beside_trivial_controls(measured: AppTest) -> None:
    said = words(page(measured, "groups"))
    assert "By column" in said and "Beside trivial controls" in said
    assert next(iter(measured.table[0].value.columns)) == "sex"
    assert not measured.exception and not measured.error


def test_errors_are_shown_and_can_be_opened(measured: AppTest) -> None:
    page(measured, "errors")
    assert [b for b in measured.button if str(b.key).startswith("open-error-")] or "no such error" in words(measured)
    assert not measured.exception and not measured.error


def test_errors_whose_pictures_are_absent_are_counted(measured: AppTest, place: Settings) -> None:
    folder = place.pictures_dir / "discs"
    aside = folder.rename(folder.with_name(".discs"))
    try:
        page(measured, "errors")
        if "no such error" in words(measured):  # a random model calls all alike, so the other kind has them all
            measured.get("button_group")[-1].set_value(["false"]).run()
        assert "such errors, the pictures of 0 are here" in words(measured)
        assert not measured.exception and not measured.error
    finally:
        aside.rename(folder)


def test_two_models_are_compared(measured: AppTest) -> None:
    said = words(page(measured, "pair"))
    assert "DeLong" in said and "40 pictures, 20 with the finding" in said
    assert not measured.exception and not measured.error


def test_what_the_laboratory_found_is_there_after_a_reload(measured: AppTest, place: Settings) -> None:
    bench = Evaluate(place, Models(place.models_dir), EngineOpener(place))
    evaluated = next(one for one in bench.of_model("one") if one.id)
    part = bench.parts(evaluated)[""]
    assert "half of them with the finding" not in words(page(measured, "lab"))
    figures = {name: (Estimate(0.9, 0.8, 0.95), Estimate(0.7, 0.6, 0.8)) for name in METRICS}
    curve = ShiftCurve("noise", (0.0, 0.1), figures, dict.fromkeys(METRICS, 0.1))
    keep_report(bench._lab(evaluated, part, ["one"]), LabReport((Laboratory("one", 40, (curve,)),)))
    said = words(page(measured, "lab"))
    assert "40 pictures, half of them with the finding" in said and "breaks at 0.1" in said
    assert not measured.exception and not measured.error


@pytest.mark.slow
def test_the_laboratory_runs_as_a_job_and_says_where_it_breaks(measured: AppTest) -> None:
    page(measured, "lab")
    measured.button(key="start-lab").click().run()
    finish_jobs(measured)
    said = words(measured)
    assert "half of them with the finding" in said
    assert said.count("holds to the end") + said.count("breaks at") == 9
    assert not measured.exception and not measured.error
