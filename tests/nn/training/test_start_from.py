"""A training that starts from another model takes its trunk, and the rest where both answer the same labels."""

from pathlib import Path

import pytest
import safetensors.torch
import torch

from medcore.errors import CardError
from medcore.nn.training.recipe import load_recipe
from medcore.nn.training.train import build, draft_card
from tests.nn.model_folder import make_model
from tests.nn.training.test_training import recipe


@pytest.mark.parametrize("label", ["pneumonia", "disc"])
def test_the_trunk_comes_over_and_the_head_only_with_its_labels(tmp_path: Path, label: str) -> None:
    card = make_model(tmp_path / "models", network="resnet18", name="teacher", width=8)
    path = recipe(tmp_path)
    text = path.read_text().replace("seed = 7", 'seed = 7\nstart_from = "teacher"')
    path.write_text(text.replace('id = "disc"', f'id = "{label}"'))
    found = load_recipe(path)
    own = build(found, draft_card(found, tmp_path / "models" / "pupil")).state_dict()
    theirs = safetensors.torch.load_file(card.weights)
    same = {name for name, tensor in own.items() if torch.equal(tensor.float(), theirs[name].float())}
    head = {name for name in own if not name.startswith("trunk.")}
    assert head
    assert {name for name in own if name.startswith("trunk.")} <= same
    assert (head <= same) == (label == "pneumonia")


def test_another_width_has_nothing_to_take(tmp_path: Path) -> None:
    make_model(tmp_path / "models", network="resnet18", name="teacher", width=16)
    path = recipe(tmp_path)
    path.write_text(path.read_text().replace("seed = 7", 'seed = 7\nstart_from = "teacher"'))
    found = load_recipe(path)
    with pytest.raises(CardError, match="Nothing of the model teacher fits"):
        build(found, draft_card(found, tmp_path / "models" / "pupil"))
