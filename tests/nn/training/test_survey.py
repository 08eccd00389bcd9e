"""Pictures are looked over before a training: counts, twins, leaks, shortcuts, and examples of their variations."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from medcore.nn.training.examples import varied
from medcore.nn.training.options import Augmentation
from medcore.nn.training.recipe import load_recipe
from medcore.nn.training.survey import Survey, survey
from medcore.nn.training.train import draft_card
from medcore.tasks import load_task
from tests.nn.training.test_training import data, recipe  # noqa: F401  (a fixture)


def look(tmp_path: Path, folder: Path, **changes: object) -> Survey:
    found = load_recipe(recipe(tmp_path))
    sources = [replace(found.sources[0], **changes)]  # type: ignore[arg-type]
    card = draft_card(found, Path("x"))
    return survey(sources, folder, task=load_task("chest_xray"), card=card, seed=7, cache=tmp_path / "cache")


def test_counts_groups_and_controls_of_a_clean_set(tmp_path: Path, data: Path) -> None:  # noqa: F811
    found = look(tmp_path, data)
    assert sum(absent for absent, _, _ in found.counts.values()) == 40
    assert sum(present for _, present, _ in found.counts.values()) == 40
    assert (found.groups, found.twins, found.disputed, found.problems) == (40, 0, (), ())
    assert set(found.controls) == {"thumbnail_ridge", "mean_brightness"}
    assert found.examples.shape == (8, 48, 48) and found.present == (False,) * 4 + (True,) * 4


def test_twins_leaks_and_unreadable_pictures_are_told_and_not_refused(tmp_path: Path, data: Path) -> None:  # noqa: F811
    shutil.copytree(data / "one", tmp_path / "set" / "one")
    folder = tmp_path / "set" / "one"
    with (folder / "index.csv").open() as file:
        rows = [{**row, "split": ("train", "validation", "test")[i % 3]} for i, row in enumerate(csv.DictReader(file))]
    shutil.copyfile(folder / rows[0]["file"], folder / "copy.png")  # a well picture, labelled ill
    rows.append({"file": "copy.png", "label": "ill", "patient": "other", "split": "test"})
    (folder / rows[5]["file"]).write_bytes(b"broken")
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    found = look(tmp_path, tmp_path / "set", split="split", columns=("patient",))
    assert found.unreadable == (rows[5]["file"],)
    assert found.disputed == ((rows[0]["file"], "copy.png"),)
    assert len(found.problems) == 1 and "nearly the same picture" in str(found.problems[0][0])
    assert found.columns[0].values["other"] == (0, 1)


def test_one_class_is_a_problem_and_has_no_controls(tmp_path: Path, data: Path) -> None:  # noqa: F811
    found = look(tmp_path, data, positive={"": ("*",)})
    assert "same answer" in str(found.problems[0][0])
    assert found.controls == {} and found.present == (True,) * 4


def test_examples_are_varied_the_same_way_each_time() -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (3, 64, 64), dtype=np.uint8)
    first = varied(pictures, Augmentation(), side=32, seed=1)
    assert first.shape == (3, 32, 32) and first.dtype == np.uint8
    assert np.array_equal(first, varied(pictures, Augmentation(), side=32, seed=1))
    assert not np.array_equal(first, varied(pictures, Augmentation(), side=32, seed=2))
