"""A warm start learns from pictures without their labels, is kept, and is not done twice."""

from pathlib import Path

import numpy as np
import pytest
import torch

from medcore.nn.training import warm
from medcore.nn.training.objectives import Classify
from medcore.nn.training.train import build, draft_card
from medcore.nn.training.warm import Twins, warm_start
from medcore.tasks import load_task
from tests.nn.training.test_training import data, pictures, recipe  # noqa: F401  (a fixture)


def test_views_that_agree_have_the_smallest_loss_and_the_target_stands_still() -> None:
    torch.manual_seed(0)
    trunk = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU())
    twins = Twins(trunk, 4)
    loss = twins(*(torch.randn(8, 1, 6, 6) for _ in range(2)))
    assert -1 <= loss.item() <= 1
    loss.backward()
    assert trunk[0].weight.grad is not None and float(trunk[0].weight.grad.abs().sum()) > 0
    p = torch.randn(5, 3, requires_grad=True)
    z = torch.randn(5, 3, requires_grad=True)
    assert warm._away(p, 2 * p).item() == pytest.approx(-1)
    warm._away(p, z).backward()
    assert z.grad is None


def test_two_views_of_a_picture_come_closer_and_the_result_is_kept(
    tmp_path: Path,
    data: Path,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = recipe(tmp_path)
    path.write_text("warm_epochs = 4\n" + path.read_text())
    found, seen = pictures(path, data)
    objective = Classify(found, seen, load_task("chest_xray"))
    device, further = torch.device("cpu"), np.full((3, 48, 48), 90, dtype=np.uint8)

    def fresh() -> torch.nn.Module:
        torch.manual_seed(found.seed)
        return build(found, draft_card(found, tmp_path / "m"))

    network = fresh()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with caplog.at_level("INFO"):
        warm_start(network, objective, unlabelled=lambda: further, folder=tmp_path, device=device)
    said = [float(line.rpartition(" ")[2]) for line in caplog.messages if "similarity" in line]
    assert len(said) == 4 and said[-1] > said[0]
    learnt = network.state_dict()
    assert any(not torch.equal(before[name], learnt[name]) for name in before if name.startswith("trunk."))
    assert all(torch.equal(before[name], learnt[name]) for name in before if name.startswith("head."))
    again = fresh()
    warm_start(
        again, objective, unlabelled=lambda: further, folder=tmp_path, device=device, stop=lambda: pytest.fail("again")
    )
    assert all(torch.equal(learnt[name], value) for name, value in again.state_dict().items())
