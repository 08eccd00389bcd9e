"""The loop ends when its weights are no numbers, before anything is kept of them."""

from pathlib import Path

import pytest
import torch

from medcore.errors import TrainingError
from medcore.nn.training import loop
from medcore.nn.training.train import train
from tests.nn.training.test_training import data, recipe  # noqa: F401  (a fixture)


def test_weights_that_the_last_step_of_all_spoils_are_not_published(
    tmp_path: Path,
    data: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = loop._step

    def spoilt(module, optimiser, learner, options, fabric) -> None:  # type: ignore[no-untyped-def]
        step(module, optimiser, learner, options, fabric)
        with torch.no_grad():
            next(learner.average.parameters()).fill_(float("nan"))

    monkeypatch.setattr(loop, "_step", spoilt)
    path = recipe(tmp_path)
    path.write_text(path.read_text().replace("draws = 64", "draws = 16"))  # one step: its loss is a number
    with pytest.raises(TrainingError, match="no longer a number"):
        train(path, data=data, out=tmp_path / "m" / "x", work=tmp_path / "runs" / "x")
    assert (
        not (tmp_path / "m" / "x" / "card.toml").exists()
        and not (tmp_path / "runs" / "x" / "best.safetensors").exists()
    )
