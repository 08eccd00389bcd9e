"""A training that starts from a model judges it on nothing that the model, or what it started from, has learnt from."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from medcore.errors import DataSetError
from medcore.nn.training.inherited import UNKNOWN, inherited_from, keep_sides, refuse_crossing
from medcore.nn.training.pictures import Pictures, load_pictures
from medcore.nn.training.recipe import load_recipe
from medcore.nn.training.splits import SPLITS
from medcore.nn.training.survey import survey
from medcore.nn.training.train import draft_card, train
from medcore.tasks import load_task
from tests.nn.training.test_training import data, recipe  # noqa: F401

TRAIN, VALIDATION, TEST = range(3)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_group_goes_to_the_earliest_side_that_one_of_its_pictures_had() -> None:
    split = np.array([TEST, TEST, TRAIN, TRAIN, VALIDATION, TEST])
    group = np.array([7, 7, 3, 3, 9, 5])
    before = np.array([TEST, TRAIN, UNKNOWN, VALIDATION, UNKNOWN, TEST])
    assert keep_sides(split, group, before).tolist() == [TRAIN, TRAIN, VALIDATION, VALIDATION, VALIDATION, TEST]
    assert keep_sides(split[:0], group[:0], before[:0]).tolist() == []


def test_what_was_trained_on_is_never_judged_on() -> None:
    names = ["a", "b", "c"]
    refuse_crossing(np.array([TRAIN, TRAIN, TEST]), np.array([TRAIN, TEST, UNKNOWN]), names, "old")
    with pytest.raises(DataSetError, match=r"b is to be in “test”.*old.*“validation”"):
        refuse_crossing(np.array([TRAIN, TEST, TEST]), np.array([TRAIN, VALIDATION, TEST]), names, "old")


def test_a_model_passes_on_what_those_before_it_were_trained_on(tmp_path: Path) -> None:
    def model(name: str, start: str, rows: str) -> None:
        (tmp_path / name).mkdir()
        text = (recipe(tmp_path)).read_text().replace("seed = 7", f'seed = 7\nstart_from = "{start}"')
        (tmp_path / name / "recipe.toml").write_text(text)
        (tmp_path / name / "split.csv").write_text("source,file,split,group,digest\n" + rows)

    model("first", "third", "s,1.png,train,0,aa\ns,2.png,test,1,bb\n")  # in a circle, as a folder may be reused
    model("second", "first", "s,1.png,test,0,aa\ns,3.png,validation,2,cc\n")
    model("third", "second", "s,4.png,test,0,dd\n")
    (tmp_path / "bare").mkdir()
    seen = np.zeros((1, 4, 4), np.uint8)
    found = inherited_from(tmp_path, "third")
    names = [("s", f"{n}.png") for n in (1, 2, 3, 4, 5)]
    assert found.of(names, np.repeat(seen, 5, 0)).tolist() == [TRAIN, TEST, VALIDATION, TEST, UNKNOWN]
    for nothing in ("", "absent", "bare"):
        assert inherited_from(tmp_path, nothing).of(names[:1], seen).tolist() == [UNKNOWN]


def loaded(folder: Path, data: Path, *, seed: int, start_from: str = "teacher", source: str = "one") -> Pictures:  # noqa: F811
    path = recipe(folder)
    path.write_text(
        path.read_text().replace("seed = 7", f"seed = {seed}").replace('name = "one"', f'name = "{source}"')
    )
    found = load_recipe(path)
    card = draft_card(found, folder / "models" / "pupil")
    return load_pictures(
        found.sources, data, task=load_task("chest_xray"), card=card, seed=seed, cache=folder / "cache",
        tell=lambda done, total: None, start_from=start_from,
    )  # fmt: skip


@pytest.mark.parametrize("source", ["one", "the same under another name"])
def test_a_pupil_keeps_its_teachers_split_whatever_its_seed(
    tmp_path: Path,
    data: Path,  # noqa: F811
    source: str,
) -> None:
    train(recipe(tmp_path), data=data, out=tmp_path / "models" / "teacher", work=tmp_path / "runs" / "teacher")
    kept = {r["file"]: r["split"] for r in table(tmp_path / "models" / "teacher" / "split.csv")}
    pupil = loaded(tmp_path, data, seed=8, source=source)
    assert {case.name: SPLITS[s] for case, s in zip(pupil.cases, pupil.split, strict=True)} == kept
    alone = loaded(tmp_path, data, seed=8, start_from="")
    assert not np.array_equal(alone.split, pupil.split)


def test_a_table_that_would_judge_on_trained_pictures_is_refused_and_said_beforehand(
    tmp_path: Path,
    data: Path,  # noqa: F811
) -> None:
    train(recipe(tmp_path), data=data, out=tmp_path / "models" / "teacher", work=tmp_path / "runs" / "teacher")
    kept = {r["file"]: r["split"] for r in table(tmp_path / "models" / "teacher" / "split.csv")}
    mine = tmp_path / "data"
    shutil.copytree(data, mine)
    rows = table(mine / "one" / "index.csv")
    trained = next(row["patient"] for row in rows if kept[row["file"]] == "train")
    with (mine / "one" / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=[*rows[0], "part"])
        writer.writeheader()
        writer.writerows({**r, "part": "test" if r["patient"] == trained else kept[r["file"]]} for r in rows)
    path = recipe(tmp_path)
    path.write_text(path.read_text().replace('group = "patient"', 'group = "patient"\nsplit = "part"'))
    found = load_recipe(path)
    asked = {
        "task": load_task("chest_xray"), "seed": 8, "cache": tmp_path / "cache", "start_from": "teacher",
        "card": draft_card(found, tmp_path / "models" / "pupil"),
    }  # fmt: skip
    with pytest.raises(DataSetError, match="starts from had it in “train”"):
        load_pictures(found.sources, mine, tell=lambda done, total: None, **asked)
    looked = survey(found.sources, mine, **asked)
    assert "starts from had it in" in looked.problems[0][0].template
    assert survey(found.sources, mine, **{**asked, "start_from": ""}).problems == ()
