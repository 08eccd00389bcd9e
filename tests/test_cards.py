"""A model card is read whole or refused with the file and the field; weights must be the ones it names."""

import hashlib
import json
from pathlib import Path

import pytest

from medcore.cards import load_card, load_cards, verify_weights
from medcore.errors import CardError, WeightsError

CARD = """
title = "Test model"
task = "chest_xray"
network = "resnet18"
version = "1.0"
sha256 = "{sha256}"
summary = "Finds nothing."
intended_use = "Tests."
training_data = ["noise"]
limits = ["Everything."]
licence = "Apache-2.0"
attribution = []
[[labels]]
id = "pneumonia"
title = "Pneumonia"
threshold = 0.4
[calibration]
slope = 0.9
offset = -0.1
[input]
modalities = ["DX", ""]
body_parts = ["CHEST"]
views = ["PA"]
channels = 1
size = 224
min_pixels = 256
[options]
width = 0.5
"""
WEIGHTS = b"weights"
EVALUATION = {"groups": {"all": {"metrics": {"auc": {"value": 0.9, "low": 0.8, "high": 0.95}}}}}


def write(folder: Path, *, old: str = "", new: str = "", name: str = "toy") -> Path:
    """A model folder; `old` in its card replaced by `new`."""
    model = folder / name
    model.mkdir()
    card = CARD.format(sha256=hashlib.sha256(WEIGHTS).hexdigest())
    assert old in card
    (model / "card.toml").write_text(card.replace(old, new, 1) if old else card, encoding="utf-8")
    (model / "weights.safetensors").write_bytes(WEIGHTS)
    (model / "evaluation.json").write_text(json.dumps(EVALUATION), encoding="utf-8")
    return model


def test_a_card_tells_what_the_folder_holds(tmp_path: Path) -> None:
    card = load_card(write(tmp_path))
    assert (card.id, card.task, card.network) == ("toy", "chest_xray", "resnet18")
    assert card.label("pneumonia").threshold == 0.4
    assert (card.calibration.slope, card.calibration.offset) == (0.9, -0.1)
    assert card.contract.modalities == ("DX", "")
    assert card.options == {"width": 0.5}
    assert card.metrics["all"]["auc"].low == 0.8
    assert card.weights == tmp_path / "toy" / "weights.safetensors"


def test_cards_are_found_by_their_folder_and_a_missing_folder_has_none(tmp_path: Path) -> None:
    write(tmp_path, name="b")
    write(tmp_path, name="a")
    (tmp_path / "empty").mkdir()
    assert list(load_cards(tmp_path)) == ["a", "b"]
    assert not load_cards(tmp_path / "absent")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('task = "chest_xray"\n', "", "task"),
        ("threshold = 0.4", "", "threshold"),
        ("threshold = 0.4", "threshold = 1.5", "between 0 and 1"),
        ("threshold = 0.4", 'threshold = "high"', "wrong form"),
        ("channels = 1", "channels = 5", "1, 3 or 4 channels"),
        ("size = 224", "size = 100000", "2048"),
        ('version = "1.0"', "version = ", "cannot be read"),
        ('sha256 = "', 'sha256 = "z', "SHA-256"),
        ("[calibration]", '[[labels]]\nid = "pneumonia"\ntitle = "B"\nthreshold = 0.5\n[calibration]', "labels"),
    ],
)
def test_a_damaged_card_is_refused_with_the_file_and_the_reason(tmp_path: Path, old: str, new: str, said: str) -> None:
    folder = write(tmp_path, old=old, new=new)
    with pytest.raises(CardError, match=said) as error:
        load_card(folder)
    assert "card.toml" in str(error.value)


def test_a_damaged_evaluation_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "evaluation.json").write_text('{"groups": 3}', encoding="utf-8")
    with pytest.raises(CardError, match=r"evaluation\.json"):
        load_card(folder)


def test_a_label_the_model_lacks_is_answered_with_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="pneumonia"):
        load_card(write(tmp_path)).label("fracture")


def test_the_weights_of_the_card_pass(tmp_path: Path) -> None:
    verify_weights(load_card(write(tmp_path)))


def test_other_weights_or_none_are_refused(tmp_path: Path) -> None:
    card = load_card(write(tmp_path))
    card.weights.write_bytes(b"others")
    with pytest.raises(WeightsError, match="SHA-256"):
        verify_weights(card)
    card.weights.unlink()
    with pytest.raises(WeightsError, match="missing"):
        verify_weights(card)
