"""A model is evaluated on any labelled folder, its own test split gives the same figures, and mistakes are named."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import pytest

from medcore.cards import ModelCard, load_card
from medcore.errors import DataSetError, NotFoundError
from medcore.evaluation.classification import measure
from medcore.evaluation.kept_answers import as_answers, read_answers
from medcore.nn.torch_engine import TorchEngine
from medcore.nn.training.evaluate import evaluate
from medcore.nn.training.train import train
from medcore.settings import ROOT, Settings
from medcore.shell.evaluate import evaluate as verb
from tests.nn.training.test_training import data, recipe  # noqa: F401  (a fixture)

ENGINE = TorchEngine(Settings(device="cpu"))


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory, data: Path) -> ModelCard:  # noqa: F811
    folder = tmp_path_factory.mktemp("trained")
    out = train(recipe(folder, epochs=3), data=data, out=folder / "models" / "disc", work=folder / "runs" / "disc")
    return load_card(out)


def test_its_own_test_split_gives_the_figures_of_its_folder_to_the_digit(card: ModelCard, data: Path) -> None:  # noqa: F811
    kept = json.loads((card.folder / "evaluation.json").read_text())
    again = json.loads(json.dumps(evaluate(card, data, ENGINE).found))
    assert {name: kept[name] for name in again} == again


def test_the_verb_writes_into_the_model_s_folder_what_training_wrote(
    card: ModelCard,
    data: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEDCORE_MODELS_DIR", str(card.folder.parent))
    before = [(card.folder / name).read_text() for name in ("evaluation.json", "answers.csv")]
    verb(model=card.id, data=data, out=card.folder, device="cpu", as_json=True)
    assert [(card.folder / name).read_text() for name in ("evaluation.json", "answers.csv")] == before


def test_a_folder_with_a_part_of_its_sets_is_told_what_it_lacks(
    card: ModelCard,
    data: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    recipe = (card.folder / "recipe.toml").read_text(encoding="utf-8")
    begin, end = recipe.index("[[sources]]"), recipe.index("[[stages]]")
    more = recipe[begin:end].replace('"one"', '"two"')
    (tmp_path / "recipe.toml").write_text(recipe[:end] + more + recipe[end:], encoding="utf-8")
    with pytest.raises(DataSetError, match="lacks the data sets two"):
        evaluate(replace(card, folder=tmp_path), data, ENGINE)


def test_a_folder_with_a_table_is_evaluated_with_its_groups_and_controls(card: ModelCard, data: Path) -> None:  # noqa: F811
    found = evaluate(card, data / "one", ENGINE, columns={"positive": "ill"}).found
    assert found["n"] == 80
    assert set(found["metrics"]) >= {"auc", "accuracy", "sensitivity", "specificity", "precision", "f1", "ece"}
    assert set(found["controls"]) >= {"thumbnail_ridge", "mean_brightness"}
    assert 0 <= found["metrics"]["auc"]["low"] <= found["metrics"]["auc"]["value"] <= found["metrics"]["auc"]["high"]


def test_pictures_of_its_own_training_are_counted(card: ModelCard, data: Path) -> None:  # noqa: F811
    split = (card.folder / "split.csv").read_text()
    learnt = sum(line.split(",")[2] != "test" for line in split.splitlines()[1:])
    assert evaluate(card, data / "one", ENGINE, columns={"positive": "ill"}).found["seen_in_training"] == learnt


def test_other_column_names_are_mapped(card: ModelCard, data: Path, tmp_path: Path) -> None:  # noqa: F811
    with (data / "one" / "index.csv").open() as file:
        rows = list(csv.DictReader(file))
    with (tmp_path / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "disc_seen", "place"))
        writer.writerows((data / "one" / r["file"], int(r["label"] == "ill"), "ab"[i % 2]) for i, r in enumerate(rows))
    options = {"file": "path", "label": "disc_seen", "positive": "1", "group": "place"}
    found = evaluate(card, tmp_path, ENGINE, columns=options).found
    assert set(found["per_group"]) == {"place=a", "place=b"}
    assert found["per_group"]["place=a"]["n"] == 40
    assert "within place" in found["within"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"positive": "il"}, "il"),
        ({"label": "lable"}, "lable"),
        ({"lable": "x"}, "lable"),
        ({}, "None of the table's labels"),
    ],
)
def test_a_wrong_name_is_named(card: ModelCard, data: Path, columns: dict[str, str], words: str) -> None:  # noqa: F811
    with pytest.raises(DataSetError, match=words):
        evaluate(card, data / "one", ENGINE, columns=columns)


def test_a_folder_that_is_not_there_is_named(card: ModelCard, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        evaluate(card, tmp_path / "nowhere", ENGINE)


def test_unreadable_pictures_are_listed_and_the_rest_is_evaluated(card: ModelCard, data: Path, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "broken.png").write_bytes(b"no picture")
    table = "file,label\n" + "".join(f"{data / 'one' / f'{i}.png'},{'ill' if i > 1 else 'well'}\n" for i in range(4))
    (tmp_path / "index.csv").write_text(table + "broken.png,ill\n")
    found = evaluate(card, tmp_path, ENGINE, columns={"positive": "ill"}).found
    assert found["n"] == 4
    assert found["refused"][0]["name"] == "broken.png"


def test_the_card_says_how_it_was_made(card: ModelCard) -> None:
    assert card.split_sha256
    assert card.conformal is not None
    assert card.familiarity is not None
    assert np.isfinite(card.familiarity.threshold)
    assert (card.folder / "training.jsonl").read_text().count("\n") == 3


def test_the_answers_behind_the_figures_are_kept_with_the_model(card: ModelCard, data: Path) -> None:  # noqa: F811
    kept = read_answers(card.folder / "answers.csv")
    figures = json.loads((card.folder / "evaluation.json").read_text())
    assert len(kept) == figures["n"] and {one.part for one in kept} == {"test"}
    again = measure(as_answers(kept), threshold=figures["threshold"])
    for name, estimate in again.items():
        assert estimate.value == pytest.approx(figures["metrics"][name]["value"], abs=1e-4)
    assert evaluate(card, data, ENGINE).answers == tuple(replace(one, probability=ANY, distance=ANY) for one in kept)


SHIPPED = sorted(path.parent for path in (ROOT / "models").glob("*/answers.csv"))


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_a_shipped_model_s_answers_give_the_figures_beside_them(folder: Path) -> None:
    kept = [one for one in read_answers(folder / "answers.csv") if one.part == "test"]
    figures = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert len(kept) == figures["n"]
    if "auc" in figures["metrics"]:
        again = measure(as_answers(kept), threshold=figures["threshold"], rounds=1)
        assert {name: round(one.value, 3) for name, one in again.items()} == pytest.approx(
            {name: figures["metrics"][name]["value"] for name in again}, abs=1e-3
        )


@pytest.mark.slow
def test_the_shipped_chest_model_is_measured_again_to_the_digit(shared_data: Path) -> None:
    card = load_card(ROOT / "models" / "chest-xray-resnet18")
    kept = json.loads((card.folder / "evaluation.json").read_text(encoding="utf-8"))
    again = json.loads(json.dumps(evaluate(card, shared_data, ENGINE).found))
    assert {name: kept[name] for name in again} == again
