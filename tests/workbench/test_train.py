"""A plan becomes a recipe that loads; trainings are processes that are watched, paused, found again, and never two."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from medcore.cards import load_card
from medcore.errors import CardError, TrainingError, UnknownNameError
from medcore.nn.training.recipe import Source, load_recipe
from medcore.nn.training.run_folder import Stage, Status, only_training, write_status
from medcore.settings import Settings
from medcore.workbench.models import Models
from medcore.workbench.picture_sets import PictureSet, PictureSets, SetFacts
from medcore.workbench.train import Train
from medcore.workbench.train_plan import PRESETS, Plan, changed, knobs, model_id, recipe_text
from medcore.workbench.train_runs import RunState, TrainRuns
from tests.nn.model_folder import make_model
from tests.nn.training.test_training import data  # noqa: F401  (a fixture)

PLAN = Plan(
    title="Discs at 28 px",
    task="chest_xray",
    source=Source("one", "one", positive={"": ("ill",)}, group="patient", weight=1.0),
    network="simple_cnn",
    network_options={"width": 8},
    size=28,
    epochs=3,
    batch=16,
    learning_rate=0.01,
    draws=64,
    options={"average": 0.5},
)
LONG = 100_000  # epochs


def train(tmp_path: Path) -> Train:
    settings = Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models", device="cpu")
    return Train(settings, Models(settings.models_dir), PictureSets(settings), TrainRuns(settings))


def written(tmp_path: Path, plan: Plan) -> Path:
    path = tmp_path / "r.toml"
    path.write_text(recipe_text(plan), encoding="utf-8")
    return path


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.id)
def test_every_preset_is_a_recipe_that_loads(tmp_path: Path, preset: object) -> None:
    p = preset
    plan = replace(PLAN, network=p.network, size=p.size, epochs=p.epochs, options=p.options,  # type: ignore[attr-defined]
                   augmentation=p.augmentation, growing=True)  # type: ignore[attr-defined]  # fmt: skip
    found = load_recipe(written(tmp_path, plan))
    assert found.network == plan.network and found.sources[0].positive == {"": ("ill",)}
    assert [stage.size for stage in found.stages] == ([p.size] if p.size < 64 else [p.size // 2, p.size])  # type: ignore[attr-defined]
    assert sum(stage.epochs for stage in found.stages) == p.epochs  # type: ignore[attr-defined]


def test_titles_with_quotes_and_chinese_stay_in_the_card(tmp_path: Path) -> None:
    plan = replace(PLAN, title='胸片 "A" net', finding="磨玻璃 GGO")
    found = load_recipe(written(tmp_path, plan))
    assert found.card["title"] == plan.title and plan.model == "a-net"
    assert found.card["labels"][0] == {"id": "ggo", "title": "磨玻璃 GGO"}
    with pytest.raises(TrainingError, match="no folder's name"):
        recipe_text(replace(PLAN, title="胸片"))
    assert model_id("../../etc") == "etc"


def test_a_suggested_title_is_that_of_no_model_and_no_training(tmp_path: Path) -> None:
    door = train(tmp_path)
    assert door.free_title("discs lesson") == "discs lesson"
    make_model(tmp_path / "models", network="simple_cnn", name="discs-lesson", size=28)
    make_model(tmp_path / "models", network="simple_cnn", name="discs-lesson-2", size=28)
    assert train(tmp_path).free_title("discs lesson") == "discs lesson 3"


def test_a_set_of_fractures_suggests_its_question(tmp_path: Path) -> None:
    door = train(tmp_path)
    assert door.suggest(SetFacts("", label="fractured", values={"0": 3, "1": 2})) == "fracture"
    assert door.suggest(SetFacts("", values={"*": 5}, boxes=True)) == "fracture"
    assert door.suggest(SetFacts("", label="label", values={"normal": 3, "pneumonia": 2})) == "chest_xray"


def test_several_sets_are_learnt_from_and_others_only_measured_on(tmp_path: Path) -> None:
    two = replace(PLAN.source, name="two", folder="two", weight=0.5)
    plan = replace(PLAN, further=(two,), measured=(replace(two, name="three", folder="three", weight=0.0),))
    found = load_recipe(written(tmp_path, plan))
    assert [(s.name, s.weight) for s in found.sources] == [("one", 1.0), ("two", 0.5)]
    assert [s.folder for s in found.external] == ["three"]
    assert "sets beside them" in found.card["limits"][0] and "“two”" in found.card["training_data"][1]


def test_only_what_differs_from_the_defaults_stands_in_a_recipe() -> None:
    values = {knob.name: knob.default for knob in knobs() if knob.section == "options"}
    assert changed({**values, "dropout": 0.3}, knobs(), "options") == {"dropout": 0.3}


def test_a_value_out_of_range_starts_nothing(tmp_path: Path) -> None:
    door = train(tmp_path)
    with pytest.raises(CardError, match="dropout"):
        door.start(replace(PLAN, options={"dropout": 7.0}), PictureSet("one", tmp_path, "table"))
    assert door.runs.list() == ()


def kept_run(tmp_path: Path, door: Train, name: str = "abc") -> Path:
    """A training that an app before this one has started."""
    folder = door.runs.folder / name
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(recipe_text(PLAN))
    about = {"model": PLAN.model, "root": str(tmp_path), "data": "one", "device": "cpu"}
    about |= {"started_at": "2026-01-01T00:00:00+00:00", "pid": str(os.getpid())}
    (folder / "about.json").write_text(json.dumps(about))
    return folder


def test_a_restarted_app_knows_what_became_of_a_training(tmp_path: Path) -> None:
    door = train(tmp_path)
    folder = kept_run(tmp_path, door)
    assert door.runs.get("abc").state is RunState.INTERRUPTED
    with only_training(folder):
        assert door.runs.get("abc").state is RunState.RUNNING
        with pytest.raises(TrainingError, match="still running"):
            door.start(PLAN, PictureSet("one", tmp_path, "table"))
    (folder / "paused").touch()
    assert door.runs.get("abc").state is RunState.PAUSED
    write_status(folder, Status(Stage.FAILED))
    assert door.runs.get("abc").state is RunState.FAILED
    write_status(folder, Status(Stage.DONE, 1.0))
    assert door.runs.get("abc").state is RunState.DONE
    door.runs.cancel("abc")
    assert door.runs.list() == () and not folder.exists()


@pytest.mark.parametrize("name", ["", "..", "a/b", "unknown"])
def test_a_name_that_is_no_training_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownNameError):
        train(tmp_path).runs.get(name)


def test_a_model_of_the_same_name_is_not_overwritten(tmp_path: Path) -> None:
    door = train(tmp_path)
    (tmp_path / "models" / PLAN.model).mkdir(parents=True)
    (tmp_path / "models" / PLAN.model / "card.toml").touch()
    with pytest.raises(TrainingError, match="already"):
        door.start(PLAN, PictureSet("one", tmp_path, "table"))


def wait(door: Train, run: str, *states: RunState, seconds: float = 240) -> RunState:
    until = time.monotonic() + seconds
    while (state := door.runs.get(run).state) not in states:
        assert time.monotonic() < until, door.runs.log(run)
        time.sleep(0.1)
    return state


@pytest.mark.slow
def test_a_training_is_paused_killed_found_again_and_ends_in_a_model_that_serves(tmp_path: Path, data: Path) -> None:  # noqa: F811
    door = train(tmp_path)
    started = door.start(replace(PLAN, epochs=LONG), PictureSet("one", data, "table"))
    while len(door.runs.get(started.id).history) < 2:
        time.sleep(0.05)
    door.runs.pause(started.id)
    assert wait(door, started.id, RunState.PAUSED) is RunState.PAUSED
    done = door.runs.get(started.id).history
    other = train(tmp_path)  # the app after a restart
    other.runs.go_on(started.id)
    while len(other.runs.get(started.id).history) <= len(done):
        time.sleep(0.05)
    pid = int(json.loads((door.runs.folder / started.id / "about.json").read_text())["pid"])
    os.kill(pid, 9)
    assert wait(other, started.id, RunState.INTERRUPTED) is RunState.INTERRUPTED
    assert other.runs.get(started.id).history[: len(done)] == done
    assert other.models.cards() == ()
    other.runs.cancel(started.id)
    short = other.start(PLAN, PictureSet("one", data, "table"))
    assert wait(other, short.id, RunState.DONE, RunState.FAILED) is RunState.DONE, other.runs.log(short.id)
    assert load_card(tmp_path / "models" / PLAN.model).title == PLAN.title
    assert [card.id for card in other.models.cards()] == [PLAN.model]


@pytest.mark.slow
def test_starting_the_app_and_listing_trainings_leaves_torch_alone(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from medcore.settings import Settings;"
        "from medcore.workbench.workbench import Workbench;"
        f"w = Workbench.open(Settings(data_dir=Path({str(tmp_path)!r})));"
        "w.train.runs.list(); w.train.sets.list(); w.train.knobs(); w.close(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
