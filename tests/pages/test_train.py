"""The Train page: pictures, form, look, and trainings that it finds."""

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from medcore.nn.training.run_folder import Epoch, Stage, Status, write_status
from medcore.workbench.picture_sets import source_of
from medcore.workbench.train_plan import Plan, recipe_text
from pages.ui import state
from tests.pages.conftest import finish_jobs, words


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set of 24 pictures of 12 patients below the configured folder."""
    folder = tmp_path / "sets" / "discs"
    folder.mkdir(parents=True)
    rows = []
    for i in range(24):
        picture = np.random.default_rng(i).integers(0, 120, (40, 40), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{i}.png"), picture + np.uint8(100 * (i % 2)))
        rows.append(
            {"file": f"{i}.png", "label": ("well", "ill")[i % 2], "patient": f"p{i // 2}", "sex": "FM"[i // 12]}
        )
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    monkeypatch.setenv("MEDCORE_PICTURES_DIR", str(folder.parent))
    return folder


def page(app: AppTest) -> AppTest:
    return app.run().switch_page("../train.py").run()


def test_without_pictures_the_page_offers_phantoms(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDCORE_PICTURES_DIR", str(tmp_path / "none"))
    page(app)
    assert "phantom radiographs" in words(app)
    assert app.button(key="make-phantoms")
    assert not app.exception and not app.error


def test_the_form_suggests_what_the_table_says_and_each_option_has_its_sentence(app: AppTest, pictures: Path) -> None:
    page(app)
    assert not app.exception and not app.error
    boxes = {box.label: box.value for box in app.selectbox}
    assert (boxes["Column with the label"], boxes["Column with the patient"]) == ("label", "patient")
    assert boxes["Network"] == "simple_cnn"
    labels = [number.label for number in app.number_input] + list(boxes)
    for knob in state.workbench().train.knobs():
        if knob.name != "start_from":
            assert f"**{knob.name}** · {knob.purpose}" in labels


def test_a_look_tells_counts_controls_and_shows_examples(app: AppTest, pictures: Path) -> None:
    page(app)
    app.button(key="look").click().run()
    finish_jobs(app)
    said = words(app)
    assert "12 groups" in said and "A linear model on 12 × 12 pixels" in said
    assert "**Absent** · as it is" in said and "**Present** · as it is" in said
    assert not app.exception and not app.error


def test_one_class_cannot_be_started(app: AppTest, pictures: Path) -> None:
    page(app)
    chooser = next(box for box in app.multiselect if box.label.startswith("Values that mean"))
    chooser.set_value(["well", "ill"]).run()
    assert "nothing to tell apart" in words(app)
    assert app.button(key="start-training").disabled


def test_a_further_set_is_learnt_from_or_only_measured_on(app: AppTest, pictures: Path) -> None:
    page(app)
    uploads = state.workbench().train.sets.own_root  # another root than that of the first set
    for copy in (pictures.parent / "here", uploads / "there"):
        shutil.copytree(pictures, copy)
    app.run()
    app.multiselect(key="train-beside-discs").set_value(["here", "there"]).run()
    assert "discs + here + there" in words(app)
    app.selectbox(key="train-use-there").set_value("measure").run()
    app.number_input(key="train-share-here").set_value(0.5).run()
    assert "discs + here:" in words(app)
    app.button(key="look").click().run()
    finish_jobs(app)
    assert "12 groups" in words(app), "copies of one picture stay together over sets"
    assert not app.exception and not app.error


def kept_run(pictures: Path) -> Path:
    """A training whose process was killed after two epochs."""
    bench = state.workbench().train
    chosen = bench.sets.get("discs")
    plan = Plan(
        title="Killed", task="chest_xray", source=source_of(chosen, bench.sets.facts(chosen), positive=("ill",)),
        network="simple_cnn", network_options={}, size=28, epochs=5, batch=8, learning_rate=0.01, draws=16,
    )  # fmt: skip
    folder = bench.runs.folder / "abc"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(recipe_text(plan))
    about = {"model": plan.model, "root": str(pictures.parent), "data": "discs", "device": "cpu"}
    (folder / "about.json").write_text(json.dumps(about | {"started_at": "2026-01-01T00:00:00+00:00"}))
    epochs = [Epoch(i, 28, 0.5 - i / 10, {"auc": 0.8, "loss": 0.4}, 1.0, 50.0, 3.0, i == 1) for i in range(2)]
    lines = [json.dumps({name: getattr(e, name) for name in Epoch.__slots__}) for e in epochs]
    (folder / "curves.jsonl").write_text("\n".join(lines))
    return folder


def test_a_killed_training_stands_there_with_its_curves_and_can_go_on(app: AppTest, pictures: Path) -> None:
    app.run()
    folder = kept_run(pictures)
    app.query_params["view"] = "runs"
    page(app)
    said = words(app)
    assert "Killed" in said and "it was killed" in said and "epoch 2, chosen by AUC" in said
    assert len(app.get("plotly_chart")) == 3
    assert app.button(key="go-on-abc")
    write_status(folder, Status(Stage.DONE, 1.0))
    app.run()
    assert "is ready" in words(app) and not app.exception and not app.error
