"""Training splits by patient, draws in balance, learns what can be learnt, resumes, and publishes an honest folder."""

import csv
import hashlib
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from medcore.cards import load_card, verify_weights
from medcore.errors import CardError, NotFoundError
from medcore.nn.training.pictures import Pictures, draw, load_pictures
from medcore.nn.training.recipe import Recipe, load_recipe
from medcore.nn.training.splits import SPLITS, cluster, split_groups
from medcore.nn.training.train import draft_card, train
from medcore.tasks import load_task

ROOT = Path(__file__).resolve().parents[3]
RECIPE = """
task = "chest_xray"
network = "resnet18"
seed = 7
draws = 64
weight_decay = 0.01
label_smoothing = 0.0
average = 0.5

[options]
width = 8

[[sources]]
name = "one"
folder = "one"
column = "label"
positive = ["ill"]
group = "patient"
weight = 1.0

[[stages]]
size = 48
epochs = {epochs}
batch = 16
learning_rate = 0.01

[card]
title = "Test"
version = "1"
summary = "A test."
intended_use = "Tests."
training_data = ["Drawn discs."]
limits = ["Discs only."]
licence = "Apache-2.0"
attribution = ["Nobody"]

[card.input]
modalities = [""]
body_parts = [""]
views = [""]
channels = 1
size = 48
min_pixels = 32

[[card.labels]]
id = "disc"
title = "Disc"
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 noisy pictures of 40 patients; a disc means ill."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "one").mkdir()
    random = np.random.default_rng(0)
    rows = []
    for i in range(80):
        ill = (i // 2) % 2 == 1
        picture = random.integers(0, 90, (48, 48)).astype(np.uint8)
        if ill:
            cv2.circle(picture, tuple(int(v) for v in random.integers(14, 34, 2)), 7, 230, -1)
        cv2.imwrite(str(folder / "one" / f"{i}.png"), picture)
        rows.append({"file": f"{i}.png", "label": "ill" if ill else "well", "patient": f"p{i // 2}"})
    with (folder / "one" / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def recipe(tmp_path: Path, epochs: int = 1) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(epochs=epochs), encoding="utf-8")
    torch.set_num_threads(1)
    return path


def pictures(path: Path, data: Path) -> tuple[Recipe, Pictures]:
    found = load_recipe(path)
    draft = draft_card(found, Path("x"))
    return found, load_pictures(
        found.sources,
        data,
        task=load_task("chest_xray"),
        card=draft,
        seed=found.seed,
        cache=path.parent / "cache",
        tell=lambda done, total: None,
    )


def test_pictures_are_what_the_task_prepares(tmp_path: Path, data: Path) -> None:
    _, found = pictures(recipe(tmp_path), data)
    assert found.take(np.arange(80)).shape == (80, 48, 48)
    assert found.truth.sum() == 40


def test_no_patient_is_in_two_splits(tmp_path: Path, data: Path) -> None:
    _, found = pictures(recipe(tmp_path), data)
    parts = [set(found.group[found.part(name)]) for name in SPLITS]
    assert all(parts)
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])


def test_near_duplicates_of_different_patients_stay_together() -> None:
    random = np.random.default_rng(0)
    seen = random.random((6, 64, 64)).astype(np.float32)
    seen[4] = np.clip(seen[1] * 0.9 + 0.02, 0, 1)  # the same picture, exposed anew
    group = cluster(seen, ["a", "b", "c", "c", "d", "e"])
    assert group[1] == group[4]
    assert group[2] == group[3]
    assert len(set(group.tolist())) == 4


def test_splits_repeat_and_keep_the_shares() -> None:
    group = np.arange(1000)
    cell = np.arange(1000) % 2
    split = split_groups(group, cell, seed=1)
    assert np.array_equal(split, split_groups(group, cell, seed=1))
    assert [int((split == i).sum()) for i in range(3)] == [700, 150, 150]
    assert int(cell[split == 2].sum()) == 75


def test_an_epoch_has_as_many_ill_as_well_from_the_training_split_only(tmp_path: Path, data: Path) -> None:
    found, stock = pictures(recipe(tmp_path), data)
    rows = draw(stock, found.sources, 64, np.random.default_rng(0), balance="source_and_class")
    assert len(rows) == 64
    assert stock.truth[rows].sum() == 32
    assert set(rows) <= set(stock.part("train"))


def test_it_learns_and_publishes_an_honest_folder(tmp_path: Path, data: Path) -> None:
    out = train(recipe(tmp_path, epochs=12), data=data, out=tmp_path / "models" / "disc", work=tmp_path / "work")
    card = load_card(out)
    verify_weights(card)
    assert card.sha256 == hashlib.sha256(card.weights.read_bytes()).hexdigest()
    assert card.metrics["all"]["auc"].value > 0.9
    evaluation = json.loads((out / "evaluation.json").read_text())
    test = evaluation["split"]["test"]["one"]
    assert evaluation["groups"]["all"]["n"] == test["positive"] + test["negative"]
    assert (out / "recipe.toml").exists()


def test_the_best_weights_are_of_the_size_that_ships(tmp_path: Path, data: Path) -> None:
    path = recipe(tmp_path, epochs=4)
    text = path.read_text(encoding="utf-8")
    first = "size = 24\nepochs = 1\nbatch = 16\nlearning_rate = 1e-6\n\n[card]"
    path.write_text(
        text.replace("size = 48\nepochs", "size = 64\nepochs", 1).replace("[card]", f"[[stages]]\n{first}", 1)
    )
    train(path, data=data, out=tmp_path / "out", work=tmp_path / "work")
    rows = [json.loads(line) for line in (tmp_path / "out" / "training.jsonl").read_text().splitlines()]
    assert [row["size"] for row in rows] == [64, 64, 64, 64, 24]
    assert rows[-1]["metrics"]["auc"] <= max(row["metrics"]["auc"] for row in rows[:-1])
    assert rows[-1]["best"]


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path, data: Path) -> None:
    whole = train(recipe(tmp_path, epochs=2), data=data, out=tmp_path / "a", work=tmp_path / "wa")
    from medcore.nn.training import loop

    step = loop._one_epoch
    calls = []

    def stop_at_second(*arguments, **named):  # type: ignore[no-untyped-def]
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return step(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_one_epoch", stop_at_second)
        with pytest.raises(KeyboardInterrupt):
            train(recipe(tmp_path, epochs=2), data=data, out=tmp_path / "b", work=tmp_path / "wb")
    resumed = train(recipe(tmp_path, epochs=2), data=data, out=tmp_path / "b", work=tmp_path / "wb", resume=True)
    assert load_card(whole).sha256 == load_card(resumed).sha256


@pytest.mark.parametrize("change", ["recipe", "pictures"])
def test_a_checkpoint_of_another_recipe_or_of_other_pictures_is_not_gone_on_with(
    tmp_path: Path, data: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    def stop_late() -> None:
        steps.append(1)
        if len(steps) > 64 // 16:  # in the second epoch
            raise KeyboardInterrupt

    mine, steps = tmp_path / "data", list[int]()
    shutil.copytree(data, mine)
    path, work = recipe(tmp_path, epochs=2), tmp_path / "work"
    with pytest.raises(KeyboardInterrupt):
        train(path, data=mine, out=tmp_path / "a", work=work, stop=stop_late)
    assert (work / "checkpoint.safetensors").exists()
    if change == "recipe":
        path.write_text(path.read_text().replace("learning_rate = 0.01", "learning_rate = 0.02"))
    else:
        table = mine / "one" / "index.csv"
        table.write_text("\n".join(line for line in table.read_text().splitlines() if ",p7" not in line))
    resumed = train(path, data=mine, out=tmp_path / "a", work=work, resume=True)
    assert "starting anew" in caplog.text
    fresh = train(path, data=mine, out=tmp_path / "b", work=tmp_path / "other")
    assert load_card(resumed).sha256 == load_card(fresh).sha256


def test_a_training_stopped_while_it_is_measured_leaves_no_folder_and_is_measured_later(
    tmp_path: Path, data: Path
) -> None:
    path, out, work = recipe(tmp_path, epochs=1), tmp_path / "out", tmp_path / "work"
    told: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        if 0 < done < total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(path, data=data, out=out, work=work, judging=stop)
    assert not out.exists()
    trained: list[int] = []
    asked: list[tuple[int, int]] = []
    train(path, data=data, out=out, work=work, resume=True, stop=lambda: trained.append(1),
          judging=lambda done, total: asked.append((done, total)))  # fmt: skip
    assert not trained, "the epochs are not done again"
    assert load_card(out).metrics
    assert asked == sorted(asked) and asked[-1] == (told[0][1],) * 2, "every picture is counted once"


def test_a_missing_data_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"index\.csv"):
        train(recipe(tmp_path), data=tmp_path / "nowhere", out=tmp_path / "o", work=tmp_path / "w")


def test_a_recipe_without_a_field_is_named(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    path.write_text(path.read_text().replace("seed = 7", ""))
    with pytest.raises(CardError, match="seed"):
        load_recipe(path)


def test_a_mistake_in_an_external_set_is_named_before_the_training(tmp_path: Path, data: Path) -> None:
    path = recipe(tmp_path)
    external = '[[external]]\nname = "far"\nfolder = "far"\npositive = ["ill"]\n\n[[stages]]'
    path.write_text(path.read_text().replace("[[stages]]", external))
    with pytest.raises(NotFoundError, match="far"):
        train(path, data=data, out=tmp_path / "o", work=tmp_path / "w")
    assert not (tmp_path / "w" / "checkpoint.safetensors").exists()
